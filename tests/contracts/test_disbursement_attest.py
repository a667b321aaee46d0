"""Disbursement.attest and countersign: evidence by one institution or several, how old, and by whose keys."""

from itertools import pairwise

import boa
import pytest

from contracts.rows import RowTree
from contracts.terms import Guard, Kind, Role
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    CHANGED,
    DAY,
    ENDED,
    INVOICE,
    OTHER,
    REPORT,
    UNKNOWN,
    adopt,
    attest,
    cancel,
    countersign,
    disburse,
    evidence,
    future_batch,
    refused,
    register_document,
    rotate,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    PROGRESS,
    QUORUM,
    SUPPLIER,
    ZERO,
    World,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    newcomer,
    not_member,
    now,
    operator,
    rows_of,
    signed,
    signer,
    supplier_operator,
    witness,
)

FRESH = 3_600
MAX_ROTATIONS = 16
ROLE = "clauses: signer lacks the role"
NEWER = "clauses: signer is newer than what it signs"
NOT_ASKED = "clauses: not asked of this institution"
bank_witness, one_witness, two_witness = (actor(f"{name} witness") for name in ("bank", "one", "two"))


def reserved(world: World, payout: Contract) -> tuple[RowTree, bytes]:
    tree = rows_of([10] * 16)
    return tree, world.reserve(payout, tree)


@pytest.fixture
def payout(world: World) -> Contract:
    return disburse(world, [ALWAYS, evidence(1, FRESH)])


def test_attest(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    assert refused(world, payout, batch, tree) == (1, 1, "evidence-missing", 1, 0)
    attest(payout, batch, at=now() - 5)
    (event,) = payout.events
    assert (event.name, event.batch, event.kind) == ("EvidenceAttested", batch, PROGRESS)
    assert (event.witness, event.observed_at) == (witness.address, now() - 5)
    world.execute(payout, batch, tree)


def test_attest_refusals(world: World, payout: Contract) -> None:
    world.change([signer(bank_witness, BANK, Role.WITNESS)])
    _, batch = reserved(world, payout)
    for who in (attacker, operator, agency_one_supervisor):
        with reverts(ROLE):
            attest(payout, batch, who)
    with reverts(NOT_ASKED):
        attest(payout, batch, bank_witness)
    with reverts(NOT_ASKED):
        attest(payout, batch, kind=OTHER)
    with reverts("disbursement: observed later"):
        attest(payout, batch, at=now() + 1)
    with reverts(UNKNOWN):
        attest(payout, OTHER)
    cancel(payout, batch)
    with reverts(ENDED):
        attest(payout, batch)


def test_what_is_attested_counts_for_one_batch_contract_and_chain(world: World, payout: Contract) -> None:
    _, batch = reserved(world, payout)
    other = world.reserve(payout, rows_of([1]))
    twin = world.disbursement([ALWAYS, evidence(1, FRESH)])
    _, twin_batch = reserved(world, twin)
    values = {"batch": batch, "kind": PROGRESS, "digest": OTHER, "observedAt": now()}
    given = signed(witness, "Evidence", payout, **values)
    content = (PROGRESS, OTHER, now())
    for contract, of in ((payout, other), (twin, twin_batch)):
        with reverts(ROLE):
            contract.attest(of, *content, given)
    here = boa.env.evm.patch.chain_id
    try:
        boa.env.evm.patch.chain_id = here + 1
        with reverts(ROLE):
            payout.attest(batch, *content, given)
    finally:
        boa.env.evm.patch.chain_id = here
    payout.attest(batch, *content, given)


def test_evidence_grows_old_by_the_time_it_was_observed(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    start = now()
    boa.env.timestamp = start + 1_000
    attest(payout, batch, at=start)
    boa.env.timestamp = start + FRESH
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    boa.env.timestamp = start + FRESH + 1
    assert refused(world, payout, batch, tree, 8) == (1, 1, "evidence-missing", 1, 0)
    with reverts("given: repeated"):
        attest(payout, batch, at=start)
    attest(payout, batch, at=start + 1)
    payout.execute(batch, second.rows, second.proof, False)


def test_an_older_observation_handed_in_later_replaces_nothing(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    start = now()
    boa.env.timestamp = start + 100
    attest(payout, batch, at=start + 100)
    for at in (start, start + 100):
        with reverts("given: repeated"):
            attest(payout, batch, digest=OTHER, at=at)
    boa.env.timestamp = start + 100 + FRESH
    world.execute(payout, batch, tree)


def test_evidence_of_a_suspended_witness_stops_counting(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    attest(payout, batch)
    world.suspend(witness, [bank_governor, agency_one_governor])
    assert refused(world, payout, batch, tree)[2:] == ("evidence-missing", 1, 0)


def test_a_witness_added_again_attests_anew(world: World) -> None:
    """What it gave before it was suspended, or signed about the time before, never counts again."""
    payout = disburse(world, [ALWAYS, evidence(1, 30 * DAY)])
    tree = rows_of([10])
    batch = world.reserve(payout, tree, now() + 20 * DAY)
    before = {"batch": batch, "kind": PROGRESS, "digest": OTHER, "observedAt": now() + 1}
    signed_before = signed(witness, "Evidence", payout, **before)
    attest(payout, batch)
    world.suspend(witness, [bank_governor, agency_one_governor])
    world.change([signer(witness, AUDITOR, Role.WITNESS)])
    since = world.directory.signer(witness.address).since
    assert refused(world, payout, batch, tree)[2:] == ("evidence-missing", 1, 0)
    with reverts(NEWER):
        payout.attest(*before.values(), signed_before, sender=attacker)
    boa.env.timestamp = since
    with reverts(NEWER):
        attest(payout, batch, at=since - 1)
    attest(payout, batch, at=since)
    world.execute(payout, batch, tree)


def test_a_rotated_witness_keeps_its_evidence_and_can_renew_it(world: World) -> None:
    world.change([signer(bank_witness, BANK, Role.WITNESS)])
    payout = disburse(world, [ALWAYS, evidence(1, FRESH, party=BANK)])
    tree, batch = reserved(world, payout)
    attest(payout, batch, bank_witness)
    rotate(world, bank_witness, newcomer)
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    boa.env.timestamp += FRESH + 1
    assert refused(world, payout, batch, tree, 8)[2] == "evidence-missing"
    attest(payout, batch, newcomer)
    payout.execute(batch, second.rows, second.proof, False)


def test_evidence_counts_through_as_many_rotations_as_a_key_may_have(world: World) -> None:
    world.change([signer(bank_witness, BANK, Role.WITNESS)])
    payout = disburse(world, [ALWAYS, evidence(1, FRESH, party=BANK)])
    tree, batch = reserved(world, payout)
    attest(payout, batch, bank_witness)
    keys = [bank_witness, *(actor(f"bank witness {number}") for number in range(MAX_ROTATIONS))]
    for old, new in pairwise(keys):
        rotate(world, old, new)
    world.execute(payout, batch, tree)


@pytest.fixture
def several(world: World) -> Contract:
    """Two institutions of the quorum must attest."""
    world.change(
        [
            signer(bank_witness, BANK, Role.WITNESS),
            signer(one_witness, AGENCY_ONE, Role.WITNESS),
            signer(newcomer, AGENCY_ONE, Role.WITNESS),
            signer(two_witness, AGENCY_TWO, Role.WITNESS),
        ]
    )
    return disburse(world, [ALWAYS, evidence(1, FRESH, 2, QUORUM)])


def test_evidence_of_several_institutions(world: World, several: Contract) -> None:
    tree, batch = reserved(world, several)
    with reverts(NOT_ASKED):
        attest(several, batch, witness)
    attest(several, batch, one_witness)
    attest(several, batch, newcomer)
    assert refused(world, several, batch, tree) == (1, 1, "evidence-missing", 2, 1)
    attest(several, batch, bank_witness)
    first, _ = tree.chunks(8)
    several.execute(batch, first.rows, first.proof, False)
    world.change([not_member(BANK)])
    attest(several, batch, one_witness)
    assert refused(world, several, batch, tree, 8) == (1, 1, "evidence-missing", 2, 1)


def test_evidence_of_a_member_that_left_stops_counting(world: World, several: Contract) -> None:
    lasting = disburse(world, [ALWAYS, evidence(1, 2 * DAY, 2, QUORUM)])
    tree, batch = reserved(world, lasting)
    for who in (one_witness, bank_witness):
        attest(lasting, batch, who)
    world.change([not_member(BANK)])
    assert refused(world, lasting, batch, tree) == (1, 1, "evidence-missing", 2, 1)


def test_each_of_several_observations_must_be_fresh(world: World, several: Contract) -> None:
    tree, batch = reserved(world, several)
    start = now()
    boa.env.timestamp = start + 600
    attest(several, batch, one_witness, at=start)
    attest(several, batch, two_witness, at=start + 600)
    boa.env.timestamp = start + FRESH + 1
    assert refused(world, several, batch, tree) == (1, 1, "evidence-missing", 2, 1)
    attest(several, batch, bank_witness)
    world.execute(several, batch, tree)


@pytest.fixture
def countersigned(world: World) -> Contract:
    """The supplier must countersign."""
    return disburse(world, [ALWAYS, Guard(1, Kind.COUNTERSIGN, party=SUPPLIER)])


def test_countersign(world: World, countersigned: Contract) -> None:
    tree, batch = reserved(world, countersigned)
    assert refused(world, countersigned, batch, tree) == (1, 1, "countersignature-missing", 1, 0)
    countersign(countersigned, batch, supplier_operator)
    (event,) = countersigned.events
    assert (event.name, event.batch, event.operator, event.institution) == (
        "BatchCountersigned",
        batch,
        supplier_operator.address,
        SUPPLIER,
    )
    boa.env.timestamp += 6 * 86_400
    world.execute(countersigned, batch, tree)


def test_countersign_refusals(world: World, countersigned: Contract) -> None:
    _, batch = reserved(world, countersigned)
    with reverts(NOT_ASKED):
        countersign(countersigned, batch, operator)
    with reverts(ROLE):
        countersign(countersigned, batch, attacker)
    with reverts(UNKNOWN):
        countersign(countersigned, OTHER, supplier_operator)
    values = {"batch": batch, "terms": OTHER, "document": ZERO}
    with reverts(ROLE):
        countersigned.countersign(
            batch, signed(supplier_operator, "Countersignature", countersigned, **values)
        )
    countersign(countersigned, batch, supplier_operator)
    with reverts("given: repeated"):
        countersign(countersigned, batch, supplier_operator)


def test_a_suspended_operator_countersigns_no_more(world: World, countersigned: Contract) -> None:
    tree, batch = reserved(world, countersigned)
    countersign(countersigned, batch, supplier_operator)
    world.suspend(supplier_operator, [bank_governor, agency_one_governor])
    assert refused(world, countersigned, batch, tree)[2] == "countersignature-missing"


def test_an_operator_added_again_countersigns_later_batches(world: World, countersigned: Contract) -> None:
    tree = rows_of([10])
    given = world.reserve(countersigned, tree, now() + 20 * DAY)
    countersign(countersigned, given, supplier_operator)
    open_still = world.reserve(countersigned, tree, now() + 20 * DAY + 1)
    world.suspend(supplier_operator, [bank_governor, agency_one_governor])
    world.change([signer(supplier_operator, SUPPLIER, Role.OPERATOR)])
    assert refused(world, countersigned, given, tree)[2] == "countersignature-missing"
    for batch in (given, open_still):
        with reverts(NEWER):
            countersign(countersigned, batch, supplier_operator)
    boa.env.timestamp = world.directory.signer(supplier_operator.address).since
    later = world.reserve(countersigned, tree, now() + 20 * DAY)
    countersign(countersigned, later, supplier_operator)
    world.execute(countersigned, later, tree)


def test_a_countersignature_is_of_the_document_too(world: World) -> None:
    terms = [
        Guard(0, Kind.COUNTERSIGN, party=SUPPLIER),
        Guard(1, Kind.DOCUMENT, subject=INVOICE, party=AUDITOR),
    ]
    payout = disburse(world, terms)
    for document in (REPORT, OTHER):
        register_document(payout, document, 0, 10)
    tree, deadline = rows_of([10]), now() + DAY
    batch = future_batch(world, payout, tree, deadline)
    values = {"batch": batch, "terms": payout.terms_hash(), "document": REPORT}
    given = signed(supplier_operator, "Countersignature", payout, **values)
    world.reserve(payout, tree, deadline, document=OTHER)
    with reverts(ROLE):
        payout.countersign(batch, given)
    countersign(payout, batch, supplier_operator)
    world.execute(payout, batch, tree)


def test_new_terms_ask_anew(world: World, countersigned: Contract) -> None:
    _, batch = reserved(world, countersigned)
    adopt(world, countersigned, [ALWAYS, Guard(1, Kind.COUNTERSIGN, party=SUPPLIER)])
    with reverts(CHANGED):
        countersign(countersigned, batch, supplier_operator)
    with reverts(CHANGED):
        attest(countersigned, batch)


def test_one_witness_needed_is_one_of_the_party(world: World) -> None:
    """As when no number is given: only a number above one makes the party a quorum."""
    payout = disburse(world, [ALWAYS, evidence(1, needed=1)])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    attest(payout, batch)
    world.execute(payout, batch, tree)
