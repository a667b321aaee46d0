"""Attacks that went through once: each shows what stands in their way now."""

import boa
from eth_hash.auto import keccak

from contracts.ids import lot_line, name_id, remainder_lot
from contracts.rows import Row, RowTree
from contracts.terms import Guard, Kind, Role
from tests.contracts import escrows, funding
from tests.contracts.chain import reverts
from tests.contracts.disbursements import (
    ALWAYS,
    DAY,
    adopt,
    cancel,
    disburse,
    evidence,
    future_batch,
    payee_cap,
    waive,
)
from tests.contracts.supervision.acts import (
    TELLERS,
    carving,
    custody_batch,
    freezing_lot,
    identifying,
    maps,
    reverse,
    suspense,
    thawing,
)
from tests.contracts.world import (
    AGENCY_ONE,
    ENTERPRISE,
    PROJECT,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    BareLedger,
    World,
    agency_one_governor,
    agency_one_supervisor,
    agreement_account,
    attacker,
    bank_bridge,
    bank_supervisor,
    financier_operator,
    institution,
    newcomer,
    now,
    operator,
    returned,
    rows_of,
    signer,
    supervision_account,
    supplier_operator,
)

OTHER_BANK, OTHER_TREE = name_id("other bank"), name_id("other tree")
CREDIT = keccak(b"a keyed reference")
NOT_OPERATOR = "supervision: not the controller's operator"


def deal_of(world: World) -> escrows.Deal:
    """A funded escrow between the enterprise, which controls the tree, and the supplier."""
    for account, controller in (
        (escrows.HELD, ENTERPRISE),
        (PROJECT, ENTERPRISE),
        (escrows.SUPPLIED, SUPPLIER),
    ):
        world.open(account, controller=controller)
    escrow = world.activate(world.instance("escrow", escrows.deal_arguments()))
    world.fund(1_000, account=escrows.HELD)
    return escrows.Deal(world, escrow)


def ended_escrow(world: World) -> escrows.Deal:
    """An escrow whose money goes back to the account that rules fund it from, after its end."""
    escrows.open_accounts(world)
    escrow = world.activate(world.instance("escrow", escrows.deal_arguments(payer_account=TREE)))
    boa.env.timestamp = escrow.TIMEOUT() + 1
    escrow.close()
    return escrows.Deal(world, escrow)


def test_anyone_turns_a_share_of_a_tenth_into_all(world: World) -> None:
    """Fund an escrow that has ended and have it give back, again and again: that is no new inflow."""
    deal = ended_escrow(world)
    shares = funding.active(world, [funding.share(PROJECT, 1_000), funding.top_up(escrows.HELD, 100_000)])
    world.fund(100_000)
    for _ in range(3):
        shares.clear(sender=attacker)
        deal.escrow.close(sender=attacker)
    assert funding.wages(world, TREE, PROJECT) == [90_000, 10_000]


def test_the_payer_closes_the_payees_account_to_get_its_money(world: World) -> None:
    deal = deal_of(world)
    deal.dispute(SUPPLIER)
    with reverts(NOT_OPERATOR):
        world.close(escrows.SUPPLIED, by=(operator,))
    with reverts("accounts: an agreement draws on it"):
        world.close(escrows.HELD, by=(operator,))
    deal.rule(1_000, 0)
    assert deal.resting(escrows.SUPPLIED) == 1_000
    with reverts(NOT_OPERATOR):
        world.close(escrows.SUPPLIED, by=(operator,))


def test_the_payer_buries_its_account_to_keep_an_escrow_from_ending(world: World) -> None:
    deal = deal_of(world)
    chain = [name_id(f"level {number}") for number in range(40)]
    for number, account in enumerate(chain):
        world.open(account, parent=chain[number - 1] if number else TREE)
    funding.move(world, PROJECT, chain[-1])
    for account in (PROJECT, *reversed(chain)):
        world.close(account)
    deal.dispute(SUPPLIER)
    deal.rule(600, 400)
    assert (deal.resting(escrows.SUPPLIED), deal.resting(TREE)) == (600, 400)


def test_a_share_is_taken_again_of_money_that_only_came_back(world: World) -> None:
    funding.open_accounts(world)
    world.fund(1_000)
    payout = world.disbursement([ALWAYS])
    shares = funding.active(world, [funding.share(PROJECT, 1_000)])
    shares.clear()
    for number in range(3):
        left = funding.wages(world, TREE)[0]
        cancel(payout, world.reserve(payout, rows_of([left]), deadline=now() + 1_000 + number))
        with reverts("allocation: nothing to clear"):
            shares.clear()
    assert funding.wages(world, PROJECT) == [100]


def test_an_account_is_moved_aside_while_shares_are_cleared(world: World) -> None:
    top, aside, shared, rest = (name_id(name) for name in ("top", "aside", "shared", "rest"))
    world.open(top)
    world.open(aside)
    world.open(shared, parent=top, controller=SUPPLIER)
    world.open(rest, parent=top)
    funded = funding.active(world, [funding.share(shared, 5_000), funding.rest(rest)], account=top)
    world.fund(1_000, account=top)
    with reverts(NOT_OPERATOR):
        funding.move(world, shared, aside)
    funding.move(world, shared, aside, by=(operator, supplier_operator))
    funded.clear()
    assert (funding.wages(world, top, shared, rest), funded.owed(0)) == ([500, 0, 500], 500)
    funding.move(world, shared, top, by=(operator, supplier_operator))
    funded.clear()
    assert funding.wages(world, top, shared, rest) == [0, 500, 500]


def test_a_waiver_is_kept_for_terms_in_which_the_clause_is_another(world: World) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 5)])
    tree, deadline = rows_of([10]), now() + 5 * DAY
    batch = future_batch(world, payout, tree, deadline)
    waive(world, payout, batch, 1, seconds=4 * DAY)
    adopt(world, payout, [ALWAYS, evidence(1), Guard(2, Kind.PAYOUT_CAP, 50)])
    assert world.reserve(payout, tree, deadline) == batch
    with reverts("clause 1, guard 1: evidence-missing, limit 1, observed 0"):
        world.execute(payout, batch, tree)


def test_a_stranger_skips_rows_for_good(world: World) -> None:
    payout = disburse(world, [ALWAYS, payee_cap(1, 10, DAY)])
    tree = rows_of([10, 10], [0, 0])
    batch = world.reserve(payout, tree)
    chunk = tree.chunks(8)[0]
    for who in (attacker, financier_operator, operator):
        with reverts("accounts: sender lacks the role"):
            payout.execute(batch, chunk.rows, chunk.proof, True, sender=who)
    payout.execute(batch, chunk.rows, chunk.proof, True, sender=bank_bridge)
    assert world.ledger.batch(batch).rows_skipped == 1


def rival_of(world: World) -> World:
    """A second bank whose minting key is the attacker's, with a tree of its own."""
    roles = Role.MINTER | Role.SETTLER
    world.change([institution(OTHER_BANK, 1), signer(attacker, OTHER_BANK, roles)])
    world.change([signer(newcomer, OTHER_BANK, Role.ATTESTER)])
    world.accounts.open_tree(OTHER_TREE, OTHER_BANK, QUORUM, b"CNY", ENTERPRISE, sender=attacker)
    world.attest(1_000, tree=OTHER_TREE, by=newcomer)
    return world


def paid(world: World, amounts: list[int]) -> tuple[bytes, RowTree]:
    """A batch that was executed in whole."""
    payout, tree = world.disbursement(), rows_of(amounts)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    world.execute(payout, batch, tree)
    return batch, tree


def test_another_bank_takes_the_remainders_reference_ahead(world: World) -> None:
    """It sees which one is coming and is quicker; the bank commits to something else and is done."""
    rival_of(world)
    world.fund(1_000)
    batch, tree = paid(world, [10, 10])
    ledger, first, second = world.ledger, keccak(b"first"), keccak(b"second")
    ledger.return_rows(CREDIT, 1_000, [returned(batch, tree, 0)], sender=bank_bridge)
    ledger.mint(remainder_lot(CREDIT, first), OTHER_TREE, ZERO, ZERO, 1, ZERO, sender=attacker)
    with reverts("ledger: reference used"):
        ledger.close_returns(CREDIT, ZERO, ZERO, first, sender=bank_bridge)
    ledger.close_returns(CREDIT, ZERO, ZERO, second, sender=bank_bridge)
    assert ledger.lot(remainder_lot(CREDIT, second))[0] == TREE
    assert ledger.line(lot_line(remainder_lot(CREDIT, second))) == (990, 0)


def test_another_bank_opens_the_remainders_reference_to_own_its_reversal(world: World) -> None:
    rival_of(world)
    world.fund(1_000)
    batch, tree = paid(world, [10, 10])
    ledger, info = world.ledger, keccak(b"first")
    ledger.return_rows(CREDIT, 1_000, [returned(batch, tree, 0)], sender=bank_bridge)
    rest = remainder_lot(CREDIT, info)
    own = keccak(b"own")
    ledger.mint(own, OTHER_TREE, ZERO, ZERO, 50, ZERO, sender=attacker)
    custody = freezing_lot(world, own).decide(world, [bank_supervisor])
    theirs = rows_of([50])
    sent = custody_batch(world, custody, theirs, now() + 60).decide(world)
    chunk = theirs.chunks(8)[0]
    world.supervision.execute(sent, chunk.rows, chunk.proof)
    ledger.return_rows(rest, 1, [returned(sent, theirs, 0, 1)], sender=attacker)
    with reverts("ledger: reference used"):
        ledger.close_returns(CREDIT, ZERO, ZERO, info, sender=bank_bridge)
    ledger.close_returns(CREDIT, ZERO, ZERO, OTHER_BANK, sender=bank_bridge)
    reverse(world, remainder_lot(CREDIT, OTHER_BANK), 990)
    assert ledger.tree(TREE).shortfall == 990


def test_a_settler_opens_more_than_the_bank_booked_and_reverses_it(world: World) -> None:
    world.attest(1_100)
    world.fund(1_000)
    batch, tree = paid(world, [10])
    for opened in (101, 2**64 - 1):
        with reverts("ledger: more than is attested"):
            world.ledger.return_rows(CREDIT, opened, [returned(batch, tree, 0, 1)], sender=bank_bridge)
    world.ledger.return_rows(CREDIT, 100, [returned(batch, tree, 0, 1)], sender=bank_bridge)
    reverse(world, CREDIT, 100)
    assert world.ledger.tree(TREE).shortfall == 100


def test_one_credit_is_reversed_again_and_again_as_what_it_leaves(world: World) -> None:
    """Each remainder is a credit of its own; all together no more falls short than was brought."""
    world.attest(200)
    world.fund(100)
    batch, tree = paid(world, [10])
    credit, left = CREDIT, 100
    world.ledger.return_rows(credit, left, [returned(batch, tree, 0, 1)], sender=bank_bridge)
    reverse(world, credit, left)
    for reversed_more in (99, 1):
        world.ledger.close_returns(credit, ZERO, ZERO, ZERO, sender=bank_bridge)
        credit, left = remainder_lot(credit, ZERO), left - 1
        world.ledger.return_rows(credit, 0, [returned(batch, tree, 0, 1)], sender=bank_bridge)
        reverse(world, credit, reversed_more)
    with reverts("ledger: more than was brought"):
        reverse(world, credit, 1)
    assert world.ledger.tree(TREE).shortfall == 200


def test_a_stranger_swaps_two_forced_returns(world: World) -> None:
    first, second = suspense(world, keccak(b"one"), 100), suspense(world, keccak(b"two"), 60)
    for lot, amount in ((first, 100), (second, 60)):
        identifying(world, lot, amount, TREE, WAGES).decide(world, TELLERS)
    world.freeze(TREE, True, [bank_supervisor])
    custody = carving([(0, 160)]).decide(world)
    one = custody_batch(world, custody, rows_of([100], [1]), now() + 60)
    two = custody_batch(world, custody, rows_of([60], [2]), now() + 60).over(start=100)
    given_one, given_two = one.signed(world), two.signed(world)
    with reverts("supervision: quorum not reached", "signatures: not in rising order of signer"):
        world.supervision.reserve_custody(*two.arguments, given_two, sender=attacker)
    world.supervision.reserve_custody(*one.arguments, given_one, sender=attacker)
    batch = world.supervision.reserve_custody(*two.arguments, given_two, sender=attacker)
    (moved,) = maps(world)
    assert moved[1:4] == (custody, batch, 100)


def test_a_signed_forced_return_pays_out_other_serials_after_a_thaw(world: World) -> None:
    world.fund(100)
    world.freeze(TREE, True, [bank_supervisor])
    custody = carving([(0, 100)]).decide(world)
    act = custody_batch(world, custody, rows_of([40]), now() + 60)
    given = act.signed(world)
    thawing(world, custody, 40).decide(world)
    with reverts("supervision: quorum not reached", "signatures: not in rising order of signer"):
        act.hand_in(world, given)


def test_stolen_keys_approve_a_batch_from_custody_before_they_are_suspended(world: World) -> None:
    world.fund(1_000)
    world.freeze(TREE, True, [bank_supervisor])
    custody = carving([(0, 400)]).decide(world)
    tree = rows_of([400])
    batch = custody_batch(world, custody, tree, now() + 3_600).decide(world)
    world.suspend(agency_one_supervisor, [agency_one_governor])
    chunk = tree.chunks(8)[0]
    with reverts("supervision: quorum not reached"):
        world.supervision.execute(batch, chunk.rows, chunk.proof, sender=attacker)


def test_one_machine_key_takes_a_lot_out_of_suspense(world: World) -> None:
    world.fund(1_000)
    batch, tree = paid(world, [10])
    lot = suspense(world, CREDIT, 1_000_000)
    world.ledger.return_rows(lot, 0, [returned(batch, tree, 0, 1)], sender=bank_bridge)
    with reverts("ledger: remainder of a lot"):
        world.ledger.close_returns(lot, TREE, WAGES, ZERO, sender=bank_bridge)
    world.ledger.close_returns(lot, ZERO, ZERO, ZERO, sender=bank_bridge)
    rest = remainder_lot(lot, ZERO)
    with reverts("supervision: two tellers must sign"):
        identifying(world, rest, 999_999, TREE, WAGES).decide(world, ())
    identifying(world, rest, 999_999, TREE, WAGES).decide(world, TELLERS)


def test_a_share_is_taken_of_a_lot_that_was_frozen_and_thawed(world: World) -> None:
    funding.open_accounts(world)
    shares = funding.active(world, [funding.share(PROJECT, 1_000)])
    custody = freezing_lot(world, suspense(world, CREDIT, 1_000)).decide(world, [bank_supervisor])
    thawing(world, custody, 1_000, TREE, WAGES).decide(world)
    shares.clear()
    assert funding.wages(world, PROJECT) == [100]


def test_an_approval_counts_again_after_a_suspension_within_a_second(world: World) -> None:
    world.fund(1_000)
    payout, tree = world.disbursement(), rows_of([400])
    back = [signer(agency_one_supervisor, AGENCY_ONE, Role.SUPERVISOR)]
    world.announce(back)
    nonce = world.directory.next_nonce() - 1
    boa.env.timestamp += DAY
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    world.suspend(agency_one_supervisor, (agency_one_governor,))
    world.directory.apply(back, nonce)
    boa.env.timestamp += 5
    with reverts("clause 0, guard 0: approvals-missing, limit 2, observed 1"):
        world.execute(payout, batch, tree)


def test_a_line_is_filled_until_a_batch_cannot_give_back(bare_ledger: BareLedger) -> None:
    ledger = bare_ledger.ledger
    ledger.set_attested(TREE, 2**62, sender=supervision_account)
    bare_ledger.fund(2**62)
    for number in range(2):
        tree = RowTree([Row(0, 2**62 - 1, keccak(b"%d" % number))])
        if number:
            with reverts("lines: line is full"):
                bare_ledger.reserve(tree)
        else:
            ledger.release(bare_ledger.reserve(tree), sender=agreement_account)
    assert ledger.account_balance(TREE, WAGES) == 2**62
