"""Queries over the projections of the chain."""

from collections.abc import Sequence

from eth_abi.abi import decode
from eth_utils.crypto import keccak
from sqlalchemy import ColumnElement, func, inspect, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from bridge.store.base import Projection
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
    DyeClassRow,
    EvidenceRow,
    GaveBackRow,
    GoneRow,
    InstitutionRow,
    LotRow,
    MapRow,
    PauseRow,
    QuorumMemberRow,
    QuorumRow,
    ReferenceRow,
    RegisteredRow,
    ReturnRow,
    ReversalRow,
    RosterSetRow,
    SignerRow,
    TreeRow,
    UnstoredRow,
    WaiverRow,
)

__all__ = [
    "accounts_of_tree",
    "agreement_addresses",
    "agreements",
    "all_batches",
    "all_maps",
    "announcement",
    "announcements",
    "approvals",
    "batches_of_tree",
    "blocks_of_payee",
    "chunks",
    "closed_accounts",
    "countersignatures",
    "custody_of_tree",
    "drawn_of",
    "draws_on_open_sets",
    "dye_classes",
    "evidence",
    "expired_batches",
    "gave_back_after",
    "gone_rows",
    "institutions",
    "is_paused",
    "latest_attested",
    "line_totals",
    "lot_by_reference",
    "lots_of_tree",
    "maps_from",
    "maps_into",
    "open_return_sets",
    "quorum_members",
    "quorums",
    "references_of_tree",
    "registered_documents",
    "returns",
    "reversals_of_tree",
    "roster_sizes",
    "signers",
    "stranded_batches",
    "trees",
    "unsettled_batches",
    "waivers",
]


def agreement_addresses(session: Session) -> Sequence[str]:
    """Addresses of all agreements."""
    return session.scalars(select(AgreementRow.address)).all()


def agreements(session: Session) -> Sequence[AgreementRow]:
    """All agreements, oldest first."""
    return session.scalars(select(AgreementRow).order_by(AgreementRow.block)).all()


def trees(session: Session) -> Sequence[TreeRow]:
    """All supervised accounts."""
    return session.scalars(select(TreeRow)).all()


def accounts_of_tree(session: Session, tree: bytes) -> Sequence[AccountRow]:
    """The accounts of a tree."""
    return session.scalars(select(AccountRow).where(AccountRow.tree == tree)).all()


def closed_accounts(session: Session) -> Sequence[AccountRow]:
    """Accounts that are closed and not frozen."""
    rows = select(AccountRow).where(AccountRow.closed, AccountRow.frozen.is_(False))
    return session.scalars(rows.order_by(AccountRow.account)).all()


def dye_classes(session: Session) -> Sequence[bytes]:
    """Ids of the dye classes that money on accounts ever had."""
    return session.scalars(select(DyeClassRow.dye_class)).all()


def custody_of_tree(session: Session, tree: bytes) -> Sequence[CustodyRow]:
    """Custody lines of a tree."""
    rows = select(CustodyRow).join(AccountRow, AccountRow.account == CustodyRow.account)
    return session.scalars(rows.where(AccountRow.tree == tree).order_by(CustodyRow.custody)).all()


def lots_of_tree(session: Session, tree: bytes) -> Sequence[LotRow]:
    """The lots of a tree, oldest first."""
    return session.scalars(select(LotRow).where(LotRow.tree == tree).order_by(LotRow.block)).all()


def is_paused(session: Session) -> bool:
    """Whether the ledger is paused."""
    return bool(session.scalar(select(PauseRow.paused).order_by(PauseRow.id.desc()).limit(1)))


def lot_by_reference(session: Session, reference: bytes) -> LotRow | None:
    """A lot by its keyed bank reference."""
    return session.scalar(select(LotRow).where(LotRow.reference == reference))


def batches_of_tree(session: Session, tree: bytes) -> Sequence[BatchRow]:
    """The batches that draw on a tree, oldest first."""
    rows = select(BatchRow).join(AccountRow, AccountRow.account == BatchRow.account)
    return session.scalars(rows.where(AccountRow.tree == tree).order_by(BatchRow.block)).all()


def unsettled_batches(session: Session) -> Sequence[BatchRow]:
    """Batches that have executed rows and are not settled."""
    rows = select(BatchRow).where(BatchRow.settled.is_(False), BatchRow.cursor > 0)
    return session.scalars(rows.order_by(BatchRow.block)).all()


def expired_batches(session: Session, now: int) -> Sequence[BatchRow]:
    """Batches with rows that can never be executed any more, because their deadline has passed."""
    rows = select(BatchRow).where(BatchRow.cursor < BatchRow.end, BatchRow.deadline < now)
    return session.scalars(rows.order_by(BatchRow.block)).all()


def stranded_batches(session: Session) -> Sequence[tuple[BatchRow, AgreementRow]]:
    """Batches with rows that can never be executed any more, because their terms were replaced or retired."""
    is_old = (AgreementRow.adopted.is_not(None)) & (BatchRow.block < AgreementRow.adopted)
    is_retired = AgreementRow.active.is_(False) & (AgreementRow.version > 0)
    rows = (
        select(BatchRow, AgreementRow)
        .join(AgreementRow, AgreementRow.address == BatchRow.agreement)
        .where(BatchRow.cursor < BatchRow.end, or_(is_old, is_retired))
        .order_by(BatchRow.block)
    )
    return [(batch, agreement) for batch, agreement in session.execute(rows)]


def chunks(session: Session, batch: bytes) -> Sequence[ChunkRow]:
    """The executed chunks of a batch, in order."""
    return session.scalars(select(ChunkRow).where(ChunkRow.batch == batch).order_by(ChunkRow.first_row)).all()


def gone_rows(session: Session, batch: bytes) -> Sequence[GoneRow]:
    """The rows of a batch that went back, in order."""
    return session.scalars(select(GoneRow).where(GoneRow.batch == batch).order_by(GoneRow.row)).all()


def latest_attested(session: Session, tree: bytes) -> AttestedRow | None:
    """What the attester of a tree's bank signed last."""
    rows = select(AttestedRow).where(AttestedRow.tree == tree)
    return session.scalar(rows.order_by(AttestedRow.number.desc()).limit(1))


def references_of_tree(session: Session, tree: bytes) -> Sequence[ReferenceRow]:
    """References that return sets and voids of a tree used up, oldest first."""
    rows = select(ReferenceRow).where(ReferenceRow.tree == tree)
    return session.scalars(rows.order_by(ReferenceRow.block, ReferenceRow.reference)).all()


def open_return_sets(session: Session, tree: bytes) -> Sequence[ReferenceRow]:
    """Return sets of a tree that rows may still draw on."""
    rows = select(ReferenceRow).where(ReferenceRow.tree == tree, ReferenceRow.closed.is_(False))
    return session.scalars(rows).all()


def draws_on_open_sets(session: Session, tree: bytes) -> Sequence[ReturnRow]:
    """What rows drew of the open return sets of a tree."""
    rows = select(ReturnRow).join(ReferenceRow, ReferenceRow.reference == ReturnRow.reference)
    return session.scalars(rows.where(ReferenceRow.tree == tree, ReferenceRow.closed.is_(False))).all()


def drawn_of(session: Session, reference: bytes) -> int:
    """What rows drew of a credit that brought them back, minor units."""
    total = select(func.coalesce(func.sum(ReturnRow.amount_minor), 0))
    return int(session.scalar(total.where(ReturnRow.reference == reference)) or 0)


def registered_documents(session: Session) -> Sequence[RegisteredRow]:
    """Documents that count once in the whole network, oldest first."""
    return session.scalars(select(RegisteredRow).order_by(RegisteredRow.block, RegisteredRow.document)).all()


def returns(session: Session, batch: bytes) -> Sequence[ReturnRow]:
    """Every way back of a row of a batch, whole or in part, oldest first."""
    return session.scalars(select(ReturnRow).where(ReturnRow.batch == batch).order_by(ReturnRow.id)).all()


def gave_back_after(session: Session, order: int, limit: int) -> Sequence[GaveBackRow]:
    """What of batches went back behind an id, oldest first."""
    rows = select(GaveBackRow).where(GaveBackRow.id > order)
    return session.scalars(rows.order_by(GaveBackRow.id).limit(limit)).all()


def reversals_of_tree(session: Session, tree: bytes) -> Sequence[ReversalRow]:
    """What the bank took back of credits of a tree, oldest first."""
    return session.scalars(select(ReversalRow).where(ReversalRow.tree == tree).order_by(ReversalRow.id)).all()


def approvals(session: Session, batch: bytes) -> Sequence[ApprovalRow]:
    """The approvals of a batch, oldest first."""
    return session.scalars(
        select(ApprovalRow).where(ApprovalRow.batch == batch).order_by(ApprovalRow.block)
    ).all()


def evidence(session: Session, batch: bytes) -> Sequence[EvidenceRow]:
    """The evidence attested about a batch, oldest first."""
    return session.scalars(
        select(EvidenceRow).where(EvidenceRow.batch == batch).order_by(EvidenceRow.id)
    ).all()


def countersignatures(session: Session, batch: bytes) -> Sequence[CountersignatureRow]:
    """The counter-signatures of a batch, oldest first."""
    rows = select(CountersignatureRow).where(CountersignatureRow.batch == batch)
    return session.scalars(rows.order_by(CountersignatureRow.id)).all()


def waivers(session: Session, batch: bytes) -> Sequence[WaiverRow]:
    """The clauses waived for a batch, oldest first."""
    rows = select(WaiverRow).where(WaiverRow.batch == batch)
    return session.scalars(rows.order_by(WaiverRow.id)).all()


def roster_sizes(session: Session, agreement: str, block: int) -> Sequence[int]:
    """Sizes that an agreement's roster had up to a block."""
    rows = select(RosterSetRow.size).where(RosterSetRow.agreement == agreement, RosterSetRow.block <= block)
    return session.scalars(rows.order_by(RosterSetRow.version)).all()


def blocks_of_payee(session: Session, agreement: str, payee: int, block: int) -> Sequence[BlockedRow]:
    """When a payee was blocked or let in again, up to a block, oldest first."""
    rows = select(BlockedRow).where(
        BlockedRow.agreement == agreement, BlockedRow.payee == payee, BlockedRow.block <= block
    )
    return session.scalars(rows.order_by(BlockedRow.id)).all()


def signers(session: Session) -> Sequence[SignerRow]:
    """All signers."""
    return session.scalars(select(SignerRow).order_by(SignerRow.block)).all()


def maps_into(session: Session, line: bytes, start: int, end: int) -> Sequence[MapRow]:
    """Maps whose destination meets `[start, end)` of a line, in order of position."""
    found = _meeting(session, MapRow.destination == line, MapRow.destination_start, start, end)
    return [row for row in found if row.destination_start + row.amount_minor > start]


def maps_from(session: Session, line: bytes, start: int, end: int) -> Sequence[MapRow]:
    """Maps whose source meets `[start, end)` of a line, in order of position."""
    found = _meeting(session, MapRow.source == line, MapRow.source_start, start, end)
    return [row for row in found if row.source_start + row.amount_minor > start]


def _meeting(
    session: Session,
    on_line: ColumnElement[bool],
    position: InstrumentedAttribute[int],
    start: int,
    end: int,
) -> Sequence[MapRow]:
    """Maps from the last one that starts at or before `start`: one seek in the index, then a range."""
    before = select(position).where(on_line, position <= start).order_by(position.desc()).limit(1)
    lowest = session.scalar(before)
    first = start if lowest is None else lowest
    rows = select(MapRow).where(on_line, position >= first, position < end)
    return session.scalars(rows.order_by(position)).all()


def announcement(session: Session, nonce: int, recovery: bool = False) -> AnnouncementRow | None:
    """Directory changes that governors announced under a number, or recovery signers under one of theirs."""
    rows = select(AnnouncementRow).where(
        AnnouncementRow.nonce == nonce, AnnouncementRow.recovery.is_(recovery)
    )
    return session.scalars(rows).first()


def announcements(session: Session) -> Sequence[AnnouncementRow]:
    """Announced directory changes that wait, recoveries too."""
    rows = select(AnnouncementRow).where(AnnouncementRow.state == "announced")
    return session.scalars(rows.order_by(AnnouncementRow.ready_at)).all()


def institutions(session: Session) -> Sequence[InstitutionRow]:
    """All institutions."""
    return session.scalars(select(InstitutionRow)).all()


def quorums(session: Session) -> Sequence[QuorumRow]:
    """All quorums."""
    return session.scalars(select(QuorumRow)).all()


def quorum_members(session: Session, quorum: bytes) -> Sequence[bytes]:
    """Ids of a quorum's institutions."""
    rows = select(QuorumMemberRow.institution).where(QuorumMemberRow.quorum == quorum)
    return session.scalars(rows).all()


def count_unstored(session: Session) -> int:
    """How many logs were kept apart because no table takes them."""
    return int(session.scalar(select(func.count()).select_from(UnstoredRow)) or 0)


def line_totals(session: Session, line: bytes) -> tuple[int, int]:
    """`in` and `out` of an account line by its maps, minor units."""
    filled = select(func.coalesce(func.sum(MapRow.amount_minor), 0)).where(MapRow.destination == line)
    emptied = select(func.coalesce(func.sum(MapRow.amount_minor), 0)).where(MapRow.source == line)
    return int(session.scalar(filled) or 0), int(session.scalar(emptied) or 0)


def all_maps(session: Session) -> Sequence[MapRow]:
    """Every map, in order."""
    return session.scalars(select(MapRow).order_by(MapRow.id)).all()


def all_batches(session: Session) -> Sequence[BatchRow]:
    """Every batch, oldest first."""
    return session.scalars(select(BatchRow).order_by(BatchRow.block)).all()


def agreement(session: Session, address: str) -> AgreementRow:
    """An agreement on chain. Raises NoResultFound for an address that is none."""
    return session.get_one(AgreementRow, address)


def agreement_by_call(session: Session, deployment: bytes, block: int) -> AgreementRow:
    """The agreement that a call of the factory made in a block.

    Anybody may deploy other arguments under the same file; of equal ones each is as good.
    """
    template, arguments, file, results = decode(["bytes32", "bytes", "bytes32", "bytes32"], deployment[4:])
    rows = select(AgreementRow).where(
        AgreementRow.block == block,
        AgreementRow.template == template,
        AgreementRow.arguments == keccak(arguments),
        AgreementRow.file == file,
        AgreementRow.results == results,
    )
    return session.scalars(rows.order_by(AgreementRow.address).limit(1)).one()


def maps_into_all(session: Session, line: bytes) -> Sequence[MapRow]:
    """Every map onto a line, in order."""
    return session.scalars(select(MapRow).where(MapRow.destination == line).order_by(MapRow.id)).all()


def dump(session: Session, table: type[Projection]) -> list[tuple[object, ...]]:
    """Every row of a projection, in order of its key."""
    mapped = inspect(table)
    columns = list(mapped.columns)
    return [tuple(row) for row in session.execute(select(*columns).order_by(*mapped.primary_key))]
