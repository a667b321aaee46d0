"""Queries over batches, payouts, orders and agreement files."""

from collections.abc import Sequence

from eth_utils.address import is_hex_address, to_checksum_address
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from bridge.store import directory, projections
from bridge.store.chain_models import AccountRow, AgreementRow, BatchRow, ChunkRow, ReturnRow
from bridge.store.models import (
    AgreementFileModel,
    BatchModel,
    OrderModel,
    OrderState,
    PayoutModel,
    PayoutState,
    RosterModel,
    RuleModel,
    TransactionModel,
    TransactionState,
)
from contracts.ids import name_id

__all__ = [
    "agreement_file",
    "agreement_files",
    "agreements_in_force",
    "batch_by_id",
    "batches",
    "chunks_without_order",
    "count_payouts",
    "dye_classes",
    "ids_returned_by",
    "is_in_force",
    "orders",
    "orders_in_state",
    "payout_by_end_to_end_id",
    "payouts",
    "predecessor",
    "roster",
]


GENERAL = "general"
"""The dye class of what is minted into suspense."""
REFERENCES_A_QUERY = 500
ROOT_IN_RESERVATION = 5 + 32
"""Where a reservation names the root, from 1: after the function and the dye class."""


def agreement_files(session: Session) -> Sequence[AgreementFileModel]:
    """All agreement files."""
    return session.scalars(select(AgreementFileModel).order_by(AgreementFileModel.name)).all()


def agreement_file(session: Session, name: str) -> AgreementFileModel | None:
    """An agreement on chain by id (`name@version`); by address or name the active one with terms in force,
    or the latest where none is."""
    name = to_checksum_address(name) if is_hex_address(name) else name
    found = select(AgreementFileModel).where(
        AgreementFileModel.address.is_not(None),
        or_(
            AgreementFileModel.id == name, AgreementFileModel.address == name, AgreementFileModel.name == name
        ),
    )
    rows = session.scalars(found.order_by(AgreementFileModel.created_at.desc())).all()
    exact = (row for row in rows if row.id == name)
    in_force = [row for row in rows if is_in_force(session, row)]
    active = (row for row in in_force if session.get_one(AgreementRow, row.address).active)
    return next(exact, None) or next(active, None) or next(iter([*in_force, *rows]), None)


def is_in_force(session: Session, held: AgreementFileModel) -> bool:
    """Whether the terms on chain are those of this file."""
    made = None if held.address is None else session.get(AgreementRow, held.address)
    return made is not None and made.file == held.file_hash


def agreements_in_force(session: Session) -> Sequence[AgreementFileModel]:
    """Files of the active agreements whose terms are those on chain, oldest first."""
    rows = (
        select(AgreementFileModel)
        .join(AgreementRow, AgreementRow.address == AgreementFileModel.address)
        .where(AgreementRow.active, AgreementRow.file == AgreementFileModel.file_hash)
    )
    return session.scalars(rows.order_by(AgreementFileModel.created_at)).all()


def predecessor(
    session: Session, name: str, template: str, account: str, identity: str
) -> AgreementFileModel | None:
    """The active agreement of which another version makes new terms: same name, template and account."""
    rows = (
        select(AgreementFileModel)
        .join(AgreementRow, AgreementRow.address == AgreementFileModel.address)
        .where(
            AgreementFileModel.name == name,
            AgreementFileModel.template == template,
            AgreementFileModel.account == account,
            AgreementFileModel.id != identity,
            AgreementRow.active,
            AgreementRow.file == AgreementFileModel.file_hash,
        )
    )
    return session.scalars(rows.order_by(AgreementFileModel.created_at.desc())).first()


def roster(session: Session, agreement: str) -> Sequence[RosterModel]:
    """The payees of an agreement, by index."""
    rows = select(RosterModel).where(RosterModel.agreement == agreement)
    return session.scalars(rows.order_by(RosterModel.index)).all()


def batches(session: Session) -> Sequence[BatchModel]:
    """All uploaded batches, oldest first."""
    return session.scalars(select(BatchModel).order_by(BatchModel.created_at)).all()


def batch_by_id(session: Session, identity: bytes) -> BatchModel | None:
    """A batch by its root (always known) or its id on chain (once reserved)."""
    found = session.get(BatchModel, identity)
    return found or session.scalar(select(BatchModel).where(BatchModel.batch == identity))


def batch_by_file(session: Session, agreement: str, digest: bytes) -> BatchModel | None:
    """The batch made from a file last, if it was uploaded before."""
    rows = select(BatchModel).where(BatchModel.agreement == agreement, BatchModel.file_digest == digest)
    return session.scalars(rows.order_by(BatchModel.deadline.desc())).first()


def dye_classes(session: Session) -> dict[bytes, str]:
    """Dye classes that money on accounts ever had, with their names; hex of one that nobody named here."""
    of_agreements = session.scalars(select(AgreementFileModel.dye_class).distinct())
    of_rules = session.scalars(select(RuleModel.dye_class).distinct())
    known = directory.names(session) | {name_id(name): name for name in (GENERAL, *of_agreements, *of_rules)}
    used = projections.dye_classes(session)
    return {dye_class: known.get(dye_class, dye_class.hex()) for dye_class in used}


def references_in_use(session: Session, agreement: str, references: Sequence[str], but: bytes) -> set[str]:
    """Which of the customer's references stand in a batch of an agreement, whatever its version, that is
    reserved, or on its way to be, and did not come back.

    `but`: the root of a batch that does not count.
    """
    live = (PayoutState.DRAFTED, PayoutState.ORDERED, PayoutState.DEBITED)
    on_its_way = exists().where(
        TransactionModel.key.startswith("act:Reservation:"),
        TransactionModel.state != TransactionState.FAILED,
        func.substr(TransactionModel.data, ROOT_IN_RESERVATION, 32) == BatchModel.root,
    )
    found: set[str] = set()
    for first in range(0, len(references), REFERENCES_A_QUERY):
        rows = (
            select(PayoutModel.customer_reference)
            .join(BatchModel, BatchModel.root == PayoutModel.root)
            .outerjoin(BatchRow, BatchRow.batch == BatchModel.batch)
            .where(
                BatchModel.agreement.startswith(agreement.partition("@")[0] + "@", autoescape=True),
                BatchModel.root != but,
                or_(PayoutModel.row < BatchRow.end, BatchRow.batch.is_(None) & on_its_way),
                PayoutModel.state.in_(live),
                PayoutModel.customer_reference.in_(references[first : first + REFERENCES_A_QUERY]),
            )
        )
        found.update(session.scalars(rows))
    return found


def tree_of_payout(session: Session, payout: PayoutModel) -> bytes | None:
    """The supervised account a reserved payout is paid from."""
    rows = (
        select(AccountRow.tree)
        .join(BatchRow, BatchRow.account == AccountRow.account)
        .join(BatchModel, BatchModel.batch == BatchRow.batch)
    )
    return session.scalar(rows.where(BatchModel.root == payout.root))


def payouts(session: Session, root: bytes, first: int = 0, end: int | None = None) -> Sequence[PayoutModel]:
    """Rows of a batch, in order."""
    rows = select(PayoutModel).where(PayoutModel.root == root, PayoutModel.row >= first)
    if end is not None:
        rows = rows.where(PayoutModel.row < end)
    return session.scalars(rows.order_by(PayoutModel.row)).all()


def count_payouts(session: Session, root: bytes) -> dict[str, int]:
    """How many rows of a batch are in which state."""
    rows = select(PayoutModel.state, func.count()).where(PayoutModel.root == root)
    return {state: number for state, number in session.execute(rows.group_by(PayoutModel.state))}  # noqa: C416


def ids_returned_by(session: Session, reference: bytes) -> Sequence[str]:
    """End-to-end ids of the payouts that a credit brought back, whole or in part."""
    rows = (
        select(PayoutModel.end_to_end_id)
        .join(BatchModel, BatchModel.root == PayoutModel.root)
        .join(ReturnRow, (ReturnRow.batch == BatchModel.batch) & (ReturnRow.row == PayoutModel.row))
        .where(ReturnRow.reference == reference, PayoutModel.end_to_end_id.is_not(None))
    )
    return [each for each in session.scalars(rows.order_by(ReturnRow.id)) if each is not None]


def payout_by_end_to_end_id(session: Session, end_to_end_id: str) -> PayoutModel | None:
    """A payout by the id the bank knows it by."""
    return session.scalar(select(PayoutModel).where(PayoutModel.end_to_end_id == end_to_end_id))


def chunks_without_order(session: Session, limit: int) -> Sequence[tuple[ChunkRow, BatchRow, BatchModel]]:
    """Executed chunks that nobody has ordered yet, oldest first. A settled batch has none."""
    rows = (
        select(ChunkRow, BatchRow, BatchModel)
        .join(BatchRow, BatchRow.batch == ChunkRow.batch)
        .join(BatchModel, BatchModel.batch == ChunkRow.batch)
        .outerjoin(
            OrderModel, (OrderModel.root == BatchModel.root) & (OrderModel.first_row == ChunkRow.first_row)
        )
        .where(BatchRow.settled.is_(False), OrderModel.message_id.is_(None))
        .order_by(ChunkRow.block, ChunkRow.first_row)
        .limit(limit)
    )
    return [(chunk, batch, held) for chunk, batch, held in session.execute(rows)]


def orders_in_state(session: Session, *states: OrderState) -> Sequence[str]:
    """Message ids of orders in one of the states, oldest first."""
    rows = select(OrderModel.message_id).where(OrderModel.state.in_(states))
    return session.scalars(rows.order_by(OrderModel.created_at, OrderModel.message_id)).all()


def orders(session: Session, root: bytes) -> Sequence[OrderModel]:
    """The orders of a batch, in order."""
    return session.scalars(
        select(OrderModel).where(OrderModel.root == root).order_by(OrderModel.first_row)
    ).all()


def has_unanswered(session: Session, root: bytes) -> bool:
    """Whether there is an executed row the bank has not answered for good."""
    rows = select(PayoutModel.row).where(PayoutModel.root == root, PayoutModel.state == PayoutState.ORDERED)
    return session.scalar(rows.limit(1)) is not None


def rows_in_state(session: Session, root: bytes, *states: PayoutState) -> Sequence[int]:
    """Numbers of the rows in one of the states."""
    rows = select(PayoutModel.row).where(PayoutModel.root == root, PayoutModel.state.in_(states))
    return session.scalars(rows).all()
