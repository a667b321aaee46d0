"""Disbursement: who holds a role next to the one that is asked for does not act in it."""

import pytest

from contracts.terms import Guard, Kind, Role
from tests.contracts.chain import reverts
from tests.contracts.disbursements import ALWAYS, attest, cancel, countersign, disburse, evidence
from tests.contracts.world import (
    AUDITOR,
    ENTERPRISE,
    SUPPLIER,
    World,
    newcomer,
    rows_of,
    signer,
    supplier_operator,
    witness,
)

ROLE = "clauses: signer lacks the role"
OTHERS = [Role.GOVERNOR, Role.MINTER, Role.SETTLER, Role.SUPERVISOR, Role.TELLER, Role.ATTESTER]


@pytest.mark.parametrize("role", [*OTHERS, Role.OPERATOR])
def test_only_a_witness_attests(world: World, role: Role) -> None:
    payout = disburse(world, [ALWAYS, evidence(1)])
    world.change([signer(newcomer, AUDITOR, role)])
    batch = world.reserve(payout, rows_of([10]))
    with reverts(ROLE):
        attest(payout, batch, newcomer)
    attest(payout, batch, witness)


@pytest.mark.parametrize("role", [*OTHERS, Role.WITNESS])
def test_only_an_operator_cancels(world: World, role: Role) -> None:
    payout = disburse(world, [ALWAYS])
    world.change([signer(newcomer, ENTERPRISE, role)])
    batch = world.reserve(payout, rows_of([10]))
    with reverts("disbursement: not an operator"):
        cancel(payout, batch, newcomer)
    cancel(payout, batch)


@pytest.mark.parametrize("role", [*OTHERS, Role.WITNESS])
def test_only_an_operator_countersigns(world: World, role: Role) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.COUNTERSIGN, party=SUPPLIER)])
    world.change([signer(newcomer, SUPPLIER, role)])
    batch = world.reserve(payout, rows_of([10]))
    with reverts(ROLE):
        countersign(payout, batch, newcomer)
    countersign(payout, batch, supplier_operator)
