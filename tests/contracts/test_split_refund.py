"""Split: refund."""

from itertools import pairwise
from typing import Any

import boa
import pytest
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.ids import account_line
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    COURIER,
    DEAL,
    INSURER,
    OUTSIDERS,
    PAYER,
    PLATFORM,
    REST,
    SINK,
    idle_split,
    moved,
    named,
    open_shares,
    resting,
    sign,
    split,
)
from tests.contracts.funding import active, rest
from tests.contracts.world import (
    ENTERPRISE,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_governor,
    bank_governor,
    bank_supervisor,
    now,
    operator,
)

PLACES = (COURIER, PLATFORM, INSURER, REST)
GOT = (2_570, 150, 20, 7_260)
REFERENCE = keccak(b"goods sent back")


@pytest.fixture
def sharing(world: World) -> Contract:
    """A split with one receipt of 10,000."""
    open_shares(world)
    sharing = split(world)
    world.fund(10_000)
    sharing.clear()
    return sharing


def order(amount: int, reference: bytes = REFERENCE, **more: Any) -> dict[str, Any]:
    return {"receipt": 1, "amount": amount, "reference": reference, "deadline": now() + 60} | more


def refund(sharing: Contract, values: dict[str, Any], by: LocalAccount = operator) -> None:
    sharing.refund(*values.values(), sign(by, "SplitRefund", sharing, values))


def balances(world: World) -> tuple[int, ...]:
    return tuple(resting(world, account) for account in (*PLACES, PAYER))


def test_refund_takes_from_each_what_it_got(world: World, sharing: Contract) -> None:
    refund(sharing, order(10_000))
    maps = moved(sharing)
    acted, rolled_back = named(sharing, "OperatorActed"), named(sharing, "RolledBack")
    assert acted.operator == operator.address
    assert (rolled_back.receipt, rolled_back.amount, rolled_back.amounts) == (1, 10_000, GOT)
    assert rolled_back.reference == REFERENCE
    assert [(held.source, held.amount) for held in maps] == [
        (account_line(account, WAGES), amount) for account, amount in zip(PLACES, GOT, strict=True)
    ]
    assert {(held.destination, held.info) for held in maps} == {(account_line(PAYER, WAGES), REFERENCE)}
    assert balances(world) == (0, 0, 0, 0, 10_000)
    assert sharing.receipt(1).refunded == 10_000


def test_refund_of_a_part_is_in_proportion(world: World, sharing: Contract) -> None:
    assert sharing.rolled_back(1, 1_000) == (257, 15, 2, 726)
    refund(sharing, order(1_000))
    assert balances(world) == (2_570 - 257, 135, 18, 7_260 - 726, 1_000)
    held = sharing.receipt(1)
    assert (held.total, held.refunded) == (10_000, 1_000)


@pytest.mark.parametrize("step", [1, 3, 7, 999, 3_333])
def test_a_refund_in_many_steps_equals_the_total_to_the_cent(world: World, step: int) -> None:
    open_shares(world)
    sharing = split(world, [(COURIER, 10, 3_333, 0), (PLATFORM, 0, 3_333, 0), (INSURER, 1, 1, 0)])
    total = min(60 * step, 10_007)
    world.fund(total)
    sharing.clear()
    got = named(sharing, "Divided").amounts
    returned = [0, 0, 0, 0]
    left, number = total, 0
    while left:
        amount, number = min(step, left), number + 1
        refund(sharing, order(amount, keccak(b"step %d" % number)))
        amounts = named(sharing, "RolledBack").amounts
        assert sum(amounts) == amount
        returned = [held + more for held, more in zip(returned, amounts, strict=True)]
        left -= amount
        assert sharing.receipt(1).refunded == total - left
        for held, whole in zip(returned, got, strict=True):
            assert held <= whole
            assert abs(held * total - whole * (total - left)) < len(got) * total
    assert tuple(returned) == got
    assert balances(world) == (0, 0, 0, 0, total)


def test_parties_that_got_nothing_give_nothing_back(world: World) -> None:
    open_shares(world)
    sharing = split(world, [(COURIER, 0, 1, 0), (PLATFORM, 0, 2, 0), (INSURER, 0, 5_000, 0)])
    world.fund(9)
    sharing.clear()
    assert named(sharing, "Divided").amounts == (0, 0, 4, 5)
    refund(sharing, order(4))
    refund(sharing, order(5, keccak(b"the rest")))
    assert balances(world) == (0, 0, 0, 0, 9)


def test_refund_never_exceeds_the_receipt(world: World, sharing: Contract) -> None:
    world.fund(10_000)
    sharing.clear()
    for amount in (10_001, 2**64, 2**256 - 1):
        with reverts("split: more than is left of the receipt"):
            refund(sharing, order(amount))
    refund(sharing, order(9_999))
    with reverts("split: more than is left of the receipt"):
        refund(sharing, order(2, keccak(b"again")))
    refund(sharing, order(1, keccak(b"again")))
    with reverts("split: more than is left of the receipt"):
        refund(sharing, order(1, keccak(b"and again")))
    assert balances(world) == (*GOT, 10_000)


def test_refund_of_nothing_or_of_no_receipt(sharing: Contract) -> None:
    with reverts("split: nothing to refund"):
        refund(sharing, order(0))
    for receipt in (0, 2, 2**256 - 1):
        with reverts("split: unknown receipt"):
            refund(sharing, order(1, receipt=receipt))


@pytest.mark.parametrize("who", OUTSIDERS)
def test_refund_by_the_controllers_operator_alone(sharing: Contract, who: LocalAccount) -> None:
    with reverts("parties: not signed for the party"):
        refund(sharing, order(100), who)


def test_refund_is_what_was_signed(world: World, sharing: Contract) -> None:
    values = order(100)
    given = sign(operator, "SplitRefund", sharing, values)
    for more in ({"amount": 101}, {"receipt": 2}, {"reference": ZERO}, {"deadline": now() + 61}):
        with reverts("parties: not signed for the party"):
            sharing.refund(*(values | more).values(), given)
    other = idle_split(world, refund_to=REST, remainder_to=PAYER)
    with reverts("parties: not signed for the party"):
        other.refund(*values.values(), given)
    boa.env.timestamp += 61
    with reverts("parties: signature expired"):
        sharing.refund(*values.values(), given)


def test_a_refund_happens_once(sharing: Contract) -> None:
    refund(sharing, order(100))
    with reverts("parties: repeated"):
        refund(sharing, order(100))
    with reverts("parties: repeated"):
        refund(sharing, order(5, deadline=now() + 9_000))
    refund(sharing, order(100, keccak(b"another")))


def test_a_suspended_operator_refunds_nothing(world: World, sharing: Contract) -> None:
    world.suspend(operator, (bank_governor, agency_one_governor))
    with reverts("parties: not signed for the party"):
        refund(sharing, order(100))


def test_a_refund_that_one_party_cannot_bear_moves_nothing(world: World, sharing: Contract) -> None:
    world.open(SINK, parent=PLATFORM)
    active(world, [rest(SINK)], account=PLATFORM).clear()
    assert resting(world, PLATFORM) == 0
    before = balances(world)
    assert (sharing.lacking(1, 1), sharing.lacking(1, 10_000)) == (ZERO, PLATFORM)
    with reverts("split: a party lacks its part of the refund"):
        refund(sharing, order(10_000))
    assert (balances(world), sharing.receipt(1).refunded) == (before, 0)
    # The reference is not used up: it is refunded once the party has its part again.
    world.fund(150, PLATFORM)
    assert sharing.lacking(1, 10_000) == ZERO
    refund(sharing, order(10_000))


def test_a_refund_from_a_frozen_account_moves_nothing(world: World, sharing: Contract) -> None:
    world.freeze(REST, True, [bank_supervisor])
    before = balances(world)
    with reverts("accounts: account frozen"):
        refund(sharing, order(1_000))
    assert (balances(world), sharing.receipt(1).refunded) == (before, 0)


def test_a_refund_goes_above_the_payers_closed_account(world: World, sharing: Contract) -> None:
    world.close(PAYER)
    refund(sharing, order(1_000))
    assert (resting(world, PAYER), resting(world, TREE)) == (0, 1_000)


def test_a_refund_goes_up_to_thirty_two_accounts_high_and_else_to_the_root(
    world: World, sharing: Contract
) -> None:
    supervision = world.supervision.address
    tower = [keccak(b"floor %d" % floor) for floor in range(32)]
    for parent, account in pairwise([TREE, *tower]):
        world.accounts.open_account(account, parent, ENTERPRISE, sender=supervision)
    world.accounts.move_account(PAYER, tower[-1], sender=supervision)
    first, second, *above = tower
    for account in (*above, PAYER):
        world.accounts.close_account(account, sender=supervision)
    refund(sharing, order(1_000))
    assert resting(world, second) == 1_000
    world.accounts.close_account(second, sender=supervision)
    refund(sharing, order(500, keccak(b"more sent back")))
    assert (resting(world, first), resting(world, TREE)) == (0, 500)


def test_what_the_root_would_refund_to_itself_stays_there(world: World) -> None:
    open_shares(world)
    world.open(DEAL)
    sharing = split(world, [(TREE, 100, 0, 0), (COURIER, 50, 0, 0)], account=DEAL)
    world.fund(1_000, DEAL)
    sharing.clear()
    world.close(PAYER)
    refund(sharing, order(1_000))
    (given_back,) = [held for held in moved(sharing) if held.source == account_line(COURIER, WAGES)]
    assert given_back.destination == account_line(TREE, WAGES)
    assert not [held for held in moved(sharing) if held.source == account_line(TREE, WAGES)]
    assert (resting(world, TREE), sharing.receipt(1).refunded) == (1_000, 1_000)


def test_receipts_are_refunded_apart(world: World, sharing: Contract) -> None:
    world.fund(60)
    sharing.clear()
    refund(sharing, order(60, receipt=2))
    assert balances(world) == (*GOT, 60)
    assert (sharing.receipt(1).refunded, sharing.receipt(2).refunded) == (0, 60)


def test_a_refund_is_no_inflow_of_the_payer(world: World, sharing: Contract) -> None:
    refund(sharing, order(1_000))
    assert resting(world, PAYER) == 1_000
    assert world.ledger.account_inflow(PAYER, WAGES) == 0
    assert world.ledger.account_inflow(REST, WAGES) == GOT[3]
