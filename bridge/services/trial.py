"""The trial: an agreement run against its expected results by `eth_simulateV1`, before anybody activates it.

It is the same code on the current state of the chain. Inside the simulation, and nowhere else, throwaway
signers belong to the institutions of the quorum, to the account's controller and to the witnesses.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import rlp
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from web3 import Web3

from bridge.chain import Call
from bridge.platform import Platform
from bridge.simulation import batch_id, simulate_calls
from bridge.store import projections
from contracts.agreement import Case, CaseResult, CompiledAgreement, Paid, cases, judge
from contracts.artifacts import artifact
from contracts.ids import name_id
from contracts.rows import Row, RowTree
from contracts.terms import Guard, Kind, Refusal, Role
from contracts.typed_data import Value, in_signer_order

__all__ = ["run"]

DAY_SECONDS = 86_400
SINCE_BIT = 16
"""Where a signer's authority says since when it is one, behind its roles (`Directory.vy`)."""
ENOUGH_MINOR = 2**61
"""What the throwaway attester stands for: more than any case needs."""
NO_DOCUMENT = bytes(32)


@dataclass(frozen=True)
class _Cast:
    """Throwaway signers of one trial."""

    supervisors: tuple[tuple[bytes, LocalAccount], ...]
    operator: LocalAccount
    controller: bytes
    attester: LocalAccount
    bank: bytes
    witnesses: tuple[tuple[bytes, LocalAccount], ...]


@dataclass(frozen=True)
class _Stage:
    """What all cases of a trial share."""

    platform: Platform
    compiled: CompiledAgreement
    cast: _Cast
    agreement: ChecksumAddress
    terms: bytes
    tree: bytes
    overrides: dict[str, object]


def run(platform: Platform, compiled: CompiledAgreement) -> tuple[CaseResult, ...]:
    """Run every case of the file. Raises ChainError if the node cannot simulate."""
    stage = _stage(platform, compiled)
    return tuple(judge(case, _outcome(stage, case)) for case in cases(compiled.file))


def _stage(platform: Platform, compiled: CompiledAgreement) -> _Stage:
    chain = platform.chain
    held = chain.read("Ledger", "account", compiled.account_id)
    tree = chain.read("Ledger", "tree", held.tree)
    asked = {guard.subject for guard in compiled.guards if guard.kind == Kind.APPROVAL}
    approving = {member for quorum in asked for member in _members(platform, quorum)}
    others = set(_members(platform, tree.quorum)) - approving
    members = [*sorted(approving), *sorted(others)]
    parties = sorted({guard.party for guard in compiled.guards if guard.kind == Kind.EVIDENCE})
    cast = _Cast(
        supervisors=tuple((member, Account.create()) for member in members),
        operator=Account.create(),
        controller=held.controller,
        attester=Account.create(),
        bank=tree.bank,
        witnesses=tuple((party, Account.create()) for party in parties),
    )
    factory = chain.deployment.AgreementFactory
    nonce = chain.transaction_count(factory)
    encoded = rlp.encode([bytes.fromhex(factory[2:]), nonce])
    return _Stage(
        platform,
        compiled,
        cast,
        Web3.to_checksum_address(keccak(encoded)[12:]),
        keccak(compiled.arguments),
        held.tree,
        {chain.deployment.Directory: {"stateDiff": _signer_slots(cast)}},
    )


def _members(platform: Platform, quorum: bytes) -> Sequence[bytes]:
    with platform.database.read() as session:
        return projections.quorum_members(session, quorum)


def _signer_slots(cast: _Cast) -> dict[str, str]:
    """Storage of the Directory in which the throwaway signers hold their roles (Vyper's layout)."""
    slot = artifact("Directory").storage["_signers"]
    held = [
        *((who, party, Role.SUPERVISOR) for party, who in cast.supervisors),
        (cast.operator, cast.controller, Role.OPERATOR),
        (cast.attester, cast.bank, Role.ATTESTER),
        *((who, party, Role.WITNESS) for party, who in cast.witnesses),
    ]
    slots = {}
    for who, institution, roles in held:
        first = int.from_bytes(keccak(encode(["uint256", "address"], [slot, who.address])))
        for offset, word in enumerate((institution, (int(roles) | 1 << SINCE_BIT).to_bytes(32))):
            slots[f"0x{first + offset:064x}"] = "0x" + word.hex()
    return slots


def _outcome(stage: _Stage, case: Case) -> Paid | Refusal:
    """What the chain says to one case."""
    now = stage.platform.chain.now()
    moment = now + 2 if case.at_seconds is None else case.at_seconds
    if moment <= now:
        return Refusal("expectation-in-past", "the case lies in the past; give a later time")
    blocks = [(now + 1, _setting(stage, case)), (moment, _asked(stage, case, moment))]
    sender = stage.platform.sender.key.address
    results = simulate_calls(stage.platform.chain, sender, blocks, stage.overrides)
    return next((result for result in results if isinstance(result, Refusal)), Paid())


def _setting(stage: _Stage, case: Case) -> list[Call]:
    """Money in the account, and the agreement active."""
    chain, compiled = stage.platform.chain, stage.compiled
    amount = max(case.balance_minor + case.paid_in_window_minor, 1)
    arguments, file, results = compiled.arguments, compiled.file_hash, compiled.results_hash
    message = chain.message(
        "Activation",
        "AgreementFactory",
        agreement=stage.agreement,
        template=compiled.template_id,
        arguments=keccak(arguments),
        file=file,
        results=results,
    )
    consents = in_signer_order(message, [message.sign(who) for _, who in stage.cast.supervisors])
    return [
        _attestation(stage),
        chain.call(
            "Ledger",
            "mint",
            secrets.token_bytes(32),
            stage.tree,
            compiled.account_id,
            compiled.dye_class_id,
            amount,
            secrets.token_bytes(32),
        ),
        chain.call("AgreementFactory", "deploy", compiled.template_id, arguments, file, results),
        chain.call("AgreementFactory", "activate", stage.agreement, consents),
    ]


def _attestation(stage: _Stage) -> Call:
    """Room for the money of the case, as if the bank had it."""
    chain = stage.platform.chain
    number = chain.read("Supervision", "attestation_number", stage.tree)
    values: dict[str, Value] = {
        "tree": stage.tree,
        "balance": ENOUGH_MINOR,
        "credits": 0,
        "debits": 0,
        "statement": NO_DOCUMENT,
    }
    message = chain.message("Attestation", "Supervision", number=number, **values)
    signature = message.sign(stage.cast.attester)
    return chain.call("Supervision", "attest", *values.values(), signature)


def _asked(stage: _Stage, case: Case, moment: int) -> list[Call]:
    """Earlier payments in the same window, then the payment that the case asks for."""
    if stage.compiled.destinations:
        return _allocations(stage, case, moment)
    calls = []
    if case.paid_in_window_minor:
        earlier = RowTree([Row(0, case.paid_in_window_minor, secrets.token_bytes(32))])
        calls.append(_reservation(stage, earlier, moment + DAY_SECONDS))
    index = len(stage.compiled.roster)
    for entry in stage.compiled.roster:
        if entry.name == case.payee:
            index = entry.index
            break
    rows = RowTree([Row(index, case.amount_minor, secrets.token_bytes(32))])
    return [*calls, *_payment(stage, case, rows, moment + DAY_SECONDS)]


def _reservation(stage: _Stage, rows: RowTree, deadline: int) -> Call:
    chain = stage.platform.chain
    values: dict[str, Value] = {
        "dyeClass": stage.compiled.dye_class_id,
        "root": rows.root,
        "count": len(rows.rows),
        "total": rows.total_minor,
        "deadline": deadline,
        "document": NO_DOCUMENT,
    }
    signature = chain.message("Reservation", stage.agreement, terms=stage.terms, **values).sign(
        stage.cast.operator
    )
    return chain.call("Disbursement", "reserve", *values.values(), signature, at=stage.agreement)


def _payment(stage: _Stage, case: Case, rows: RowTree, deadline: int) -> list[Call]:
    """Reserve, approve, attest, execute."""
    chain, compiled = stage.platform.chain, stage.compiled
    batch = batch_id(
        chain.deployment, stage.agreement, compiled.account_id, compiled.dye_class_id, rows, deadline
    )
    approval = chain.message(
        "Approval",
        stage.agreement,
        batch=batch,
        terms=stage.terms,
        account=compiled.account_id,
        root=rows.root,
        count=len(rows.rows),
        total=rows.total_minor,
        deadline=deadline,
    )
    calls = [_reservation(stage, rows, deadline)]
    for _, supervisor in stage.cast.supervisors[: case.approvals]:
        signature = approval.sign(supervisor)
        calls.append(chain.call("Disbursement", "approve", batch, signature, at=stage.agreement))
    for name in case.evidence:
        for witness in _witnesses(stage, compiled.guards, name_id(name)):
            content = secrets.token_bytes(32)
            evidence = chain.message(
                "Evidence", stage.agreement, batch=batch, kind=name_id(name), digest=content
            )
            calls.append(
                chain.call(
                    "Disbursement",
                    "attest",
                    batch,
                    name_id(name),
                    content,
                    evidence.sign(witness),
                    at=stage.agreement,
                )
            )
    chunk = rows.chunks()[0]
    calls.append(
        chain.call("Disbursement", "execute", batch, chunk.rows, chunk.proof, False, at=stage.agreement)
    )
    return calls


def _witnesses(stage: _Stage, guards: Sequence[Guard], kind: bytes) -> list[LocalAccount]:
    wanted = {guard.party for guard in guards if guard.kind == Kind.EVIDENCE and guard.subject == kind}
    return [who for party, who in stage.cast.witnesses if party in wanted]


def _allocations(stage: _Stage, case: Case, moment: int) -> list[Call]:
    """Earlier allocations, none above what one may be, then the one asked for."""
    destination = name_id(case.fund or "")
    caps = [guard.a for guard in stage.compiled.guards if guard.kind == Kind.PAYOUT_CAP]
    most = min(caps, default=case.paid_in_window_minor)
    left, amounts = case.paid_in_window_minor, []
    while left:
        amounts.append(min(left, most))
        left -= amounts[-1]
    amounts.append(case.amount_minor)
    return [_allocation(stage, destination, amount, moment + DAY_SECONDS) for amount in amounts]


def _allocation(stage: _Stage, destination: bytes, amount: int, deadline: int) -> Call:
    chain = stage.platform.chain
    reference = secrets.token_bytes(32)
    message = chain.message(
        "Allocation",
        stage.agreement,
        terms=stage.terms,
        destination=destination,
        amount=amount,
        reference=reference,
        deadline=deadline,
    )
    signature = message.sign(stage.cast.operator)
    return chain.call(
        "Allocation", "allocate", destination, amount, reference, deadline, signature, at=stage.agreement
    )
