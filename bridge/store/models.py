"""What the bridge itself keeps: bank messages, movements, work in progress, personal data.

State machines are rows; a state changes in the transaction that does what the new state says.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.base import Base, Bytes32, Minor, UtcTime, utc_now

__all__ = [
    "AgreementFileModel",
    "ApiKeyModel",
    "AttestationModel",
    "BatchModel",
    "BreakModel",
    "BreakState",
    "ChangeModel",
    "CreditKind",
    "CreditModel",
    "DocumentModel",
    "MessageModel",
    "MessageState",
    "MovementModel",
    "NameModel",
    "OrderModel",
    "OrderState",
    "PayoutModel",
    "PayoutState",
    "RosterModel",
    "RuleModel",
    "RunModel",
    "SettingModel",
    "SightingModel",
    "StatementModel",
    "SupervisedAccountModel",
    "TaskModel",
    "TransactionModel",
    "TransactionState",
]


class SettingModel(Base):
    """Named values of this installation, such as the bank cursor."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)


class NameModel(Base):
    """The public name behind an id on chain: institution, account, quorum, class, evidence kind."""

    __tablename__ = "name"
    id: Mapped[Bytes32] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str | None]


class ChangeModel(Base):
    """Directory changes that were announced; they are applied when their delay is over."""

    __tablename__ = "directory_change"
    nonce: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    changes: Mapped[Any] = mapped_column(JSON)
    queued: Mapped[bool] = mapped_column(default=False)


class RecoveryModel(Base):
    """Recoveries of the directory that were announced, numbered by themselves; applied as changes are."""

    __tablename__ = "directory_recovery"
    nonce: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    changes: Mapped[Any] = mapped_column(JSON)
    queued: Mapped[bool] = mapped_column(default=False)


class ApiKeyModel(Base):
    """Somebody who may call the API. Only a hash of the key is kept."""

    __tablename__ = "api_key"
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[Bytes32] = mapped_column(unique=True)
    institution: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)


class SupervisedAccountModel(Base):
    """The bank account behind a tree. `rules_version` grows with every change of its rules."""

    __tablename__ = "supervised_account"
    tree: Mapped[Bytes32] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    bank: Mapped[str]
    number: Mapped[str] = mapped_column(unique=True)
    is_iban: Mapped[bool]
    currency: Mapped[str]
    holder: Mapped[str]
    opening_minor: Mapped[Minor]


class RuleModel(Base):
    """A rule that names payer, beneficiary account and purpose of a credit. Lowest `priority` first."""

    __tablename__ = "rule"
    id: Mapped[int] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32] = mapped_column(index=True)
    priority: Mapped[int]
    payer_name: Mapped[str | None]
    payer_account: Mapped[str | None]
    remittance_contains: Mapped[str | None]
    account: Mapped[str]
    dye_class: Mapped[str]
    purpose: Mapped[str]
    __table_args__ = (UniqueConstraint("tree", "priority"),)


class MessageState(StrEnum):
    """stored → read | refused"""

    STORED = "stored"
    READ = "read"
    REFUSED = "refused"


class MessageModel(Base):
    """A bank message as it came, stored and hashed before anything reads it."""

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    bank_key: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[Bytes32] = mapped_column(index=True)
    kind: Mapped[str]
    content: Mapped[bytes]
    state: Mapped[str] = mapped_column(default=MessageState.STORED, index=True)
    refusal_code: Mapped[str | None]
    refusal: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)


class MovementModel(Base):
    """A booked entry on a supervised account: once, whatever message reports it."""

    __tablename__ = "movement"
    id: Mapped[int] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32]
    bank_reference: Mapped[str]
    content: Mapped[str]
    direction: Mapped[str]
    reversal: Mapped[bool]
    amount_minor: Mapped[Minor]
    currency: Mapped[str]
    booking_date: Mapped[date | None]
    value_date: Mapped[date | None]
    end_to_end_id: Mapped[str | None] = mapped_column(index=True)
    returned_end_to_end_id: Mapped[str | None]
    return_reason: Mapped[str | None]
    counterparty_name: Mapped[str | None]
    counterparty_account: Mapped[str | None]
    remittance: Mapped[str | None]
    applied: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)
    __table_args__ = (
        UniqueConstraint("tree", "bank_reference"),
        Index("ix_movement_applied_attempts", "applied", "attempts"),
    )


class SightingModel(Base):
    """That a message reported a movement."""

    __tablename__ = "sighting"
    movement: Mapped[int] = mapped_column(primary_key=True)
    message: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    statement: Mapped[int | None]


class StatementModel(Base):
    """A camt.053: one account, one period. Amounts in minor units, balances signed."""

    __tablename__ = "statement"
    id: Mapped[int] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32]
    message: Mapped[int]
    report_id: Mapped[str]
    sequence_number: Mapped[int | None]
    from_date: Mapped[date]
    to_date: Mapped[date]
    opening_minor: Mapped[Minor]
    closing_minor: Mapped[Minor]
    entry_sum_minor: Mapped[Minor]
    currency: Mapped[str]
    __table_args__ = (UniqueConstraint("tree", "report_id", "to_date"),)


class AttestationModel(Base):
    """What was attested of an account: all credits booked since it is supervised, minor units.

    `movement` is the last one counted. Numbers repeat where an attestation failed; the latest `id` counts.
    """

    __tablename__ = "attestation"
    id: Mapped[int] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32] = mapped_column(index=True)
    number: Mapped[int]
    movement: Mapped[int]
    credits_minor: Mapped[Minor]
    statement: Mapped[Bytes32]
    transaction: Mapped[str]


class CreditKind(StrEnum):
    """What a credit becomes on chain; how far it got says its transaction.

    `cancels`: it gives back the debit of a row that went back already, so there is nothing to do on chain.
    """

    LOT = "lot"
    RETURN = "return"
    CANCELS = "cancels"


class CreditModel(Base):
    """What is done about an inbound credit: a lot, or a row that comes back, whole or in part."""

    __tablename__ = "credit"
    movement: Mapped[int] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32]
    reference: Mapped[Bytes32] = mapped_column(unique=True)
    amount_minor: Mapped[Minor]
    kind: Mapped[str]
    rule: Mapped[int | None]
    account: Mapped[str | None]
    dye_class: Mapped[str | None]
    purpose: Mapped[str | None]
    salt: Mapped[bytes]
    info: Mapped[Bytes32]
    transaction: Mapped[str | None]


class TaskModel(Base):
    """Work for a teller. Closed when what it names is done."""

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[Any] = mapped_column(JSON)
    open: Mapped[bool] = mapped_column(default=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)
    __table_args__ = (UniqueConstraint("kind", "subject"),)


class DocumentModel(Base):
    """Content and salt behind a commitment; erasable, never on chain."""

    __tablename__ = "document"
    commitment: Mapped[Bytes32] = mapped_column(primary_key=True)
    kind: Mapped[str]
    salt: Mapped[bytes]
    content: Mapped[bytes]


class AgreementFileModel(Base):
    """An agreement as its file says, with what was compiled from it. `id` is `name@version`.

    A later version of an agreement that is active has its address: the quorum adopts it as new terms.
    `clears`: whether it moves money by rules, for anyone who calls it.
    """

    __tablename__ = "agreement_file"
    id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str | None] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(index=True)
    template: Mapped[str]
    content: Mapped[bytes]
    account: Mapped[str]
    dye_class: Mapped[str]
    currency: Mapped[str]
    clause_names: Mapped[Any] = mapped_column(JSON)
    payout_cap_minor: Mapped[Minor | None]
    clears: Mapped[bool]
    arguments: Mapped[bytes]
    file_hash: Mapped[Bytes32]
    results_hash: Mapped[Bytes32]
    explanation_zh: Mapped[str]
    explanation_en: Mapped[str]
    trial: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)


class RosterModel(Base):
    """A payee of an agreement."""

    __tablename__ = "roster"
    agreement: Mapped[str] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    account: Mapped[str]
    salt: Mapped[bytes]
    __table_args__ = (UniqueConstraint("agreement", "account"),)


class BatchModel(Base):
    """An uploaded batch: drafted here, reserved by an operator's signature."""

    __tablename__ = "batch"
    root: Mapped[Bytes32] = mapped_column(primary_key=True)
    agreement: Mapped[str] = mapped_column(index=True)
    count: Mapped[int]
    total_minor: Mapped[Minor]
    deadline: Mapped[Minor]
    dye_class: Mapped[str]
    document: Mapped[Bytes32 | None]
    file_digest: Mapped[Bytes32]
    batch: Mapped[Bytes32 | None] = mapped_column(unique=True)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)
    __table_args__ = (UniqueConstraint("agreement", "file_digest", "deadline"),)


class PayoutState(StrEnum):
    """drafted → skipped | ordered → rejected | debited → returned

    `rejected` and `returned` are what the bank said; the row's way back on chain is its transaction. A row of
    which only a part came back stays `debited`.
    """

    DRAFTED = "drafted"
    SKIPPED = "skipped"
    ORDERED = "ordered"
    REJECTED = "rejected"
    DEBITED = "debited"
    RETURNED = "returned"


class PayoutModel(Base):
    """One row of a batch, with what must not be on chain."""

    __tablename__ = "payout"
    root: Mapped[Bytes32] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    roster_index: Mapped[int]
    amount_minor: Mapped[Minor]
    salt: Mapped[bytes]
    info: Mapped[Bytes32]
    customer_reference: Mapped[str] = mapped_column(index=True)
    payee_name: Mapped[str]
    payee_account: Mapped[str]
    purpose: Mapped[str]
    end_to_end_id: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=PayoutState.DRAFTED)
    reason: Mapped[str | None]
    returned_minor: Mapped[Minor] = mapped_column(default=0)
    movement: Mapped[int | None]
    __table_args__ = (Index("ix_payout_root_state", "root", "state"),)


class OrderState(StrEnum):
    """stored → sending → received | rejected; sending is asked about after a crash, never re-made

    `unwritable`: no bank may be sent it; a task names why, and its rows stay executed and unpaid.
    """

    UNWRITABLE = "unwritable"
    STORED = "stored"
    SENDING = "sending"
    RECEIVED = "received"
    REJECTED = "rejected"


class OrderModel(Base):
    """A payment file: its bytes are stored before they are sent and never made again."""

    __tablename__ = "payment_order"
    message_id: Mapped[str] = mapped_column(primary_key=True)
    root: Mapped[Bytes32]
    first_row: Mapped[int]
    end_row: Mapped[int]
    execution_date: Mapped[date]
    content: Mapped[bytes]
    state: Mapped[str] = mapped_column(default=OrderState.STORED, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    answer: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)
    __table_args__ = (UniqueConstraint("root", "first_row"),)


class TransactionState(StrEnum):
    """queued → signed → mined | failed"""

    QUEUED = "queued"
    SIGNED = "signed"
    MINED = "mined"
    FAILED = "failed"


class TransactionModel(Base):
    """A transaction to the chain: written with what causes it, signed bytes stored before broadcast."""

    __tablename__ = "transaction"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    to: Mapped[str]
    data: Mapped[bytes]
    state: Mapped[str] = mapped_column(default=TransactionState.QUEUED, index=True)
    nonce: Mapped[int | None] = mapped_column(unique=True)
    raw: Mapped[bytes | None]
    hash: Mapped[Bytes32 | None]
    block: Mapped[int | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)


class RunModel(Base):
    """A reconciliation run, kept whether or not it finds anything."""

    __tablename__ = "run"
    id: Mapped[int] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32]
    block: Mapped[int]
    statement: Mapped[int | None]
    result: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)


class BreakState(StrEnum):
    """open → proposed → confirmed; gone when a later run no longer finds it"""

    OPEN = "open"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    GONE = "gone"


class BreakModel(Base):
    """A difference with an identity that lasts over runs."""

    __tablename__ = "break"
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32]
    kind: Mapped[str]
    subject: Mapped[str]
    amount_minor: Mapped[Minor]
    currency: Mapped[str]
    message: Mapped[str]
    severity: Mapped[str]
    state: Mapped[str] = mapped_column(default=BreakState.OPEN, index=True)
    first_run: Mapped[int]
    last_run: Mapped[int]
    times_seen: Mapped[int] = mapped_column(default=1)
    proposed_by: Mapped[str | None]
    confirmed_by: Mapped[str | None]
    resolution: Mapped[Any | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=utc_now)
