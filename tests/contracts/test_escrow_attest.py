"""Escrow: attest, beyond what `test_escrow_release` shows: all that is logged, and each way to be refused."""

import boa
import pytest

from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    ACCEPTANCE,
    BY_EVIDENCE,
    DUE_SECONDS,
    MORE_EVIDENCE,
    OTHER_REPORT,
    REPORT,
    Deal,
)
from tests.contracts.world import (
    World,
    agency_one_governor,
    attacker,
    bank_governor,
    message,
    now,
    witness,
)

GOVERNORS = (bank_governor, agency_one_governor)


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def test_all_that_is_logged(deal: Deal) -> None:
    deal.attest(MORE_EVIDENCE, OTHER_REPORT, observed_at=now() - 7)
    (attested,) = deal.escrow.events
    assert (attested.address, attested.name) == (deal.escrow.address, "MilestoneAttested")
    assert attested.values == {
        "milestone": MORE_EVIDENCE,
        "kind": ACCEPTANCE,
        "witness": witness.address,
        "content": OTHER_REPORT,
        "observed_at": now() - 7,
    }
    assert [deal.escrow.is_proven(number) for number in range(3)] == [False, False, True]
    assert deal.shares == (1_000, 0, 0)


def test_anyone_hands_it_in_until_the_last_second(deal: Deal) -> None:
    at = now() + DUE_SECONDS
    values = {"milestone": BY_EVIDENCE, "kind": ACCEPTANCE, "content": REPORT, "observedAt": at}
    boa.env.timestamp = deal.escrow.ends_at()
    given = message("MilestoneEvidence", deal.escrow, **values).sign(witness)
    deal.escrow.attest(BY_EVIDENCE, REPORT, at, given, sender=attacker)
    assert deal.escrow.is_proven(BY_EVIDENCE)


def test_evidence_counts_during_a_dispute_and_pays_nothing_then(deal: Deal) -> None:
    deal.dispute()
    deal.attest()
    assert deal.escrow.is_proven(BY_EVIDENCE)
    with reverts("escrow: disputed"):
        deal.escrow.release_attested(BY_EVIDENCE)


def test_an_escrow_that_has_ended(deal: Deal) -> None:
    for end in (deal.renounce, lambda: deal.settle(1_000, 0)):
        with boa.env.anchor():
            end()
            with reverts("escrow: it has ended"):
                deal.attest()


def test_a_witness_suspended_since_it_signed(deal: Deal) -> None:
    values = {"milestone": BY_EVIDENCE, "kind": ACCEPTANCE, "content": REPORT, "observedAt": now()}
    given = message("MilestoneEvidence", deal.escrow, **values).sign(witness)
    at = now()
    deal.world.suspend(witness, GOVERNORS)
    with reverts("parties: not signed for the party"):
        deal.escrow.attest(BY_EVIDENCE, REPORT, at, given)
    assert deal.escrow.progress(BY_EVIDENCE).observed_at == 0


def test_a_signature_for_another_contract(world: World, deal: Deal) -> None:
    """The same milestone, evidence and witness; each contract has its own domain."""
    values = {"milestone": BY_EVIDENCE, "kind": ACCEPTANCE, "content": REPORT, "observedAt": now()}
    for other in (world.factory, world.ledger):
        given = message("MilestoneEvidence", other, **values).sign(witness)
        with reverts("parties: not signed for the party"):
            deal.escrow.attest(BY_EVIDENCE, REPORT, now(), given)
