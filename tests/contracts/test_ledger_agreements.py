"""Ledger, what agreements do: transfer, reserve, execute, release."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    MATERIALS,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    BareLedger,
    agreement_account,
    attacker,
    bank_bridge,
    factory_account,
    now,
    operator,
    rows_of,
    supervision_account,
)

OTHER = b"\7" * 32
NOT_GRANTED = "accounts: agreement not granted"


def freeze(held: BareLedger) -> None:
    held.accounts.set_frozen(TREE, True, sender=supervision_account)


def pause(held: BareLedger) -> None:
    held.accounts.set_paused(True, sender=supervision_account)


@pytest.fixture
def funded(bare_ledger: BareLedger) -> BareLedger:
    bare_ledger.accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    bare_ledger.fund(1_000)
    return bare_ledger


def test_transfer(funded: BareLedger) -> None:
    ledger = funded.ledger
    ledger.transfer(TREE, WAGES, PROJECT, 40, OTHER, False, sender=agreement_account)
    ledger.transfer(TREE, WAGES, PROJECT, 60, OTHER, False, sender=agreement_account)
    (moved,) = ledger.events
    assert (moved.kind, moved.source) == (2, account_line(TREE, WAGES))
    assert moved.destination == account_line(PROJECT, WAGES)
    assert (moved.source_start, moved.destination_start, moved.amount) == (40, 40, 60)
    assert moved.info == OTHER


def test_what_is_transferred_back_is_no_inflow(funded: BareLedger) -> None:
    ledger = funded.ledger
    funded.accounts.grant(PROJECT, agreement_account.address, False, sender=factory_account)
    ledger.transfer(TREE, WAGES, PROJECT, 100, ZERO, False, sender=agreement_account)
    assert (ledger.account_inflow(TREE, WAGES), ledger.account_inflow(PROJECT, WAGES)) == (1_000, 100)
    ledger.transfer(PROJECT, WAGES, TREE, 30, OTHER, True, sender=agreement_account)
    (moved,) = ledger.events
    assert (moved.kind, moved.amount, moved.destination_start) == (16, 30, 1_000)
    assert (ledger.account_inflow(TREE, WAGES), ledger.account_balance(TREE, WAGES)) == (1_000, 930)
    ledger.transfer(PROJECT, WAGES, TREE, 30, OTHER, False, sender=agreement_account)
    assert (ledger.account_inflow(TREE, WAGES), ledger.account_balance(TREE, WAGES)) == (1_030, 960)


def test_what_is_transferred_back_finds_room(funded: BareLedger) -> None:
    """Nothing leaves a line on which what comes back would find none."""
    ledger = funded.ledger
    ledger.set_attested(TREE, 2**63, sender=supervision_account)
    funded.accounts.grant(PROJECT, agreement_account.address, False, sender=factory_account)
    funded.fund(2**62 - 1_000)
    ledger.transfer(TREE, WAGES, PROJECT, 2**62 - 1, ZERO, False, sender=agreement_account)
    ledger.transfer(PROJECT, WAGES, TREE, 2**62 - 2, ZERO, True, sender=agreement_account)
    assert ledger.line(account_line(TREE, WAGES)) == (2**63 - 2, 2**62 - 1)
    with reverts("lines: line is full"):
        ledger.transfer(TREE, WAGES, PROJECT, 1, ZERO, False, sender=agreement_account)
    with reverts("lines: line is full"):
        ledger.transfer(PROJECT, WAGES, TREE, 1, ZERO, False, sender=agreement_account)
    ledger.transfer(PROJECT, WAGES, TREE, 1, ZERO, True, sender=agreement_account)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((TREE, WAGES, PROJECT, 0, ZERO), "lines: zero amount"),
        ((TREE, WAGES, PROJECT, 1_001, ZERO), "lines: not enough money"),
        ((TREE, WAGES, PROJECT, 2**256 - 1, ZERO), "lines: not enough money"),
        ((TREE, MATERIALS, PROJECT, 1, ZERO), "lines: not enough money"),
        ((TREE, WAGES, TREE, 1, ZERO), "lines: same line"),
        ((TREE, WAGES, OTHER, 1, ZERO), "accounts: unknown account"),
        ((OTHER, WAGES, TREE, 1, ZERO), "accounts: unknown account"),
        ((PROJECT, WAGES, TREE, 1, ZERO), NOT_GRANTED),
    ],
)
def test_transfer_refusals(funded: BareLedger, arguments: tuple[Any, ...], reason: str) -> None:
    with reverts(reason):
        funded.ledger.transfer(*arguments, False, sender=agreement_account)


def test_transfer_into_another_tree(funded: BareLedger) -> None:
    funded.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("accounts: another tree"):
        funded.ledger.transfer(TREE, WAGES, OTHER, 1, ZERO, False, sender=agreement_account)


@pytest.mark.parametrize("who", [attacker, bank_bridge, operator, factory_account])
def test_only_a_granted_agreement_moves_money(funded: BareLedger, who: Any) -> None:
    tree = rows_of([10])
    with reverts(NOT_GRANTED):
        funded.ledger.transfer(TREE, WAGES, PROJECT, 1, ZERO, False, sender=who)
    with reverts(NOT_GRANTED):
        funded.ledger.reserve(TREE, WAGES, tree.root, 1, 10, now() + 60, sender=who)
    batch = funded.reserve(tree)
    chunk = tree.chunks(8)[0]
    with reverts("ledger: not the batch's agreement"):
        funded.ledger.execute(batch, chunk.rows, chunk.proof, 0, sender=who)
    with reverts("ledger: not the batch's agreement"):
        funded.ledger.release(batch, sender=who)


def test_frozen_and_paused_money_starts_nothing(funded: BareLedger) -> None:
    tree = rows_of([10])
    batch = funded.reserve(tree)
    for stop, reason in ((freeze, "accounts: account frozen"), (pause, "accounts: paused")):
        with boa.env.anchor():
            stop(funded)
            with reverts(reason):
                funded.ledger.transfer(TREE, WAGES, PROJECT, 1, ZERO, False, sender=agreement_account)
            with reverts(reason):
                funded.reserve(rows_of([20]))
            with reverts(reason):
                funded.execute(batch, tree.chunks(8)[0])
            assert funded.ledger.release(batch, sender=agreement_account) == 10


def test_reserve(funded: BareLedger) -> None:
    ledger, tree = funded.ledger, rows_of([10, 20, 30])
    batch = funded.reserve(tree)
    moved, reserved = ledger.events
    source = account_line(TREE, WAGES)
    assert (moved.kind, moved.source, moved.destination, moved.amount) == (3, source, batch, 60)
    assert (reserved.batch, reserved.agreement) == (batch, agreement_account.address)
    assert (reserved.account, reserved.source, reserved.root) == (TREE, source, tree.root)
    assert (reserved.count, reserved.total, reserved.deadline) == (3, 60, now() + 86_400)
    held = ledger.batch(batch)
    assert (held.agreement, held.account, held.source) == (agreement_account.address, TREE, source)
    assert (held.root, held.count, held.total) == (tree.root, 3, 60)
    assert (held.deadline, held.reserved_at) == (now() + 86_400, now())
    assert (held.cursor, held.end, held.amount_gone, held.settled) == (0, 3, 0, False)
    bound = (TREE, WAGES, tree.root, 3, 60, now() + 86_400)
    assert ledger.batch_id(agreement_account.address, *bound) == batch
    assert ledger.line(batch) == (60, 0)
    with reverts("ledger: batch exists"):
        funded.reserve(tree)
    assert funded.reserve(tree, now() + 5) != batch


@pytest.mark.parametrize(
    ("count", "total", "after", "reason"),
    [
        (0, 10, 60, "ledger: count out of bounds"),
        (2**23 + 1, 10, 60, "ledger: count out of bounds"),
        (2**256 - 1, 10, 60, "ledger: count out of bounds"),
        (1, 10, 0, "ledger: deadline out of bounds"),
        (1, 10, 2**64, "ledger: deadline out of bounds"),
        (1, 0, 60, "lines: zero amount"),
        (1, 1_001, 60, "lines: not enough money"),
        (1, 2**255, 60, "lines: not enough money"),
    ],
)
def test_reserve_refusals(funded: BareLedger, count: int, total: int, after: int, reason: str) -> None:
    with reverts(reason):
        funded.ledger.reserve(TREE, WAGES, OTHER, count, total, now() + after, sender=agreement_account)


def test_execute_logs_and_advances(funded: BareLedger) -> None:
    ledger, tree = funded.ledger, rows_of([10] * 20)
    batch = funded.reserve(tree)
    first, second, third = tree.chunks(8)
    funded.execute(batch, first)
    (event,) = ledger.events
    assert (event.name, event.batch) == ("ChunkExecuted", batch)
    assert ledger.tree(TREE).held == 920
    assert (event.first_row, event.end_row, event.start, event.end) == (0, 8, 0, 80)
    assert event.refused == 0
    funded.execute(batch, second, refused=0b110)
    moved, event = ledger.events
    assert (moved.kind, moved.source_start, moved.amount) == (4, 90, 20)
    assert event.refused == 0b110
    assert ledger.tree(TREE).held == 860
    assert ledger.gone(batch, 0) == 0b110 << 8
    with reverts("ledger: refused row past the chunk"):
        funded.execute(batch, third, refused=1 << 4)
    funded.execute(batch, third)
    with reverts("ledger: batch has ended"):
        funded.execute(batch, third)
    with reverts("ledger: unknown batch"):
        funded.execute(OTHER, third)


def test_execute_until_the_deadline(funded: BareLedger) -> None:
    tree = rows_of([10] * 16)
    batch = funded.reserve(tree, now() + 60)
    first, second = tree.chunks(8)
    boa.env.timestamp += 60
    funded.execute(batch, first)
    boa.env.timestamp += 1
    with reverts("ledger: deadline passed"):
        funded.execute(batch, second)


def test_release_of_the_tail(funded: BareLedger) -> None:
    ledger, tree = funded.ledger, rows_of([10] * 20)
    batch = funded.reserve(tree)
    funded.execute(batch, tree.chunks(8)[0])
    assert ledger.release(batch, sender=agreement_account) == 120
    moved, released = ledger.events
    assert (moved.kind, moved.source_start, moved.destination_start, moved.amount) == (5, 80, 1_000, 120)
    assert (released.batch, released.end_row, released.amount) == (batch, 8, 120)
    held = ledger.batch(batch)
    assert (held.cursor, held.end, held.count, held.amount_gone) == (8, 8, 20, 120)
    assert ledger.line(batch) == (200, 200)
    with reverts("ledger: batch has ended"):
        ledger.release(batch, sender=agreement_account)
    with reverts("ledger: batch has ended"):
        funded.execute(batch, tree.chunks(8)[1])
    funded.give_back(batch, tree, 3)
    with reverts("ledger: row not executed"):
        funded.give_back(batch, tree, 8)


def test_release_by_anyone_after_the_deadline(funded: BareLedger) -> None:
    batch = funded.reserve(rows_of([10]), now() + 60)
    boa.env.timestamp += 60
    with reverts("ledger: not the batch's agreement"):
        funded.ledger.release(batch, sender=attacker)
    boa.env.timestamp += 1
    assert funded.ledger.release(batch, sender=attacker) == 10
    with reverts("ledger: unknown batch"):
        funded.ledger.release(OTHER, sender=attacker)


def test_release_by_supervision_at_any_time(funded: BareLedger) -> None:
    batch = funded.reserve(rows_of([10]))
    assert funded.ledger.release(batch, sender=supervision_account) == 10


def test_a_revoked_agreement_executes_nothing_and_anyone_releases(funded: BareLedger) -> None:
    tree = rows_of([10] * 16)
    batch = funded.reserve(tree)
    first, second = tree.chunks(8)
    funded.execute(batch, first)
    with reverts("ledger: not the batch's agreement"):
        funded.ledger.release(batch, sender=attacker)
    funded.accounts.revoke(TREE, agreement_account.address, sender=factory_account)
    with reverts(NOT_GRANTED):
        funded.execute(batch, second)
    assert funded.ledger.release(batch, sender=attacker) == 80
    funded.give_back(batch, tree, 3)


def test_a_shortfall_stops_what_starts_but_no_answer(funded: BareLedger) -> None:
    tree = rows_of([10] * 16)
    batch = funded.reserve(tree)
    first, second = tree.chunks(8)
    funded.execute(batch, first)
    funded.ledger.add_shortfall(TREE, 5, ZERO, sender=supervision_account)
    with reverts("ledger: shortfall"):
        funded.execute(batch, second)
    with reverts("ledger: shortfall"):
        funded.reserve(rows_of([20]))
    with reverts("ledger: shortfall"):
        funded.ledger.transfer(TREE, WAGES, PROJECT, 1, ZERO, False, sender=agreement_account)
    funded.give_back(batch, tree, 0)
    assert funded.ledger.release(batch, sender=agreement_account) == 80
    funded.ledger.settle(batch, sender=bank_bridge)


def test_what_comes_back_fits_a_full_line(funded: BareLedger) -> None:
    """Starts stop at 2^62; what was out before still finds room."""
    tree = rows_of([10] * 4)
    batch = funded.reserve(tree)
    funded.ledger.set_attested(TREE, 2**63, sender=supervision_account)
    funded.fund(2**62 - 1_000)
    with reverts("lines: line is full"):
        funded.fund(1)
    funded.execute(batch, tree.chunks(8)[0])
    funded.give_back(batch, tree, 0)
    assert funded.ledger.line(account_line(TREE, WAGES)) == (2**62 + 10, 40)


def test_lines_are_told_apart_by_kind(funded: BareLedger) -> None:
    assert funded.ledger.account_line(TREE, WAGES) == account_line(TREE, WAGES)
    assert funded.ledger.account_line(TREE, WAGES) != keccak(TREE + WAGES)
