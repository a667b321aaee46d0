"""One log → rows of the projections. Nothing else writes them, so that a replay gives the same rows."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from bridge.store.chain_models import (
    AccountRow,
    AgreementRow,
    ApprovalRow,
    BatchRow,
    ChunkRow,
    EvidenceRow,
    GoneRow,
    InstitutionRow,
    LotRow,
    MapRow,
    QuorumMemberRow,
    QuorumRow,
    SignerRow,
    TreeRow,
)

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
    session.get_one(AgreementRow, event["agreement"]).active = True


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
    for place in range(event["end_row"] - first):
        if refused >> place & 1:
            session.add(GoneRow(batch=event["batch"], row=first + place, kind="skipped", block=event.block))


def _row_returned(session: Session, event: Event) -> None:
    used = any(event["reference"])
    session.add(
        GoneRow(
            batch=event["batch"],
            row=event["row"],
            kind="returned_late" if event["late"] else "returned",
            amount_minor=event["amount"],
            reference=event["reference"] if used else None,
            block=event.block,
        )
    )


def _settled(session: Session, event: Event) -> None:
    batch = session.get_one(BatchRow, event["batch"])
    batch.settled = True
    batch.settled_minor = event["amount"]


def _released(session: Session, event: Event) -> None:
    batch = session.get_one(BatchRow, event["batch"])
    batch.end = event["end_row"]


def _approval_given(session: Session, event: Event) -> None:
    session.add(
        ApprovalRow(
            batch=event["batch"],
            supervisor=event["supervisor"],
            institution=event["institution"],
            block=event.block,
        )
    )


def _evidence_attested(session: Session, event: Event) -> None:
    session.add(
        EvidenceRow(
            id=event.order,
            batch=event["batch"],
            kind=event["kind"],
            witness=event["witness"],
            digest=event["digest"],
            block=event.block,
        )
    )


_HANDLERS: dict[str, Callable[[Session, Event], None]] = {
    "InstitutionAdded": _institution_added,
    "SignerAdded": _signer_added,
    "SignerSuspended": _signer_suspended,
    "QuorumMemberSet": _member_set,
    "QuorumThresholdSet": _threshold_set,
    "TreeOpened": _tree_opened,
    "AccountOpened": _account_opened,
    "AccountFrozen": _account_frozen,
    "Minted": _minted,
    "Moved": _moved,
    "AgreementDeployed": _agreement_deployed,
    "AgreementActivated": _agreement_activated,
    "Reserved": _reserved,
    "ChunkExecuted": _chunk_executed,
    "RowReturned": _row_returned,
    "Settled": _settled,
    "Released": _released,
    "ApprovalGiven": _approval_given,
    "EvidenceAttested": _evidence_attested,
}
