"""The errors of the bridge: one base, a stable code on each.

BridgeError
├── MoneyRefused      an amount or a currency that can't be read or written exactly
├── MessageRefused    a bank's file that is not taken in
└── OrderRefused      a payment order that is not written
"""

from __future__ import annotations

__all__ = ["BridgeError", "MessageRefused", "MoneyRefused", "OrderRefused"]


class BridgeError(Exception):
    """Base of everything the bridge raises on purpose."""

    code: str
    """Stable, kebab-case: the API, the command line and the console show the same."""
    message: str
    """One or two sentences for a person; the last says what to do next."""
    details: dict[str, object]
    """What was observed, by name; nothing secret."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


class MoneyRefused(BridgeError):
    """`amount-invalid` or `currency-unknown`."""


class MessageRefused(BridgeError):
    """A message from a bank that is not taken in; the stored raw file stays as it came.

    Codes: `message-too-large`, `message-too-deep`, `message-not-xml`, `message-doctype`,
    `message-unknown`, `message-empty`, `field-missing`, `field-invalid`, `amount-invalid`,
    `currency-unknown`.
    """


class OrderRefused(BridgeError):
    """A payment order that no bank may be sent; nothing was written.

    Codes: `order-empty`, `order-too-large`, `order-field-length`, `order-field-characters`,
    `order-field-invalid`, `order-reference-repeated`, `order-amount-invalid`, `currency-unknown`.
    """


class ChainError(BridgeError):
    """Anything that went wrong on the way to the chain."""


class ChainUnreachable(ChainError):
    """`chain-unreachable`: no usable answer; what was sent may have been taken."""


class ChainRefused(ChainError):
    """The contracts refused: the code is the refusal's, details carry clause, guard, limit, observed."""


class ChainDiverged(ChainError):
    """`chain-diverged` or `chain-wrong`: not the chain this database was built from; nothing goes on."""


class TransactionFailed(ChainError):
    """A transaction that was mined and reverted."""


class NotFound(BridgeError):
    """Something asked for by an id or name that does not exist."""


class Conflict(BridgeError):
    """What was asked contradicts what is there already."""


class Invalid(BridgeError):
    """Input that cannot be used."""


class Forbidden(BridgeError):
    """Not for this caller."""
