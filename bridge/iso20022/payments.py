"""pain.002 and pacs.004: what became of payments we ordered.

Source: ISO 20022 CustomerPaymentStatusReport and PaymentReturn message definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.errors import MessageRefused
from bridge.iso20022 import fields
from bridge.iso20022.model import PaymentReturn, PaymentStatus, Reason, StatusReport
from bridge.iso20022.reader import local_name

if TYPE_CHECKING:
    from datetime import date

    from lxml.etree import _Element as Element

__all__ = [
    "RETURN_PARTS",
    "STATUS_PARTS",
    "ReturnBuilder",
    "StatusBuilder",
    "is_duplicate",
    "status_of_payment",
]

STATUS_PARTS: Final = ("GrpHdr", "OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts")
RETURN_PARTS: Final = ("GrpHdr", "OrgnlGrpInf", "TxInf")

MAX_PAYMENTS: Final = 500_000
"""Payments in one file."""

_DUPLICATE_REASONS: Final = frozenset({"DUPL", "AM05"})


def is_duplicate(report: StatusReport) -> bool:
    """Whether the bank rejected the whole file because it has it already.

    For a file of ours it means *already received*: its payments are asked about, never sent again.
    """
    codes = {reason.code for reason in report.group_reasons}
    return report.group_status == "RJCT" and bool(codes & _DUPLICATE_REASONS)


def status_of_payment(
    report: StatusReport, end_to_end_id: str, payment_information_id: str | None = None
) -> PaymentStatus | None:
    """What the report says of one payment: the lowest level that has a status wins.

    A partly accepted group or batch says nothing of a payment it doesn't list, so that is None.
    """
    for payment in report.payments:
        if payment.original_end_to_end_id == end_to_end_id and payment.status:
            return payment
    group = PaymentStatus(None, None, None, report.group_status, report.group_reasons)
    batches = (
        batch
        for batch in report.batches
        if batch.status and batch.original_payment_information_id == payment_information_id
    )
    above = next(batches, group)
    return above if above.status not in (None, "PART") else None


@dataclass(slots=True)
class StatusBuilder:
    """Collects the parts of one pain.002."""

    group: tuple[str, str | None, str | None, tuple[Reason, ...]] | None = None
    batches: list[PaymentStatus] = field(default_factory=list)
    payments: list[PaymentStatus] = field(default_factory=list)

    def take(self, part: Element) -> None:
        """Add one part of STATUS_PARTS that has just ended."""
        name = local_name(part)
        if name == "OrgnlGrpInfAndSts":
            self.group = (
                fields.required_text(part, "OrgnlMsgId"),
                fields.text_at(part, "OrgnlMsgNmId"),
                fields.text_at(part, "GrpSts"),
                fields.reasons_at(part, "StsRsnInf"),
            )
        elif name == "TxInfAndSts":
            self.payments.append(_payment_status(part))
            _bounded(self.payments)
        elif name == "OrgnlPmtInfAndSts":
            self.batches.append(_batch_status(part))
            _bounded(self.batches)

    def report(self) -> StatusReport:
        """The whole report. Raises MessageRefused when it never named the original file."""
        if self.group is None:
            raise MessageRefused(
                "field-missing",
                "OrgnlGrpInfAndSts is missing, so the report answers no file; ask the bank which it meant.",
            )
        return StatusReport(*self.group, tuple(self.batches), tuple(self.payments))


def _batch_status(element: Element) -> PaymentStatus:
    return PaymentStatus(
        original_end_to_end_id=None,
        original_instruction_id=None,
        original_payment_information_id=fields.required_text(element, "OrgnlPmtInfId"),
        status=fields.text_at(element, "PmtInfSts"),
        reasons=fields.reasons_at(element, "StsRsnInf"),
    )


def _payment_status(element: Element) -> PaymentStatus:
    return PaymentStatus(
        original_end_to_end_id=fields.text_at(element, "OrgnlEndToEndId"),
        original_instruction_id=fields.text_at(element, "OrgnlInstrId"),
        original_payment_information_id=fields.text_at(element.getparent(), "OrgnlPmtInfId"),
        status=fields.text_at(element, "TxSts"),
        reasons=fields.reasons_at(element, "StsRsnInf"),
        account_servicer_reference=fields.text_at(element, "AcctSvcrRef"),
    )


@dataclass(slots=True)
class ReturnBuilder:
    """Collects the parts of one pacs.004."""

    settlement_date: date | None = None
    original_message_id: str | None = None
    returns: list[PaymentReturn] = field(default_factory=list)

    def take(self, part: Element) -> None:
        """Add one part of RETURN_PARTS that has just ended."""
        name, above = local_name(part), part.getparent()
        if name == "GrpHdr":
            self.settlement_date = fields.date_at(part, "IntrBkSttlmDt")
        elif name == "OrgnlGrpInf" and above is not None and local_name(above) == "PmtRtr":
            self.original_message_id = fields.text_at(part, "OrgnlMsgId")
        elif name == "TxInf":
            self.returns.append(self._payment_return(part))
            _bounded(self.returns)

    def _payment_return(self, element: Element) -> PaymentReturn:
        amount_minor, currency = fields.positive_amount_at(element, "RtrdIntrBkSttlmAmt")
        return PaymentReturn(
            return_id=fields.text_at(element, "RtrId"),
            original_message_id=fields.text_at(element, "OrgnlGrpInf", "OrgnlMsgId")
            or self.original_message_id,
            original_end_to_end_id=fields.text_at(element, "OrgnlEndToEndId"),
            original_instruction_id=fields.text_at(element, "OrgnlInstrId"),
            original_uetr=fields.text_at(element, "OrgnlUETR"),
            amount_minor=amount_minor,
            currency=currency,
            settlement_date=fields.date_at(element, "IntrBkSttlmDt") or self.settlement_date,
            reason=next(iter(fields.reasons_at(element, "RtrRsnInf")), None),
        )


def _bounded(rows: list[PaymentStatus] | list[PaymentReturn]) -> None:
    if len(rows) > MAX_PAYMENTS:
        raise MessageRefused(
            "message-too-large",
            f"the file reports on more than {MAX_PAYMENTS} payments; ask the bank to split it.",
        )
