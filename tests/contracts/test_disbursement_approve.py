"""Disbursement.approve and revoke: who counts, for which batch, and until when."""

import boa
import pytest

from contracts.rows import RowTree
from contracts.terms import Guard, Kind, Role
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    CHANGED,
    DAY,
    ENDED,
    INVOICE,
    OTHER,
    REPORT,
    UNKNOWN,
    adopt,
    cancel,
    disburse,
    future_batch,
    refused,
    register_document,
    revoke,
    rotate,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    ENTERPRISE,
    QUORUM,
    TERMS,
    World,
    actor,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_supervisor,
    newcomer,
    not_member,
    now,
    operator,
    rows_of,
    signed,
    signer,
)

ROLE = "clauses: signer lacks the role"
REPEATED = "given: repeated"
NOTHING = "given: nothing to revoke"


@pytest.fixture
def payout(world: World) -> Contract:
    world.fund(100_000)
    return world.disbursement()


def reserved(world: World, payout: Contract, count: int = 16) -> tuple[RowTree, bytes]:
    tree = rows_of([100 + i for i in range(count)])
    return tree, world.reserve(payout, tree)


def missing(world: World, payout: Contract, batch: bytes, tree: RowTree) -> int:
    clause, guard, code, limit, observed = refused(world, payout, batch, tree, 8)
    assert (clause, guard, code, limit) == (0, 0, "approvals-missing", 2)
    return int(observed)


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
        with reverts(ROLE):
            world.approve(payout, batch, [who])
    world.approve(payout, batch, [agency_one_supervisor])
    with reverts(REPEATED):
        world.approve(payout, batch, [agency_one_supervisor])
    given = signed(bank_supervisor, "Approval", payout, **world.approval(payout, batch))
    with reverts(UNKNOWN):
        payout.approve(OTHER, given)
    boa.env.timestamp = world.ledger.batch(batch).deadline
    payout.approve(batch, given)
    boa.env.timestamp += 1
    with reverts("disbursement: approval expired"):
        payout.approve(batch, given)
    cancel(payout, batch)
    with reverts(ENDED):
        payout.approve(batch, given)


def test_an_approval_is_not_renewed(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    world.approve(payout, batch, [agency_one_supervisor])
    boa.env.timestamp += 1
    with reverts(REPEATED):
        world.approve(payout, batch, [agency_one_supervisor])


def test_approve_by_the_quorum_alone(world: World, payout: Contract) -> None:
    world.change([signer(newcomer, ENTERPRISE, Role.SUPERVISOR)])
    _, batch = reserved(world, payout)
    with reverts("clauses: not asked of this institution"):
        world.approve(payout, batch, [newcomer])


def test_an_approval_counts_for_one_batch_contract_and_chain(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    _, other_batch = reserved(world, payout, 8)
    given = signed(bank_supervisor, "Approval", payout, **world.approval(payout, batch))
    with reverts(ROLE):
        payout.approve(other_batch, given)
    twin = world.disbursement()
    _, twin_batch = reserved(world, twin)
    with reverts(ROLE):
        twin.approve(twin_batch, given)
    here = boa.env.evm.patch.chain_id
    try:
        boa.env.evm.patch.chain_id = here + 1
        with reverts(ROLE):
            payout.approve(batch, given)
    finally:
        boa.env.evm.patch.chain_id = here
    payout.approve(batch, given)


def test_an_approval_is_of_the_document_too(world: World) -> None:
    """Signed before the batch was reserved, which names another document of the same payee and amount."""
    payout = disburse(world, [APPROVED, Guard(1, Kind.DOCUMENT, subject=INVOICE, party=AUDITOR)])
    for document in (REPORT, OTHER):
        register_document(payout, document, 0, 10)
    tree, deadline = rows_of([10]), now() + DAY
    batch = future_batch(world, payout, tree, deadline)
    world.reserve(payout, tree, deadline, document=OTHER)
    values = world.approval(payout, batch)
    assert values["document"] == OTHER
    with reverts(ROLE):
        payout.approve(batch, signed(bank_supervisor, "Approval", payout, **{**values, "document": REPORT}))
    world.approve(payout, batch)
    world.execute(payout, batch, tree)


def test_a_signer_newer_than_the_batch_does_not_approve(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.change([signer(newcomer, AGENCY_TWO, Role.SUPERVISOR)])
    with reverts("clauses: signer is newer than what it signs"):
        world.approve(payout, batch, [newcomer])
    second = world.reserve(payout, tree)
    world.approve(payout, second, [newcomer])


def test_approvals_are_bounded(world: World, payout: Contract) -> None:
    crowd = [actor(f"deputy {i}") for i in range(17)]
    world.change([signer(who, AGENCY_ONE, Role.SUPERVISOR) for who in crowd])
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, crowd[:16])
    with reverts("given: too many signers"):
        world.approve(payout, batch, crowd[16:])
    assert missing(world, payout, batch, tree) == 1


def test_two_signers_of_one_institution_count_once(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    assert missing(world, payout, batch, tree) == 0
    world.approve(payout, batch, [agency_one_supervisor, agency_one_deputy])
    assert missing(world, payout, batch, tree) == 1
    world.approve(payout, batch, [bank_supervisor])
    world.execute(payout, batch, tree)


def test_a_suspended_approver_stops_counting_at_execution(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    world.suspend(agency_two_supervisor, [agency_one_governor, actor("bank governor")])
    assert missing(world, payout, batch, tree) == 1
    world.change([signer(agency_two_supervisor, AGENCY_TWO, Role.SUPERVISOR)])
    assert missing(world, payout, batch, tree) == 1
    world.approve(payout, batch, [bank_supervisor])
    payout.execute(batch, second.rows, second.proof, False)


def test_a_member_that_left_the_quorum_stops_counting(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    world.change([not_member(AGENCY_TWO)])
    assert missing(world, payout, batch, tree) == 1


def test_revoke(world: World, payout: Contract) -> None:
    """Later chunks see it, and nobody hands the approval in again."""
    tree, batch = reserved(world, payout)
    given = signed(agency_one_supervisor, "Approval", payout, **world.approval(payout, batch))
    world.approve(payout, batch)
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    revoke(payout, batch, agency_one_supervisor)
    (event,) = payout.events
    assert (event.name, event.supervisor) == ("ApprovalRevoked", agency_one_supervisor.address)
    assert payout.approvers(batch) == (agency_two_supervisor.address.lower(),)
    assert missing(world, payout, batch, tree) == 1
    with reverts(REPEATED):
        payout.approve(batch, given)
    world.approve(payout, batch, [agency_one_deputy])
    payout.execute(batch, second.rows, second.proof, False)


def test_revoke_refusals(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    _, other = reserved(world, payout, 8)
    world.approve(payout, batch, [agency_one_supervisor])
    for who in (attacker, agency_two_supervisor, agency_one_deputy):
        with reverts(NOTHING):
            revoke(payout, batch, who)
    given = signed(agency_one_supervisor, "Revocation", payout, batch=other)
    with reverts(NOTHING):
        payout.revoke(batch, given)
    revoke(payout, batch, agency_one_supervisor)
    with reverts(NOTHING):
        revoke(payout, batch, agency_one_supervisor)


def test_a_rotated_key_keeps_its_approval_and_can_revoke_it(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, [bank_supervisor, agency_one_supervisor])
    rotate(world, bank_supervisor, newcomer)
    first, _ = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    with reverts(REPEATED):
        world.approve(payout, batch, [newcomer])
    revoke(payout, batch, newcomer)
    assert missing(world, payout, batch, tree) == 1
    with reverts(REPEATED):
        world.approve(payout, batch, [newcomer])


def test_the_key_that_approved_can_revoke_after_it_was_rotated(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, [bank_supervisor, agency_one_supervisor])
    rotate(world, bank_supervisor, newcomer)
    revoke(payout, batch, bank_supervisor)
    assert missing(world, payout, batch, tree) == 1


def test_a_rotated_and_then_suspended_key_counts_no_more(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, [bank_supervisor, agency_one_supervisor])
    rotate(world, bank_supervisor, newcomer)
    world.suspend(newcomer)
    assert missing(world, payout, batch, tree) == 1


def test_approvals_under_changed_terms(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    given = signed(bank_supervisor, "Approval", payout, **world.approval(payout, batch))
    adopt(world, payout, [*TERMS, Guard(3, Kind.BATCH_CAP, 9_999)])
    with reverts(CHANGED):
        payout.approve(batch, given)


BANKS, AGENCIES, ENTERPRISES = 1, 1 << 32, 1 << 64


@pytest.mark.parametrize(
    ("quotas", "who", "limit", "observed"),
    [
        (BANKS, [agency_one_supervisor], 2, 1),
        (BANKS, [agency_one_supervisor, agency_two_supervisor], 1, 0),
        (2 * AGENCIES, [bank_supervisor, agency_one_supervisor], 2, 1),
        (BANKS | 2 * AGENCIES, [bank_supervisor, agency_one_supervisor], 2, 1),
        (ENTERPRISES, [bank_supervisor, agency_one_supervisor, agency_two_supervisor], 1, 0),
    ],
)
def test_quotas_of_kinds_of_institution(
    world: World, quotas: int, who: list[object], limit: int, observed: int
) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.APPROVAL, 2, quotas, subject=QUORUM)])
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, who)  # type: ignore[arg-type]
    assert refused(world, payout, batch, tree) == (1, 1, "approvals-missing", limit, observed)


def test_quotas_met(world: World) -> None:
    payout = disburse(world, [Guard(0, Kind.APPROVAL, 2, BANKS | 2 * AGENCIES, subject=QUORUM)])
    tree, batch = reserved(world, payout)
    world.approve(payout, batch, [bank_supervisor, agency_one_supervisor, agency_two_supervisor])
    world.execute(payout, batch, tree)
