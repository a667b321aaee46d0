"""Allocations with rules, on a tree of two projects and a budget line below one of them."""

from collections.abc import Sequence
from typing import Any

from eth_account.signers.local import LocalAccount

from contracts.ids import account_line, name_id
from contracts.terms import Guard, Kind, Rule, RuleMode, allocation_arguments
from tests.contracts.chain import Contract
from tests.contracts.world import LINE, PROJECT, TREE, WAGES, World, consents, operator

SECOND = name_id("second project")
AMPLE = (Guard(0, Kind.PAYOUT_CAP, 10**12),)
DAY = 86_400


def open_accounts(world: World) -> None:
    """Open the accounts below the tree's."""
    world.open(PROJECT)
    world.open(SECOND)
    world.open(LINE, parent=PROJECT)


def top_up(destination: bytes, amount: int) -> Rule:
    """Bring a balance up to an amount."""
    return Rule(destination, RuleMode.TOP_UP, amount)


def share(destination: bytes, basis_points: int) -> Rule:
    """Give a share of all that comes in."""
    return Rule(destination, RuleMode.SHARE, basis_points)


def rest(destination: bytes) -> Rule:
    """Give what is left."""
    return Rule(destination, RuleMode.REST)


def made(
    world: World,
    rules: Sequence[Rule],
    guards: Sequence[Guard] = AMPLE,
    account: bytes = TREE,
    destinations: Sequence[bytes] = (),
) -> Contract:
    """An allocation of wages that is not active yet."""
    arguments = allocation_arguments(account, WAGES, tuple(destinations), tuple(guards), tuple(rules))
    return world.instance("allocation", arguments)


def active(world: World, rules: Sequence[Rule], *arguments: Any, **more: Any) -> Contract:
    """An active allocation of wages."""
    return world.activate(made(world, rules, *arguments, **more))


def move(world: World, account: bytes, parent: bytes, by: Sequence[LocalAccount] = (operator,)) -> None:
    """Put an account under another."""
    values = {"account": account, "parent": parent, "nonce": world.supervision.move_nonce(account)}
    given = consents(by, "Moving", world.supervision, **values)
    world.supervision.move_account(account, parent, given)


def wages(world: World, *accounts: bytes) -> list[int]:
    """Wages that rest on accounts, minor units."""
    return [world.balance(account_line(account, WAGES)) for account in accounts]


def moved(agreement: Contract) -> list[tuple[bytes, int]]:
    """What the last call moved: destination line and amount."""
    return [(event.destination, event.amount) for event in agreement.events if event.name == "Moved"]
