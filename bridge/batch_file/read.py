"""Reading a payout file: all of it or nothing, with every fault named at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from bridge.batch_file.checks import (
    Roster,
    amount_of,
    check_currency,
    check_end_to_end_id,
    check_purpose,
    check_text,
)
from bridge.batch_file.model import COLUMNS, MAX_ROWS, BatchFile, FaultList, PayoutLine
from bridge.batch_file.text import decoded, rows_of_fields
from bridge.money import decimal_text, minor_unit_digits

__all__ = ["read_batch_file"]

_MAX_TOTAL_MINOR: Final = 2**62 - 1
"""What a line can hold (`contracts/rows.py`)."""
_DELIMITERS: Final = {";": "semicolons", "\t": "tabs", "，": "full-width commas"}


def read_batch_file(
    content: bytes,
    *,
    currency: str,
    payees: Mapping[tuple[str, str], int],
    payout_cap_minor: int | None,
    control_total_minor: int | None,
    control_count: int | None,
) -> BatchFile:
    """The payouts of a CSV file (RFC 4180, UTF-8, the columns `COLUMNS` in any order).

    `currency` is the account's (ISO 4217), `payees` maps (name, account) to the roster index, the cap
    and the control total are minor units of it. Names and purposes are kept as they are: what would be a
    formula in a spreadsheet is text here, and is neutralised where a spreadsheet is written.

    Raises BatchFileRefused with all faults, MoneyRefused for an unknown currency. Codes of the file:
    `file-empty`, `file-too-large`, `encoding-invalid`, `nul-byte`, `column-missing`, `column-unknown`,
    `column-duplicate`, `delimiter-invalid`, `rows-missing`, `rows-too-many`, `total-too-large`,
    `control-total-mismatch`, `control-count-mismatch`.

    Codes of a row: `quotes-unbalanced`, `field-count`, `characters-invalid`, `blanks-around`, `id-empty`,
    `id-too-long`, `id-characters`, `id-duplicate`, `row-duplicate`, `payee-name-empty`,
    `payee-account-empty`, `payee-unknown`, `amount-zero`, `amount-negative`, `amount-decimals`,
    `amount-invalid`, `amount-too-large`, `over-cap`, `currency-mismatch`, `purpose-too-long`.
    """
    minor_unit_digits(currency)
    faults = FaultList()
    reader = _Reader(currency, Roster(payees), payout_cap_minor, faults)
    reader.read(decoded(content, faults))
    reader.check_controls(control_total_minor, control_count)
    faults.raise_if_any()
    rows = tuple(sorted(reader.rows, key=lambda row: row.roster_index))
    return BatchFile(rows, reader.total_minor, hashlib.sha256(content).hexdigest())


class _Reader:
    """One reading of one file."""

    def __init__(self, currency: str, roster: Roster, cap_minor: int | None, faults: FaultList) -> None:
        self._currency = currency
        self._roster = roster
        self._cap_minor = cap_minor
        self._faults = faults
        self._first_with_id: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.rows: list[PayoutLine] = []
        self.row_count = 0
        self.total_minor = 0
        self.total_is_known = True
        """False once a row's amount couldn't be read: then the total is of the others."""

    def read(self, text: str) -> None:
        """Read every row. Raises BatchFileRefused when the header or the number of rows is wrong."""
        records = rows_of_fields(text, self._faults)
        _, header = next(records, (1, None))
        if header is None:
            raise self._faults.refusal()
        places = _column_places(header, self._faults)
        last = 0
        for last, fields in records:
            self._read_record(last, fields, len(header), places)
            if self.row_count > MAX_ROWS:
                message = f"The file has more than {MAX_ROWS} rows; split it into batches."
                self._faults.add(last, None, "rows-too-many", message)
                raise self._faults.refusal()
        if not self.row_count and not self._faults.count:
            self._faults.add(None, None, "rows-missing", "The file has a header and no payout; add the rows.")

    def _read_record(self, row: int, fields: list[str] | None, width: int, places: tuple[int, ...]) -> None:
        self.row_count += 1
        if fields is None:
            self.total_is_known = False
            return
        if len(fields) != width:
            message = (
                f"The row has {len(fields)} fields and the header {width}; put quotation marks around "
                "a text with a comma, and leave no field out."
            )
            self._faults.add(row, None, "field-count", message, ",".join(fields))
            self.total_is_known = False
            return
        self._read_row(row, tuple(fields[place] for place in places))

    def _read_row(self, row: int, values: tuple[str, ...]) -> None:
        before = self._faults.count
        end_to_end_id, name, account, amount_text, currency, purpose = values
        self._check_id(row, end_to_end_id, values)
        roster_index = self._payee(row, name, account)
        amount_minor = amount_of(row, amount_text, self._currency, self._cap_minor, self._faults)
        is_ours = check_currency(row, currency, self._currency, self._faults)
        if check_text(row, "purpose", purpose, self._faults):
            check_purpose(row, purpose, self._faults)
        if amount_minor is None or not is_ours:
            self.total_is_known = False
            return
        self.total_minor += amount_minor
        if self._faults.count == before and roster_index is not None:
            self.rows.append(
                PayoutLine(row, end_to_end_id, name, account, roster_index, amount_minor, purpose)
            )

    def _check_id(self, row: int, end_to_end_id: str, values: tuple[str, ...]) -> None:
        if not check_text(row, "end_to_end_id", end_to_end_id, self._faults):
            return
        if not check_end_to_end_id(row, end_to_end_id, self._faults):
            return
        first_row, first_values = self._first_with_id.setdefault(end_to_end_id, (row, values))
        if first_row == row:
            return
        if first_values == values:
            message = f"The row repeats row {first_row}; take one of them out."
            self._faults.add(row, None, "row-duplicate", message, end_to_end_id)
        else:
            message = f"Row {first_row} has this id too; give each payout its own."
            self._faults.add(row, "end_to_end_id", "id-duplicate", message, end_to_end_id)

    def _payee(self, row: int, name: str, account: str) -> int | None:
        given = [
            self._is_given(row, "payee_name", name, "payee-name-empty"),
            self._is_given(row, "payee_account", account, "payee-account-empty"),
        ]
        return self._roster.index_of(row, name, account, self._faults) if all(given) else None

    def _is_given(self, row: int, column: str, value: str, code_if_empty: str) -> bool:
        if value:
            return check_text(row, column, value, self._faults)
        self._faults.add(row, column, code_if_empty, "The field is empty; fill it in as on the roster.")
        return False

    def check_controls(self, control_total_minor: int | None, control_count: int | None) -> None:
        """Compare with what the uploader says the file holds."""
        if control_count is not None and control_count != self.row_count:
            message = f"The file has {self.row_count} payouts and the control count is {control_count}"
            self._add_control("control-count-mismatch", message)
        if self.total_is_known and self.total_minor > _MAX_TOTAL_MINOR:
            message = "The payouts add up to more than one line can hold; split the file into batches."
            self._faults.add(None, "amount", "total-too-large", message)
        elif control_total_minor is not None and control_total_minor != self.total_minor:
            difference = self._money(abs(control_total_minor - self.total_minor))
            what = "payouts" if self.total_is_known else "amounts that could be read"
            message = (
                f"The {what} add up to {self._money(self.total_minor)}, {difference} off the control total"
            )
            self._add_control("control-total-mismatch", message)

    def _add_control(self, code: str, message: str) -> None:
        self._faults.add(None, None, code, message + "; check that the file is whole and the right one.")

    def _money(self, amount_minor: int) -> str:
        if amount_minor >= 10**18:
            return f"{amount_minor} minor units of {self._currency}"
        return f"{decimal_text(amount_minor, self._currency)} {self._currency}"


def _column_places(header: list[str], faults: FaultList) -> tuple[int, ...]:
    """Where each of `COLUMNS` stands. Raises BatchFileRefused naming every wrong column."""
    if len(header) == 1:
        for delimiter, name in _DELIMITERS.items():
            if delimiter in header[0]:
                message = f"The columns are separated by {name}; save the file with commas."
                faults.add(1, None, "delimiter-invalid", message, header[0])
                raise faults.refusal()
    for column in COLUMNS:
        if column not in header:
            message = f"The column {column} is missing; the first row must name it."
            faults.add(1, column, "column-missing", message)
        elif header.count(column) > 1:
            message = f"The column {column} is there more than once; keep one."
            faults.add(1, column, "column-duplicate", message)
    for name in header:
        if name not in COLUMNS:
            message = f"No column has this name; take it out. The columns are {', '.join(COLUMNS)}."
            faults.add(1, None, "column-unknown", message, name)
    faults.raise_if_any()
    return tuple(header.index(column) for column in COLUMNS)
