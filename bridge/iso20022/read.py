"""A bank's XML message, as bytes, to plain frozen data.

The answer never depends on the file's name or its envelope: the message element decides, whatever
wraps it and whatever namespace it has (SIX's, or none, as real banks send).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from bridge.errors import MessageRefused
from bridge.iso20022 import camt, fields, payments
from bridge.iso20022.model import (
    AccountReport,
    BankMessage,
    MessageKind,
    PaymentReturn,
    StatusReport,
)
from bridge.iso20022.reader import MAX_FILE_BYTES, first_elements, local_name, parts

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

__all__ = ["KINDS", "read_message"]

KINDS: Final[Mapping[str, MessageKind]] = MappingProxyType(
    {
        "BkToCstmrAcctRpt": "camt.052",
        "BkToCstmrStmt": "camt.053",
        "BkToCstmrDbtCdtNtfctn": "camt.054",
        "CstmrPmtStsRpt": "pain.002",
        "PmtRtr": "pacs.004",
    }
)
"""Message element → the message it is."""

_ENVELOPE_ELEMENTS: Final = 32
"""How many elements may come before the message element (a wrapper with its own header)."""

_VERSION: Final = re.compile(r"(?:camt|pain|pacs)\.[0-9]{3}\.([0-9]{3}\.[0-9]{2})")


@dataclass(slots=True)
class _Header:
    message_id: str | None = None
    created_at: datetime | None = None

    def take(self, part: Element) -> None:
        if local_name(part) == "GrpHdr":
            self.message_id = fields.required_text(part, "MsgId")
            self.created_at = fields.datetime_at(part, "CreDtTm")


def read_message(data: bytes, max_bytes: int = MAX_FILE_BYTES) -> BankMessage:
    """Read one camt.052, camt.053, camt.054, pain.002 or pacs.004 of any version.

    Raises MessageRefused (its codes are listed there). A balance that doesn't add up, an unknown
    account or a failing XSD is no refusal: the caller records what it finds.
    """
    if len(data) > max_bytes:
        raise MessageRefused(
            "message-too-large",
            f"the file has {len(data)} bytes and {max_bytes} are read; ask the sender to split it.",
        )
    kind, version = _identify(first_elements(data, _ENVELOPE_ELEMENTS))
    if kind == "pain.002":
        status = payments.StatusBuilder()
        header = _walk(data, payments.STATUS_PARTS, ("TxInfAndSts",), status)
        return _message(kind, version, header, status=status.report())
    if kind == "pacs.004":
        returned = payments.ReturnBuilder()
        header = _walk(data, payments.RETURN_PARTS, ("TxInf",), returned)
        _refuse_empty(kind, returned.returns)
        return _message(kind, version, header, returns=tuple(returned.returns))
    report = camt.ReportBuilder()
    header = _walk(data, camt.PARTS, camt.RELEASED, report)
    _refuse_empty(kind, report.reports)
    return _message(kind, version, header, reports=tuple(report.reports))


class _Builder(Protocol):
    def take(self, part: Element) -> None: ...


def _walk(data: bytes, names: Sequence[str], released: Sequence[str], builder: _Builder) -> _Header:
    header = _Header()
    for part in parts(data, names, released, max_bytes=len(data)):
        header.take(part)
        builder.take(part)
    return header


def _identify(seen: Sequence[tuple[str, str]]) -> tuple[MessageKind, str]:
    """The kind and version of the first message element among `seen`."""
    for namespace, name in seen:
        kind = KINDS.get(name)
        if kind is not None:
            version = _VERSION.search(namespace)
            return kind, version[1] if version else ""
    namespace, name = next((row for row in seen if "iso:20022" in row[0]), seen[0])
    shown = namespace.rpartition(":")[2] or name
    raise MessageRefused(
        "message-unknown",
        f"the file is {shown[:80]!r}; read are {', '.join(KINDS.values())}. Ask the sender for one of them.",
        seen=shown[:80],
        read=tuple(KINDS.values()),
    )


def _refuse_empty(kind: MessageKind, found: Sequence[object]) -> None:
    if not found:
        raise MessageRefused(
            "message-empty",
            f"the {kind} reports on nothing; ask the bank whether the file is complete.",
            kind=kind,
        )


def _message(
    kind: MessageKind,
    version: str,
    header: _Header,
    *,
    reports: tuple[AccountReport, ...] = (),
    status: StatusReport | None = None,
    returns: tuple[PaymentReturn, ...] = (),
) -> BankMessage:
    if header.message_id is None:
        raise MessageRefused(
            "field-missing", "GrpHdr/MsgId is missing; ask the sender for a complete message."
        )
    return BankMessage(kind, version, header.message_id, header.created_at, reports, status, returns)
