"""Status reports and returns."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.errors import MessageRefused
from bridge.iso20022 import (
    PaymentReturn,
    Reason,
    StatusReport,
    is_duplicate,
    read_message,
    status_of_payment,
)
from tests.bridge.iso20022.samples import document

REASON = "<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>{text}</AddtlInf></StsRsnInf>"


def status_report(group: str, *batches: str, reasons: str = "") -> StatusReport:
    status = f"<GrpSts>{group}</GrpSts>" if group else ""
    original = "<OrgnlMsgId>FILE-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
    body = f"<OrgnlGrpInfAndSts>{original}{status}{reasons}</OrgnlGrpInfAndSts>" + "".join(batches)
    report = read_message(document(body, "pain.002.001.10", "CstmrPmtStsRpt")).status
    assert report is not None
    return report


def batch(status: str, *payments: str) -> str:
    state = f"<PmtInfSts>{status}</PmtInfSts>" if status else ""
    rows = "".join(payments)
    return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>B-1</OrgnlPmtInfId>{state}{rows}</OrgnlPmtInfAndSts>"


def payment(end_to_end_id: str, status: str, reasons: str = "") -> str:
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{end_to_end_id}</OrgnlEndToEndId>"
        f"<TxSts>{status}</TxSts>{reasons}</TxInfAndSts>"
    )


def test_the_lowest_level_wins() -> None:
    rejected = payment("P-2", "RJCT", REASON.format(code="AC04", text="账户已销户"))
    report = status_report("ACTC", batch("PART", payment("P-1", "ACCP"), rejected))
    accepted, refused = (status_of_payment(report, each, "B-1") for each in ("P-1", "P-2"))
    assert accepted is not None
    assert refused is not None
    assert accepted.status == "ACCP"
    assert (refused.status, refused.reason_codes, refused.additional_info) == (
        "RJCT",
        ("AC04",),
        "账户已销户",
    )
    assert refused.original_payment_information_id == "B-1"


def test_a_payment_that_is_not_listed_takes_its_batch_or_its_group() -> None:
    rejected_batch = status_report("PART", batch("RJCT"))
    found = status_of_payment(rejected_batch, "P-9", "B-1")
    assert found is not None
    assert found.status == "RJCT"
    rejected_group = status_report("RJCT", reasons=REASON.format(code="FF01", text="x"))
    found = status_of_payment(rejected_group, "P-9", "B-1")
    assert found is not None
    assert found.reason_codes == ("FF01",)


def test_a_partly_accepted_file_says_nothing_of_what_it_leaves_out() -> None:
    report = status_report("PART", batch("PART", payment("P-1", "ACCP")))
    assert status_of_payment(report, "P-9", "B-1") is None
    assert status_of_payment(status_report(""), "P-9") is None


@pytest.mark.parametrize(
    ("group", "code", "expected"), [("RJCT", "DUPL", True), ("RJCT", "FF01", False), ("ACCP", "DUPL", False)]
)
def test_duplicates_are_told_from_rejections(group: str, code: str, expected: bool) -> None:
    assert is_duplicate(status_report(group, reasons=REASON.format(code=code, text="x"))) is expected


def test_a_return_is_read() -> None:
    body = (
        "<OrgnlGrpInf><OrgnlMsgId>FILE-1</OrgnlMsgId></OrgnlGrpInf>"
        "<TxInf><RtrId>RTR-1</RtrId><OrgnlInstrId>I-1</OrgnlInstrId><OrgnlEndToEndId>P-1</OrgnlEndToEndId>"
        '<RtrdIntrBkSttlmAmt Ccy="CNY">6.00</RtrdIntrBkSttlmAmt><IntrBkSttlmDt>2026-11-26</IntrBkSttlmDt>'
        "<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf></TxInf>"
    )
    message = read_message(document(body, "pacs.004.001.09", "PmtRtr"))
    assert message.kind == "pacs.004"
    assert message.returns == (
        PaymentReturn(
            return_id="RTR-1",
            original_message_id="FILE-1",
            original_end_to_end_id="P-1",
            original_instruction_id="I-1",
            original_uetr=None,
            amount_minor=600,
            currency="CNY",
            settlement_date=date(2026, 11, 26),
            reason=Reason("AC04"),
        ),
    )


@pytest.mark.parametrize(
    ("root", "message", "body", "code"),
    [
        ("CstmrPmtStsRpt", "pain.002.001.10", "", "field-missing"),
        ("CstmrPmtStsRpt", "pain.002.001.10", "<OrgnlGrpInfAndSts/>", "field-missing"),
        ("PmtRtr", "pacs.004.001.09", "", "message-empty"),
        ("PmtRtr", "pacs.004.001.09", "<TxInf/>", "field-missing"),
    ],
)
def test_answers_that_name_nothing_are_refused(root: str, message: str, body: str, code: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        read_message(document(body, message, root))
    assert refused.value.code == code
