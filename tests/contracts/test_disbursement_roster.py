"""Disbursement.set_roster and set_blocked: longer rosters, and payees nobody may pay."""

from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    OTHER,
    disburse,
    execute,
    refused,
    set_blocked,
    set_roster,
    waive,
)
from tests.contracts.world import (
    QUORUM,
    QUORUM_SIGNERS,
    TERMS,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    attacker,
    bank_supervisor,
    consents,
    operator,
    rows_of,
)

REACHED = "disbursement: quorum not reached"
# What signatures over something else recover to has no order.
UNORDERED = "signatures: not in rising order of signer"
ROSTER = (ALWAYS, Guard(1, Kind.ROSTER, 3, subject=b"\1" * 32))


def test_a_roster_starts_as_the_terms_say(world: World) -> None:
    payout = disburse(world, ROSTER)
    held = payout.roster()
    assert (held.version, held.size, held.root) == (1, 3, b"\1" * 32)
    tree = rows_of([10] * 4)
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (1, 1, "payee-not-on-roster", 3, 3)


def test_set_roster(world: World) -> None:
    """Open batches and their approvals go on."""
    payout = disburse(world, TERMS)
    terms = payout.terms_hash()
    tree = rows_of([10] * 16, [*range(8), *range(600, 608)])
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    execute(payout, batch, tree)
    assert refused(world, payout, batch, tree, 8)[2:] == ("payee-not-on-roster", 600, 600)
    set_roster(payout, 608)
    (event,) = payout.events
    assert (event.name, event.version, event.size, event.root) == ("RosterSet", 2, 608, OTHER)
    execute(payout, batch, tree, 1)
    assert payout.terms_hash() == terms


def test_set_roster_refusals(world: World) -> None:
    payout = disburse(world, ROSTER)
    for by in ([], [agency_one_supervisor], [agency_one_supervisor, agency_one_deputy], [attacker, operator]):
        with reverts(REACHED):
            set_roster(payout, 4, by=by)
    for size in (0, 2, 3):
        for root in (OTHER, b"\1" * 32):
            with reverts("disbursement: roster does not grow"):
                set_roster(payout, size, root)
    with reverts("disbursement: roster too long"):
        set_roster(payout, 2**24 + 1)
    values = {"version": 3, "size": 4, "root": OTHER}
    given = consents((agency_one_supervisor, bank_supervisor), "Roster", payout, **values)
    with reverts(REACHED, UNORDERED):
        payout.set_roster(4, OTHER, given)
    set_roster(payout, 3 + 2)
    values = {"version": 3, "size": 6, "root": OTHER}
    given = consents((agency_one_supervisor, bank_supervisor), "Roster", payout, **values)
    payout.set_roster(6, OTHER, given)
    with reverts(REACHED, UNORDERED):
        payout.set_roster(6, OTHER, given)
    set_roster(payout, 2**24)


def test_payees_are_not_replaced_under_an_approved_batch(world: World) -> None:
    """Three institutions approved whom the batch pays; two of them put nobody else in that place."""
    payout = disburse(world, [approval_guard(needed=3), ROSTER[1]])
    batch = world.reserve(payout, tree := rows_of([10, 20]))
    world.approve(payout, batch, (agency_one_supervisor, agency_two_supervisor, bank_supervisor))
    with reverts("disbursement: roster does not grow"):
        set_roster(payout, 3)
    world.execute(payout, batch, tree)


def blocking(world: World) -> Contract:
    return disburse(world, [ALWAYS, Guard(1, Kind.BLACKLIST, subject=QUORUM)])


def test_a_blocked_payee_is_refused_at_once(world: World) -> None:
    payout = blocking(world)
    tree = rows_of([10] * 24, [*range(8), *range(250, 258), *range(510, 518)])
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree)
    set_blocked(payout, 255, True, [bank_supervisor])
    (event,) = payout.events
    assert (event.name, event.payee, event.blocked) == ("PayeeBlocked", 255, True)
    assert refused(world, payout, batch, tree, 8) == (1, 1, "payee-blocked", 0, 255)
    set_blocked(payout, 256, True, [agency_one_supervisor])
    execute(payout, batch, tree, 1, skip=True)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.observed) for event in named] == [(13, 255), (14, 256)]
    set_blocked(payout, 512, True, [agency_one_supervisor])
    set_blocked(payout, 512, False, [agency_one_supervisor, bank_supervisor])
    execute(payout, batch, tree, 2)


def test_unblocking_takes_the_quorum(world: World) -> None:
    payout = blocking(world)
    for by in ([], [attacker], [operator]):
        with reverts(REACHED):
            set_blocked(payout, 1, True, by)
    set_blocked(payout, 1, True, [bank_supervisor])
    for by in ([bank_supervisor], [agency_one_supervisor, agency_one_deputy]):
        with reverts(REACHED):
            set_blocked(payout, 1, False, by)
    set_blocked(payout, 2, True, [bank_supervisor])
    set_blocked(payout, 1, False, [agency_one_supervisor, bank_supervisor])
    assert payout.blocked(0) == 0b100


def test_only_an_index_of_a_row_is_blocked(world: World) -> None:
    payout = blocking(world)
    set_blocked(payout, 2**24 - 1, True, [bank_supervisor])
    assert payout.blocked(2**16 - 1) == 1 << 255
    for payee in (2**24, 2**256 - 1):
        with reverts("disbursement: payee out of bounds"):
            set_blocked(payout, payee, True, [bank_supervisor])


def test_a_signature_blocks_once(world: World) -> None:
    payout = blocking(world)
    values = {"payee": 1, "blocked": True, "nonce": 0}
    given = consents([bank_supervisor], "Block", payout, **values)
    payout.set_blocked(1, True, given)
    with reverts(REACHED):
        payout.set_blocked(1, True, given)


def test_terms_without_a_blacklist_block_nobody(world: World) -> None:
    payout = disburse(world, TERMS)
    for signers in ([bank_supervisor], QUORUM_SIGNERS):
        with reverts("disbursement: no blacklist"):
            set_blocked(payout, 1, True, signers)


def test_a_blacklist_is_never_waived(world: World) -> None:
    payout = blocking(world)
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    set_blocked(payout, 0, True, [bank_supervisor])
    waive(world, payout, batch, 1)
    assert refused(world, payout, batch, tree) == (1, 1, "payee-blocked", 0, 0)


def test_one_of_several_guards_lets_a_blocked_payee_pass(world: World) -> None:
    """Small sums, say: the clause is satisfied by any of its guards."""
    either = [ALWAYS, Guard(1, Kind.BLACKLIST, subject=QUORUM), Guard(1, Kind.PAYOUT_CAP, 5)]
    payout = disburse(world, either)
    set_blocked(payout, 0, True, [bank_supervisor])
    tree = rows_of([5, 6])
    world.execute(payout, world.reserve(payout, tree), tree)
    tree = rows_of([6])
    assert refused(world, payout, world.reserve(payout, tree), tree) == (1, 2, "payout-cap", 5, 6)
