"""The payout file: accepted whole, or refused with every fault named."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import batch_file
from bridge.batch_file import COLUMNS, BatchFile, BatchFileRefused, RowFault, read_batch_file
from bridge.errors import MoneyRefused
from bridge.money import decimal_text

HEADER = ",".join(COLUMNS)
PAYEES = {("张三", "6222 0001"): 7, ("李四", "6222 0002"): 3, ("=Wang, Ltd", "6222 0003"): 5}
GOOD = ("E1", "张三", "6222 0001", "10.50", "CNY", "工资")


def csv_bytes(*rows: Sequence[str], header: Sequence[str] = COLUMNS) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def read(content: bytes, **changes: int | None) -> BatchFile:
    controls: dict[str, int | None] = {
        "payout_cap_minor": None,
        "control_total_minor": None,
        "control_count": None,
    }
    return read_batch_file(content, currency="CNY", payees=PAYEES, **(controls | changes))


def faults(content: bytes, **changes: int | None) -> tuple[RowFault, ...]:
    with pytest.raises(BatchFileRefused) as refused:
        read(content, **changes)
    assert refused.value.code == "batch-file-refused"
    assert refused.value.fault_count == len(refused.value.faults)
    return refused.value.faults


def only_fault(content: bytes, **changes: int | None) -> RowFault:
    (fault,) = faults(content, **changes)
    return fault


def row_with(**changes: str) -> tuple[str, ...]:
    return tuple(changes.get(column, value) for column, value in zip(COLUMNS, GOOD, strict=True))


def test_rows_come_sorted_by_roster_index_and_equal_ones_stay_in_order() -> None:
    content = csv_bytes(
        GOOD,
        ("E2", "李四", "6222 0002", "1", "CNY", ""),
        ("E3", "=Wang, Ltd", "6222 0003", "0.01", "CNY", "@x"),
        ("E4", "李四", "6222 0002", "2", "CNY", "-1"),
    )
    accepted = read(content, control_total_minor=1351, control_count=4, payout_cap_minor=1050)
    assert [(row.line, row.end_to_end_id, row.roster_index) for row in accepted.rows] == [
        (3, "E2", 3),
        (5, "E4", 3),
        (4, "E3", 5),
        (2, "E1", 7),
    ]
    assert accepted.rows[2].payee_name == "=Wang, Ltd"
    assert accepted.rows[2].purpose == "@x"
    assert accepted.total_minor == 1351
    assert accepted.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_byte_order_mark_blank_rows_and_any_line_end_are_taken(line_end: str) -> None:
    lines = [HEADER, "", ",".join(GOOD), ",,,,,", ""]
    accepted = read(b"\xef\xbb\xbf" + line_end.join(lines).encode())
    assert [row.line for row in accepted.rows] == [3]


def test_columns_may_stand_in_any_order() -> None:
    accepted = read(csv_bytes(GOOD[::-1], header=COLUMNS[::-1]))
    assert accepted.rows[0].end_to_end_id == "E1"


@pytest.mark.parametrize(
    ("code", "column", "changes"),
    [
        ("amount-zero", "amount", {"amount": "0.00"}),
        ("amount-negative", "amount", {"amount": "-1.00"}),
        ("amount-decimals", "amount", {"amount": "1.005"}),
        ("amount-invalid", "amount", {"amount": "ten"}),
        ("amount-invalid", "amount", {"amount": ""}),
        ("amount-invalid", "amount", {"amount": "1e3"}),
        ("amount-invalid", "amount", {"amount": "1,000.00"}),
        ("amount-invalid", "amount", {"amount": "NaN"}),
        ("amount-invalid", "amount", {"amount": "１２"}),
        ("amount-invalid", "amount", {"amount": " 1.00"}),
        ("amount-invalid", "amount", {"amount": "+1"}),
        ("amount-invalid", "amount", {"amount": ".5"}),
        ("amount-too-large", "amount", {"amount": "9" * 17}),
        ("amount-too-large", "amount", {"amount": "9" * 5000}),
        ("over-cap", "amount", {"amount": "5000.01"}),
        ("currency-mismatch", "currency", {"currency": "USD"}),
        ("payee-unknown", "payee_name", {"payee_name": "王五", "payee_account": "1"}),
        ("payee-unknown", "payee_account", {"payee_account": "6222 0002"}),
        ("payee-unknown", "payee_name", {"payee_name": "王五"}),
        ("payee-name-empty", "payee_name", {"payee_name": ""}),
        ("payee-account-empty", "payee_account", {"payee_account": ""}),
        ("blanks-around", "payee_name", {"payee_name": "张三 "}),
        ("blanks-around", "payee_name", {"payee_name": "\u3000张三"}),
        ("characters-invalid", "payee_name", {"payee_name": "张\u200b三"}),
        ("characters-invalid", "purpose", {"purpose": "a\tb"}),
        ("id-empty", "end_to_end_id", {"end_to_end_id": ""}),
        ("id-too-long", "end_to_end_id", {"end_to_end_id": "A" * 36}),
        ("id-characters", "end_to_end_id", {"end_to_end_id": "工资1"}),
        ("id-characters", "end_to_end_id", {"end_to_end_id": "a//b"}),
        ("id-characters", "end_to_end_id", {"end_to_end_id": "=1+1"}),
        ("purpose-too-long", "purpose", {"purpose": "长" * 141}),
    ],
)
def test_one_wrong_field_is_one_fault(code: str, column: str, changes: dict[str, str]) -> None:
    fault = only_fault(csv_bytes(row_with(**changes)), payout_cap_minor=500_000)
    assert (fault.row, fault.column, fault.code) == (2, column, code)
    assert len(fault.value) <= 60
    assert fault.value.isprintable()
    assert not fault.value.startswith(("=", "+", "-", "@"))


def test_limits_themselves_are_taken() -> None:
    accepted = read(csv_bytes(row_with(end_to_end_id="A" * 35, purpose="长" * 140, amount="9" * 16)))
    assert accepted.total_minor == int("9" * 16) * 100


def test_an_account_mix_up_is_told_apart_without_telling_the_account() -> None:
    fault = only_fault(csv_bytes(row_with(payee_account="999")))
    assert "another account" in fault.message
    assert "6222" not in fault.message


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        (b"", "file-empty", None),
        (b"\xef\xbb\xbf\r\n", "file-empty", None),
        (HEADER.encode(), "rows-missing", None),
        (csv_bytes(GOOD) + b"\0", "nul-byte", 3),
        (b"\0\0\0", "nul-byte", 1),
        (csv_bytes(GOOD).replace(b",", b";"), "delimiter-invalid", 1),
        ((HEADER + "\n").encode() + b'E1,"broken,1,1.00,CNY,x', "quotes-unbalanced", 2),
        (b'"' + HEADER.encode(), "quotes-unbalanced", 1),
        (csv_bytes(GOOD[:-1]), "field-count", 2),
        (csv_bytes((*GOOD, "more")), "field-count", 2),
        (csv_bytes(header=[*COLUMNS, "note"]), "column-unknown", 1),
        (csv_bytes(header=[*COLUMNS, "amount"]), "column-duplicate", 1),
        (csv_bytes(header=COLUMNS[1:]), "column-missing", 1),
    ],
)
def test_a_file_of_the_wrong_form_is_refused(content: bytes, code: str, row: int | None) -> None:
    fault = only_fault(content)
    assert (fault.code, fault.row) == (code, row)


def test_every_wrong_column_is_named() -> None:
    found = faults(csv_bytes(header=["id", *COLUMNS[1:-1]]))
    assert [(fault.code, fault.column) for fault in found] == [
        ("column-missing", "end_to_end_id"),
        ("column-missing", "purpose"),
        ("column-unknown", None),
    ]
    assert found[2].value == "id"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("gbk", "GBK"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16")],
)
def test_another_encoding_is_named_with_how_to_save(encoding: str, named: str) -> None:
    fault = only_fault(csv_bytes(GOOD).decode().encode(encoding))
    assert fault.code == "encoding-invalid"
    assert named in fault.message
    assert "CSV UTF-8" in fault.message


def test_an_encoding_fault_says_where() -> None:
    fault = only_fault(csv_bytes(GOOD) + b"E2,\xff\xff")
    position = len(csv_bytes(GOOD)) + len(b"E2,") + 1
    assert fault.row == 3
    assert f"byte {position}, line 3" in fault.message


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only_fault(b"x" * (batch_file.MAX_FILE_BYTES + 1)).code == "file-too-large"
    monkeypatch.setattr("bridge.batch_file.read.MAX_ROWS", 2)
    rows = [row_with(end_to_end_id=f"E{number}") for number in range(3)]
    assert only_fault(csv_bytes(*rows)).code == "rows-too-many"
    assert len(read(csv_bytes(*rows[:2])).rows) == 2


def test_a_total_beyond_a_line_is_refused() -> None:
    rows = [row_with(end_to_end_id=f"E{number}", amount="9" * 16) for number in range(5)]
    assert only_fault(csv_bytes(*rows)).code == "total-too-large"


def test_control_total_and_count_are_compared() -> None:
    found = faults(csv_bytes(GOOD), control_total_minor=1051, control_count=2)
    assert [(fault.row, fault.code) for fault in found] == [
        (None, "control-count-mismatch"),
        (None, "control-total-mismatch"),
    ]
    assert "0.01 CNY off" in found[1].message


def test_a_total_of_what_could_be_read_is_compared_too() -> None:
    found = faults(csv_bytes(GOOD, row_with(amount="x", end_to_end_id="E9")), control_total_minor=1)
    assert [fault.code for fault in found] == ["amount-invalid", "control-total-mismatch"]
    assert "amounts that could be read" in found[-1].message


def test_a_repeated_row_and_a_repeated_id_are_told_apart() -> None:
    found = faults(csv_bytes(GOOD, GOOD, row_with(amount="11")))
    assert [(fault.row, fault.code) for fault in found] == [(3, "row-duplicate"), (4, "id-duplicate")]
    assert all("ow 2" in fault.message for fault in found)


def test_an_unbalanced_quote_does_not_swallow_the_rows_after_it() -> None:
    lines = [HEADER, 'E1,"张三,6222 0001,1,CNY,x', ",".join(row_with(amount="0"))]
    found = faults("\n".join(lines).encode())
    assert [(fault.row, fault.code) for fault in found] == [(2, "quotes-unbalanced"), (3, "amount-zero")]


def test_ten_faults_are_each_named_once() -> None:
    wrong = [
        {"amount": "0"},
        {"amount": "-3"},
        {"amount": "1.234"},
        {"amount": "1e3"},
        {"amount": "900"},
        {"currency": "EUR"},
        {"payee_account": "1"},
        {"purpose": "p" * 141},
        {"end_to_end_id": "A" * 36},
        {"end_to_end_id": "E0"},
    ]
    rows = [row_with(**({"end_to_end_id": f"E{row}"} | changes)) for row, changes in enumerate(wrong)]
    found = faults(csv_bytes(*rows), payout_cap_minor=80_000, control_count=10)
    assert [(fault.row, fault.code) for fault in found] == [
        (2, "amount-zero"),
        (3, "amount-negative"),
        (4, "amount-decimals"),
        (5, "amount-invalid"),
        (6, "over-cap"),
        (7, "currency-mismatch"),
        (8, "payee-unknown"),
        (9, "purpose-too-long"),
        (10, "id-too-long"),
        (11, "id-duplicate"),
    ]


def test_faults_beyond_a_thousand_are_counted_and_never_logged() -> None:
    rows = [row_with(end_to_end_id=f"E{number}", amount="0") for number in range(1_500)]
    with pytest.raises(BatchFileRefused) as refused:
        read(csv_bytes(*rows))
    assert (len(refused.value.faults), refused.value.fault_count) == (1_000, 1_500)
    assert refused.value.details == {"fault_count": 1_500}


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(MoneyRefused, match="currency-unknown"):
        read_batch_file(
            b"",
            currency="XYZ",
            payees={},
            payout_cap_minor=None,
            control_total_minor=None,
            control_count=None,
        )


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=20
).filter(lambda text: text == text.strip())
IDS = st.from_regex(r"[A-Za-z0-9?:().,'+ -]{0,34}[A-Za-z0-9]", fullmatch=True).filter(
    lambda text: text == text.strip()
)


@given(
    payees=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5, unique=True),
    drawn=st.lists(
        st.tuples(IDS, st.integers(0, 4), st.integers(1, 10**18 - 1), NAMES), min_size=1, max_size=4
    ),
    currency=st.sampled_from(["CNY", "JPY", "KWD"]),
)
def test_what_is_written_is_read_back(
    payees: list[tuple[str, str]], drawn: list[tuple[str, int, int, str]], currency: str
) -> None:
    by_id = {item[0]: item for item in drawn}.values()
    rows = [
        (text_id, *payees[pick % len(payees)], decimal_text(amount, currency), currency, purpose)
        for text_id, pick, amount, purpose in by_id
    ]
    accepted = read_batch_file(
        csv_bytes(*rows),
        currency=currency,
        payees={payee: index for index, payee in enumerate(payees)},
        payout_cap_minor=None,
        control_total_minor=sum(item[2] for item in by_id),
        control_count=len(by_id),
    )
    back = {
        (row.end_to_end_id, row.payee_name, row.payee_account, row.amount_minor, row.purpose)
        for row in accepted.rows
    }
    assert back == {
        (text_id, *payees[pick % len(payees)], amount, purpose) for text_id, pick, amount, purpose in by_id
    }
    indexes = [row.roster_index for row in accepted.rows]
    assert indexes == sorted(indexes)


def test_a_large_file_is_read() -> None:
    rows = (f"E{number},张三,6222 0001,{number + 1}.00,CNY,工资\n" for number in range(100_000))
    accepted = read((HEADER + "\n" + "".join(rows)).encode(), control_count=100_000)
    assert accepted.total_minor == 100 * sum(range(1, 100_001))
