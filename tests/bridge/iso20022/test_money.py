"""Money as text: exact both ways, and refused when it isn't."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mockbank.schema import CURRENCY_EXPONENTS

from bridge.errors import MoneyRefused
from bridge.money import MAX_AMOUNT_MINOR, MINOR_UNIT_DIGITS, decimal_text, minor_from_decimal_text

CURRENCIES = st.sampled_from(sorted(MINOR_UNIT_DIGITS))


@given(amount_minor=st.integers(0, MAX_AMOUNT_MINOR), currency=CURRENCIES)
def test_every_amount_survives_the_round_trip(amount_minor: int, currency: str) -> None:
    assert minor_from_decimal_text(decimal_text(amount_minor, currency), currency) == amount_minor


@given(whole=st.integers(0, 10**12), currency=CURRENCIES)
def test_missing_decimals_are_zeros(whole: int, currency: str) -> None:
    assert minor_from_decimal_text(str(whole), currency) == whole * 10 ** MINOR_UNIT_DIGITS[currency]


@given(text=st.text(max_size=25), currency=CURRENCIES)
def test_any_other_text_is_refused_or_exact(text: str, currency: str) -> None:
    try:
        amount_minor = minor_from_decimal_text(text, currency)
    except MoneyRefused:
        return
    assert Decimal(amount_minor).scaleb(-MINOR_UNIT_DIGITS[currency]) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("0.01", "CNY", 1),
        ("1250", "CNY", 125_000),
        ("1250.5", "CNY", 125_050),
        ("1250", "JPY", 1250),
        ("1.234", "KWD", 1234),
        ("9999999999999999.99", "CNY", MAX_AMOUNT_MINOR),
    ],
)
def test_amounts_by_currency(text: str, currency: str, expected: int) -> None:
    assert minor_from_decimal_text(text, currency) == expected


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("-1.00", "CNY"),
        ("+1.00", "CNY"),
        ("-0.00", "CNY"),
        ("1e3", "CNY"),
        ("NaN", "CNY"),
        ("Infinity", "CNY"),
        ("", "CNY"),
        (".5", "CNY"),
        ("1.", "CNY"),
        ("1,00", "CNY"),
        ("1_000", "CNY"),
        (" 1.00", "CNY"),
        ("1.00\n", "CNY"),
        ("１.００", "CNY"),
        ("1.005", "CNY"),
        ("1.000", "CNY"),
        ("1.0", "JPY"),
        ("1.2345", "KWD"),
        ("1234567890123456789", "CNY"),
        ("12345678901234567.89", "CNY"),
        ("999999999999999999", "CNY"),
    ],
)
def test_inexact_amounts_are_refused(text: str, currency: str) -> None:
    with pytest.raises(MoneyRefused) as refused:
        minor_from_decimal_text(text, currency)
    assert refused.value.code == "amount-invalid"


@pytest.mark.parametrize("currency", ["", "cny", "RMB", "XXX", "CNYX"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(MoneyRefused) as refused:
        minor_from_decimal_text("1.00", currency)
    assert refused.value.code == "currency-unknown"


@pytest.mark.parametrize("amount_minor", [-1, MAX_AMOUNT_MINOR + 1])
def test_amounts_that_cannot_be_written_are_refused(amount_minor: int) -> None:
    with pytest.raises(MoneyRefused):
        decimal_text(amount_minor, "CNY")


def test_digits_agree_with_an_independent_table() -> None:
    """Apart from what mock-bank doesn't list: two funds codes of four digits."""
    ours = {code: digits for code, digits in MINOR_UNIT_DIGITS.items() if digits in (0, 3)}
    theirs = {code: digits for code, digits in CURRENCY_EXPONENTS.items() if code in MINOR_UNIT_DIGITS}
    assert ours == theirs
