"""One story through every contract, from a credit to a late return."""

import boa
from eth_hash.auto import keccak

from contracts.ids import account_line, lot_line, written_off_line
from contracts.terms import Guard, Kind
from tests.contracts.world import (
    AUDITOR,
    MATERIALS,
    PROGRESS,
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    bank_bridge,
    bank_supervisor,
    consents,
    first_teller,
    now,
    operator,
    rows_of,
    second_teller,
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
    evidence = {"batch": batch, "kind": PROGRESS, "digest": keccak(b"report")}
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

    ledger.mint(keccak(b"unknown"), TREE, ZERO, ZERO, 700, ZERO, sender=bank_bridge)
    part = {"lot": keccak(b"unknown"), "account": TREE, "dyeClass": MATERIALS, "amount": 300, "start": 0}
    tellers = consents((first_teller, second_teller), "Identification", ledger, **part)
    ledger.identify(part["lot"], TREE, MATERIALS, 300, tellers)
    assert ledger.line(lot_line(part["lot"])) == (700, 300)

    world.freeze(TREE, True, [bank_supervisor])
    world.freeze(TREE, False, [agency_one_supervisor, agency_two_supervisor])
    world.pause(True, [bank_supervisor])
    world.pause(False, [bank_supervisor, agency_two_supervisor])

    charge = {"account": TREE, "dyeClass": MATERIALS, "amount": 5, "reference": keccak(b"charge")}
    quorum = consents((agency_one_supervisor, bank_supervisor), "WriteOff", ledger, **charge)
    ledger.write_off(*charge.values(), quorum)
    assert world.balance(written_off_line(TREE)) == 5
    held = ledger.tree(TREE)
    lines = [account_line(a, c) for a in (TREE, PROJECT) for c in (WAGES, MATERIALS)]
    resting = sum(world.balance(line) for line in [*lines, lot_line(lot), lot_line(part["lot"])])
    assert held.minted + held.returned_late - held.settled - held.written_off == resting
