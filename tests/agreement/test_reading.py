"""Reading text: amounts, YAML as its author meant it, and the published schema."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agreement import load
from contracts.agreement._yaml import parsed
from contracts.agreement.values import amount_text, minor_units
from contracts.errors import AgreementInvalid

Draft = Any


@given(st.integers(0, 10**18 - 1))
def test_amounts_round_trip(amount_minor: int) -> None:
    assert minor_units(amount_text(amount_minor)) == amount_minor
    assert amount_text(amount_minor, ",").replace(",", "") == amount_text(amount_minor)


@given(st.text(max_size=20))
def test_text_is_an_amount_or_a_value_error(text: str) -> None:
    try:
        amount_minor = minor_units(text)
    except ValueError:
        return
    assert amount_text(amount_minor) in (text, f"{text}.00")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_input_is_read_or_refused_with_faults(text: bytes | str) -> None:
    with pytest.raises(AgreementInvalid) as raised:
        load(text)
    assert raised.value.faults


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(AgreementInvalid, match="UTF-8"):
        load("a: \ud800")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2030-01-01T10:00:00+08:00", "2030-01-01T10:00:00+08:00"),
        ("10:30", "10:30"),
        ("+08:00", "+08:00"),
        ("no", "no"),
        ("yes", "yes"),
        ("0x10", "0x10"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("9" * 19, "9" * 19),
        ("12", 12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", float("inf")),
        ("true", True),
        ("~", None),
        ("", None),
        ("null", None),
        ("<<", "<<"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    assert parsed(f"a: {text}\n") == ({"a": value}, ())


def test_a_hidden_mark_is_refused_in_a_name_too_however_it_is_written(payouts: Draft) -> None:
    text = payouts.text.replace("东区", "东区\\u202e")
    assert text != payouts.text
    with pytest.raises(AgreementInvalid) as raised:
        load(text)
    assert [(fault.code, fault.where) for fault in raised.value.faults] == [("name-invalid", "title.zh")]


def test_a_comment_ends_where_people_see_it_end(example: Callable[[str], bytes]) -> None:
    """Editors show one comment; YAML before 1.2 would read its second half as a key."""
    text = example("courier-payouts.yaml").decode()
    hidden = text.replace("  dye_class: courier-pay\n", "  # the account's own \u2028  dye_class: pensions\n")
    assert hidden != text
    with pytest.raises(AgreementInvalid, match=r"U\+2028"):
        load(hidden)


def test_nan_is_no_amount(payouts: Draft) -> None:
    text = payouts.text.replace('"2000.00"', ".nan", 1)
    with pytest.raises(AgreementInvalid) as raised:
        load(text)
    assert {fault.code for fault in raised.value.faults} == {"amount-not-text"}


def test_dates_may_be_quoted_or_plain(example: Callable[[str], bytes]) -> None:
    plain = example("fund-east.yaml").decode()
    quoted = plain.replace("2026-01-01", '"2026-01-01"')
    assert plain != quoted
    assert load(plain).content == load(quoted).content


def test_a_byte_order_mark_is_no_content(example: Callable[[str], bytes]) -> None:
    source = example("fund-east.yaml")
    with_mark = load(b"\xef\xbb\xbf" + source)
    assert with_mark.content == load(source).content
    assert with_mark.source == b"\xef\xbb\xbf" + source


def test_text_and_bytes_are_the_same_file(example: Callable[[str], bytes]) -> None:
    source = example("courier-payouts.yaml")
    assert load(source) == load(source.decode())
