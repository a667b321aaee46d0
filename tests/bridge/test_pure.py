"""Small pure parts: identification rules, line arithmetic, account numbers, order ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.identify import Credit, Rule, identify
from bridge.ledger_lines import BatchState, line_states, resting_minor, tree_of_lines
from bridge.pay import is_iban, message_id
from bridge.trace import Map
from contracts.ids import commitment, end_to_end_id, keyed_reference


def rule(number: int, **stated: str | None) -> Rule:
    empty = dict.fromkeys(("payer_name", "payer_account", "remittance_contains"))
    return Rule(number, **{**empty, **stated}, account="a", dye_class="c", purpose="p")


def test_the_first_rule_that_matches_everything_it_states_counts() -> None:
    rules = [
        rule(1, payer_name="Acme", remittance_contains="INV"),
        rule(2, payer_name="acme"),
        rule(3, payer_account="62"),
    ]
    assert identify(rules, Credit("ACME", None, "inv 7")) == rules[0]
    assert identify(rules, Credit(" Acme ", None, None)) == rules[1]
    assert identify(rules, Credit("Other", "62", None)) == rules[2]
    assert identify(rules, Credit("Other", "62 ", "INV")) is rules[2]
    assert identify(rules, Credit(None, None, None)) is None


def test_a_rule_that_states_nothing_matches_nothing() -> None:
    assert identify([rule(1)], Credit("Acme", "62", "x")) is None


def test_lines_are_filled_and_emptied_by_their_maps() -> None:
    maps = [
        Map(1, 1, b"lot", 0, b"account", 0, 100, 1),
        Map(2, 3, b"account", 0, b"batch", 0, 60, 2),
        Map(3, 5, b"batch", 40, b"account", 100, 20, 3),
    ]
    batches = {b"batch": BatchState(60, 60, ended=True)}
    states = line_states({b"lot": 130}, maps, batches)
    assert (states[b"account"].filled, states[b"account"].emptied) == (120, 60)
    rest = {line: resting_minor(line, state, batches) for line, state in states.items()}
    assert rest == {b"lot": 30, b"account": 60, b"batch": 0}
    assert set(tree_of_lines({b"lot": b"tree"}, maps).values()) == {b"tree"}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("DE89370400440532013000", True),
        ("DE89 3704 0044 0532 0130 00", False),
        ("DE88370400440532013000", False),
        ("6222000000000001", False),
        ("CN27DYET0000000000000001", True),
        ("XX", False),
        ("DE89", False),
        ("ÄÖ89370400440532013000", False),
    ],
)
def test_an_iban_is_told_by_its_check_digits(number: str, expected: bool) -> None:
    assert is_iban(number) is expected


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**23))
def test_ids_at_the_bank_fit_and_never_change(batch: bytes, row: int) -> None:
    ledger = "0x" + "11" * 20
    identity = end_to_end_id(7788, ledger, batch, row)
    assert len(identity) == 34
    assert identity == end_to_end_id(7788, ledger, batch, row)
    assert identity != end_to_end_id(7789, ledger, batch, row)
    assert len(message_id(batch, row)) <= 35
    assert message_id(batch, row) != message_id(batch, row + 1)


def test_references_are_keyed_and_parts_are_kept_apart() -> None:
    key = b"k" * 32
    assert keyed_reference(key, "ab", "c") != keyed_reference(key, "a", "bc")
    assert keyed_reference(key, "a") != keyed_reference(b"x" * 32, "a")


def test_a_commitment_needs_a_real_salt() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        commitment(b"short", b"content")
