"""The bridge's messages against an independent bank in its own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from bridge.bank import BankConnection, BankFile, BankRefused, BankUnreachable, HttpBank
from bridge.iso20022 import (
    AccountId,
    AccountReport,
    BankId,
    BankMessage,
    CreditTransfer,
    Movement,
    Party,
    PaymentOrder,
    balance_gap,
    content_digest,
    is_duplicate,
    movements,
    pain001,
    read_message,
    status_of_payment,
)
from tests.bridge.bank_process import HOME_CLEARING_ID, BankProcess, cny_iban, start_bank

MONDAY = date(2026, 11, 23)
THURSDAY = date(2026, 11, 26)
SUPERVISED = "SUPERVISED"
SUPERVISED_IBAN = cny_iban(1)
CLOSED_IBAN = cny_iban(2)
CLOSED_NUMBER = "6222000000002"
DEBTOR = Party("某市住房建设监管账户", AccountId(iban=SUPERVISED_IBAN), BankId(bic="MOCKNL2A"))


@pytest.fixture
def bank() -> Iterator[BankProcess]:
    with start_bank() as running:
        running.close_seeded_accounts()
        running.create_account(SUPERVISED, DEBTOR.name, SUPERVISED_IBAN, account_number="6222000000001")
        running.create_account("CLOSED", "已销户公司", CLOSED_IBAN, closed=True, account_number=CLOSED_NUMBER)
        yield running


@pytest.fixture
def connection(bank: BankProcess) -> Iterator[BankConnection]:
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield HttpBank(bank.url, client)


def transfer(end_to_end_id: str, amount_minor: int, name: str, account: AccountId, **bank: str):
    return CreditTransfer(
        end_to_end_id, amount_minor, Party(name, account, BankId(**bank)), remittance="工资"
    )


WAGES = (
    transfer(
        "PAY-1", 1000, "张三", AccountId(other="6217001111111111111"), clearing_member_id="102100099996"
    ),
    transfer("PAY-2", 2000, "李四", AccountId(iban=cny_iban(22))),
    transfer("PAY-3", 3000, "已销户公司", AccountId(iban=CLOSED_IBAN)),
    transfer(
        "PAY-4", 4000, "已销户公司", AccountId(other=CLOSED_NUMBER), clearing_member_id=HOME_CLEARING_ID
    ),
    transfer("PAY-5", 5000, "王五·买买提", AccountId(other="6217002222222222222")),
)


def order(message_id: str, transfers: tuple[CreditTransfer, ...], day: date = MONDAY) -> bytes:
    return pain001(
        PaymentOrder(
            message_id=message_id,
            created_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
            payment_information_id=f"{message_id}-1",
            execution_date=day,
            currency="CNY",
            debtor=DEBTOR,
            transfers=transfers,
        )
    )


def received(connection: BankConnection, kind: str = "") -> list[BankMessage]:
    """Every message of a kind that the bank has sent, in its order."""
    files = [file for file in connection.replay_messages() if file.kind.startswith(kind)]
    return [read_message(file.received) for file in files]


def reports(connection: BankConnection, kind: str) -> list[AccountReport]:
    return [report for message in received(connection, kind) for report in message.reports]


def moved(connection: BankConnection, kind: str) -> dict[str, Movement]:
    rows = [row for report in reports(connection, kind) for row in movements(report)]
    assert len({row.bank_reference for row in rows}) == len(rows)
    return {row.bank_reference: row for row in rows}


def test_a_batch_is_accepted_rejected_booked_and_stated(
    bank: BankProcess, connection: BankConnection
) -> None:
    bank.post_credit(SUPERVISED, 100_000, debtor={"name": "付款人", "iban": cny_iban(9)}, note="工程款")
    file = order("DT-1", WAGES)
    assert bank.findings(file) == []
    assert connection.send_payment_file(file).outcome == "received"
    (answer,) = received(connection, "pain.002")
    assert answer.status is not None
    assert (answer.status.original_message_id, answer.status.group_status) == ("DT-1", "PART")
    found = {each.end_to_end_id: status_of_payment(answer.status, each.end_to_end_id) for each in WAGES}
    assert {key: (each.status, each.reason_codes) for key, each in found.items() if each} == {
        "PAY-1": ("ACCP", ()),
        "PAY-2": ("ACCP", ()),
        "PAY-3": ("RJCT", ("AC04",)),
        "PAY-4": ("RJCT", ("AC04",)),
        "PAY-5": ("ACCP", ()),
    }
    bank.report_now(SUPERVISED)
    assert bank.advance(1) == ["2026-11-24"]
    announced, intraday, stated = (moved(connection, f"camt.05{n}") for n in (4, 2, 3))
    assert announced.keys() == intraday.keys() == stated.keys()
    assert all(content_digest(announced[key]) == content_digest(stated[key]) for key in stated)
    assert announced == {key: with_ordinal(stated[key], announced[key]) for key in stated}
    by_payment = {row.detail.end_to_end_id: row.signed_minor for row in stated.values()}
    assert by_payment == {"NOTPROVIDED": 100_000, "PAY-1": -1000, "PAY-2": -2000, "PAY-5": -5000}
    assert {row.is_booked for row in stated.values()} == {True}
    (statement,) = reports(connection, "camt.053")
    assert (balance_gap(statement), statement.sequence_number) == (0, 1)


def with_ordinal(row: Movement, like: Movement) -> Movement:
    """The place in its report is the one thing that differs between messages."""
    return replace(row, entry_ordinal=like.entry_ordinal)


def test_a_credit_keeps_its_payer_and_its_remittance(bank: BankProcess, connection: BankConnection) -> None:
    payer = {"name": "某某建设集团有限公司", "iban": cny_iban(9), "bic": "ICBKCNBJ"}
    bank.post_credit(
        SUPERVISED,
        88_800,
        debtor=payer,
        note=["合同 2026-0042", "第一期"],
        reference="HT-42",
        end_to_end_id="IN-1",
    )
    (row,) = moved(connection, "camt.054").values()
    assert (row.bank_reference, row.signed_minor, row.currency) == ("MB-RCV-1", 88_800, "CNY")
    assert (row.detail.debtor_name, row.detail.debtor_bic) == (payer["name"], payer["bic"])
    assert row.detail.debtor_account == AccountId(iban=cny_iban(9))
    assert (row.detail.remittance, row.detail.structured_reference) == ("合同 2026-0042\n第一期", "HT-42")
    assert (row.booking_date, row.detail.end_to_end_id) == (MONDAY, "IN-1")


def test_a_late_return_comes_by_pacs_004_and_as_a_credit(
    bank: BankProcess, connection: BankConnection
) -> None:
    bank.return_later(SUPERVISED, "PAY-2", days=3)
    connection.send_payment_file(order("DT-1", WAGES))
    bank.accept_again(SUPERVISED)
    bank.advance(4)
    (returned,) = received(connection, "pacs.004")
    (row,) = returned.returns
    assert (row.original_message_id, row.original_end_to_end_id) == ("DT-1", "PAY-2")
    assert (row.amount_minor, row.settlement_date) == (2000, THURSDAY)
    assert row.reason is not None
    assert row.reason.code == "AC04"
    for kind in ("camt.054", "camt.053"):
        (credit,) = (each for each in moved(connection, kind).values() if each.direction == "credit")
        assert credit.bank_reference == row.return_id == "MB-RTR-2"
        assert (credit.amount_minor, credit.booking_date) == (2000, THURSDAY)
        assert credit.detail.original_end_to_end_id == "PAY-2"
        assert credit.detail.return_reason == row.reason
        assert credit.detail.message_id == "DT-1"
    statements = reports(connection, "camt.053")
    assert [(each.sequence_number, balance_gap(each)) for each in statements] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
    ]
    assert [len(each.entries) for each in statements] == [3, 0, 0, 1]


def test_the_same_file_again_is_a_duplicate_and_pays_nothing(
    bank: BankProcess, connection: BankConnection
) -> None:
    file = order("DT-1", WAGES[:2])
    assert connection.send_payment_file(file).outcome == "received"
    again = connection.send_payment_file(file)
    assert (again.outcome, again.reason_code, again.status_code) == ("duplicate", "DUPL", 422)
    first, second = (message.status for message in received(connection, "pain.002"))
    assert first is not None
    assert second is not None
    assert (is_duplicate(first), is_duplicate(second)) == (False, True)
    assert second.original_message_id == "DT-1"
    assert bank.account(SUPERVISED)["balance"] == -3000
    assert len(bank.payments()) == 2


def test_a_file_the_bank_cannot_read_is_rejected(connection: BankConnection) -> None:
    answer = connection.send_payment_file(b"<nonsense/>")
    assert (answer.outcome, answer.reason_code) == ("rejected", "FF01")
    (message,) = received(connection, "pain.002")
    assert message.status is not None
    assert message.status.original_message_id == "NOTPROVIDED"


def test_a_statement_gap_leaves_out_the_last_debit(bank: BankProcess, connection: BankConnection) -> None:
    connection.send_payment_file(order("DT-1", WAGES[:2]))
    bank.gap_statement(SUPERVISED)
    bank.report_now(SUPERVISED)
    bank.advance(1)
    (statement,) = reports(connection, "camt.053")
    assert [row.detail.end_to_end_id for row in movements(statement)] == ["PAY-1"]
    assert balance_gap(statement) == 2000
    missing = moved(connection, "camt.054").keys() - moved(connection, "camt.053").keys()
    assert missing == {"MB-PMT-2"}
    assert missing <= moved(connection, "camt.052").keys()


def test_a_statement_gap_leaves_out_a_credit_of_that_day_first(
    bank: BankProcess, connection: BankConnection
) -> None:
    connection.send_payment_file(order("DT-1", WAGES[:1]))
    bank.post_credit(SUPERVISED, 700)
    bank.gap_statement(SUPERVISED)
    bank.advance(1)
    (statement,) = reports(connection, "camt.053")
    assert [row.signed_minor for row in movements(statement)] == [-1000]
    assert balance_gap(statement) == -700


def test_a_charge_is_a_debit_that_no_order_of_ours_asked_for(
    bank: BankProcess, connection: BankConnection
) -> None:
    charge = transfer("BANK-FEE-202611", 150, "账户管理费", AccountId(other="4000000000000000000"))
    assert bank.client.post("/payments", content=order("BANK-CHARGE-1", (charge,))).status_code == 202
    (row,) = moved(connection, "camt.054").values()
    assert (row.signed_minor, row.detail.message_id) == (-150, "BANK-CHARGE-1")
    assert row.detail.creditor_name == "账户管理费"


def test_an_accepted_payment_may_still_be_rejected_on_its_day(
    bank: BankProcess, connection: BankConnection
) -> None:
    connection.send_payment_file(order("DT-1", WAGES[:2], day=THURSDAY))
    assert received(connection, "camt.054") == []
    bank.patch_account(SUPERVISED, closed=True)
    bank.advance(3)
    first, second = (message.status for message in received(connection, "pain.002"))
    assert first is not None
    assert second is not None
    assert (first.group_status, second.group_status) == ("ACCP", None)
    later = status_of_payment(second, "PAY-2", "DT-1-1")
    assert later is not None
    assert (later.status, later.reason_codes) == ("RJCT", ("AC04",))
    assert received(connection, "camt.054") == []


def test_a_debtor_may_be_named_by_number(bank: BankProcess, connection: BankConnection) -> None:
    by_number = PaymentOrder(
        message_id="DT-9",
        created_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
        payment_information_id="DT-9-1",
        execution_date=MONDAY,
        currency="CNY",
        debtor=Party(DEBTOR.name, AccountId(other="6222000000001")),
        transfers=WAGES[:1],
    )
    assert connection.send_payment_file(pain001(by_number)).outcome == "received"
    assert bank.account(SUPERVISED)["balance"] == -1000


def test_messages_stay_until_acknowledged_and_replay_after(
    bank: BankProcess, connection: BankConnection
) -> None:
    for amount_minor in (100, 200, 300):
        bank.post_credit(SUPERVISED, amount_minor)
    first = connection.fetch_messages()
    assert connection.fetch_messages() == first
    assert len({file.key for file in first}) == 3
    assert connection.fetch_messages(after=first[0].position) == first[1:]
    bank.post_credit(SUPERVISED, 400)
    connection.acknowledge([first[0].key, first[2].key, "no such key"])
    left = connection.fetch_messages()
    assert [file.key for file in left][:1] == [first[1].key]
    assert len(left) == 2
    connection.acknowledge([file.key for file in left])
    connection.acknowledge([])
    assert connection.fetch_messages() == []
    assert connection.replay_messages()[:3] == first
    assert [file.position for file in connection.replay_messages()] == [1, 2, 3, 4]


def test_a_bank_restarted_on_its_file_keeps_keys_and_references(tmp_path: Path) -> None:
    def run(amount_minor: int) -> list[BankFile]:
        with start_bank(db=tmp_path / "bank.db") as running, httpx.Client(trust_env=False) as client:
            if amount_minor == 100:
                running.create_account(SUPERVISED, DEBTOR.name, SUPERVISED_IBAN)
            running.post_credit(SUPERVISED, amount_minor)
            return HttpBank(running.url, client).fetch_messages()

    before, after = run(100), run(200)
    assert after[:1] == before
    rows = [movements(read_message(file.received).reports[0])[0] for file in after]
    assert [row.bank_reference for row in rows] == ["MB-RCV-1", "MB-RCV-2"]


def answering(handler: Callable[[httpx.Request], httpx.Response]) -> HttpBank:
    return HttpBank("http://bank.test", httpx.Client(transport=httpx.MockTransport(handler)))


def failing(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no answer", request=request)

    return fail


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError]
)
def test_no_answer_means_the_outcome_is_unknown(error: type[httpx.TransportError]) -> None:
    with pytest.raises(BankUnreachable) as unknown:
        answering(failing(error)).send_payment_file(b"<x/>")
    assert unknown.value.code == "bank-unreachable"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, "", BankUnreachable),
        (503, "", BankUnreachable),
        (422, "not json", BankUnreachable),
        (422, "[]", BankUnreachable),
        (400, "no", BankRefused),
        (401, "no", BankRefused),
        (413, "no", BankRefused),
        (302, "", BankRefused),
    ],
)
def test_answers_are_told_from_silence(status: int, body: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        answering(lambda request: httpx.Response(status, text=body)).send_payment_file(b"<x/>")


def test_a_message_put_back_too_late_is_still_replayed(bank: BankProcess, connection: BankConnection) -> None:
    """The bank hands over all it holds: one that slips in is put back, or found by replay."""
    bank.post_credit(SUPERVISED, 100)
    (known,) = connection.fetch_messages()
    bank.post_credit(SUPERVISED, 200)
    bank.ask("GET", "/_mock/mailbox")
    assert connection.fetch_messages() == []
    assert len(connection.replay_messages(after=known.position)) == 1
