"""Executed chunks → payment orders: bytes stored with the decision, sent afterwards, never made again."""

import base64
import time
from datetime import UTC, date, datetime

import structlog
from eth_utils.crypto import keccak
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bridge.bank import BankConnection, BankRefused, Submission
from bridge.chain import Chain
from bridge.crash import crash_point
from bridge.errors import OrderRefused
from bridge.iso20022 import AccountId, CreditTransfer, Party, PaymentOrder, pain001
from bridge.iso20022.order_checks import iban_is_valid, validate_order
from bridge.store import bank as bank_store
from bridge.store import payments, projections
from bridge.store.base import Database
from bridge.store.chain_models import AccountRow, BatchRow, ChunkRow
from bridge.store.models import (
    BatchModel,
    OrderModel,
    OrderState,
    PayoutModel,
    PayoutState,
    SupervisedAccountModel,
)
from contracts.ids import end_to_end_id

__all__ = ["Payer", "check_party", "give_end_to_end_ids", "is_iban", "message_id"]

CHUNKS_A_STEP = 64
SHORTEST_IBAN = 15
FIRST_WAIT_SECONDS = 0.1
MOST_WAIT_SECONDS = 300.0

log = structlog.get_logger(__name__)


def message_id(batch: bytes, first_row: int) -> str:
    """The payment file's id (29 characters), the same whenever it is derived."""
    return "DTM" + base64.b32encode(keccak(batch + first_row.to_bytes(8))[:16]).decode().rstrip("=")


def account_id(number: str, is_iban: bool) -> AccountId:
    """An account as an order names it."""
    return AccountId(iban=number) if is_iban else AccountId(other=number)


class Payer:
    """Makes orders and hands them to the bank."""

    def __init__(self, database: Database, chain: Chain, bank: BankConnection) -> None:
        self.database = database
        self.chain = chain
        self.bank = bank
        self._not_before: dict[str, float] = {}

    def make_orders(self) -> int:
        """One order per executed chunk; returns how many were made."""
        with self.database.read() as session:
            found = payments.chunks_without_order(session, CHUNKS_A_STEP)
            moments = {
                chunk.block: datetime.fromtimestamp(self.chain.block_time(chunk.block), UTC)
                for chunk, _, _ in found
            }
        if not found:
            return 0
        with self.database.begin() as session:
            day = bank_store.bank_date(session) or datetime.now(UTC).date()
            made = sum(self._try(session, *each, moments[each[0].block], day) for each in found)
        if made:
            crash_point("order-stored")
        return made

    def _try(
        self,
        session: Session,
        chunk: ChunkRow,
        batch: BatchRow,
        held: BatchModel,
        moment: datetime,
        day: date,
    ) -> bool:
        """Make one order. What nobody foresaw is a teller's task, and keeps no other order waiting."""
        try:
            with session.begin_nested():
                self._make(session, chunk, batch, held, moment, day)
                bank_store.close_task(session, "order-failed", message_id(chunk.batch, chunk.first_row))
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - a named state and a teller's task
            identity = message_id(chunk.batch, chunk.first_row)
            log.error("order-failed", order=identity, error=type(error).__name__)
            bank_store.put_task(session, "order-failed", identity, error=type(error).__name__)
            return False
        return True

    def _make(
        self,
        session: Session,
        chunk: ChunkRow,
        batch: BatchRow,
        held: BatchModel,
        moment: datetime,
        day: date,
    ) -> None:
        identity = message_id(chunk.batch, chunk.first_row)
        rows = payments.payouts(session, held.root, chunk.first_row, chunk.end_row)
        gone = {row.row for row in projections.gone_rows(session, chunk.batch) if row.kind == "skipped"}
        paid = []
        for payout in rows:
            payout.state = PayoutState.SKIPPED if payout.row in gone else PayoutState.ORDERED
            if payout.row not in gone:
                paid.append(payout)
        tree = session.get_one(AccountRow, batch.account).tree
        account = session.get_one(SupervisedAccountModel, tree)
        content, state = b"", OrderState.RECEIVED
        if paid:
            try:
                content = pain001(self._order(identity, moment, day, account, paid))
                state = OrderState.STORED
            except OrderRefused as refusal:
                log.error("order-unwritable", order=identity, code=refusal.code)
                state = OrderState.UNWRITABLE
                bank_store.put_task(
                    session, "order-unwritable", identity, code=refusal.code, message=refusal.message
                )
        session.add(
            OrderModel(
                message_id=identity,
                root=held.root,
                first_row=chunk.first_row,
                end_row=chunk.end_row,
                execution_date=day,
                content=content,
                state=state,
            )
        )

    def _order(
        self,
        identity: str,
        moment: datetime,
        day: date,
        account: SupervisedAccountModel,
        paid: list[PayoutModel],
    ) -> PaymentOrder:
        return PaymentOrder(
            message_id=identity,
            created_at=moment,
            payment_information_id=identity,
            execution_date=day,
            currency=account.currency,
            debtor=Party(account.holder, account_id(account.number, account.is_iban)),
            transfers=tuple(_transfer(payout) for payout in paid),
        )

    def send_orders(self) -> int:
        """Send stored orders; returns how many the bank answered.

        An order found in `sending` was interrupted: the bank's messages have been read before this step, so
        if it had answered, the order would be past it. The same bytes go again; the bank knows the id. An
        order that fails waits longer each time and lets the others pass. Raises BankUnreachable.
        """
        with self.database.read() as session:
            waiting = payments.orders_in_state(session, OrderState.SENDING, OrderState.STORED)
        answered = 0
        for identity in waiting:
            if time.monotonic() < self._not_before.get(identity, 0):
                continue
            content, attempts = self._start(identity)
            wait_seconds = min(FIRST_WAIT_SECONDS * 2 ** min(attempts, 16), MOST_WAIT_SECONDS)
            self._not_before[identity] = time.monotonic() + wait_seconds
            crash_point("order-sending")
            try:
                answer = self.bank.send_payment_file(content)
            except BankRefused as refusal:
                log.error("order-refused", order=identity, reason=refusal.message)
                with self.database.begin() as session:
                    bank_store.put_task(session, "order-refused", identity, message=refusal.message)
                continue
            crash_point("order-sent")
            self._record(identity, answer)
            del self._not_before[identity]
            answered += 1
        return answered

    def _start(self, identity: str) -> tuple[bytes, int]:
        with self.database.begin() as session:
            order = session.get_one(OrderModel, identity)
            order.state = OrderState.SENDING
            order.attempts += 1
            return order.content, order.attempts

    def _record(self, identity: str, answer: Submission) -> None:
        with self.database.begin() as session:
            order = session.get_one(OrderModel, identity)
            order.answer = answer.body
            if answer.outcome == "duplicate":
                order.duplicates += 1
            bank_store.close_task(session, "order-refused", identity)
            if answer.outcome != "rejected":
                order.state = OrderState.RECEIVED
                return
            # Its pain.002 names the reason of every payment and sends the rows back; should none come, a
            # teller asks the bank.
            order.state = OrderState.REJECTED
            bank_store.put_task(session, "order-rejected", identity, reason=answer.reason_code)


def _transfer(payout: PayoutModel) -> CreditTransfer:
    if payout.end_to_end_id is None:
        raise ValueError(f"row {payout.row} was never given its end-to-end id")
    return CreditTransfer(
        end_to_end_id=payout.end_to_end_id,
        amount_minor=payout.amount_minor,
        creditor=Party(payout.payee_name, account_id(payout.payee_account, is_iban(payout.payee_account))),
        instruction_id=payout.customer_reference,
        remittance=payout.purpose or None,
    )


def check_party(name: str, number: str) -> None:
    """Raise OrderRefused for an account that no payment file can name."""
    party = Party(name, account_id(number, is_iban(number)))
    transfer = CreditTransfer(end_to_end_id="X", amount_minor=1, creditor=party)
    validate_order(PaymentOrder("X", datetime.now(UTC), "X", date.max, "CNY", party, (transfer,)))


def is_iban(number: str) -> bool:
    """Whether an account number is an IBAN as an order writes it: check digits right, no spaces, capitals."""
    return len(number) >= SHORTEST_IBAN and iban_is_valid(number)


def give_end_to_end_ids(session: Session, chain: Chain, held: BatchModel) -> None:
    """Give a reserved batch's rows the ids the bank will know them by."""
    if held.batch is None:
        raise ValueError("the batch is not reserved")
    for payout in payments.payouts(session, held.root):
        payout.end_to_end_id = end_to_end_id(
            chain.deployment.chain_id, chain.deployment.Ledger, held.batch, payout.row
        )
