"""Disbursement: reserve, approve, attest, execute, cancel, restore."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line
from contracts.rows import RowTree
from contracts.terms import Guard, Kind, Role, disbursement_arguments
from tests.contracts.chain import Contract, refusal_of, reverts
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    ENTERPRISE,
    PROGRESS,
    TREE,
    WAGES,
    World,
    actor,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    attacker,
    bank_bridge,
    bank_supervisor,
    newcomer,
    not_member,
    now,
    operator,
    rows_of,
    signed,
    signer,
    witness,
)

OTHER = b"\7" * 32
EVIDENCE = (approval_guard(), Guard(1, Kind.EVIDENCE, 3_600, subject=PROGRESS, party=AUDITOR))
UNKNOWN = "disbursement: unknown batch"


@pytest.fixture
def payout(world: World) -> Contract:
    world.fund(100_000)
    return world.disbursement()


def reserved(world: World, payout: Contract, count: int = 16) -> tuple[RowTree, bytes]:
    tree = rows_of([100 + i for i in range(count)])
    return tree, world.reserve(payout, tree)


def refused_approvals(world: World, payout: Contract, batch: bytes, tree: RowTree) -> int | None:
    held = refusal_of(lambda: world.execute(payout, batch, tree, 8))
    assert (held.code, held.clause, held.guard, held.limit) == ("approvals-missing", 0, 0, 2)
    return held.observed


def test_reserve(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    acted, moved, held = payout.events
    assert (acted.name, acted.operator) == ("OperatorActed", operator.address)
    assert (moved.destination, moved.amount) == (batch, tree.total_minor)
    assert (held.agreement, held.count) == (payout.address, 16)
    assert payout.reserved_at(batch) == now()
    assert payout.reserved_at(OTHER) == 0


@pytest.mark.parametrize("who", [attacker, bank_bridge, agency_one_supervisor])
def test_reserve_by_the_controllers_operator_alone(world: World, payout: Contract, who: Any) -> None:
    tree = rows_of([10])
    values = world.reservation(payout, tree, now() + 60)
    given = signed(who, "Reservation", payout, **values)
    with reverts("disbursement: not an operator"):
        payout.reserve(tree.root, 1, 10, now() + 60, given)


def test_reserve_binds_every_field(world: World, payout: Contract) -> None:
    tree = rows_of([10])
    values = world.reservation(payout, tree, now() + 60)
    given = signed(operator, "Reservation", payout, **values)
    for call in (
        (OTHER, 1, 10, now() + 60),
        (tree.root, 2, 10, now() + 60),
        (tree.root, 1, 11, now() + 60),
        (tree.root, 1, 10, now() + 61),
    ):
        with reverts("disbursement: not an operator"):
            payout.reserve(*call, given)
    payout.reserve(tree.root, 1, 10, now() + 60, given)
    with reverts("ledger: batch exists"):
        payout.reserve(tree.root, 1, 10, now() + 60, given)


def test_an_inactive_agreement_reserves_nothing(world: World) -> None:
    world.fund(100)
    payout = world.instance("disbursement", disbursement_arguments(TREE, WAGES, (approval_guard(),)))
    with reverts("ledger: agreement not granted"):
        world.reserve(payout, rows_of([10]))


def test_approve(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    world.approve(payout, batch, [agency_one_supervisor])
    (event,) = payout.events
    assert (event.name, event.batch, event.supervisor, event.institution) == (
        "ApprovalGiven",
        batch,
        agency_one_supervisor.address,
        AGENCY_ONE,
    )
    assert payout.approvers(batch) == (agency_one_supervisor.address.lower(),)


def test_approve_refusals(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    for who in (attacker, operator, agency_one_governor):
        with reverts("disbursement: not a supervisor"):
            world.approve(payout, batch, [who])
    world.approve(payout, batch, [agency_one_supervisor])
    with reverts("disbursement: approval repeated"):
        world.approve(payout, batch, [agency_one_supervisor])
    given = signed(bank_supervisor, "Approval", payout, **world.approval(payout, batch))
    with reverts(UNKNOWN):
        payout.approve(OTHER, given)
    boa.env.timestamp = world.ledger.batch(batch).deadline + 1
    with reverts("disbursement: approval expired"):
        payout.approve(batch, given)


def test_approve_by_the_quorum_alone(world: World, payout: Contract) -> None:
    world.change([signer(newcomer, ENTERPRISE, Role.SUPERVISOR)])
    _, batch = reserved(world, payout)
    with reverts("disbursement: not in the quorum"):
        world.approve(payout, batch, [newcomer])


def test_an_approval_counts_for_one_batch_contract_and_chain(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    _, other_batch = reserved(world, payout, 8)
    given = signed(bank_supervisor, "Approval", payout, **world.approval(payout, batch))
    with reverts("disbursement: not a supervisor"):
        payout.approve(other_batch, given)
    twin = world.disbursement()
    _, twin_batch = reserved(world, twin)
    with reverts("disbursement: not a supervisor"):
        twin.approve(twin_batch, given)
    here = boa.env.evm.patch.chain_id
    try:
        boa.env.evm.patch.chain_id = here + 1
        with reverts("disbursement: not a supervisor"):
            payout.approve(batch, given)
    finally:
        boa.env.evm.patch.chain_id = here
    payout.approve(batch, given)


def test_a_signer_newer_than_the_batch_does_not_approve(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.change([signer(newcomer, AGENCY_TWO, Role.SUPERVISOR)])
    with reverts("disbursement: signer is newer than the batch"):
        world.approve(payout, batch, [newcomer])
    second = world.reserve(payout, tree)
    world.approve(payout, second, [newcomer])


def test_approvals_are_bounded(world: World, payout: Contract) -> None:
    crowd = [actor(f"deputy {i}") for i in range(17)]
    world.change([signer(who, AGENCY_ONE, Role.SUPERVISOR) for who in crowd])
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, crowd[:16])
    with reverts("disbursement: too many approvals"):
        world.approve(payout, batch, crowd[16:])
    assert refused_approvals(world, payout, batch, tree) == 1


def test_two_signers_of_one_institution_count_once(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    assert refused_approvals(world, payout, batch, tree) == 0
    world.approve(payout, batch, [agency_one_supervisor, agency_one_deputy])
    assert refused_approvals(world, payout, batch, tree) == 1
    world.approve(payout, batch, [bank_supervisor])
    world.execute(payout, batch, tree)


def test_a_suspended_approver_stops_counting_at_execution(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    world.suspend(agency_two_supervisor)
    assert refused_approvals(world, payout, batch, tree) == 1
    world.change([signer(agency_two_supervisor, AGENCY_TWO, Role.SUPERVISOR)])
    assert refused_approvals(world, payout, batch, tree) == 1
    world.approve(payout, batch, [bank_supervisor])
    payout.execute(batch, second.rows, second.proof, False)


def test_a_member_that_left_the_quorum_stops_counting(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    world.change([not_member(AGENCY_TWO)])
    assert refused_approvals(world, payout, batch, tree) == 1


def test_execute_refusals(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    chunk = tree.chunks(8)[0]
    with reverts(UNKNOWN):
        payout.execute(OTHER, chunk.rows, chunk.proof, False)
    with reverts("disbursement: only a signer may skip rows"):
        payout.execute(batch, chunk.rows, chunk.proof, True, sender=attacker)
    world.approve(payout, batch)
    with reverts("merkle: wrong proof"):
        payout.execute(batch, tree.chunks(8)[1].rows, chunk.proof, False)
    with reverts("merkle: not whole rows"):
        payout.execute(batch, chunk.rows[:40], chunk.proof, False)
    world.freeze(TREE, True, [bank_supervisor])
    with reverts("ledger: account frozen"):
        payout.execute(batch, chunk.rows, chunk.proof, False)
    boa.env.timestamp = world.ledger.batch(batch).deadline + 1
    world.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    with reverts("ledger: deadline passed"):
        payout.execute(batch, chunk.rows, chunk.proof, False)


def test_anyone_may_execute_what_is_approved(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    chunk = tree.chunks(16)[0]
    payout.execute(batch, chunk.rows, chunk.proof, False, sender=attacker)
    assert world.ledger.batch(batch).cursor == 16


def test_skip_refused_names_every_row_and_gives_it_back(world: World) -> None:
    world.fund(100_000)
    payout = world.disbursement([approval_guard(), Guard(1, Kind.PAYOUT_CAP, 100)])
    amounts = [50] * 8 + [50, 101, 102, 50, 100, 50, 50, 103]
    tree = rows_of(amounts)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    held = refusal_of(lambda: payout.execute(batch, second.rows, second.proof, False))
    assert (held.code, held.clause, held.guard) == ("payout-cap", 1, 1)
    assert (held.limit, held.observed) == (100, 101)
    payout.execute(batch, second.rows, second.proof, True, sender=bank_bridge)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.observed) for event in named] == [(9, 101), (10, 102), (15, 103)]
    assert {(event.clause, event.guard, event.limit) for event in named} == {(1, 1, 100)}
    assert {event.code.rstrip(b"\0") for event in named} == {b"payout-cap"}
    back = [event for event in payout.events if event.name == "Moved"]
    assert [(event.source_start, event.amount) for event in back] == [
        (tree.offsets[9], 203),
        (tree.offsets[15], 103),
    ]
    assert world.balance(account_line(TREE, WAGES)) == 100_000 - tree.total_minor + 306


def attestation(batch: bytes, kind: bytes = PROGRESS, content: bytes = OTHER) -> dict[str, Any]:
    return {"batch": batch, "kind": kind, "digest": content}


def attest(payout: Contract, batch: bytes, by: Any = witness, **more: Any) -> None:
    values = {**attestation(batch), **more}
    payout.attest(*values.values(), signed(by, "Evidence", payout, **values))


@pytest.fixture
def attested(world: World) -> Contract:
    world.fund(100_000)
    return world.disbursement(EVIDENCE)


def test_attest(world: World, attested: Contract) -> None:
    tree, batch = reserved(world, attested)
    world.approve(attested, batch)
    held = refusal_of(lambda: world.execute(attested, batch, tree))
    assert (held.code, held.clause, held.guard) == ("evidence-missing", 1, 1)
    attest(attested, batch)
    (event,) = attested.events
    assert (event.name, event.batch, event.kind) == ("EvidenceAttested", batch, PROGRESS)
    assert (event.witness, event.digest) == (witness.address, OTHER)
    world.execute(attested, batch, tree)


def test_attest_refusals(world: World, attested: Contract) -> None:
    _, batch = reserved(world, attested)
    no_such = "disbursement: the terms ask for no such evidence of this signer"
    for who in (attacker, operator, agency_one_supervisor):
        with reverts(no_such):
            attest(attested, batch, who)
    with reverts(no_such):
        attest(attested, batch, kind=OTHER)
    with reverts(UNKNOWN):
        attest(attested, OTHER)


def test_evidence_grows_old_and_is_not_freshened_by_a_replay(world: World, attested: Contract) -> None:
    tree, batch = reserved(world, attested)
    world.approve(attested, batch)
    attest(attested, batch)
    boa.env.timestamp += 3_600
    first, second = tree.chunks(8)
    attested.execute(batch, first.rows, first.proof, False)
    boa.env.timestamp += 1
    held = refusal_of(lambda: attested.execute(batch, second.rows, second.proof, False))
    assert held.code == "evidence-missing"
    with reverts("disbursement: evidence repeated"):
        attest(attested, batch)
    attest(attested, batch, digest=keccak(b"a newer report"))
    attested.execute(batch, second.rows, second.proof, False)


def test_evidence_of_a_suspended_witness_stops_counting(world: World, attested: Contract) -> None:
    tree, batch = reserved(world, attested)
    world.approve(attested, batch)
    attest(attested, batch)
    world.suspend(witness)
    held = refusal_of(lambda: world.execute(attested, batch, tree))
    assert held.code == "evidence-missing"


def cancel(payout: Contract, batch: bytes, by: Any = operator) -> int:
    held: int = payout.cancel(batch, signed(by, "Cancellation", payout, batch=batch))
    return held


def test_cancel(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    chunk = tree.chunks(8)[0]
    payout.execute(batch, chunk.rows, chunk.proof, False)
    left = tree.total_minor - tree.offsets[8]
    for who in (attacker, bank_supervisor):
        with reverts("disbursement: not an operator"):
            cancel(payout, batch, who)
    with reverts(UNKNOWN):
        cancel(payout, OTHER)
    assert cancel(payout, batch) == left
    event = payout.events[-1]
    assert (event.name, event.batch, event.by) == ("BatchCancelled", batch, operator.address)
    assert event.amount == left
    with reverts("ledger: batch has ended"):
        cancel(payout, batch)
    with reverts("disbursement: batch has ended"):
        world.approve(payout, batch, [bank_supervisor])
    with reverts("ledger: batch has ended"):
        world.execute(payout, batch, tree, 8)


def test_batches_run_side_by_side(world: World, payout: Contract) -> None:
    first_tree, first = reserved(world, payout)
    second_tree, second = reserved(world, payout, 8)
    world.approve(payout, second)
    world.approve(payout, first)
    world.execute(payout, second, second_tree)
    world.execute(payout, first, first_tree)


CAPPED = (approval_guard(), Guard(1, Kind.PAYOUT_CAP, 100), Guard(2, Kind.WINDOW_CAP, 10_000, 86_400))


def test_restore_gives_windows_back_what_went_back(world: World) -> None:
    world.fund(100_000)
    payout = world.disbursement(CAPPED)
    tree = rows_of([100] * 8 + [101] + [100] * 7 + [100] * 8)
    moment = now()
    batch = world.reserve(payout, tree, now() + 3_600)
    world.approve(payout, batch)
    assert payout.consumed(2, moment) == 2_401
    assert payout.restore(batch) == 0
    for chunk in tree.chunks(8)[:2]:
        payout.execute(batch, chunk.rows, chunk.proof, True, sender=bank_bridge)
    world.give_back(batch, tree, 0)
    assert payout.restore(batch) == 201
    assert payout.restore(batch) == 0
    assert payout.consumed(2, moment) == 2_200
    boa.env.timestamp += 3_601
    world.ledger.release(batch, sender=attacker)
    assert payout.restore(batch) == 800
    assert payout.consumed(2, moment) == 1_400
    world.ledger.settle(batch, sender=bank_bridge)
    world.give_back(batch, tree, 1, reference=keccak(b"late"))
    assert payout.restore(batch) == 0
    with reverts(UNKNOWN):
        payout.restore(OTHER)
