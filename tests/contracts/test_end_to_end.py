"""Two stories through every contract: money that is paid, and money that is held."""

import boa
from eth_hash.auto import keccak

from contracts.ids import account_line, lot_line, reversed_line, written_off_line
from contracts.terms import Guard, Kind
from tests.contracts.supervision.acts import (
    TELLERS,
    carving,
    carving_custody,
    custody_batch,
    freezing_lot,
    identifying,
    making_good,
    redirecting,
    reverse,
    suspense,
    thawing,
    writing_off,
)
from tests.contracts.world import (
    AUDITOR,
    MATERIALS,
    PROGRESS,
    PROJECT,
    TREE,
    WAGES,
    World,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    bank_bridge,
    bank_supervisor,
    now,
    operator,
    rows_of,
    signed,
    witness,
)

GUARDS = (
    approval_guard(),
    Guard(1, Kind.ROSTER, 300),
    Guard(2, Kind.PAYOUT_CAP, 1_000),
    Guard(3, Kind.WINDOW_CAP, 1_000_000, 86_400),
    Guard(4, Kind.EVIDENCE, 3_600, subject=PROGRESS, party=AUDITOR),
)


def test_money_is_traced_from_credit_to_late_return(world: World) -> None:
    ledger = world.ledger
    world.open(PROJECT)
    lot = world.fund(500_000)

    allocation = world.allocation([PROJECT], [Guard(0, Kind.PAYOUT_CAP, 400_000)])
    values = {"destination": PROJECT, "amount": 300_000, "reference": keccak(b"a"), "deadline": now() + 60}
    given = signed(operator, "Allocation", allocation, terms=allocation.terms_hash(), **values)
    allocation.allocate(*values.values(), given)
    assert ledger.line(account_line(TREE, WAGES)) == (500_000, 300_000)

    payout = world.disbursement(GUARDS, account=PROJECT)
    rows = rows_of([100 + i for i in range(240)])
    batch = world.reserve(payout, rows)
    world.approve(payout, batch)
    evidence = {"batch": batch, "kind": PROGRESS, "digest": keccak(b"report"), "observedAt": now()}
    payout.attest(*evidence.values(), signed(witness, "Evidence", payout, **evidence))
    world.execute(payout, batch, rows)
    held = ledger.batch(batch)
    assert (held.cursor, held.end, held.total) == (240, 240, rows.total_minor)

    world.give_back(batch, rows, 17)
    ledger.settle(batch, sender=bank_bridge)
    world.give_back(batch, rows, 18, reference=keccak(b"late"))
    held = ledger.tree(TREE)
    assert held.settled == rows.total_minor - 117
    assert held.returned_late == 118

    second = rows_of([200] * 16)
    reserved = world.reserve(payout, second)
    ledger_before = world.balance(account_line(PROJECT, WAGES))
    payout.cancel(reserved, signed(operator, "Cancellation", payout, batch=reserved))
    assert world.balance(account_line(PROJECT, WAGES)) == ledger_before + 3_200
    third = world.reserve(payout, second, now() + 60)
    boa.env.timestamp += 61
    ledger.release(third)

    unknown = suspense(world, keccak(b"unknown"), 700)
    identifying(world, unknown, 300).decide(world, TELLERS)
    assert ledger.line(lot_line(unknown)) == (700, 300)

    world.freeze(TREE, True, [bank_supervisor])
    world.freeze(TREE, False, [agency_one_supervisor, agency_two_supervisor])
    world.pause(True, [bank_supervisor])
    world.pause(False, [bank_supervisor, agency_two_supervisor])

    writing_off(5, keccak(b"charge"), TREE, MATERIALS).decide(world)
    assert world.balance(written_off_line(TREE)) == 5
    held = ledger.tree(TREE)
    lines = [account_line(a, c) for a in (TREE, PROJECT) for c in (WAGES, MATERIALS)]
    resting = sum(world.balance(line) for line in [*lines, lot_line(lot), lot_line(unknown)])
    assert held.minted + held.returned_late - held.settled - held.written_off == resting == held.held


def test_money_is_held_sorted_out_and_answered_for(world: World) -> None:
    """A credit turns out to be a fraud: what is left of it is carved out, what was spent is made good."""
    ledger = world.ledger
    world.open(PROJECT)
    world.fund(400, account=PROJECT)
    fraud = world.fund(600, account=PROJECT)
    doubtful = suspense(world, keccak(b"doubtful"), 80)

    payout = world.disbursement((approval_guard(),), account=PROJECT)
    rows = rows_of([50] * 16)
    batch = world.reserve(payout, rows)
    world.approve(payout, batch)
    chunk = rows.chunks(8)[0]
    payout.execute(batch, chunk.rows, chunk.proof, False)

    world.freeze(PROJECT, True, [bank_supervisor])
    rest_of_lot = freezing_lot(world, doubtful).decide(world, [agency_one_supervisor])
    custody = carving([(800, 1_000)], account=PROJECT).decide(world)
    redirecting(batch, custody).decide(world)
    world.give_back(batch, rows, 7, reference=keccak(b"return"))
    boa.env.timestamp += 8 * 86_400
    assert ledger.release(batch) == 400
    assert world.balance(custody) == 200 + 50 + 400
    assert ledger.account_balance(PROJECT, WAGES) == 0

    reverse(world, fraud, 600)
    world.attest(ledger.tree(TREE).held - 600)
    images = carving_custody(custody, [(0, 200), (250, 600)], fraud)
    images.decide(world)
    assert (ledger.tree(TREE).shortfall, world.supervision.recovered(fraud)) == (50, 550)

    back = rows_of([30])
    sent = custody_batch(world, rest_of_lot, back, now() + 60).decide(world)
    chunk = back.chunks(8)[0]
    world.supervision.execute(sent, chunk.rows, chunk.proof)
    ledger.settle(sent, sender=bank_bridge)
    thawing(world, rest_of_lot, 50, PROJECT).decide(world)
    making_good(world, 50, PROJECT).decide(world)
    thawing(world, custody, 100, PROJECT).decide(world)
    world.freeze(PROJECT, False, [agency_one_supervisor, bank_supervisor])

    ledger.settle(batch, sender=bank_bridge)
    held = ledger.tree(TREE)
    assert (held.minted, held.settled, held.returned_late) == (1_080, 30 + 350, 0)
    assert (held.shortfall, held.reversed, held.held, held.attested) == (0, 600, 100, 130)
    assert world.balance(reversed_line(TREE)) == 600
    assert ledger.account_balance(PROJECT, WAGES) == 100
    assert held.minted - held.settled - held.reversed == held.held
    last = rows_of([100])
    again = world.reserve(payout, last)
    world.approve(payout, again)
    world.execute(payout, again, last)
    assert ledger.tree(TREE).held == 0
