"""Expected payments: what each case sets up, and the payment or allocation it asks for."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak
from web3 import Web3

from bridge.chain import Call
from bridge.services.trials.stage import NOTHING, Schedule, Stage, activation, mint
from bridge.simulation import batch_id
from contracts.agreement import Case, GivenDocument, GivenEvidence, Paid
from contracts.ids import name_id
from contracts.rows import Row, RowTree
from contracts.terms import BALANCE_STATE, Guard, Kind, Refusal, Role
from contracts.typed_data import Value

__all__ = ["outcome"]

DAY_SECONDS = 86_400
NO_CAP = 2**61
RETURN_WORD = bytes.fromhex("5f5260205ff3")
"""PUSH0 MSTORE PUSH1 32 PUSH0 RETURN: give back the word on the stack."""


@dataclass(frozen=True)
class _Batch:
    """A batch of a case, before it is reserved."""

    rows: RowTree
    dye_class: bytes
    document: bytes
    deadline: int
    id: bytes


@dataclass(frozen=True)
class _Times:
    """When what of a case happens, chain time in seconds: set-up, reservation and approvals, payment."""

    base: int
    approved: int
    moment: int


def outcome(stage: Stage, case: Case) -> Paid | Refusal:
    """What the chain says to one case."""
    times = _times(stage, case)
    if times.approved <= times.base:
        return Refusal("expectation-in-past", "the case lies in the past; give a later time")
    schedule = Schedule()
    schedule.add(times.base, *mint(stage, _money(stage, case)), *activation(stage))
    if stage.compiled.destinations:
        schedule.add(times.moment, *_allocations(stage, case, times.moment))
    else:
        _schedule_payment(stage, case, times, schedule)
    refusal = stage.run(schedule, _states(stage, case))
    return Paid() if refusal is None else refusal


def _times(stage: Stage, case: Case) -> _Times:
    """The case's own time, or the first at which all it tells of can have happened."""
    now = stage.chain.now()
    base = now + 1
    if case.at_seconds is not None:
        return _Times(base, case.at_seconds - case.approved_seconds_ago, case.at_seconds)
    moment = base + 1
    if case.paid_to_payee_minor:
        moment += max((guard.a for guard in stage.guards(Kind.WAITING)), default=0)
    if case.paid_minor:
        windows = (*stage.guards(Kind.WINDOW_CAP), *stage.guards(Kind.PAYEE_CAP))
        last, _ = _before(stage, case, base)[-1]
        moment = max([moment, *(_next_window(guard, last) for guard in windows if guard.b)])
    return _Times(base, moment, moment + case.approved_seconds_ago)


def _next_window(guard: Guard, moment: int) -> int:
    return ((moment + guard.c) // guard.b + 1) * guard.b - guard.c


def _money(stage: Stage, case: Case) -> list[tuple[bytes, bytes, int]]:
    compiled = stage.compiled
    earlier = case.paid_minor + case.paid_in_window_minor + case.paid_to_payee_minor
    own = (compiled.account_id, _class(stage, case), max(case.balance_minor + earlier, 1))
    return [own, *_balances(stage, case)]


def _class(stage: Stage, case: Case) -> bytes:
    return stage.compiled.dye_class_id if case.dye_class is None else name_id(case.dye_class)


def _balances(stage: Stage, case: Case) -> list[tuple[bytes, bytes, int]]:
    """What accounts of other agreements lack of the balances the case gives them."""
    money = []
    for name, amount in case.balances.items():
        address = stage.others[name]
        account = stage.chain.read("Disbursement", "account", at=address)
        for guard in stage.guards(Kind.AGREEMENT_STATE):
            if guard.a == BALANCE_STATE and _party(guard) == address:
                held = stage.chain.read("Ledger", "account_balance", account, guard.subject)
                money.append((account, guard.subject, max(amount - held, 0)))
    return money


def _party(guard: Guard) -> str:
    return Web3.to_checksum_address(guard.party[12:])


def _states(stage: Stage, case: Case) -> Mapping[str, object]:
    """Other agreements, each replaced by code that says the state the case gives it, and its own account."""
    return {
        stage.others[name]: {"code": "0x" + _speaking(stage, stage.others[name], state).hex()}
        for name, state in case.states.items()
        if name in stage.others
    }


def _speaking(stage: Stage, address: str, state: int) -> bytes:
    """EVM code that answers `account()` with an agreement's account and everything else with a state."""
    account: bytes = stage.chain.read("Disbursement", "account", at=address)
    answers_account = bytes([0x5B, 0x7F]) + account + RETURN_WORD
    answers_state = bytes([0x60, state]) + RETURN_WORD
    # Selector of the call; to the JUMPDEST behind the first answer if it asks for the account.
    jump = bytes.fromhex("5f3560e01c63") + keccak(b"account()")[:4] + bytes.fromhex("1460")
    behind = len(jump) + 2 + len(answers_state)
    return jump + bytes([behind, 0x57]) + answers_state + answers_account


# A disbursement


def _schedule_payment(stage: Stage, case: Case, times: _Times, schedule: Schedule) -> None:
    """Earlier payments, then the batch that the case asks for: reserved, approved, attested, executed."""
    document = NOTHING if case.document is None else secrets.token_bytes(32)
    if case.document is not None:
        schedule.add(times.base, *_documents(stage, case, case.document, document))
    in_window = [(times.approved, part) for part in _parts(stage, case.paid_in_window_minor)]
    for moment, part in (*_before(stage, case, times.base), *in_window):
        earlier = _batch(stage, case, [Row(0, part, secrets.token_bytes(32))], document, times)
        schedule.add(moment, _reservation(stage, earlier))
    if case.paid_to_payee_minor:
        _schedule_earlier(stage, case, times, document, schedule)
    rows = [Row(_index(stage, case.payee), case.amount_minor, secrets.token_bytes(32))]
    batch = _batch(stage, case, rows, document, times)
    supervisors = [name_id(each) for each in case.approvers] or stage.supervisors[: case.approvals]
    schedule.add(
        times.approved,
        *(_waiver(stage, batch, clause) for clause in case.waived),
        _reservation(stage, batch),
        *_approvals(stage, batch, supervisors),
    )
    if case.countersigned:
        schedule.add(times.approved, *_countersignatures(stage, batch))
    if case.blocked:
        schedule.add(times.moment, *_block(stage, rows[0].roster_index))
    for given in case.attested:
        schedule.add(times.moment, *_evidence(stage, batch, given, times.moment))
    schedule.add(times.moment, _execution(stage, batch))


def _schedule_earlier(stage: Stage, case: Case, times: _Times, document: bytes, schedule: Schedule) -> None:
    """The payee was paid before, in the payment's window, by a batch with everything the terms ask for."""
    most = min((guard.a for guard in stage.guards(Kind.PAYOUT_CAP)), default=NO_CAP)
    index = _index(stage, case.payee)
    rows = [Row(index, part, secrets.token_bytes(32)) for part in _split(case.paid_to_payee_minor, most)]
    batch = _batch(stage, case, rows, document, times)
    schedule.add(
        times.base,
        _reservation(stage, batch),
        *_approvals(stage, batch, stage.supervisors),
        *_countersignatures(stage, batch),
    )
    kinds = {guard.subject for guard in stage.guards(Kind.EVIDENCE)}
    for kind in sorted(kinds):
        schedule.add(times.moment, *_attestations(stage, batch, kind, times.moment, None))
    schedule.add(times.moment, _execution(stage, batch))


def _index(stage: Stage, payee: str | None) -> int:
    """The payee's place on the roster; past its end for one who is not on it."""
    found = (entry.index for entry in stage.compiled.roster if entry.name == payee)
    return next(found, len(stage.compiled.roster))


def _parts(stage: Stage, amount: int) -> list[int]:
    """Amounts of batches that together are `amount`, none above what a batch or a window may be."""
    caps = (*stage.guards(Kind.BATCH_CAP), *stage.guards(Kind.WINDOW_CAP))
    return _split(amount, min((guard.a for guard in caps), default=NO_CAP))


def _before(stage: Stage, case: Case, base: int) -> list[tuple[int, int]]:
    """When what was paid before the window was reserved, and how much each time: one batch a window."""
    step = max((guard.b for guard in stage.guards(Kind.WINDOW_CAP)), default=0)
    return [(base + number * step, part) for number, part in enumerate(_parts(stage, case.paid_minor))]


def _split(amount: int, most: int) -> list[int]:
    parts = []
    while amount:
        parts.append(min(amount, most))
        amount -= parts[-1]
    return parts


def _batch(stage: Stage, case: Case, rows: Sequence[Row], document: bytes, times: _Times) -> _Batch:
    tree, dye_class = RowTree(rows), _class(stage, case)
    deadline = times.moment + DAY_SECONDS
    account = stage.compiled.account_id
    identity = batch_id(stage.chain.deployment, stage.agreement, account, dye_class, tree, deadline)
    return _Batch(tree, dye_class, document, deadline, identity)


def _reservation(stage: Stage, batch: _Batch) -> Call:
    values: dict[str, Value] = {
        "dyeClass": batch.dye_class,
        "root": batch.rows.root,
        "count": len(batch.rows.rows),
        "total": batch.rows.total_minor,
        "deadline": batch.deadline,
        "document": batch.document,
    }
    message = stage.chain.message("Reservation", stage.agreement, terms=stage.terms, **values)
    signature = message.sign(stage.cast.of(stage.controller, Role.OPERATOR))
    return stage.chain.call("Disbursement", "reserve", *values.values(), signature, at=stage.agreement)


def _approvals(stage: Stage, batch: _Batch, institutions: Sequence[bytes]) -> list[Call]:
    message = stage.chain.message(
        "Approval",
        stage.agreement,
        batch=batch.id,
        terms=stage.terms,
        account=stage.compiled.account_id,
        root=batch.rows.root,
        count=len(batch.rows.rows),
        total=batch.rows.total_minor,
        deadline=batch.deadline,
        document=batch.document,
    )
    signatures = [message.sign(stage.cast.of(each, Role.SUPERVISOR)) for each in institutions]
    return [_on_batch(stage, "approve", batch, each) for each in signatures]


def _countersignatures(stage: Stage, batch: _Batch) -> list[Call]:
    message = stage.chain.message(
        "Countersignature", stage.agreement, batch=batch.id, terms=stage.terms, document=batch.document
    )
    parties = sorted({guard.party for guard in stage.guards(Kind.COUNTERSIGN)})
    signatures = [message.sign(stage.cast.of(each, Role.OPERATOR)) for each in parties]
    return [_on_batch(stage, "countersign", batch, each) for each in signatures]


def _on_batch(stage: Stage, function: str, batch: _Batch, signature: bytes) -> Call:
    return stage.chain.call("Disbursement", function, batch.id, signature, at=stage.agreement)


def _waiver(stage: Stage, batch: _Batch, clause: int) -> Call:
    arguments = (stage.compiled.account_id, batch.id, stage.terms, clause, batch.deadline)
    message = stage.chain.message(
        "Waiver",
        "Supervision",
        account=arguments[0],
        batch=batch.id,
        terms=stage.terms,
        clause=clause,
        expiresAt=batch.deadline,
    )
    consents = stage.consents(message, stage.quorum, Role.SUPERVISOR)
    return stage.chain.call("Supervision", "waive", *arguments, consents)


def _block(stage: Stage, payee: int) -> list[Call]:
    message = stage.chain.message("Block", stage.agreement, payee=payee, blocked=True, nonce=0)
    blocking = [stage.members(guard.subject) for guard in stage.guards(Kind.BLACKLIST)]
    return [
        stage.chain.call(
            "Disbursement",
            "set_blocked",
            payee,
            True,
            stage.consents(message, members[:1], Role.SUPERVISOR),
            at=stage.agreement,
        )
        for members in blocking[:1]
    ]


def _evidence(stage: Stage, batch: _Batch, given: GivenEvidence, moment: int) -> list[Call]:
    observed_at = moment - given.observed_seconds_ago
    return _attestations(stage, batch, name_id(given.kind), observed_at, given.institutions)


def _attestations(
    stage: Stage, batch: _Batch, kind: bytes, observed_at: int, institutions: int | None
) -> list[Call]:
    """Evidence by as many witnesses as the terms ask for, or as many institutions as given."""
    content = secrets.token_bytes(32)
    message = stage.chain.message(
        "Evidence", stage.agreement, batch=batch.id, kind=kind, digest=content, observedAt=observed_at
    )
    return [
        stage.chain.call(
            "Disbursement",
            "attest",
            batch.id,
            kind,
            content,
            observed_at,
            message.sign(stage.cast.of(each, Role.WITNESS)),
            at=stage.agreement,
        )
        for each in _witnesses(stage, kind, institutions)
    ]


def _witnesses(stage: Stage, kind: bytes, institutions: int | None) -> list[bytes]:
    found: dict[bytes, None] = {}
    for guard in stage.guards(Kind.EVIDENCE):
        if guard.subject == kind:
            several = guard.b > 1
            named = stage.members(guard.party) if several else (guard.party,)
            wanted = institutions if institutions is not None else max(guard.b, 1)
            found |= dict.fromkeys(named[:wanted])
    return list(found)


def _documents(stage: Stage, case: Case, given: GivenDocument, document: bytes) -> list[Call]:
    """The document of a case, as it was before the earlier payments drew on it."""
    earlier = case.paid_minor + case.paid_in_window_minor + case.paid_to_payee_minor
    kind, payee = name_id(given.kind), _index(stage, given.payee)
    amount = given.left_minor + earlier
    asked = (guard for guard in stage.guards(Kind.DOCUMENT) if guard.subject == kind)
    witness = next((guard.party for guard in asked), NOTHING)
    message = stage.chain.message(
        "Document",
        stage.agreement,
        document=document,
        kind=kind,
        holder=stage.controller,
        payee=payee,
        amount=amount,
    )
    signature = message.sign(stage.cast.of(witness, Role.WITNESS))
    given_to = (document, kind, stage.controller, payee, amount, signature)
    return [stage.chain.call("Disbursement", "register_document", *given_to, at=stage.agreement)]


def _execution(stage: Stage, batch: _Batch) -> Call:
    chunk = batch.rows.chunks()[0]
    return stage.chain.call(
        "Disbursement", "execute", batch.id, chunk.rows, chunk.proof, False, at=stage.agreement
    )


# An allocation


def _allocations(stage: Stage, case: Case, moment: int) -> list[Call]:
    """Earlier allocations, none above what one may be, then the one asked for."""
    destination = name_id(case.fund or "")
    most = min((guard.a for guard in stage.guards(Kind.PAYOUT_CAP)), default=NO_CAP)
    amounts = [*_split(case.paid_minor + case.paid_in_window_minor, most), case.amount_minor]
    return [_allocation(stage, destination, amount, moment + DAY_SECONDS) for amount in amounts]


def _allocation(stage: Stage, destination: bytes, amount: int, deadline: int) -> Call:
    values: dict[str, Value] = {
        "destination": destination,
        "amount": amount,
        "reference": secrets.token_bytes(32),
        "deadline": deadline,
    }
    message = stage.chain.message("Allocation", stage.agreement, terms=stage.terms, **values)
    signature = message.sign(stage.cast.of(stage.controller, Role.OPERATOR))
    return stage.chain.call("Allocation", "allocate", *values.values(), signature, at=stage.agreement)
