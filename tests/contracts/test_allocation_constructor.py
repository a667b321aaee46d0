"""Allocation: the constructor, and what it shows."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from contracts.errors import RefusalUnknown
from contracts.terms import Guard, Kind, Rule, RuleMode, allocation_arguments
from tests.contracts.chain import reverts
from tests.contracts.funding import AMPLE, DAY, SECOND, made, open_accounts, rest, share, top_up
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    LINE,
    MATERIALS,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    World,
    approval_guard,
    bank_bridge,
)

OTHER = b"\7" * 32
RULES = (top_up(LINE, 100), share(PROJECT, 2_500), rest(SECOND))


@pytest.fixture(autouse=True)
def accounts(world: World) -> None:
    open_accounts(world)


def test_what_it_shows(world: World) -> None:
    funding = made(world, RULES, destinations=[SECOND, PROJECT])
    assert (funding.account(), funding.DYE_CLASS()) == (TREE, WAGES)
    assert list(funding.accounts()) == [TREE]
    assert list(funding.destinations()) == [SECOND, PROJECT]
    assert [(rule.destination, rule.mode, rule.amount) for rule in funding.rules()] == [
        rule.encoded() for rule in RULES
    ]
    assert [guard.kind for guard in funding.terms()] == [Kind.PAYOUT_CAP]
    assert (funding.state(), funding.shared_up_to(), funding.owed_in_all(), funding.owed(0)) == (1, 0, 0, 0)
    assert (funding.LEDGER(), funding.DIRECTORY()) == (world.ledger.address, world.directory.address)


def test_the_terms_hash_binds_everything(world: World) -> None:
    one_more = (*AMPLE, Guard(1, Kind.PAYOUT_CAP, 5))
    arguments = [
        allocation_arguments(TREE, WAGES, (SECOND,), AMPLE, RULES),
        allocation_arguments(PROJECT, WAGES, (SECOND,), AMPLE, (top_up(LINE, 100),)),
        allocation_arguments(TREE, MATERIALS, (SECOND,), AMPLE, RULES),
        allocation_arguments(TREE, WAGES, (PROJECT,), AMPLE, RULES),
        allocation_arguments(TREE, WAGES, (SECOND,), one_more, RULES),
        allocation_arguments(TREE, WAGES, (SECOND,), AMPLE, RULES[:2]),
        allocation_arguments(TREE, WAGES, (SECOND,), AMPLE, (replace(RULES[0], amount=101), *RULES[1:])),
    ]
    hashes = {world.instance("allocation", each).terms_hash() for each in arguments}
    assert len(hashes) == len(arguments)
    assert world.instance("allocation", arguments[0]).terms_hash() in hashes


@pytest.mark.parametrize(
    "guards",
    [
        [Guard(0, Kind.PAYOUT_CAP, 5)],
        [Guard(0, Kind.WINDOW_CAP, 5, DAY)],
        [Guard(0, Kind.LIFETIME_CAP, 5)],
        [Guard(0, Kind.TIME_WINDOW, 0, 2**40, DAY << 32)],
        [Guard(0, Kind.CALENDAR_DAY, 20_000, 8, subject=(255).to_bytes(32))],
    ],
)
def test_kinds_it_can_enforce(world: World, guards: list[Guard]) -> None:
    assert [guard.kind for guard in made(world, RULES, guards).terms()] == [guards[0].kind]


@pytest.mark.parametrize(
    "guard",
    [
        approval_guard(),
        Guard(0, 0),  # type: ignore[arg-type]  # no kind at all
        Guard(0, Kind.ROSTER, 5),
        Guard(0, Kind.EVIDENCE, 5, subject=OTHER, party=OTHER),
        Guard(0, Kind.BATCH_CAP, 5),
        Guard(0, Kind.PAYEE_CAP, 5, DAY),
        Guard(0, Kind.LINE_CAP, 5, subject=WAGES),
        Guard(0, Kind.DOCUMENT, subject=OTHER, party=OTHER),
    ],
)
def test_kinds_it_cannot_enforce(world: World, guard: Guard) -> None:
    with reverts("guards: kind not in this template"):
        made(world, RULES, [guard])


def test_it_funds_somebody_else(world: World) -> None:
    with reverts("allocation: no destination"):
        made(world, ())
    with reverts("allocation: funds itself"):
        made(world, (), destinations=[PROJECT, TREE])
    with reverts("allocation: not an open account below"):
        made(world, [rest(TREE)])


def _above(world: World) -> bytes:
    return TREE


def _beside(world: World) -> bytes:
    return SECOND


def _unknown(world: World) -> bytes:
    return OTHER


def _zero(world: World) -> bytes:
    return ZERO


def _closed(world: World) -> bytes:
    world.open(OTHER, parent=PROJECT)
    world.close(OTHER)
    return OTHER


def _of_another_tree(world: World) -> bytes:
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    return OTHER


@pytest.mark.parametrize("destination", [_above, _beside, _unknown, _zero, _closed, _of_another_tree])
def test_rules_only_go_down(world: World, destination: Callable[[World], bytes]) -> None:
    where = destination(world)
    with reverts("allocation: not an open account below"):
        made(world, [share(LINE, 5_000), rest(where)], account=PROJECT)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([top_up(LINE, 0)], "amount of a rule"),
        ([top_up(LINE, 2**62 + 1)], "amount of a rule"),
        ([share(LINE, 0)], "amount of a rule"),
        ([share(LINE, 10_001)], "amount of a rule"),
        ([share(LINE, 2**256 - 1), share(PROJECT, 2)], "amount of a rule"),
        ([Rule(LINE, RuleMode.REST, 1)], "amount of a rule"),
        ([Rule(LINE, 0, 1)], "unknown mode"),  # type: ignore[arg-type]
        ([Rule(LINE, 4, 1)], "unknown mode"),  # type: ignore[arg-type]
        ([rest(LINE), rest(PROJECT)], "the rest comes last"),
        ([rest(LINE), top_up(PROJECT, 5)], "the rest comes last"),
        ([share(LINE, 5_000), share(PROJECT, 5_001)], "shares above the whole"),
    ],
)
def test_rules_that_make_no_sense(world: World, rules: list[Rule], reason: str) -> None:
    with reverts(f"allocation: {reason}"):
        made(world, rules)


def test_rules_at_their_limits(world: World) -> None:
    made(world, [top_up(LINE, 2**62), share(LINE, 1), share(PROJECT, 9_999), rest(SECOND)])
    made(world, [share(LINE, 10_000)])
    made(world, [top_up(LINE, 100)] * 32)
    with pytest.raises(RefusalUnknown):  # the decoder gives no reason
        made(world, [top_up(LINE, 100)] * 33)


def test_destinations_at_their_limit(world: World) -> None:
    many = [bytes([number]) * 32 for number in range(1, 66)]
    assert len(made(world, RULES, destinations=many[:64]).destinations()) == 64
    with pytest.raises(RefusalUnknown):
        made(world, RULES, destinations=many)
