"""Agreements: checked, explained, tried, deployed, activated by the quorum, shown."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from eth_utils.crypto import keccak
from sqlalchemy.orm import Session
from web3 import Web3

from bridge.chain import Call
from bridge.errors import Conflict, Invalid, NotFound
from bridge.money import decimal_text
from bridge.platform import Platform
from bridge.services import trials
from bridge.services.accounts import account_facts
from bridge.services.acts import Act
from bridge.services.institutions import listing as institutions
from bridge.services.institutions import quorum_facts
from bridge.store import directory, payments, projections, transactions
from bridge.store.chain_models import AgreementRow
from bridge.store.models import AgreementFileModel, RosterModel
from contracts.agreement import (
    AgreementFacts,
    CaseResult,
    CompiledAgreement,
    DirectoryFacts,
    Explanation,
    QuorumFacts,
    RosterEntry,
    agreement_facts,
    compile_terms,
    explain,
    load,
)
from contracts.agreement.model import Agreement
from contracts.terms import InstitutionKind, Kind

__all__ = ["activation", "check", "deploy", "explanation", "find", "retirement", "show", "simulate"]

SALT_BYTES = 16
ADOPTING = ("disbursement",)
"""Templates whose terms the quorum can replace."""


def directory_facts(platform: Platform) -> DirectoryFacts:
    """What the chain says, for the agreement compiler."""
    return DirectoryFacts(
        institutions={
            str(row["institution"]): InstitutionKind[str(row["kind"]).upper()]
            for row in institutions(platform)
        },
        quorums={
            name: QuorumFacts(members, threshold)
            for name, (members, threshold) in quorum_facts(platform).items()
        },
        accounts=account_facts(platform),
        agreements=_deployed(platform),
    )


def _deployed(platform: Platform) -> dict[str, AgreementFacts]:
    """Agreements that others can name: the active ones, by name."""
    with platform.database.read() as session:
        held = payments.agreements_in_force(session)
        return {
            file.name: agreement_facts(load(file.content).content, bytes.fromhex((file.address or "")[2:]))
            for file in held
        }


def check(
    platform: Platform,
    content: bytes,
    rosters: Mapping[str, bytes],
    salt_for: Callable[[str], bytes] = lambda _: secrets.token_bytes(SALT_BYTES),
) -> CompiledAgreement:
    """Check a file against the directory. Raises AgreementInvalid with every fault.

    Payees of the version in force, which this one would replace, keep their places on the roster.
    """
    file = load(content)
    before = _roster_before(platform, file.content)
    return compile_terms(file, directory_facts(platform), rosters, salt_for, before)


def _roster_before(platform: Platform, content: Agreement) -> list[RosterEntry]:
    held = _payees_before(platform, content)
    return [RosterEntry(payee.index, payee.name, payee.account) for payee in held]


def _salts_before(platform: Platform, content: Agreement) -> dict[str, bytes]:
    """Salts of payees by account: new terms name the roster that is in force by the root it has."""
    return {payee.account: payee.salt for payee in _payees_before(platform, content)}


def _payees_before(platform: Platform, content: Agreement) -> Sequence[RosterModel]:
    identity = f"{content.agreement}@{content.version}"
    with platform.database.read() as session:
        older = payments.predecessor(
            session, content.agreement, content.template, content.accounts.pays_from, identity
        )
        return [] if older is None else payments.roster(session, older.id)


def explanation(platform: Platform, content: bytes, rosters: Mapping[str, bytes]) -> Explanation:
    """The agreement in sentences. Raises AgreementInvalid."""
    return explain(check(platform, content, rosters))


def simulate(platform: Platform, content: bytes, rosters: Mapping[str, bytes]) -> tuple[CaseResult, ...]:
    """Try the file against the expected results written in it. Raises AgreementInvalid."""
    return trials.run(platform, check(platform, content, rosters))


def deploy(platform: Platform, content: bytes, rosters: Mapping[str, bytes]) -> AgreementFileModel:
    """Put an agreement on chain, inactive, if every expected result came out.

    Another version of an agreement that is active on the same account is not put there by itself: its terms
    are kept here until the quorum adopts them. Doing it again with the same file changes nothing. Raises
    AgreementInvalid, Invalid `trial-failed`, Conflict when the version exists with other contents.
    """
    identity = _identity(content)
    key = f"deploy:{identity}"
    with platform.database.read() as session:
        held = session.get(AgreementFileModel, identity)
    if held is None:
        _draft(platform, identity, key, content, rosters)
        with platform.database.read() as session:
            held = session.get_one(AgreementFileModel, identity)
    if held.content != content:
        raise Conflict(
            "agreement-exists", f"{identity} exists with other contents; give the change a new version."
        )
    _check_roster(platform, identity, check(platform, content, rosters))
    if held.address is not None and not _was_deployed(platform, key):
        return held
    mined = platform.finish(key)
    with platform.database.begin() as session:
        row = session.get_one(AgreementFileModel, identity)
        sent = transactions.by_key(session, key)
        made = projections.agreement_by_call(session, b"" if sent is None else sent.data, mined.block)
        row.address = made.address
    return row


def _was_deployed(platform: Platform, key: str) -> bool:
    """Whether the version was put on chain by itself, not as new terms of an older one."""
    with platform.database.read() as session:
        return transactions.by_key(session, key) is not None


def _check_roster(platform: Platform, identity: str, compiled: CompiledAgreement) -> None:
    """Raise Conflict for other payees than those the agreement was made with."""
    with platform.database.read() as session:
        held = {(payee.name, payee.account) for payee in payments.roster(session, identity)}
    if held != {(entry.name, entry.account) for entry in compiled.roster}:
        raise Conflict(
            "agreement-exists", f"{identity} exists with another roster; give the change a new version."
        )


def _identity(content: bytes) -> str:
    file = load(content).content
    return f"{file.agreement}@{file.version}"


def _draft(platform: Platform, identity: str, key: str, content: bytes, rosters: Mapping[str, bytes]) -> None:
    """Store the file, its roster and its salts with the queued deployment."""
    salts = _salts_before(platform, load(content).content)
    compiled = check(
        platform, content, rosters, lambda account: salts.setdefault(account, secrets.token_bytes(SALT_BYTES))
    )
    results = trials.run(platform, compiled)
    failed = [result for result in results if not result.ok]
    if failed:
        raise Invalid(
            "trial-failed",
            "The agreement does not do what its file expects; correct the clauses or the expected results.",
            cases=[{"case": result.case, "message": result.message.en} for result in failed],
        )
    text = explain(compiled)
    file = compiled.file.content
    call = platform.chain.call(
        "AgreementFactory",
        "deploy",
        compiled.template_id,
        compiled.arguments,
        compiled.file_hash,
        compiled.results_hash,
    )
    template = file.template.partition("@")[0]
    caps = [guard.a for guard in compiled.guards if guard.kind == Kind.PAYOUT_CAP]
    alone = _only_cap(compiled)
    with platform.database.begin() as session:
        older = _older(session, compiled, identity)
        if session.get(AgreementFileModel, identity) is not None:
            return
        if older is None:
            platform.queue(session, key, call)
        directory.put_names(session, [file.accounts.dye_class])
        session.add(
            AgreementFileModel(
                id=identity,
                address=None if older is None else older.address,
                name=file.agreement,
                template=file.template,
                content=content,
                account=file.accounts.pays_from,
                dye_class=file.accounts.dye_class,
                currency=file.currency,
                clause_names=list(compiled.clause_names),
                payout_cap_minor=min(caps) if caps and alone else None,
                clears=bool(compiled.rules) or template == "split",
                arguments=compiled.arguments,
                file_hash=compiled.file_hash,
                results_hash=compiled.results_hash,
                explanation_zh=text.zh,
                explanation_en=text.en,
                trial=[_result(result) for result in results],
            )
        )
        session.add_all(
            RosterModel(
                agreement=identity,
                index=entry.index,
                name=entry.name,
                account=entry.account,
                salt=salts[entry.account],
            )
            for entry in compiled.roster
        )


def _older(session: Session, compiled: CompiledAgreement, identity: str) -> AgreementFileModel | None:
    """The active agreement that could adopt these terms: a payee keeps the index it has for ever."""
    file = compiled.file.content
    if file.template.partition("@")[0] not in ADOPTING:
        return None
    older = payments.predecessor(session, file.agreement, file.template, file.accounts.pays_from, identity)
    if older is None or older.dye_class != file.accounts.dye_class:
        return None
    held = [(payee.name, payee.account) for payee in payments.roster(session, older.id)]
    given = [(entry.name, entry.account) for entry in compiled.roster]
    return older if given[: len(held)] == held else None


def _only_cap(compiled: CompiledAgreement) -> bool:
    """Whether every payout cap stands alone in its clause, so that it holds for every row."""
    clauses = [guard.clause for guard in compiled.guards]
    return all(clauses.count(guard.clause) == 1 for guard in compiled.guards if guard.kind == Kind.PAYOUT_CAP)


def _result(result: CaseResult) -> dict[str, object]:
    return {"case": result.case, "ok": result.ok, "message": asdict(result.message)}


def find(session: Session, name: str) -> AgreementFileModel:
    """A deployed agreement by id, address or name. Raises NotFound."""
    held = payments.agreement_file(session, name)
    if held is None or held.address is None:
        raise NotFound("agreement-unknown", f"There is no agreement {name!r}; deploy its file first.")
    return held


def activation(platform: Platform, name: str) -> Act:
    """Let an agreement draw on its accounts, or give an active one the terms of this version; supervisors of
    the tree's quorum sign."""
    with platform.database.read() as session:
        held = find(session, name)
        address = Web3.to_checksum_address(held.address or "")
        made = projections.agreement(session, address)
    if made.file != held.file_hash or made.version > 1:
        return _adoption(platform, held, made)
    message = platform.chain.message(
        "Activation",
        "AgreementFactory",
        agreement=address,
        template=made.template,
        arguments=made.arguments,
        file=made.file,
        results=made.results,
    )

    def build(signatures: Sequence[bytes]) -> Call:
        return platform.chain.call("AgreementFactory", "activate", address, list(signatures))

    return Act(message, build)


def _adoption(platform: Platform, held: AgreementFileModel, made: AgreementRow) -> Act:
    """New terms for an active agreement. Terms in force already keep the number they were adopted under."""
    number = made.version if made.file == held.file_hash else made.version + 1
    message = platform.chain.message(
        "Adoption",
        "AgreementFactory",
        agreement=made.address,
        version=number,
        arguments=keccak(held.arguments),
        file=held.file_hash,
        results=held.results_hash,
    )

    def build(signatures: Sequence[bytes]) -> Call:
        return platform.chain.call(
            "AgreementFactory",
            "adopt",
            Web3.to_checksum_address(made.address),
            held.arguments,
            held.file_hash,
            held.results_hash,
            list(signatures),
        )

    return Act(message, build)


def retirement(platform: Platform, name: str) -> Act:
    """Take an agreement's accounts away from it, for good; supervisors of the tree's quorum sign."""
    with platform.database.read() as session:
        address = Web3.to_checksum_address(find(session, name).address or "")

    def build(signatures: Sequence[bytes]) -> Call:
        return platform.chain.call("AgreementFactory", "retire", address, list(signatures))

    return Act(platform.chain.message("Retirement", "AgreementFactory", agreement=address), build)


def show(platform: Platform, name: str) -> dict[str, object]:
    """An agreement as it stands."""
    with platform.database.read() as session:
        held = find(session, name)
        made = projections.agreement(session, held.address or "")
        content = load(held.content).content
        return {
            "agreement": held.id,
            "address": held.address,
            "template": held.template,
            "account": held.account,
            "dye_class": held.dye_class,
            "currency": held.currency,
            "active": made.active and made.file == held.file_hash,
            "terms_version": made.version if made.file == held.file_hash else None,
            "clauses": held.clause_names,
            "parties": {role: list(content.institutions_of(role)) for role in content.parties},
            "payees": len(payments.roster(session, held.id)),
            "payout_cap": (
                None if held.payout_cap_minor is None else decimal_text(held.payout_cap_minor, held.currency)
            ),
            "file_hash": "0x" + held.file_hash.hex(),
            "results_hash": "0x" + held.results_hash.hex(),
            "explanation": {"zh": held.explanation_zh, "en": held.explanation_en},
            "trial": held.trial,
        }
