"""ISO 20022 messages: reading what banks send, writing what they are asked to pay.

Pure: bytes in, frozen data out, and back. No I/O, no clock, no randomness.
"""

from __future__ import annotations

from bridge.iso20022.model import (
    BOOKED,
    AccountId,
    AccountReport,
    Balance,
    BankMessage,
    Direction,
    Entry,
    EntryDetail,
    MessageKind,
    PaymentReturn,
    PaymentStatus,
    Reason,
    StatusReport,
)
from bridge.iso20022.movements import (
    Movement,
    balance_gap,
    content_digest,
    movements,
    repeated_references,
)
from bridge.iso20022.order import BankId, CreditTransfer, Party, PaymentOrder
from bridge.iso20022.payments import is_duplicate, status_of_payment
from bridge.iso20022.read import read_message
from bridge.iso20022.write import pain001

__all__ = [
    "BOOKED",
    "AccountId",
    "AccountReport",
    "Balance",
    "BankId",
    "BankMessage",
    "CreditTransfer",
    "Direction",
    "Entry",
    "EntryDetail",
    "MessageKind",
    "Movement",
    "Party",
    "PaymentOrder",
    "PaymentReturn",
    "PaymentStatus",
    "Reason",
    "StatusReport",
    "balance_gap",
    "content_digest",
    "is_duplicate",
    "movements",
    "pain001",
    "read_message",
    "repeated_references",
    "status_of_payment",
]
