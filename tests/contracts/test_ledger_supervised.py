"""Ledger, what Supervision has it do, and `sweep`: acts on lines, whoever decided them."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, custody_line, lot_line, reversed_line, written_off_line
from tests.contracts.chain import Event, reverts
from tests.contracts.world import (
    ATTESTED,
    BANK,
    ENTERPRISE,
    LINE,
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
    bank_supervisor,
    factory_account,
    now,
    operator,
    rows_of,
    supervision_account,
)

OTHER = b"\7" * 32
LOT = keccak(b"unknown credit")
CHARGE = keccak(b"charge")
SOURCE = account_line(TREE, WAGES)
CUSTODY = custody_line(SOURCE, 1)
IDENTIFY, CARVE, RELAY, THAW, SORT, MAKE_GOOD, REVERSE = 1, 8, 9, 10, 11, 12, 14
MAPPING = ("kind", "source", "destination", "source_start", "destination_start", "amount", "info")
M64 = 2**64 - 1


def decided(held: BareLedger, act: str, *arguments: Any) -> Any:
    """Call the Ledger as Supervision."""
    return getattr(held.ledger, act)(*arguments, sender=supervision_account)


def shift(held: BareLedger, kind: int, amount: int, source: bytes = SOURCE, to: bytes = CUSTODY) -> None:
    decided(held, "shift", kind, TREE, source, to, amount, OTHER)


def carve(held: BareLedger, pieces: list[tuple[int, int]], kind: int = CARVE, to: bytes = CUSTODY) -> int:
    return int(decided(held, "carve", kind, TREE, SOURCE, pieces, to, OTHER))


def maps(held: BareLedger) -> list[tuple[int, int, int, int]]:
    """Kind, both starts and amount of the last call's maps."""
    return [
        (event.kind, event.source_start, event.destination_start, event.amount)
        for event in held.ledger.events
        if event.name == "Moved"
    ]


def mapping(event: Event) -> tuple[Any, ...]:
    assert event.name == "Moved"
    return tuple(event.values[name] for name in MAPPING)


@pytest.fixture
def funded(bare_ledger: BareLedger) -> BareLedger:
    """A project below the tree; 1,000 of wages on the tree's account and a lot of 100 in suspense."""
    bare_ledger.accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    bare_ledger.fund(1_000)
    bare_ledger.ledger.mint(LOT, TREE, ZERO, ZERO, 100, ZERO, sender=bank_bridge)
    return bare_ledger


ACTS: list[tuple[str, tuple[Any, ...]]] = [
    ("set_attested", (TREE, 5)),
    ("add_shortfall", (TREE, 5, ZERO)),
    ("identify", (LOT, TREE, WAGES, 5)),
    ("write_off", (TREE, WAGES, 5, CHARGE)),
    ("shift", (THAW, TREE, SOURCE, CUSTODY, 5, ZERO)),
    ("carve", (CARVE, TREE, SOURCE, [(0, 5)], CUSTODY, ZERO)),
    ("reserve_line", (TREE, SOURCE, OTHER, 1, 5, 2**40)),
    ("redirect", (OTHER, CUSTODY)),
]


@pytest.mark.parametrize(("act", "arguments"), ACTS, ids=[act for act, _ in ACTS])
@pytest.mark.parametrize(
    "who", [attacker, operator, bank_bridge, bank_supervisor, factory_account, agreement_account]
)
def test_supervision_alone(funded: BareLedger, act: str, arguments: tuple[Any, ...], who: Any) -> None:
    with reverts("ledger: not supervision"):
        getattr(funded.ledger, act)(*arguments, sender=who)


# Totals


def test_set_attested(funded: BareLedger) -> None:
    for attested in (7, M64, 0):
        decided(funded, "set_attested", TREE, attested)
        (event,) = funded.ledger.events
        assert (event.name, event.tree, event.attested) == ("Attested", TREE, attested)
        totals = funded.ledger.tree(TREE)
        assert (totals.minted, totals.held, totals.attested, totals.shortfall) == (1_100, 1_100, attested, 0)


def test_add_shortfall(funded: BareLedger) -> None:
    decided(funded, "add_shortfall", TREE, 30, ZERO)
    decided(funded, "add_shortfall", TREE, 12, ZERO)
    (event,) = funded.ledger.events
    assert (event.name, event.tree, event.shortfall) == ("ShortfallSet", TREE, 42)
    totals = funded.ledger.tree(TREE)
    assert (totals.held, totals.attested, totals.shortfall) == (1_100, ATTESTED, 42)
    decided(funded, "set_attested", TREE, 5)
    assert (funded.ledger.tree(TREE).attested, funded.ledger.tree(TREE).shortfall) == (5, 42)


def test_no_more_falls_short_than_was_brought(funded: BareLedger) -> None:
    """Whatever an attester says meanwhile: what the bank took back must always be told."""
    decided(funded, "set_attested", TREE, 5)
    decided(funded, "add_shortfall", TREE, 1_099, ZERO)
    with reverts("ledger: more than was brought"):
        decided(funded, "add_shortfall", TREE, 2, ZERO)
    decided(funded, "add_shortfall", TREE, 1, ZERO)
    assert funded.ledger.tree(TREE).shortfall == 1_100


def test_a_debit_falls_short_once(funded: BareLedger) -> None:
    """As a charge that was written off, and as a shortfall, one and the same debit counts once."""
    decided(funded, "add_shortfall", TREE, 5, CHARGE)
    with reverts("ledger: reference used"):
        decided(funded, "add_shortfall", TREE, 5, CHARGE)
    with reverts("ledger: reference used"):
        decided(funded, "write_off", TREE, WAGES, 5, CHARGE)
    decided(funded, "write_off", TREE, WAGES, 5, OTHER)
    with reverts("ledger: reference used"):
        decided(funded, "add_shortfall", TREE, 5, OTHER)
    assert funded.ledger.tree(TREE).shortfall == 5


def test_totals_end_at_64_bits(funded: BareLedger) -> None:
    with reverts("ledger: total is full"):
        decided(funded, "set_attested", TREE, M64 + 1)
    decided(funded, "set_attested", TREE, M64)
    totals = funded.ledger.tree(TREE)
    assert (totals.minted, totals.attested, totals.shortfall) == (1_100, M64, 0)


@pytest.mark.parametrize("tree", [OTHER, PROJECT, ZERO])
def test_totals_are_of_trees_that_exist(funded: BareLedger, tree: bytes) -> None:
    with reverts("ledger: unknown tree"):
        decided(funded, "set_attested", tree, 5)
    with reverts("ledger: unknown tree"):
        decided(funded, "add_shortfall", tree, 5, ZERO)


def test_trees_do_not_share_totals(funded: BareLedger) -> None:
    funded.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    decided(funded, "set_attested", OTHER, 9)
    with reverts("ledger: more than was brought"):
        decided(funded, "add_shortfall", OTHER, 1, ZERO)
    funded.ledger.mint(b"\6" * 32, OTHER, OTHER, WAGES, 9, ZERO, sender=bank_bridge)
    decided(funded, "add_shortfall", OTHER, 9, ZERO)
    decided(funded, "set_attested", OTHER, 8)
    assert (funded.ledger.tree(OTHER).attested, funded.ledger.tree(OTHER).shortfall) == (8, 9)
    assert (funded.ledger.tree(TREE).attested, funded.ledger.tree(TREE).shortfall) == (ATTESTED, 0)


# Lots and charges


def test_identify(funded: BareLedger) -> None:
    decided(funded, "identify", LOT, PROJECT, MATERIALS, 30)
    (event,) = funded.ledger.events
    destination = account_line(PROJECT, MATERIALS)
    assert mapping(event) == (1, lot_line(LOT), destination, 0, 0, 30, MATERIALS)
    decided(funded, "identify", LOT, PROJECT, MATERIALS, 70)
    assert maps(funded) == [(1, 30, 30, 70)]
    assert funded.ledger.line(lot_line(LOT)) == (100, 100)
    assert funded.ledger.lot(LOT) == (TREE, lot_line(LOT))
    assert funded.ledger.tree(TREE).held == 1_100


@pytest.mark.parametrize(
    ("lot", "account", "amount", "reason"),
    [
        (LOT, OTHER, 1, "accounts: unknown account"),
        (LOT, PROJECT, 0, "lines: zero amount"),
        (LOT, PROJECT, 101, "lines: not enough money"),
        (LOT, PROJECT, 2**256 - 1, "lines: not enough money"),
        (OTHER, PROJECT, 1, "ledger: another tree"),
    ],
)
def test_identify_refusals(funded: BareLedger, lot: bytes, account: bytes, amount: int, reason: str) -> None:
    with reverts(reason):
        decided(funded, "identify", lot, account, WAGES, amount)


def test_money_is_identified_within_its_tree_to_open_accounts(funded: BareLedger) -> None:
    funded.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("ledger: another tree"):
        decided(funded, "identify", LOT, OTHER, WAGES, 1)
    funded.accounts.close_account(PROJECT, sender=supervision_account)
    with reverts("accounts: account closed"):
        decided(funded, "identify", LOT, PROJECT, WAGES, 1)
    funded.accounts.set_paused(True, sender=supervision_account)
    with reverts("accounts: paused"):
        decided(funded, "identify", LOT, TREE, WAGES, 1)


def test_write_off(funded: BareLedger) -> None:
    decided(funded, "write_off", TREE, WAGES, 7, CHARGE)
    (event,) = funded.ledger.events
    assert mapping(event) == (7, SOURCE, written_off_line(TREE), 0, 0, 7, CHARGE)
    decided(funded, "write_off", TREE, WAGES, 3, OTHER)
    assert maps(funded) == [(7, 7, 7, 3)]
    totals = funded.ledger.tree(TREE)
    assert (totals.written_off, totals.held, totals.minted) == (10, 1_090, 1_100)
    assert (totals.reversed, totals.settled, totals.returned_late) == (0, 0, 0)
    assert funded.ledger.is_reference_used(CHARGE)
    with reverts("ledger: reference used"):
        decided(funded, "write_off", TREE, WAGES, 7, CHARGE)
    with reverts("ledger: reference used"):
        funded.ledger.mint(CHARGE, TREE, ZERO, ZERO, 7, ZERO, sender=bank_bridge)


@pytest.mark.parametrize(
    ("account", "dye_class", "amount", "reference", "reason"),
    [
        (OTHER, WAGES, 1, CHARGE, "ledger: unknown tree"),
        (TREE, WAGES, 1, ZERO, "ledger: zero reference"),
        (TREE, WAGES, 1, LOT, "ledger: reference used"),
        (TREE, WAGES, 0, CHARGE, "lines: zero amount"),
        (TREE, WAGES, 1_001, CHARGE, "lines: not enough money"),
        (TREE, MATERIALS, 1, CHARGE, "lines: not enough money"),
        (PROJECT, WAGES, 1, CHARGE, "lines: not enough money"),
    ],
)
def test_write_off_refusals(
    funded: BareLedger, account: bytes, dye_class: bytes, amount: int, reference: bytes, reason: str
) -> None:
    with reverts(reason):
        decided(funded, "write_off", account, dye_class, amount, reference)


def test_a_charge_of_an_account_below_counts_for_the_tree(funded: BareLedger) -> None:
    decided(funded, "identify", LOT, PROJECT, WAGES, 100)
    decided(funded, "write_off", PROJECT, WAGES, 40, CHARGE)
    (event,) = funded.ledger.events
    assert event.destination == written_off_line(TREE)
    assert (funded.ledger.tree(TREE).written_off, funded.ledger.tree(TREE).held) == (40, 1_060)


def test_a_reference_is_voided_for_a_tree_and_no_account_below(funded: BareLedger) -> None:
    with reverts("ledger: unknown tree"):
        funded.ledger.void_reference(CHARGE, PROJECT, sender=bank_bridge)
    assert not funded.ledger.is_reference_used(CHARGE)


# From the front of a line


@pytest.mark.parametrize("kind", [CARVE, THAW, SORT, IDENTIFY])
def test_shift_from_the_front(funded: BareLedger, kind: int) -> None:
    shift(funded, kind, 40)
    (event,) = funded.ledger.events
    assert mapping(event) == (kind, SOURCE, CUSTODY, 0, 0, 40, OTHER)
    shift(funded, kind, 960)
    assert maps(funded) == [(kind, 40, 40, 960)]
    assert (funded.ledger.line(SOURCE), funded.ledger.line(CUSTODY)) == ((1_000, 1_000), (1_000, 0))
    totals = funded.ledger.tree(TREE)
    assert (totals.held, totals.reversed, totals.shortfall) == (1_100, 0, 0)


@pytest.mark.parametrize(("kind", "arrived"), [(CARVE, 0), (THAW, 0), (SORT, 40), (IDENTIFY, 40)])
def test_what_is_sorted_or_identified_arrives(funded: BareLedger, kind: int, arrived: int) -> None:
    shift(funded, kind, 40, to=account_line(PROJECT, MATERIALS))
    assert funded.ledger.account_balance(PROJECT, MATERIALS) == 40
    assert funded.ledger.account_inflow(PROJECT, MATERIALS) == arrived


@pytest.mark.parametrize("kind", [0, 2, 3, 4, 5, 6, 7, 9, 13, 15, 16, 2**256 - 1])
def test_other_kinds_of_map_are_not_decided(funded: BareLedger, kind: int) -> None:
    with reverts("ledger: not such a kind"):
        shift(funded, kind, 1)
    with reverts("ledger: not such a kind"):
        carve(funded, [(0, 1)], kind)


@pytest.mark.parametrize("kind", [MAKE_GOOD, REVERSE])
def test_what_answers_for_a_shortfall_leaves_the_ledger(funded: BareLedger, kind: int) -> None:
    decided(funded, "add_shortfall", TREE, 50, ZERO)
    shift(funded, kind, 20, to=CUSTODY)
    moved, event = funded.ledger.events
    assert mapping(moved) == (kind, SOURCE, reversed_line(TREE), 0, 0, 20, OTHER)
    assert (event.name, event.tree, event.shortfall) == ("ShortfallSet", TREE, 30)
    totals = funded.ledger.tree(TREE)
    assert (totals.held, totals.reversed, totals.shortfall) == (1_080, 20, 30)
    with reverts("ledger: more than the shortfall"):
        shift(funded, kind, 31)
    shift(funded, kind, 30)
    totals = funded.ledger.tree(TREE)
    assert (totals.held, totals.reversed, totals.shortfall) == (1_050, 50, 0)
    assert (totals.minted, totals.attested, totals.written_off) == (1_100, ATTESTED, 0)
    with reverts("ledger: more than the shortfall"):
        shift(funded, kind, 1)
    assert funded.ledger.line(CUSTODY) == (0, 0)


@pytest.mark.parametrize(
    ("source", "to", "amount", "reason"),
    [
        (SOURCE, SOURCE, 1, "lines: same line"),
        (SOURCE, CUSTODY, 0, "lines: zero amount"),
        (SOURCE, CUSTODY, 1_001, "lines: not enough money"),
        (SOURCE, CUSTODY, 2**256 - 1, "lines: not enough money"),
        (CUSTODY, SOURCE, 1, "lines: not enough money"),
    ],
)
def test_shift_refusals(funded: BareLedger, source: bytes, to: bytes, amount: int, reason: str) -> None:
    with reverts(reason):
        shift(funded, THAW, amount, source, to)


def test_against_a_shortfall_only_of_a_tree_that_exists(funded: BareLedger) -> None:
    with reverts("ledger: unknown tree"):
        decided(funded, "shift", MAKE_GOOD, OTHER, SOURCE, ZERO, 1, ZERO)


# Pieces of a line


def test_carve_one_piece_out_of_the_middle(funded: BareLedger) -> None:
    assert carve(funded, [(300, 450)]) == 150
    before, piece, behind = funded.ledger.events
    assert mapping(before) == (RELAY, SOURCE, SOURCE, 0, 1_000, 300, OTHER)
    assert mapping(piece) == (CARVE, SOURCE, CUSTODY, 300, 0, 150, OTHER)
    assert mapping(behind) == (RELAY, SOURCE, SOURCE, 450, 1_300, 550, OTHER)
    assert funded.ledger.line(SOURCE) == (1_850, 1_000)
    assert funded.ledger.line(CUSTODY) == (150, 0)
    assert funded.ledger.tree(TREE).held == 1_100


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(0, 1_000)], [(CARVE, 0, 0, 1_000)]),
        ([(0, 10)], [(CARVE, 0, 0, 10), (RELAY, 10, 1_000, 990)]),
        ([(990, 1_000)], [(RELAY, 0, 1_000, 990), (CARVE, 990, 0, 10)]),
        ([(0, 400), (400, 1_000)], [(CARVE, 0, 0, 400), (CARVE, 400, 400, 600)]),
        (
            [(10, 20), (20, 30)],
            [(RELAY, 0, 1_000, 10), (CARVE, 10, 0, 10), (CARVE, 20, 10, 10), (RELAY, 30, 1_010, 970)],
        ),
        (
            [(0, 1), (999, 1_000)],
            [(CARVE, 0, 0, 1), (RELAY, 1, 1_000, 998), (CARVE, 999, 1, 1)],
        ),
    ],
    ids=["all", "at the front", "at the end", "adjacent, all", "adjacent, inside", "both ends"],
)
def test_what_is_between_and_behind_goes_to_the_end(
    funded: BareLedger, pieces: list[tuple[int, int]], expected: list[tuple[int, int, int, int]]
) -> None:
    carved = sum(end - start for start, end in pieces)
    assert carve(funded, pieces) == carved
    assert maps(funded) == expected
    assert funded.ledger.line(SOURCE) == (2_000 - carved, 1_000)


@pytest.mark.parametrize(
    "pieces",
    [
        [(10, 20), (0, 5)],
        [(10, 20), (19, 30)],
        [(10, 20), (10, 20)],
        [(10, 10)],
        [(20, 10)],
        [(999, 1_001)],
        [(1_000, 1_001)],
        [(0, 2**256 - 1)],
        [(2**256 - 1, 2**256 - 1)],
        [(0, 1_000), (1_000, 1_000)],
    ],
    ids=[
        "falling",
        "overlapping",
        "twice",
        "empty",
        "backwards",
        "past the end",
        "behind the end",
        "endless",
        "no room",
        "nothing left",
    ],
)
def test_pieces_out_of_place(funded: BareLedger, pieces: list[tuple[int, int]]) -> None:
    with reverts("lines: piece out of place"):
        carve(funded, pieces)
    assert funded.ledger.line(SOURCE) == (1_000, 0)


def test_no_pieces(funded: BareLedger) -> None:
    with reverts("lines: no pieces"):
        carve(funded, [])


def test_what_has_left_cannot_be_carved(funded: BareLedger) -> None:
    shift(funded, THAW, 100)
    with reverts("lines: piece out of place"):
        carve(funded, [(99, 200)])
    assert carve(funded, [(100, 200)]) == 100
    assert maps(funded) == [(CARVE, 100, 100, 100), (RELAY, 200, 1_000, 800)]


def test_positions_after_a_relay(funded: BareLedger) -> None:
    """Who names positions as they were before a carving is refused; the relayed ones can be carved."""
    carve(funded, [(300, 450)])
    for stale in ([(0, 300)], [(300, 450)], [(450, 1_000)], [(900, 1_100)]):
        with reverts("lines: piece out of place"):
            carve(funded, stale)
    assert carve(funded, [(1_290, 1_310)]) == 20
    assert maps(funded) == [(RELAY, 1_000, 1_850, 290), (CARVE, 1_290, 150, 20), (RELAY, 1_310, 2_140, 540)]
    assert funded.ledger.account_balance(TREE, WAGES) == 830


def test_thirty_two_pieces(funded: BareLedger) -> None:
    pieces = [(30 * i, 30 * i + 10) for i in range(32)]
    assert carve(funded, pieces) == 320
    assert len(funded.ledger.events) == 64
    assert funded.ledger.line(SOURCE) == (1_680, 1_000)
    assert funded.ledger.line(CUSTODY) == (320, 0)


def test_carving_the_images_of_a_reversed_credit(funded: BareLedger) -> None:
    decided(funded, "add_shortfall", TREE, 100, ZERO)
    with reverts("ledger: more than the shortfall"):
        carve(funded, [(0, 50), (60, 111)], REVERSE)
    assert carve(funded, [(0, 50), (60, 100)], REVERSE) == 90
    *moved, event = funded.ledger.events
    assert [(one.kind, one.destination, one.amount) for one in moved] == [
        (REVERSE, reversed_line(TREE), 50),
        (RELAY, SOURCE, 10),
        (REVERSE, reversed_line(TREE), 40),
        (RELAY, SOURCE, 900),
    ]
    assert (event.name, event.shortfall) == ("ShortfallSet", 10)
    totals = funded.ledger.tree(TREE)
    assert (totals.held, totals.reversed, totals.shortfall) == (1_010, 90, 10)
    assert funded.ledger.line(CUSTODY) == (0, 0)


def test_carving_a_line_that_came_to_its_end(funded: BareLedger) -> None:
    """A line of 2^62 can be carved once; positions end at 2^63."""
    decided(funded, "set_attested", TREE, 2**63)
    funded.ledger.mint(OTHER, TREE, TREE, MATERIALS, 2**62, ZERO, sender=bank_bridge)
    line = account_line(TREE, MATERIALS)
    decided(funded, "carve", CARVE, TREE, line, [(0, 1)], CUSTODY, ZERO)
    assert funded.ledger.line(line) == (2**63 - 1, 2**62)
    with reverts("lines: line is full"):
        decided(funded, "carve", CARVE, TREE, line, [(2**62, 2**62 + 1)], CUSTODY, ZERO)


# Batches out of custody


def test_reserve_line(funded: BareLedger) -> None:
    shift(funded, CARVE, 60)
    tree = rows_of([10, 20, 30])
    bound = (TREE, CUSTODY, tree.root, 3, 60, now() + 60)
    batch = decided(funded, "reserve_line", *bound)
    moved, reserved = funded.ledger.events
    assert mapping(moved) == (3, CUSTODY, batch, 0, 0, 60, tree.root)
    assert (reserved.name, reserved.batch, reserved.account) == ("Reserved", batch, TREE)
    assert (reserved.agreement, reserved.source) == (supervision_account.address, CUSTODY)
    assert funded.ledger.batch_id(supervision_account.address, *bound) == batch
    held = funded.ledger.batch(batch)
    assert (held.agreement, held.source) == (supervision_account.address, CUSTODY)
    with reverts("ledger: batch exists"):
        decided(funded, "reserve_line", *bound)
    decided(funded, "execute", batch, tree.chunks(8)[0].rows, tree.chunks(8)[0].proof, 0b10)
    skipped, _ = funded.ledger.events
    assert mapping(skipped) == (4, batch, CUSTODY, 10, 60, 20, ZERO)
    assert funded.ledger.tree(TREE).held == 1_060


@pytest.mark.parametrize(
    ("count", "total", "after", "reason"),
    [
        (0, 10, 60, "ledger: count out of bounds"),
        (2**23 + 1, 10, 60, "ledger: count out of bounds"),
        (1, 10, 0, "ledger: deadline out of bounds"),
        (1, 10, 2**64, "ledger: deadline out of bounds"),
        (1, 0, 60, "lines: zero amount"),
        (1, 61, 60, "lines: not enough money"),
    ],
)
def test_reserve_line_refusals(funded: BareLedger, count: int, total: int, after: int, reason: str) -> None:
    shift(funded, CARVE, 60)
    with reverts(reason):
        decided(funded, "reserve_line", TREE, CUSTODY, OTHER, count, total, now() + after)


def test_custody_pays_while_its_account_starts_nothing(funded: BareLedger) -> None:
    """Frozen, closed or short of money: only a pause stops a batch the quorum signed for."""
    decided(funded, "shift", CARVE, TREE, lot_line(LOT), CUSTODY, 60, LOT)
    tree = rows_of([1] * 24)
    bound = (PROJECT, CUSTODY, tree.root, 24, 24, now() + 60)
    batch = decided(funded, "reserve_line", *bound)
    funded.accounts.set_frozen(PROJECT, True, sender=supervision_account)
    funded.accounts.close_account(PROJECT, sender=supervision_account)
    decided(funded, "add_shortfall", TREE, 5, ZERO)
    first, second, _ = tree.chunks(8)
    decided(funded, "execute", batch, first.rows, first.proof, 0)
    funded.accounts.set_paused(True, sender=supervision_account)
    with reverts("accounts: paused"):
        decided(funded, "execute", batch, second.rows, second.proof, 0)


def test_supervision_executes_no_batch_of_an_agreement(funded: BareLedger) -> None:
    tree = rows_of([10])
    batch = funded.reserve(tree)
    chunk = tree.chunks(8)[0]
    with reverts("ledger: not the batch's agreement"):
        decided(funded, "execute", batch, chunk.rows, chunk.proof, 0)


def test_nobody_releases_a_batch_of_supervision_before_its_deadline(funded: BareLedger) -> None:
    """Supervision holds no grant; that must not read as one that was revoked."""
    shift(funded, CARVE, 60)
    batch = decided(funded, "reserve_line", TREE, CUSTODY, OTHER, 1, 60, now() + 60)
    with reverts("ledger: not the batch's agreement"):
        funded.ledger.release(batch, sender=attacker)
    assert decided(funded, "release", batch) == 60
    assert funded.ledger.line(CUSTODY) == (120, 60)


def test_redirect(funded: BareLedger) -> None:
    tree = rows_of([10] * 24)
    batch = funded.reserve(tree)
    funded.execute(batch, tree.chunks(8)[0])
    decided(funded, "redirect", batch, CUSTODY)
    (event,) = funded.ledger.events
    assert (event.name, event.batch, event.source) == ("BatchRedirected", batch, CUSTODY)
    assert funded.ledger.batch(batch).source == CUSTODY
    funded.give_back(batch, tree, 0)
    assert funded.ledger.line(CUSTODY) == (10, 0)
    funded.execute(batch, tree.chunks(8)[1], refused=0b11)
    assert funded.ledger.line(CUSTODY) == (30, 0)
    funded.ledger.release(batch, sender=agreement_account)
    assert funded.ledger.line(CUSTODY) == (110, 0)
    assert funded.ledger.line(SOURCE) == (1_000, 240)
    with reverts("ledger: unknown batch"):
        decided(funded, "redirect", OTHER, CUSTODY)


# Sweeping closed accounts


@pytest.fixture
def deep(funded: BareLedger) -> BareLedger:
    """A budget line with 60 below a project with 40, both closed."""
    funded.accounts.open_account(LINE, PROJECT, ENTERPRISE, sender=supervision_account)
    decided(funded, "identify", LOT, LINE, WAGES, 60)
    decided(funded, "identify", LOT, PROJECT, WAGES, 40)
    for account in (LINE, PROJECT):
        funded.accounts.close_account(account, sender=supervision_account)
    return funded


def test_sweep_over_two_closed_levels(deep: BareLedger) -> None:
    deep.ledger.sweep(LINE, WAGES, sender=attacker)
    (event,) = deep.ledger.events
    line, project = account_line(LINE, WAGES), account_line(PROJECT, WAGES)
    assert mapping(event) == (13, line, project, 0, 40, 60, WAGES)
    deep.ledger.sweep(PROJECT, WAGES, sender=attacker)
    (event,) = deep.ledger.events
    assert mapping(event) == (13, project, SOURCE, 0, 1_000, 100, WAGES)
    assert deep.ledger.account_balance(TREE, WAGES) == 1_100
    assert deep.ledger.tree(TREE).held == 1_100
    with reverts("lines: zero amount"):
        deep.ledger.sweep(PROJECT, WAGES)


def test_sweep_refusals(deep: BareLedger) -> None:
    with reverts("accounts: account is open"):
        deep.ledger.sweep(TREE, WAGES)
    with reverts("accounts: unknown account"):
        deep.ledger.sweep(OTHER, WAGES)
    with reverts("lines: zero amount"):
        deep.ledger.sweep(LINE, MATERIALS)
    deep.accounts.set_frozen(LINE, True, sender=supervision_account)
    with reverts("accounts: account frozen"):
        deep.ledger.sweep(LINE, WAGES)
    deep.accounts.set_frozen(LINE, False, sender=supervision_account)
    deep.accounts.set_paused(True, sender=supervision_account)
    with reverts("accounts: paused"):
        deep.ledger.sweep(LINE, WAGES)


def test_what_comes_back_to_a_closed_account_is_swept_again(funded: BareLedger) -> None:
    funded.accounts.grant(PROJECT, agreement_account.address, False, sender=factory_account)
    decided(funded, "identify", LOT, PROJECT, WAGES, 100)
    tree = rows_of([50, 30])
    batch = funded.ledger.reserve(PROJECT, WAGES, tree.root, 2, 80, now() + 60, sender=agreement_account)
    funded.execute(batch, tree.chunks(8)[0])
    funded.accounts.revoke(PROJECT, agreement_account.address, sender=factory_account)
    funded.accounts.close_account(PROJECT, sender=supervision_account)
    funded.ledger.sweep(PROJECT, WAGES)
    funded.give_back(batch, tree, 1)
    funded.ledger.sweep(PROJECT, WAGES)
    assert maps(funded) == [(13, 100, 1_020, 30)]


def test_a_sweep_finds_room_on_a_full_line(deep: BareLedger) -> None:
    decided(deep, "set_attested", TREE, 2**63)
    deep.fund(2**62 - 1_000)
    with reverts("lines: line is full"):
        deep.fund(1)
    deep.ledger.sweep(PROJECT, WAGES)
    assert deep.ledger.line(SOURCE) == (2**62 + 40, 0)
