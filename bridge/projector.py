"""One log → rows of the projections. Nothing else writes them, so that a replay gives the same rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from bridge.store import projections
from bridge.store.chain_models import (
    AccountRow,
    AgreementRow,
    AnnouncementRow,
    ApprovalRow,
    AttestedRow,
    BatchRow,
    BlockedRow,
    ChunkRow,
    CountersignatureRow,
    CustodyRow,
    DecisionRow,
    DyeClassRow,
    EvidenceRow,
    GaveBackRow,
    GoneRow,
    GrantRow,
    InstitutionRow,
    LotRow,
    MapRow,
    PauseRow,
    QuorumMemberRow,
    QuorumRow,
    ReferenceRow,
    RefusalRow,
    RegisteredRow,
    ReturnRow,
    ReversalRow,
    RosterSetRow,
    SignerRow,
    TreeRow,
    WaiverRow,
)
from contracts.terms import MapKind

__all__ = ["Event", "apply"]

LATEST = 2**63 - 1
"""The contracts take deadlines of 64 bits, a database those of 63."""


class Event:
    """A decoded log of one of our contracts."""

    def __init__(
        self, name: str, address: str, block: int, transaction: bytes, index: int, values: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.address = address
        self.block = block
        self.transaction = transaction
        self.index = index
        self.values = values

    @property
    def order(self) -> int:
        """A number that orders logs over all blocks."""
        return self.block << 24 | self.index

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def apply(session: Session, event: Event) -> None:
    """Project one event; one that says nothing about a projection changes nothing."""
    handler = _HANDLERS.get(event.name)
    if handler is not None:
        handler(session, event)


def _institution_added(session: Session, event: Event) -> None:
    session.add(InstitutionRow(institution=event["institution"], kind=event["kind"]))


def _signer_added(session: Session, event: Event) -> None:
    session.merge(
        SignerRow(
            address=event["who"], institution=event["institution"], roles=event["roles"], block=event.block
        )
    )


def _signer_suspended(session: Session, event: Event) -> None:
    session.get_one(SignerRow, event["who"]).roles = 0


def _signer_rotated(session: Session, event: Event) -> None:
    """The new key takes over institution, roles and date; the old one keeps a pointer to it."""
    old = session.get_one(SignerRow, event["who"])
    new = event["successor"]
    session.merge(SignerRow(address=new, institution=old.institution, roles=old.roles, block=old.block))
    old.roles, old.successor = 0, new


def _changes_announced(session: Session, event: Event) -> None:
    session.merge(
        AnnouncementRow(
            change=event["change_id"],
            nonce=event["nonce"],
            ready_at=min(event["ready_at"], LATEST),
            recovery=event["recovery"],
            state="announced",
        )
    )


def _changes_applied(session: Session, event: Event) -> None:
    session.get_one(AnnouncementRow, event["change_id"]).state = "applied"


def _changes_withdrawn(session: Session, event: Event) -> None:
    session.get_one(AnnouncementRow, event["change_id"]).state = "withdrawn"


def _member_set(session: Session, event: Event) -> None:
    if event["member"]:
        session.add(QuorumMemberRow(quorum=event["quorum"], institution=event["institution"]))
    else:
        session.delete(session.get_one(QuorumMemberRow, (event["quorum"], event["institution"])))


def _threshold_set(session: Session, event: Event) -> None:
    session.merge(QuorumRow(quorum=event["quorum"], threshold=event["threshold"]))


def _tree_opened(session: Session, event: Event) -> None:
    session.add(
        TreeRow(
            tree=event["tree"],
            bank=event["bank"],
            quorum=event["quorum"],
            currency=event["currency"].decode("ascii", "backslashreplace"),
        )
    )


def _account_opened(session: Session, event: Event) -> None:
    session.add(
        AccountRow(
            account=event["account"],
            parent=event["parent"],
            tree=event["tree"],
            controller=event["controller"],
        )
    )


def _account_frozen(session: Session, event: Event) -> None:
    session.get_one(AccountRow, event["account"]).frozen = event["frozen"]


def _account_moved(session: Session, event: Event) -> None:
    session.get_one(AccountRow, event["account"]).parent = event["parent"]


def _account_closed(session: Session, event: Event) -> None:
    session.get_one(AccountRow, event["account"]).closed = True


def _pause_set(session: Session, event: Event) -> None:
    session.add(PauseRow(id=event.order, paused=event["paused"], block=event.block))


def _granted(session: Session, event: Event) -> None:
    session.merge(GrantRow(account=event["account"], agreement=event["agreement"], granted=True))


def _revoked(session: Session, event: Event) -> None:
    session.merge(GrantRow(account=event["account"], agreement=event["agreement"], granted=False))


def _attested(session: Session, event: Event) -> None:
    session.get_one(TreeRow, event["tree"]).attested_minor = event["attested"]


def _statement_attested(session: Session, event: Event) -> None:
    session.add(
        AttestedRow(
            tree=event["tree"],
            number=event["number"],
            balance_minor=event["balance"],
            credits_minor=event["credits"],
            debits_minor=event["debits"],
            statement=event["statement"],
            block=event.block,
        )
    )


def _shortfall_set(session: Session, event: Event) -> None:
    session.get_one(TreeRow, event["tree"]).shortfall_minor = event["shortfall"]


def _return_opened(session: Session, event: Event) -> None:
    session.add(
        ReferenceRow(
            reference=event["reference"],
            tree=event["tree"],
            opened_minor=event["amount"],
            closed=False,
            block=event.block,
        )
    )


def _return_closed(session: Session, event: Event) -> None:
    held = session.get_one(ReferenceRow, event["reference"])
    held.closed, held.remainder_minor = True, event["remainder"]
    held.remainder = event["lot"] if held.remainder_minor else None


def _reference_voided(session: Session, event: Event) -> None:
    session.add(
        ReferenceRow(
            reference=event["reference"], tree=event["tree"], opened_minor=0, closed=True, block=event.block
        )
    )


def _credit_reversed(session: Session, event: Event) -> None:
    _falls_short(session, event, event["info"])


def _shortfall_recorded(session: Session, event: Event) -> None:
    _falls_short(session, event, event["reference"])


def _falls_short(session: Session, event: Event, debit: bytes) -> None:
    """`debit`: keyed reference of the bank's debit, or the commitment to its message."""
    session.add(
        ReversalRow(
            id=event.order,
            reference=event["reference"],
            tree=event["tree"],
            amount_minor=event["amount"],
            info=debit,
            block=event.block,
        )
    )


def _custody_opened(session: Session, event: Event) -> None:
    session.add(CustodyRow(custody=event["custody"], account=event["account"], home=event["home"]))


def _minted(session: Session, event: Event) -> None:
    session.add(
        LotRow(
            line=event["lot"],
            reference=event["reference"],
            tree=event["tree"],
            amount_minor=event["amount"],
            info=event["info"],
            block=event.block,
        )
    )


def _moved(session: Session, event: Event) -> None:
    session.add(
        MapRow(
            id=event.order,
            kind=event["kind"],
            source=event["source"],
            source_start=event["source_start"],
            destination=event["destination"],
            destination_start=event["destination_start"],
            amount_minor=event["amount"],
            info=event["info"],
            block=event.block,
            transaction=event.transaction,
        )
    )
    gives_class = event["kind"] in (MapKind.IDENTIFY, MapKind.SORT)
    if gives_class and session.get(DyeClassRow, event["info"]) is None:
        session.add(DyeClassRow(dye_class=event["info"]))


def _agreement_deployed(session: Session, event: Event) -> None:
    session.add(
        AgreementRow(
            address=event["agreement"],
            template=event["template"],
            account=event["account"],
            arguments=event["arguments"],
            file=event["file"],
            results=event["results"],
            block=event.block,
        )
    )


def _agreement_activated(session: Session, event: Event) -> None:
    agreement = session.get_one(AgreementRow, event["agreement"])
    agreement.active, agreement.version = True, 1


def _terms_adopted(session: Session, event: Event) -> None:
    agreement = session.get_one(AgreementRow, event["agreement"])
    agreement.version, agreement.adopted = event["version"], event.block
    agreement.arguments, agreement.file = event["arguments"], event["file"]
    agreement.results = event["results"]


def _agreement_retired(session: Session, event: Event) -> None:
    session.get_one(AgreementRow, event["agreement"]).active = False


def _state_set(session: Session, event: Event) -> None:
    session.get_one(AgreementRow, event.address).state = event["state"]


def _reserved(session: Session, event: Event) -> None:
    session.add(
        BatchRow(
            batch=event["batch"],
            agreement=event["agreement"],
            account=event["account"],
            source=event["source"],
            root=event["root"],
            count=event["count"],
            total_minor=event["total"],
            deadline=min(event["deadline"], LATEST),
            end=event["count"],
            block=event.block,
        )
    )


def _chunk_executed(session: Session, event: Event) -> None:
    batch = session.get_one(BatchRow, event["batch"])
    batch.cursor = event["end_row"]
    batch.position = event["end"]
    first, refused = event["first_row"], event["refused"]
    session.add(
        ChunkRow(
            batch=event["batch"],
            first_row=first,
            end_row=event["end_row"],
            start=event["start"],
            end=event["end"],
            refused=f"{refused:x}",
            block=event.block,
            transaction=event.transaction,
        )
    )
    if refused:
        session.add(GaveBackRow(id=event.order, batch=event["batch"], row=None))
    for place in range(event["end_row"] - first):
        if refused >> place & 1:
            session.add(GoneRow(batch=event["batch"], row=first + place, kind="skipped", block=event.block))


def _row_returned(session: Session, event: Event) -> None:
    batch, row = event["batch"], event["row"]
    session.add(
        ReturnRow(
            id=event.order,
            batch=batch,
            row=row,
            amount_minor=event["amount"],
            late=event["late"],
            reference=event["reference"] if any(event["reference"]) else None,
            block=event.block,
        )
    )
    session.add(GaveBackRow(id=event.order, batch=batch, row=row))
    if event["whole"]:
        kind = "returned_late" if event["late"] else "returned"
        session.add(GoneRow(batch=batch, row=row, kind=kind, block=event.block))


def _settled(session: Session, event: Event) -> None:
    batch = session.get_one(BatchRow, event["batch"])
    batch.settled = True
    batch.settled_minor = event["amount"]


def _released(session: Session, event: Event) -> None:
    batch = session.get_one(BatchRow, event["batch"])
    batch.end = event["end_row"]
    session.add(GaveBackRow(id=event.order, batch=event["batch"], row=None))


def _batch_cancelled(session: Session, event: Event) -> None:
    session.get_one(BatchRow, event["batch"]).cancelled_by = event["by"]


def _batch_redirected(session: Session, event: Event) -> None:
    session.get_one(BatchRow, event["batch"]).source = event["source"]


def _row_refused(session: Session, event: Event) -> None:
    session.add(
        RefusalRow(
            batch=event["batch"],
            row=event["row"],
            clause=event["clause"],
            guard=event["guard"],
            code=event["code"].rstrip(b"\0").decode("ascii", "backslashreplace"),
            limit=str(event["limit"]),
            observed=str(event["observed"]),
        )
    )


def _approval_given(session: Session, event: Event) -> None:
    session.add(
        ApprovalRow(
            batch=event["batch"],
            supervisor=event["supervisor"],
            institution=event["institution"],
            block=event.block,
        )
    )


def _approval_revoked(session: Session, event: Event) -> None:
    """Who revoked approved, or is the key that followed the one that did: both end at the same key."""
    latest = _latest_key(session, event["supervisor"])
    given = [
        each
        for each in projections.approvals(session, event["batch"])
        if _latest_key(session, each.supervisor) == latest
    ]
    if not given:
        raise NoResultFound(f"no approval that {event['supervisor']} could revoke")
    for each in given:
        each.revoked = each.revoked or event.block


def _latest_key(session: Session, address: str) -> str:
    """The key that holds now what a signer held."""
    while (signer := session.get(SignerRow, address)) is not None and signer.successor is not None:
        address = signer.successor
    return address


def _evidence_attested(session: Session, event: Event) -> None:
    session.add(
        EvidenceRow(
            id=event.order,
            batch=event["batch"],
            kind=event["kind"],
            witness=event["witness"],
            digest=event["digest"],
            observed_at=min(event["observed_at"], LATEST),
            block=event.block,
        )
    )


def _clause_waived(session: Session, event: Event) -> None:
    session.add(
        WaiverRow(
            id=event.order,
            account=event["account"],
            batch=event["batch"],
            terms=event["terms"],
            clause=event["clause"],
            expires_at=min(event["expires_at"], LATEST),
            block=event.block,
        )
    )


def _document_registered(session: Session, event: Event) -> None:
    session.add(
        RegisteredRow(
            document=event["document"],
            agreement=event["agreement"],
            kind=event["kind"],
            holder=event["holder"],
            payee=event["payee"],
            amount_minor=event["amount"],
            block=event.block,
        )
    )


def _document_used(session: Session, event: Event) -> None:
    session.get_one(RegisteredRow, event["document"]).used_minor = event["used"]


def _document_held(session: Session, event: Event) -> None:
    session.get_one(RegisteredRow, event["document"]).holder = event["holder"]


def _operator_acted(session: Session, event: Event) -> None:
    _decide(session, event, [event["operator"]])


def _decided(session: Session, event: Event) -> None:
    _decide(session, event, event["signers"])


def _decide(session: Session, event: Event, signers: Sequence[str]) -> None:
    session.add_all(
        DecisionRow(id=event.order, signer=each, digest=event["digest"], block=event.block)
        for each in signers
    )


def _countersigned(session: Session, event: Event) -> None:
    session.add(
        CountersignatureRow(
            id=event.order,
            batch=event["batch"],
            operator=event["operator"],
            institution=event["institution"],
            block=event.block,
        )
    )


def _roster_set(session: Session, event: Event) -> None:
    session.add(
        RosterSetRow(
            agreement=event.address,
            version=event["version"],
            size=event["size"],
            root=event["root"],
            block=event.block,
        )
    )


def _payee_blocked(session: Session, event: Event) -> None:
    session.add(
        BlockedRow(
            id=event.order,
            agreement=event.address,
            payee=event["payee"],
            blocked=event["blocked"],
            block=event.block,
        )
    )


_HANDLERS: dict[str, Callable[[Session, Event], None]] = {
    "InstitutionAdded": _institution_added,
    "SignerAdded": _signer_added,
    "SignerSuspended": _signer_suspended,
    "SignerRotated": _signer_rotated,
    "ChangesAnnounced": _changes_announced,
    "ChangesApplied": _changes_applied,
    "ChangesWithdrawn": _changes_withdrawn,
    "QuorumMemberSet": _member_set,
    "QuorumThresholdSet": _threshold_set,
    "TreeOpened": _tree_opened,
    "AccountOpened": _account_opened,
    "AccountMoved": _account_moved,
    "AccountClosed": _account_closed,
    "AccountFrozen": _account_frozen,
    "PauseSet": _pause_set,
    "AgreementGranted": _granted,
    "AgreementRevoked": _revoked,
    "Attested": _attested,
    "StatementAttested": _statement_attested,
    "ShortfallSet": _shortfall_set,
    "ReturnOpened": _return_opened,
    "ReturnClosed": _return_closed,
    "ReferenceVoided": _reference_voided,
    "CreditReversed": _credit_reversed,
    "ShortfallRecorded": _shortfall_recorded,
    "CustodyOpened": _custody_opened,
    "Minted": _minted,
    "Moved": _moved,
    "AgreementDeployed": _agreement_deployed,
    "AgreementActivated": _agreement_activated,
    "TermsAdopted": _terms_adopted,
    "AgreementRetired": _agreement_retired,
    "StateSet": _state_set,
    "Reserved": _reserved,
    "ChunkExecuted": _chunk_executed,
    "RowReturned": _row_returned,
    "Settled": _settled,
    "Released": _released,
    "BatchCancelled": _batch_cancelled,
    "BatchRedirected": _batch_redirected,
    "RowRefused": _row_refused,
    "ApprovalGiven": _approval_given,
    "ApprovalRevoked": _approval_revoked,
    "EvidenceAttested": _evidence_attested,
    "ClauseWaived": _clause_waived,
    "DocumentRegistered": _document_registered,
    "DocumentUsed": _document_used,
    "DocumentHeld": _document_held,
    "BatchCountersigned": _countersigned,
    "RosterSet": _roster_set,
    "PayeeBlocked": _payee_blocked,
    "Decided": _decided,
    "OperatorActed": _operator_acted,
}
