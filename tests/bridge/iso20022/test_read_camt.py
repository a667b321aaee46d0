"""Account reports: what is read from them, in every shape banks send."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bridge.errors import MessageRefused
from bridge.iso20022 import AccountId, Balance, read_message
from tests.bridge.iso20022.samples import ACCOUNT, balance, detail, document, entry, statement

PARTIES = (
    "<RltdPties><Dbtr>{open}<Nm>某某有限公司</Nm>{close}</Dbtr>"
    "<DbtrAcct><Id><Othr><Id>6222000000001</Id></Othr></Id></DbtrAcct></RltdPties>"
    "<RltdAgts><DbtrAgt><FinInstnId><{bic}>BKCHCNBJ</{bic}></FinInstnId></DbtrAgt></RltdAgts>"
    "<RmtInf><Ustrd>合同 2026-</Ustrd><Ustrd>0042</Ustrd>"
    "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf>"
)


def test_a_statement_is_read_whole() -> None:
    body = statement(
        entry(details=detail(more=PARTIES.format(open="<Pty>", close="</Pty>", bic="BICFI"))),
        balances=balance("OPBD", "5.00", "DBIT") + balance("CLBD", "5.00"),
        head="<StmtPgntn><PgNb>2</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"
        "<ElctrncSeqNb>7</ElctrncSeqNb><FrToDt><FrDtTm>2026-11-23T00:00:00+08:00</FrDtTm>"
        "<ToDtTm>2026-11-23T23:59:59+08:00</ToDtTm></FrToDt>",
    )
    message = read_message(document(body))
    assert (message.kind, message.version, message.message_id) == ("camt.053", "001.08", "MSG-1")
    assert message.created_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    (report,) = message.reports
    assert (report.report_id, report.sequence_number) == ("STMT-1", 7)
    assert (report.page_number, report.last_page) == (2, False)
    assert report.account == AccountId(iban="CN27DYET0000000000000001", currency="CNY")
    assert (report.from_date, report.to_date) == (date(2026, 11, 23), date(2026, 11, 23))
    assert report.balances == (
        Balance("OPBD", -500, "CNY", date(2026, 11, 23)),
        Balance("CLBD", 500, "CNY", date(2026, 11, 23)),
    )
    (only,) = report.entries
    assert (only.ordinal, only.amount_minor, only.currency, only.direction) == (1, 1000, "CNY", "credit")
    assert (only.status, only.reversal, only.account_servicer_reference) == ("BOOK", False, "REF-1")
    (row,) = only.details
    assert (row.debtor_name, row.debtor_bic) == ("某某有限公司", "BKCHCNBJ")
    assert row.debtor_account == AccountId(other="6222000000001")
    assert row.remittance == "合同 2026-\n0042"
    assert row.structured_reference == "RF18539007547034"


def test_older_versions_share_the_mapper() -> None:
    """Version 02: plain `Sts`, no `Pty`, `BIC`, amount in `AmtDtls`."""
    older = PARTIES.format(open="", close="", bic="BIC")
    transaction = detail(None, more='<AmtDtls><TxAmt><Amt Ccy="CNY">10.00</Amt></TxAmt></AmtDtls>' + older)
    body = statement(entry(status="BOOK", details=transaction))
    (report,) = read_message(document(body, "camt.053.001.02")).reports
    (row,) = report.entries[0].details
    assert report.entries[0].status == "BOOK"
    assert (row.amount_minor, row.debtor_name, row.debtor_bic) == (1000, "某某有限公司", "BKCHCNBJ")


@pytest.mark.parametrize(
    ("root", "part", "kind"),
    [
        ("BkToCstmrAcctRpt", "Rpt", "camt.052"),
        ("BkToCstmrStmt", "Stmt", "camt.053"),
        ("BkToCstmrDbtCdtNtfctn", "Ntfctn", "camt.054"),
    ],
)
@pytest.mark.parametrize("version", ["02", "08", "14"])
def test_the_message_element_names_the_kind(root: str, part: str, kind: str, version: str) -> None:
    body = statement(entry()).replace("Stmt>", f"{part}>")
    message = read_message(document(body, f"{kind}.001.{version}", root))
    assert (message.kind, message.version) == (kind, f"001.{version}")
    assert len(message.reports[0].entries) == 1


def test_envelopes_and_missing_namespaces_are_read_through() -> None:
    plain = document(statement(entry())).replace(
        b' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"', b""
    )
    wrapped = b"<message><header/>" + plain.partition(b"?>")[2] + b"</message>"
    message = read_message(wrapped)
    assert (message.kind, message.version) == ("camt.053", "")
    assert len(message.reports[0].entries) == 1


def test_whitespace_between_elements_changes_nothing() -> None:
    compact = document(statement(*(entry(reference=f"R{n}", details=detail()) for n in range(50))))
    spread = compact.replace(b"><", b">\n  <")
    assert read_message(spread) == read_message(compact)


def test_many_entries_over_many_chunks_keep_their_own_details() -> None:
    rows = (
        entry(reference=f"R{n}", details=detail("4.00", end_to_end_id=f"A{n}") + detail("6.00"))
        for n in range(3000)
    )
    (report,) = read_message(document(statement(*rows))).reports
    assert [row.account_servicer_reference for row in report.entries] == [f"R{n}" for n in range(3000)]
    assert [row.details[0].end_to_end_id for row in report.entries] == [f"A{n}" for n in range(3000)]
    assert {len(row.details) for row in report.entries} == {2}


def test_a_return_names_its_reason_and_its_payment() -> None:
    reason = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>账户已销户</AddtlInf></RtrInf>"
    (report,) = read_message(document(statement(entry(details=detail(more=reason))))).reports
    (row,) = report.entries[0].details
    assert row.return_reason is not None
    assert (row.return_reason.code, row.return_reason.text) == ("AC04", "账户已销户")
    assert row.original_end_to_end_id == "E2E-1"
    assert report.entries[0].return_reason == row.return_reason


def test_a_reversal_keeps_the_direction_the_bank_booked() -> None:
    (report,) = read_message(
        document(statement(entry(direction="DBIT", more="<RvslInd>true</RvslInd>")))
    ).reports
    assert (report.entries[0].reversal, report.entries[0].signed_minor) == (True, -1000)


def test_parts_in_odd_places_are_not_the_banks_entries() -> None:
    inner = entry(reference="INNER", details=detail(end_to_end_id="INNER"))
    nested = entry(reference="OUTER", details=f"<Odd>{inner}</Odd>")
    (report,) = read_message(document(statement(f"<Odd>{inner}</Odd>", nested))).reports
    assert [row.account_servicer_reference for row in report.entries] == ["OUTER"]
    assert report.entries[0].details == ()


def test_a_report_without_entries_is_a_report() -> None:
    (report,) = read_message(document(statement(balances=balance("OPBD", "1.00")))).reports
    assert report.entries == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "message-empty"),
        (f"<Stmt>{ACCOUNT}</Stmt>", "field-missing"),
        ("<Stmt><Id>S</Id></Stmt>", "field-missing"),
        (statement(entry().replace("<CdtDbtInd>CRDT</CdtDbtInd>", "")), "field-missing"),
        (statement(entry().replace("<Sts><Cd>BOOK</Cd></Sts>", "")), "field-missing"),
        (statement(entry().replace(' Ccy="CNY"', "")), "field-missing"),
        (statement(entry(direction="BOTH")), "field-invalid"),
        (statement(entry(dates="<BookgDt><Dt>2026-02-30</Dt></BookgDt>")), "field-invalid"),
        (statement(entry(dates="<BookgDt><Dt>23.11.2026</Dt></BookgDt>")), "field-invalid"),
        (statement(entry(more="<RvslInd>maybe</RvslInd>")), "field-invalid"),
        (statement(head="<ElctrncSeqNb>NaN</ElctrncSeqNb>"), "field-invalid"),
        (statement(head="<ElctrncSeqNb>1E9999999</ElctrncSeqNb>"), "field-invalid"),
        (statement(entry("0.00")), "amount-invalid"),
        (statement(entry("-10.00")), "amount-invalid"),
        (statement(entry("1e3")), "amount-invalid"),
        (statement(entry("NaN")), "amount-invalid"),
        (statement(entry("1234567890123456789")), "amount-invalid"),
        (statement(entry("10.001")), "amount-invalid"),
        (statement(entry("10.00", currency="JPY")), "amount-invalid"),
        (statement(entry("10.0001", currency="KWD")), "amount-invalid"),
        (statement(entry(currency="RMB")), "currency-unknown"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused(body: str, code: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        read_message(document(body))
    assert refused.value.code == code


def test_three_decimals_are_exact() -> None:
    (report,) = read_message(document(statement(entry("10.001", currency="KWD")))).reports
    assert report.entries[0].amount_minor == 10_001


def test_an_unread_message_is_named() -> None:
    with pytest.raises(MessageRefused) as refused:
        read_message(document("", "pain.001.001.09", "CstmrCdtTrfInitn"))
    assert refused.value.code == "message-unknown"
    assert refused.value.details["seen"] == "pain.001.001.09"
