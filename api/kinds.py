"""What kind of failure an error is: the one table behind HTTP statuses and exit codes."""

from dataclasses import dataclass

from bridge.bank import BankUnreachable
from bridge.batch_file import BatchFileRefused
from bridge.errors import (
    BridgeError,
    ChainDiverged,
    ChainRefused,
    ChainUnreachable,
    Conflict,
    Forbidden,
    Invalid,
    MessageRefused,
    MoneyRefused,
    NotFound,
    OrderRefused,
)
from bridge.trace.model import TraceBroken, TraceTooLarge
from contracts.errors import AgreementInvalid, RowsInvalid

__all__ = ["KINDS", "PROBLEM_TYPE", "Kind", "kind_of"]

PROBLEM_TYPE = "urn:dyetrace:problem:"
"""A problem's `type` is this and the name of its kind."""


@dataclass(frozen=True)
class Kind:
    """One kind of failure, as the API and the command line show it."""

    name: str
    title: str
    status: int
    exit_code: int
    retry_after_seconds: int | None = None


KINDS = {
    kind.name: kind
    for kind in (
        Kind("malformed", "The request cannot be read", 400, 1),
        Kind("unauthenticated", "Who calls is not known", 401, 3),
        Kind("forbidden", "Not for this caller", 403, 3),
        Kind("not-found", "Not found", 404, 4),
        Kind("method-not-allowed", "Not that way", 405, 2),
        Kind("conflict", "It contradicts what is there", 409, 5),
        Kind("refused", "The contracts refuse", 409, 6),
        Kind("too-large", "The request is too large", 413, 1),
        Kind("invalid", "The input cannot be used", 422, 1),
        Kind("internal", "Something went wrong here", 500, 1),
        Kind("upstream", "The chain or the bank failed", 502, 1),
        Kind("unreachable", "Not now", 503, 75, retry_after_seconds=5),
        Kind("diverged", "Chain and database disagree", 503, 7, retry_after_seconds=60),
    )
}

_BY_ERROR: dict[type[Exception], str] = {
    NotFound: "not-found",
    Conflict: "conflict",
    ChainRefused: "refused",
    Invalid: "invalid",
    MoneyRefused: "invalid",
    MessageRefused: "invalid",
    OrderRefused: "invalid",
    BatchFileRefused: "invalid",
    AgreementInvalid: "invalid",
    RowsInvalid: "invalid",
    TraceTooLarge: "invalid",
    TraceBroken: "internal",
    Forbidden: "forbidden",
    ChainUnreachable: "unreachable",
    BankUnreachable: "unreachable",
    ChainDiverged: "diverged",
    BridgeError: "upstream",
}


def kind_of(error: Exception) -> Kind:
    """The kind of an error; `internal` for one that nobody raises on purpose."""
    if isinstance(error, Forbidden) and error.code.startswith("key-"):
        return KINDS["unauthenticated"]
    found = (_BY_ERROR[base] for base in type(error).__mro__ if base in _BY_ERROR)
    return KINDS[next(found, "internal")]
