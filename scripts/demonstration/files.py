"""The files the company hands in: its roster, its payouts, and what can be wrong with them."""

from pathlib import Path

from bridge.money import decimal_text
from scripts.demonstration.network import CLOSED_IBANS, ROOT

__all__ = ["FAULTS", "PAYEES", "batch_csv", "control_total", "faulty_csv", "gbk_csv", "write_agreements"]

ROWS = 240
HEADER = ("end_to_end_id", "payee_name", "payee_account", "amount", "currency", "purpose")
REFUSED_ROWS = (40, 150)
"""Rows whose payee closed the account."""
PAYEES = tuple(
    (
        f"骑手{number:03d}",
        CLOSED_IBANS[REFUSED_ROWS.index(number)] if number in REFUSED_ROWS else f"6217{number:012d}",
    )
    for number in range(ROWS)
)
FAULTS = (
    "amount-zero",
    "amount-negative",
    "amount-decimals",
    "currency-mismatch",
    "over-cap",
    "payee-unknown",
    "row-duplicate",
    "payee-name-empty",
    "id-too-long",
    "control-total-mismatch",
)


def write_agreements(directory: Path) -> None:
    """The example agreements, with a roster of the example's payees and ours."""
    examples = ROOT / "docs" / "examples"
    for name in ("courier-payouts.yaml", "fund-east.yaml"):
        (directory / name).write_bytes((examples / name).read_bytes())
    roster = (examples / "couriers.csv").read_text().rstrip("\n").splitlines()
    roster += [f"{name},{account}" for name, account in PAYEES]
    (directory / "couriers.csv").write_text("\n".join(roster) + "\n")


def _rows(prefix: str, numbers: range | tuple[int, ...]) -> list[dict[str, str]]:
    return [
        {
            "end_to_end_id": f"{prefix}-{number:04d}",
            "payee_name": PAYEES[number][0],
            "payee_account": PAYEES[number][1],
            "amount": decimal_text(amount_minor(number), "CNY"),
            "currency": "CNY",
            "purpose": "11月配送报酬",
        }
        for number in numbers
    ]


def amount_minor(number: int) -> int:
    """What courier `number` earned, minor units: 1,450.00 to 1,550.00 and some cents."""
    return 145_000 + (number * 7919) % 10_001


def control_total(numbers: range | tuple[int, ...] = range(ROWS)) -> str:
    """The sum of a file, as the company's payroll says it."""
    return decimal_text(sum(amount_minor(number) for number in numbers), "CNY")


def _csv(rows: list[dict[str, str]], columns: tuple[str, ...] = HEADER) -> str:
    lines = [",".join(columns), *(",".join(row[column] for column in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def batch_csv(prefix: str, numbers: range | tuple[int, ...] = range(ROWS)) -> bytes:
    """A file as it should be."""
    return _csv(_rows(prefix, numbers)).encode()


def faulty_csv() -> bytes:
    """240 rows with nine different faults; the tenth is a control total that does not match."""
    rows = _rows("NOV", range(ROWS))
    rows[3]["amount"] = "0.00"
    rows[17]["amount"] = "-1500.00"
    rows[29]["amount"] = "1500.005"
    rows[54]["currency"] = "USD"
    rows[88]["amount"] = "2000.01"
    rows[101]["payee_name"], rows[101]["payee_account"] = "查无此人", "6217999999999999"
    rows[130] = dict(rows[129])
    rows[166]["payee_name"] = ""
    rows[201]["end_to_end_id"] = "N" * 36
    return _csv(rows).encode()


def without_column(column: str) -> bytes:
    """A file that lacks a column."""
    return _csv(_rows("NOV", range(ROWS)), tuple(each for each in HEADER if each != column)).encode()


def gbk_csv() -> bytes:
    """A file as a Chinese spreadsheet saves it by default."""
    return _csv(_rows("NOV", range(ROWS))).encode("gbk")
