"""Attacks that went through once: each shows what stands in their way now."""

from eth_hash.auto import keccak

from contracts.ids import name_id
from contracts.rows import Row, RowTree
from contracts.terms import Guard, Kind
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
from tests.contracts.world import (
    ENTERPRISE,
    PROJECT,
    SUPPLIER,
    TREE,
    WAGES,
    BareLedger,
    World,
    agreement_account,
    attacker,
    bank_bridge,
    financier_operator,
    now,
    operator,
    rows_of,
    supervision_account,
    supplier_operator,
)

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
