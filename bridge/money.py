"""Money as text: exact, in integer minor units, by ISO 4217.

Source: ISO 4217 list one (active codes and their minor-unit exponents); ISO 20022
`ActiveOrHistoricCurrencyAndAmount` (at most 18 digits, never negative).
"""

from __future__ import annotations

import re
from typing import Final

from bridge.errors import MoneyRefused

__all__ = [
    "MAX_AMOUNT_MINOR",
    "MINOR_UNIT_DIGITS",
    "decimal_text",
    "minor_from_decimal_text",
    "minor_unit_digits",
]

MAX_AMOUNT_MINOR: Final = 10**18 - 1
"""18 digits of minor units: what a bank statement can write, and below 2^62."""

_CODES_BY_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL "
        "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
        "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
        "TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

MINOR_UNIT_DIGITS: Final[dict[str, int]] = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}
"""ISO 4217 alphabetic code → number of decimals."""

_DECIMAL: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,17}))?")


def minor_unit_digits(currency: str) -> int:
    """The number of decimals of `currency` (ISO 4217 alphabetic code).

    Raises MoneyRefused `currency-unknown`.
    """
    digits = MINOR_UNIT_DIGITS.get(currency)
    if digits is None:
        raise MoneyRefused(
            "currency-unknown",
            f"{currency!r} is not an active ISO 4217 currency; correct the code at its source.",
            currency=currency,
        )
    return digits


def minor_from_decimal_text(text: str, currency: str) -> int:
    """The integer minor units that `text` states in `currency`; zero or more, never rounded.

    Takes ASCII digits and one point only: no sign, exponent, grouping, space or NaN, at most 18
    digits, and no more decimals than the currency has (not even zeros: a bank that writes
    `100.00` JPY may mean something else). Raises MoneyRefused.
    """
    digits = minor_unit_digits(currency)
    match = _DECIMAL.fullmatch(text)
    if match is None or sum(len(part) for part in match.groups("")) > 18:
        raise _amount_invalid(text, currency, "is not a plain decimal number of at most 18 digits")
    whole, fraction = match.groups("")
    if len(fraction) > digits:
        raise _amount_invalid(text, currency, f"has more than the {digits} decimals of {currency}")
    amount_minor = int(whole + fraction.ljust(digits, "0"))
    if amount_minor > MAX_AMOUNT_MINOR:
        raise _amount_invalid(text, currency, "is more than 18 digits of minor units")
    return amount_minor


def decimal_text(amount_minor: int, currency: str) -> str:
    """`amount_minor` (0 … 10^18 − 1) as the decimal text of ISO 20022, all decimals written.

    The inverse of `minor_from_decimal_text`. Raises MoneyRefused.
    """
    digits = minor_unit_digits(currency)
    if not 0 <= amount_minor <= MAX_AMOUNT_MINOR:
        raise _amount_invalid(str(amount_minor), currency, "is outside 0 … 10^18 − 1 minor units")
    if digits == 0:
        return str(amount_minor)
    whole, fraction = divmod(amount_minor, 10**digits)
    return f"{whole}.{fraction:0{digits}d}"


def _amount_invalid(text: str, currency: str, why: str) -> MoneyRefused:
    shown = text if len(text) <= 40 else text[:40] + "…"
    return MoneyRefused(
        "amount-invalid",
        f"{shown!r} {why}; ask for it to be sent again with an exact amount.",
        text=shown,
        currency=currency,
    )
