"""camt.052, camt.053 and camt.054, versions 02 to 14, as account reports.

Read by local name, because the versions differ in wrappers (`Sts/Cd`, `Dbtr/Pty`) more than in
meaning. Source: ISO 20022 Bank-to-Customer Cash Management message definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import TYPE_CHECKING, Final

from bridge.errors import MessageRefused
from bridge.iso20022 import fields
from bridge.iso20022.model import (
    DIRECTION_SIGN,
    AccountReport,
    Balance,
    Direction,
    Entry,
    EntryDetail,
)
from bridge.iso20022.reader import local_name

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

__all__ = ["PARTS", "RELEASED", "ReportBuilder"]

PARTS: Final = ("GrpHdr", "TxDtls", "Ntry", "Stmt", "Rpt", "Ntfctn")
RELEASED: Final = ("TxDtls", "Ntry", "Stmt", "Rpt", "Ntfctn")

_REPORTS: Final = frozenset({"Stmt", "Rpt", "Ntfctn"})

MAX_ROWS: Final = 200_000
"""Entries and transactions in one file."""


@dataclass(slots=True)
class ReportBuilder:
    """Collects the parts of one message, innermost first, into account reports."""

    reports: list[AccountReport] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    details: list[EntryDetail] = field(default_factory=list)
    rows: int = 0

    def take(self, part: Element) -> None:
        """Add one part of PARTS that has just ended; parts in odd places are not the message's."""
        above = (local_name(found) for found in islice(part.iterancestors(), 3))
        match [local_name(part), *above]:
            case ["TxDtls", "NtryDtls", "Ntry", report] if report in _REPORTS:
                self._count()
                self.details.append(_detail(part))
            case ["Ntry", report, *_] if report in _REPORTS:
                self._count()
                self.entries.append(_entry(part, len(self.entries) + 1, self.details))
                self.details.clear()
            case [report, *_] if report in _REPORTS:
                self.reports.append(_report(part, tuple(self.entries)))
                self.entries.clear()

    def _count(self) -> None:
        self.rows += 1
        if self.rows > MAX_ROWS:
            raise MessageRefused(
                "message-too-large",
                f"the file has more than {MAX_ROWS} entries and transactions; ask the bank to split it.",
            )


def _report(element: Element, entries: tuple[Entry, ...]) -> AccountReport:
    account = fields.account_at(element, "Acct")
    if account is None:
        raise fields.missing(element, "Acct/Id")
    period = fields.child(element, "FrToDt")
    pages = next((found for found in element if local_name(found).endswith("Pgntn")), None)
    return AccountReport(
        report_id=fields.required_text(element, "Id"),
        sequence_number=_number(element, "ElctrncSeqNb") or _number(element, "LglSeqNb"),
        page_number=None if pages is None else _number(pages, "PgNb"),
        last_page=pages is None or fields.boolean_at(pages, "LastPgInd"),
        account=account,
        from_date=_period_date(period, "Fr"),
        to_date=_period_date(period, "To"),
        balances=tuple(map(_balance, fields.children(element, "Bal"))),
        entries=entries,
    )


def _period_date(period: Element | None, end: str) -> date | None:
    if period is None:
        return None
    return fields.date_at(period, f"{end}Dt") or fields.date_at(period, f"{end}DtTm")


def _number(element: Element, name: str) -> int | None:
    """A whole number that ISO 20022 types as a decimal; None when absent."""
    found = fields.child(element, name)
    text = fields.text_at(found)
    if found is None or text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as exc:
        raise fields.invalid(found, text, "a whole number") from exc
    if not value.is_finite() or not 0 <= value < 10**18 or value != value.to_integral_value():
        raise fields.invalid(found, text, "a whole number")
    return int(value)


def _balance(element: Element) -> Balance:
    amount = fields.amount_at(element, "Amt")
    if amount is None:
        raise fields.missing(element, "Amt")
    sign = DIRECTION_SIGN[fields.direction_at(element) or "credit"]
    return Balance(
        type_code=fields.code_or_proprietary(element, "Tp", "CdOrPrtry") or "",
        amount_minor=sign * amount[0],
        currency=amount[1],
        date=fields.date_at(element, "Dt"),
    )


def _entry(element: Element, ordinal: int, details: list[EntryDetail]) -> Entry:
    named = fields.named(element)
    amount_minor, currency = fields.positive_amount_at(element, "Amt")
    direction = fields.direction_at(named)
    if direction is None:
        raise fields.missing(element, "CdtDbtInd")
    status = fields.code_or_proprietary(named, "Sts")
    if status is None:
        raise fields.missing(element, "Sts")
    return Entry(
        ordinal=ordinal,
        amount_minor=amount_minor,
        currency=currency,
        direction=direction,
        status=status,
        reversal=fields.boolean_at(named, "RvslInd"),
        booking_date=fields.date_at(named, "BookgDt"),
        value_date=fields.date_at(named, "ValDt"),
        account_servicer_reference=fields.text_at(named, "AcctSvcrRef"),
        bank_transaction_code=_bank_transaction_code(named.get("BkTxCd")),
        details=tuple(details),
        additional_info=fields.text_at(named, "AddtlNtryInf"),
    )


def _bank_transaction_code(code: Element | None) -> str | None:
    domain = fields.child(code, "Domn")
    family = fields.child(domain, "Fmly")
    levels = (
        fields.text_at(domain, "Cd"),
        fields.text_at(family, "Cd"),
        fields.text_at(family, "SubFmlyCd"),
    )
    return "/".join(filter(None, levels)) or fields.text_at(code, "Prtry", "Cd")


def _detail(element: Element) -> EntryDetail:
    named = fields.named(element)
    references = {name: fields.text_at(found) for name, found in fields.named(named.get("Refs")).items()}
    parties, agents = fields.named(named.get("RltdPties")), fields.named(named.get("RltdAgts"))
    amount = fields.amount_at(named, "Amt") or fields.amount_at(named, "AmtDtls", "TxAmt", "Amt")
    remittance = named.get("RmtInf")
    return EntryDetail(
        direction=fields.direction_at(named) or _entry_direction(element.getparent()),
        amount_minor=None if amount is None else amount[0],
        currency=None if amount is None else amount[1],
        end_to_end_id=references.get("EndToEndId"),
        instruction_id=references.get("InstrId"),
        payment_information_id=references.get("PmtInfId"),
        message_id=references.get("MsgId"),
        uetr=references.get("UETR"),
        transaction_id=references.get("TxId"),
        account_servicer_reference=references.get("AcctSvcrRef"),
        debtor_name=fields.party_name_at(parties, "Dbtr"),
        debtor_account=fields.account_at(parties, "DbtrAcct"),
        debtor_bic=fields.bic_at(agents, "DbtrAgt"),
        creditor_name=fields.party_name_at(parties, "Cdtr"),
        creditor_account=fields.account_at(parties, "CdtrAcct"),
        creditor_bic=fields.bic_at(agents, "CdtrAgt"),
        remittance=_unstructured(remittance),
        structured_reference=fields.text_at(remittance, "Strd", "CdtrRefInf", "Ref"),
        return_reason=next(iter(fields.reasons_at(element, "RtrInf")), None) if "RtrInf" in named else None,
        additional_info=fields.text_at(named, "AddtlTxInf"),
    )


def _entry_direction(details: Element | None) -> Direction:
    """The direction of the entry around a `TxDtls`, which comes before it in every version."""
    entry = None if details is None else details.getparent()
    if entry is None:
        return "credit"
    direction = fields.direction_at(entry)
    if direction is None:
        raise fields.missing(entry, "CdtDbtInd")
    return direction


def _unstructured(remittance: Element | None) -> str | None:
    lines = (fields.text_at(line) for line in fields.children(remittance, "Ustrd"))
    return "\n".join(filter(None, lines)) or None
