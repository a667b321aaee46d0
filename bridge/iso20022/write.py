"""Payment orders as pain.001.001.09: the same order is always the same bytes.

Every id and time comes from the caller, who stored them before; nothing is taken from a clock or
a random source, so what is sent again after a crash is what was stored. Source: ISO 20022
CustomerCreditTransferInitiationV09; element order and lengths as its schema has them.
"""

from __future__ import annotations

from datetime import UTC
from io import BytesIO
from typing import TYPE_CHECKING, Final

from lxml import etree

from bridge.errors import MoneyRefused
from bridge.iso20022.model import AccountId
from bridge.iso20022.order import BankId, CreditTransfer, Party, PaymentOrder
from bridge.iso20022.order_checks import amount_refused, validate_order
from bridge.money import decimal_text

if TYPE_CHECKING:
    from lxml.etree import _IncrementalFileWriter as XmlWriter

__all__ = ["NAMESPACE", "pain001"]

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


def pain001(order: PaymentOrder) -> bytes:
    """The order as a pain.001.001.09 file in UTF-8, one debit booked per payment.

    Deterministic. Raises OrderRefused before anything is written.
    """
    validate_order(order)
    total = _decimal(sum(transfer.amount_minor for transfer in order.transfers), order.currency)
    buffer = BytesIO()
    with etree.xmlfile(buffer, encoding="UTF-8") as xml:
        xml.write_declaration()
        with xml.element(_tag("Document"), nsmap={None: NAMESPACE}), xml.element(_tag("CstmrCdtTrfInitn")):
            _write_group_header(xml, order, total)
            _write_batch(xml, order, total)
    return buffer.getvalue()


def _write_group_header(xml: XmlWriter, order: PaymentOrder, total: str) -> None:
    with xml.element(_tag("GrpHdr")):
        _text(xml, "MsgId", order.message_id)
        _text(xml, "CreDtTm", order.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        _text(xml, "NbOfTxs", str(len(order.transfers)))
        _text(xml, "CtrlSum", total)
        with xml.element(_tag("InitgPty")):
            _text(xml, "Nm", order.initiating_party_name or order.debtor.name)


def _write_batch(xml: XmlWriter, order: PaymentOrder, total: str) -> None:
    with xml.element(_tag("PmtInf")):
        _text(xml, "PmtInfId", order.payment_information_id)
        _text(xml, "PmtMtd", "TRF")
        _text(xml, "BtchBookg", "false")
        _text(xml, "NbOfTxs", str(len(order.transfers)))
        _text(xml, "CtrlSum", total)
        with xml.element(_tag("ReqdExctnDt")):
            _text(xml, "Dt", order.execution_date.isoformat())
        _write_name(xml, "Dbtr", order.debtor)
        _write_account(xml, "DbtrAcct", order.debtor.account, order.currency)
        _write_agent(xml, "DbtrAgt", order.debtor.bank)
        for transfer in order.transfers:
            _write_transfer(xml, transfer, order.currency)


def _write_transfer(xml: XmlWriter, transfer: CreditTransfer, currency: str) -> None:
    with xml.element(_tag("CdtTrfTxInf")):
        with xml.element(_tag("PmtId")):
            _optional_text(xml, "InstrId", transfer.instruction_id)
            _text(xml, "EndToEndId", transfer.end_to_end_id)
            _optional_text(xml, "UETR", transfer.uetr)
        with xml.element(_tag("Amt")), xml.element(_tag("InstdAmt"), Ccy=currency):
            xml.write(_decimal(transfer.amount_minor, currency))
        if transfer.creditor.bank != BankId():
            _write_agent(xml, "CdtrAgt", transfer.creditor.bank)
        _write_name(xml, "Cdtr", transfer.creditor)
        _write_account(xml, "CdtrAcct", transfer.creditor.account, None)
        if transfer.purpose_code is not None:
            with xml.element(_tag("Purp")):
                _text(xml, "Cd", transfer.purpose_code)
        if transfer.remittance is not None:
            with xml.element(_tag("RmtInf")):
                _text(xml, "Ustrd", transfer.remittance)


def _write_name(xml: XmlWriter, role: str, party: Party) -> None:
    with xml.element(_tag(role)):
        _text(xml, "Nm", party.name)


def _write_account(xml: XmlWriter, role: str, account: AccountId, currency: str | None) -> None:
    with xml.element(_tag(role)):
        with xml.element(_tag("Id")):
            if account.iban is not None:
                _text(xml, "IBAN", account.iban)
            else:
                with xml.element(_tag("Othr")):
                    _text(xml, "Id", account.number)
        _optional_text(xml, "Ccy", currency)


def _write_agent(xml: XmlWriter, role: str, bank: BankId) -> None:
    """A bank; the schema wants the debtor's even when unknown, which is `NOTPROVIDED`."""
    with xml.element(_tag(role)), xml.element(_tag("FinInstnId")):
        _optional_text(xml, "BICFI", bank.bic)
        if bank.clearing_member_id is not None:
            with xml.element(_tag("ClrSysMmbId")):
                if bank.clearing_system is not None:
                    with xml.element(_tag("ClrSysId")):
                        _text(xml, "Cd", bank.clearing_system)
                _text(xml, "MmbId", bank.clearing_member_id)
        if bank.bic is None and bank.clearing_member_id is None:
            with xml.element(_tag("Othr")):
                _text(xml, "Id", "NOTPROVIDED")


def _text(xml: XmlWriter, name: str, text: str) -> None:
    with xml.element(_tag(name)):
        xml.write(text)


def _optional_text(xml: XmlWriter, name: str, text: str | None) -> None:
    if text is not None:
        _text(xml, name, text)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _decimal(amount_minor: int, currency: str) -> str:
    try:
        return decimal_text(amount_minor, currency)
    except MoneyRefused as exc:
        raise amount_refused(exc) from exc
