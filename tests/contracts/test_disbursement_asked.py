"""Disbursement: who is asked for something by one guard is not thereby asked by another."""

from contracts.terms import Guard, Kind, Role
from tests.contracts.chain import reverts
from tests.contracts.disbursements import ALWAYS, attest, disburse, evidence, register_document
from tests.contracts.world import (
    ENTERPRISE,
    PROGRESS,
    SUPPLIER,
    World,
    actor,
    approval_guard,
    bank_supervisor,
    member,
    newcomer,
    rows_of,
    signer,
    threshold,
    witness,
)

BLOCKERS, PAPER = b"\7" * 32, b"\6" * 32
NOT_ASKED = "clauses: not asked of this institution"
other_supervisor = actor("another supervisor")


def test_who_blocks_payees_does_not_approve(world: World) -> None:
    world.change(
        [
            signer(newcomer, SUPPLIER, Role.SUPERVISOR),
            signer(other_supervisor, ENTERPRISE, Role.SUPERVISOR),
            member(SUPPLIER, BLOCKERS),
            member(ENTERPRISE, BLOCKERS),
            threshold(2, BLOCKERS),
        ]
    )
    payout = disburse(world, [approval_guard(), Guard(1, Kind.BLACKLIST, subject=BLOCKERS)])
    batch = world.reserve(payout, rows_of([10]))
    with reverts(NOT_ASKED):
        world.approve(payout, batch, [newcomer])
    world.approve(payout, batch, [bank_supervisor])


def test_who_registers_documents_of_a_kind_does_not_attest_it(world: World) -> None:
    world.change([signer(newcomer, SUPPLIER, Role.WITNESS)])
    document = Guard(2, Kind.DOCUMENT, subject=PROGRESS, party=SUPPLIER)
    payout = disburse(world, [ALWAYS, evidence(1), document])
    register_document(payout, PAPER, 3, 10, kind=PROGRESS, by=newcomer)
    batch = world.reserve(payout, rows_of([10], [3]), document=PAPER)
    with reverts(NOT_ASKED):
        attest(payout, batch, newcomer)
    attest(payout, batch, witness)
