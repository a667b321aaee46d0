"""Capture: the bank's messages are stored raw, then read into movements, statements and answers."""

from hashlib import sha256

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bridge import answers
from bridge.bank import BankConnection
from bridge.chain import Chain
from bridge.crash import crash_point
from bridge.errors import MessageRefused
from bridge.iso20022 import (
    AccountReport,
    BankMessage,
    Movement,
    content_digest,
    movements,
    read_message,
    repeated_references,
)
from bridge.sender import Sender
from bridge.store import bank as store
from bridge.store.base import Database
from bridge.store.models import (
    MessageModel,
    MessageState,
    MovementModel,
    SightingModel,
    StatementModel,
    SupervisedAccountModel,
)

__all__ = ["collect", "read_stored", "store_message"]

BANK_CURSOR = "bank-position"
MESSAGES_A_STEP = 100

log = structlog.get_logger(__name__)


def collect(database: Database, bank: BankConnection, replay: bool = False) -> int:
    """Take in what the bank has for us: store, commit, then acknowledge. Returns how many were new.

    `replay` asks for acknowledged messages too: an acknowledgement that a crash cut short may have taken a
    message from the mailbox that nobody stored.
    """
    with database.read() as session:
        after = store.setting(session, BANK_CURSOR)
    files = bank.replay_messages(after) if replay else bank.fetch_messages(after)
    if not files:
        return 0
    with database.begin() as session:
        new = sum(store_message(session, file.key, file.kind, file.received) for file in files)
        store.set_setting(session, BANK_CURSOR, max(file.position for file in files))
    crash_point("message-stored")
    bank.acknowledge([file.key for file in files])
    return new


def store_message(session: Session, key: str, kind: str, content: bytes) -> bool:
    """Store a message as it came. False when the bank's key is known already."""
    if store.message_by_key(session, key) is not None:
        return False
    session.add(MessageModel(bank_key=key, digest=sha256(content).digest(), kind=kind, content=content))
    return True


def read_stored(database: Database, chain: Chain, sender: Sender) -> int:
    """Read stored messages, each in a transaction of its own. Returns how many.

    One that cannot be read is refused, whatever the reason: it must not keep those behind it waiting.
    """
    with database.read() as session:
        waiting = store.unread_messages(session, MESSAGES_A_STEP)
    for message_id in waiting:
        try:
            with database.begin() as session:
                _read(session, session.get_one(MessageModel, message_id), chain, sender)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - a named state and a teller's task
            refusal = error if isinstance(error, MessageRefused) else _unforeseen(error)
            with database.begin() as session:
                _refuse(session, message_id, refusal)
    return len(waiting)


def _unforeseen(error: Exception) -> MessageRefused:
    return MessageRefused(
        "message-failed",
        f"Reading the message failed ({type(error).__name__}); nothing of it was taken. Report it.",
    )


def _refuse(session: Session, message_id: int, refusal: MessageRefused) -> None:
    log.warning("message-refused", message=message_id, code=refusal.code)
    message = session.get_one(MessageModel, message_id)
    message.state = MessageState.REFUSED
    message.refusal_code = refusal.code
    message.refusal = refusal.message
    store.put_task(
        session,
        "message-refused",
        str(message_id),
        code=refusal.code,
        message=refusal.message,
        kind=message.kind,
    )


def _read(session: Session, message: MessageModel, chain: Chain, sender: Sender) -> None:
    content: BankMessage = read_message(message.content)
    accounts = [store.account_by_number(session, report.account.number) for report in content.reports]
    if content.reports and not any(accounts):
        # In the transaction that looked: an account supervised meanwhile has it read again.
        _refuse(session, message.id, _account_unknown(content.reports[0]))
        return
    for report, account in zip(content.reports, accounts, strict=True):
        if account is None:
            store.put_task(
                session, "account-unknown", str(message.id), message=_account_unknown(report).message
            )
        else:
            _take_report(session, message, content.kind, account, report)
    if content.status is not None:
        answers.take_status(session, chain, sender, content.status)
    message.kind = content.kind
    message.state = MessageState.READ


def _account_unknown(report: AccountReport) -> MessageRefused:
    return MessageRefused(
        "account-unknown",
        f"The message reports account …{report.account.number[-4:]}, which is not supervised here. "
        "Register the account, or ask the bank why it was sent.",
    )


def _take_report(
    session: Session,
    message: MessageModel,
    kind: str,
    account: SupervisedAccountModel,
    report: AccountReport,
) -> None:
    repeated = set(repeated_references(report))
    statement = _take_statement(session, message, account, report) if kind == "camt.053" else None
    for movement in movements(report):
        if movement.bank_reference in repeated:
            _quarantine(session, account, movement, "the bank used one reference for two bookings")
        elif movement.is_booked:
            _take_movement(session, message, account, movement, kind, statement)


def _take_statement(
    session: Session, message: MessageModel, account: SupervisedAccountModel, report: AccountReport
) -> int:
    balances = {balance.type_code: balance for balance in report.balances}
    opening = balances.get("OPBD") or balances.get("PRCD")
    closing = balances.get("CLBD")
    day = report.to_date or (closing.date if closing else None)
    if opening is None or closing is None or day is None:
        raise MessageRefused(
            "field-missing",
            f"Statement {report.report_id} lacks its opening or closing balance or its date; ask the bank "
            "for a complete one.",
        )
    first = report.from_date or day
    if {opening.currency, closing.currency} != {account.currency} or first > day:
        raise MessageRefused(
            "statement-invalid",
            f"Statement {report.report_id} is in another currency than the account or ends before it begins; "
            "ask the bank for a correct one.",
        )
    entry_sum_minor = sum(each.signed_minor for each in movements(report) if each.is_booked)
    held = store.statement_of(session, account.tree, report.report_id, day)
    if held is not None:
        if (held.opening_minor, held.closing_minor, held.entry_sum_minor, held.from_date) != (
            opening.amount_minor,
            closing.amount_minor,
            entry_sum_minor,
            first,
        ):
            raise MessageRefused(
                "statement-conflict",
                f"Statement {report.report_id} came before with other contents; ask the bank which is right.",
            )
        return held.id
    row = StatementModel(
        tree=account.tree,
        message=message.id,
        report_id=report.report_id,
        sequence_number=report.sequence_number,
        from_date=first,
        to_date=day,
        opening_minor=opening.amount_minor,
        closing_minor=closing.amount_minor,
        entry_sum_minor=entry_sum_minor,
        currency=closing.currency,
    )
    session.add(row)
    session.flush()
    return row.id


def _take_movement(
    session: Session,
    message: MessageModel,
    account: SupervisedAccountModel,
    movement: Movement,
    kind: str,
    statement: int | None,
) -> None:
    held = store.movement_by_reference(session, account.tree, movement.bank_reference)
    if held is None:
        held = _movement_row(account, movement)
        session.add(held)
        session.flush()
    elif held.content != content_digest(movement):
        _quarantine(session, account, movement, "the same reference came with other contents before")
        return
    session.merge(SightingModel(movement=held.id, message=message.id, kind=kind, statement=statement))


def _movement_row(account: SupervisedAccountModel, movement: Movement) -> MovementModel:
    detail = movement.detail
    inbound = movement.direction == "credit"
    party_account = detail.debtor_account if inbound else detail.creditor_account
    return MovementModel(
        tree=account.tree,
        bank_reference=movement.bank_reference,
        content=content_digest(movement),
        direction=movement.direction,
        reversal=movement.reversal,
        amount_minor=movement.amount_minor,
        currency=movement.currency,
        booking_date=movement.booking_date,
        value_date=movement.value_date,
        end_to_end_id=detail.end_to_end_id,
        returned_end_to_end_id=detail.original_end_to_end_id,
        return_reason=detail.return_reason.code if detail.return_reason else None,
        counterparty_name=detail.debtor_name if inbound else detail.creditor_name,
        counterparty_account=party_account.number if party_account else None,
        remittance=detail.remittance,
    )


def _quarantine(session: Session, account: SupervisedAccountModel, movement: Movement, reason: str) -> None:
    log.warning("movement-conflict", account=account.name, reference=movement.bank_reference, reason=reason)
    store.put_task(
        session,
        "movement-conflict",
        f"{account.name}:{movement.bank_reference}",
        reason=reason,
        amount_minor=movement.amount_minor,
        direction=movement.direction,
    )
