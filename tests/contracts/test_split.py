"""Split: terms, clear."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.ids import account_line, name_id
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    COURIER,
    INSURER,
    PARTS,
    PAYER,
    PLATFORM,
    REST,
    Share,
    idle_split,
    moved,
    named,
    open_shares,
    resting,
    split,
)
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    QUORUM,
    TREE,
    WAGES,
    World,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
)
from tests.samples import examples

PLACES = (COURIER, PLATFORM, INSURER, REST)
STRAY = name_id("stray")


@pytest.fixture
def sharing(world: World) -> Contract:
    open_shares(world)
    return split(world)


def expected(parts: tuple[Share, ...], total: int) -> list[int]:
    """What the parts say, written another way."""
    fees = []
    left = total
    for _, fee, _, _ in parts:
        fees.append(min(fee, left))
        left -= fees[-1]
    got = []
    for fee, (_, _, share, cap) in zip(fees, parts, strict=True):
        whole = fee + left * share // 10_000
        got.append(min(whole, cap) if cap else whole)
    return [*got, total - sum(got)]


def test_nobody_else_draws_on_what_is_to_be_divided(world: World, sharing: Contract) -> None:
    assert sharing.holds_deposits()
    with reverts("accounts: an agreement holds deposits there"):
        world.disbursement()


def test_clear_divides_what_rests(world: World, sharing: Contract) -> None:
    world.fund(10_000)
    assert sharing.clear(sender=attacker) == 1
    maps = moved(sharing)
    divided = named(sharing, "Divided")
    # 120 of fees; 25% of 9,880; 10% of it is more than the cap of 150.
    assert (divided.receipt, divided.total, divided.amounts) == (1, 10_000, (2_570, 150, 20, 7_260))
    assert [(held.destination, held.amount) for held in maps] == [
        (account_line(account, WAGES), amount)
        for account, amount in zip(PLACES, divided.amounts, strict=True)
    ]
    assert {held.info for held in maps} == {(1).to_bytes(32)}
    assert [resting(world, account) for account in (TREE, *PLACES)] == [0, 2_570, 150, 20, 7_260]
    held = sharing.receipt(1)
    assert (held.total, held.refunded, sharing.receipts()) == (10_000, 0, 1)


def test_each_clearing_is_a_receipt_of_its_own(world: World, sharing: Contract) -> None:
    for number, total in enumerate((400, 70), 1):
        world.fund(total)
        assert sharing.clear() == number
        assert named(sharing, "Divided").amounts == tuple(expected(PARTS, total))
        assert sharing.receipt(number).total == total
    assert resting(world, COURIER) == 100 + 280 * 25 // 100 + 70


@pytest.mark.parametrize(
    ("total", "amounts"),
    [(1, (1, 0, 0, 0)), (100, (100, 0, 0, 0)), (110, (100, 0, 10, 0)), (121, (100, 0, 20, 1))],
)
def test_fees_come_first_as_far_as_the_money_reaches(
    world: World, sharing: Contract, total: int, amounts: tuple[int, ...]
) -> None:
    world.fund(total)
    sharing.clear()
    assert named(sharing, "Divided").amounts == amounts
    assert all(held.amount > 0 for held in moved(sharing))


def test_clear_needs_money_that_may_move(world: World, sharing: Contract) -> None:
    with reverts("split: nothing to divide"):
        sharing.clear()
    world.fund(500)
    world.freeze(TREE, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        sharing.clear()
    world.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    world.pause(True, [bank_supervisor])
    with reverts("accounts: paused"):
        sharing.clear()
    assert sharing.receipts() == 0


def test_clear_leaves_other_classes_alone(world: World, sharing: Contract) -> None:
    world.fund(500, dye_class=name_id("materials"))
    with reverts("split: nothing to divide"):
        sharing.clear()


def test_clear_before_activation(world: World) -> None:
    open_shares(world)
    idle = idle_split(world)
    world.fund(500)
    with reverts("accounts: agreement not granted"):
        idle.clear()


@pytest.mark.parametrize("account", PLACES)
def test_no_partys_account_closes_while_refunds_draw_on_it(
    world: World, sharing: Contract, account: bytes
) -> None:
    with reverts("accounts: an agreement draws on it"):
        world.close(account)


def test_terms_are_shown_and_stay(world: World, sharing: Contract) -> None:
    assert [(p.account, p.fee_minor, p.share_bp, p.cap_minor) for p in sharing.parts()] == list(PARTS)
    assert sharing.accounts() == (TREE, *PLACES)
    assert (sharing.account(), sharing.DYE_CLASS(), sharing.REFUND_TO()) == (TREE, WAGES, PAYER)
    assert (sharing.state(), list(sharing.terms())) == (1, [])
    assert sharing.terms_hash() != idle_split(world, parts=PARTS[:2]).terms_hash()
    with reverts("split: terms do not change"):
        sharing.adopt(b"")


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("split: no parts", {"parts": []}),
        ("split: empty part", {"parts": [(COURIER, 0, 0, 5)]}),
        ("split: cap below the fee", {"parts": [(COURIER, 6, 0, 5)]}),
        ("split: shares above the whole", {"parts": [(COURIER, 0, 10_001, 0)]}),
        ("split: shares above the whole", {"parts": [(COURIER, 0, 6_000, 0), (PLATFORM, 0, 4_001, 0)]}),
        ("split: shares above the whole", {"parts": [(COURIER, 0, 2**256 - 1, 0), (PLATFORM, 0, 1, 0)]}),
        ("parties: amount out of bounds", {"parts": [(COURIER, 2**62 + 1, 0, 0)]}),
        ("parties: named twice", {"parts": [(COURIER, 1, 0, 0), (COURIER, 2, 0, 0)]}),
        ("parties: named twice", {"parts": [(TREE, 1, 0, 0)]}),
        ("parties: named twice", {"remainder_to": COURIER}),
        ("parties: named twice", {"remainder_to": TREE}),
        ("parties: named twice", {"refund_to": COURIER}),
        ("parties: named twice", {"refund_to": REST}),
        ("parties: named twice", {"refund_to": TREE}),
        ("parties: account not open", {"refund_to": STRAY}),
        ("parties: account not open", {"remainder_to": STRAY}),
        ("parties: account not open", {"parts": [(bytes(32), 1, 0, 0)]}),
    ],
)
def test_terms_that_make_no_sense(world: World, reason: str, more: dict[str, Any]) -> None:
    open_shares(world)
    with reverts(reason):
        idle_split(world, **more)


def test_terms_at_their_bounds(world: World) -> None:
    open_shares(world)
    whole = idle_split(world, [(COURIER, 2**62, 4_000, 2**62), (PLATFORM, 0, 6_000, 0)])
    assert whole.divided(2**62) == (2**62, 0, 0)
    alone = idle_split(world, [(COURIER, 0, 10_000, 0)])
    assert alone.divided(7) == (7, 0)


def test_terms_of_two_trees_or_closed_accounts(world: World) -> None:
    open_shares(world)
    world.accounts.open_tree(STRAY, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for more in ({"parts": [(STRAY, 1, 0, 0)]}, {"remainder_to": STRAY}, {"refund_to": STRAY}):
        with reverts("parties: accounts of two trees"):
            idle_split(world, **more)
    world.close(COURIER)
    with reverts("parties: account not open"):
        idle_split(world)


def test_as_many_parts_as_an_agreement_has_accounts(world: World) -> None:
    open_shares(world)
    many = [name_id(f"part {number}") for number in range(14)]
    for account in many:
        world.open(account)
    parts = tuple((account, number, 700, 900 - 7 * number) for number, account in enumerate(many))
    sharing = split(world, parts)
    world.fund(9_999)
    sharing.clear()
    assert named(sharing, "Divided").amounts == tuple(expected(parts, 9_999))
    assert len(sharing.accounts()) == 16


PARTS_OF_ANY_SIZE = st.lists(
    st.tuples(st.integers(0, 5_000), st.integers(0, 2_500), st.integers(0, 9_000)), min_size=1, max_size=4
).map(lambda held: [(fee, share or 1, cap and max(cap, fee)) for fee, share, cap in held])


def test_divided_is_what_the_parts_say(world: World) -> None:
    open_shares(world)
    another = name_id("another payer")
    world.open(another)
    places = (COURIER, PLATFORM, INSURER, PAYER)

    @settings(max_examples=examples(40), deadline=None)
    @given(shape=PARTS_OF_ANY_SIZE, totals=st.lists(st.integers(0, 2**62), min_size=1, max_size=8))
    def compare(shape: list[tuple[int, int, int]], totals: list[int]) -> None:
        parts = tuple((place, *held) for place, held in zip(places, shape, strict=False))
        sharing = idle_split(world, parts=parts, refund_to=another)
        for total in totals:
            assert list(sharing.divided(total)) == expected(parts, total)
        with reverts("parties: amount out of bounds"):
            sharing.divided(2**62 + 1)

    compare()
