"""Escrow: what an attacker, a party or a silent arbiter may try."""

import boa
import pytest

from contracts.terms import Role
from contracts.typed_data import TypedMessage
from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    BY_CONSENT,
    BY_EVIDENCE,
    DISPUTED,
    EXPIRED,
    HELD,
    OTHER_REPORT,
    TWIN,
    Deal,
    deal_arguments,
    open_accounts,
)
from tests.contracts.puppet import puppet, register_puppet
from tests.contracts.world import (
    AGENCY_ONE,
    AUDITOR,
    ENTERPRISE,
    SUPPLIER,
    ZERO,
    World,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    message,
    newcomer,
    now,
    operator,
    signer,
    supplier_operator,
)

# secp256k1
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def test_silent_arbiter_keeps_nobodys_money(deal: Deal) -> None:
    deal.world.suspend(agency_one_supervisor, (bank_governor, agency_one_governor))
    deal.dispute()
    boa.env.timestamp = deal.escrow.ends_at() + 1
    deal.escrow.close(sender=attacker)
    assert deal.shares == (0, 0, 1_000)
    assert deal.escrow.state() == EXPIRED


def test_silent_payee_and_silent_payer(deal: Deal) -> None:
    boa.env.timestamp = deal.escrow.ends_at() + 1
    deal.escrow.close(sender=attacker)
    assert deal.shares == (0, 0, 1_000)


@pytest.mark.parametrize("arbiter", [ENTERPRISE, SUPPLIER])
def test_arbiter_is_a_party(world: World, arbiter: bytes) -> None:
    open_accounts(world)
    with reverts("parties: named twice"):
        world.instance("escrow", deal_arguments(arbiter=arbiter))


@pytest.mark.parametrize("name", ["payer", "payee", "arbiter"])
def test_zero_party(world: World, name: str) -> None:
    open_accounts(world)
    with reverts("parties: unknown institution"):
        world.instance("escrow", deal_arguments(**{name: ZERO}))


def test_replay_of_a_release(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=10, deadline=deadline)
    deal.escrow.release(0, 10, deadline, given)
    with reverts("parties: not signed for the party"):
        deal.escrow.release(0, 10, deadline, given)
    assert deal.shares == (990, 10, 0)


def test_replay_of_a_malleated_release(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=10, deadline=deadline)
    twin = given[:32] + (ORDER - int.from_bytes(given[32:64])).to_bytes(32) + bytes([55 - given[64]])
    with reverts("signatures: high s"):
        deal.escrow.release(0, 10, deadline, twin)
    with reverts("signatures: recovers to nobody"):
        deal.escrow.release(0, 10, deadline, bytes(64) + b"\x1b")
    deal.escrow.release(0, 10, deadline, given)
    with reverts("signatures: high s"):
        deal.escrow.release(0, 10, deadline, twin)


def test_replay_across_agreements(deal: Deal) -> None:
    deal.world.open(TWIN)
    twin = deal.world.activate(deal.world.instance("escrow", deal_arguments(account=TWIN)))
    deadline = now() + 60
    given = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=10, deadline=deadline)
    with reverts("parties: not signed for the party"):
        twin.release(0, 10, deadline, given)
    assert deal.shares == (1_000, 0, 0)


def test_replay_across_chains(deal: Deal) -> None:
    deadline = now() + 60
    values = {"milestone": 0, "amount": 10, "nonce": 0, "deadline": deadline}
    here = message("MilestoneRelease", deal.escrow, **values)
    elsewhere = TypedMessage(here.kind, here.chain_id + 1, here.contract, here.values)
    with reverts("parties: not signed for the party"):
        deal.escrow.release(0, 10, deadline, elsewhere.sign(operator))


def test_replay_as_another_act(deal: Deal) -> None:
    """A compromise both signed is no ruling, a refund no renunciation: types keep messages apart."""
    deal.dispute()
    deadline = now() + 60
    values = {"toPayee": 1, "toPayer": 999, "deadline": deadline}
    with reverts("parties: not signed for the party"):
        deal.escrow.rule(1, 999, deadline, deal.compromise(agency_one_supervisor, **values))


def test_a_later_act_voids_what_a_party_signed_before(deal: Deal) -> None:
    deadline = now() + 60
    early = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=200, deadline=deadline)
    deal.release(BY_CONSENT, 1)
    with reverts("parties: not signed for the party"):
        deal.escrow.release(0, 200, deadline, early)


def test_no_party_uses_up_anothers_signature(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("Dispute", SUPPLIER, party=SUPPLIER, deadline=deadline)
    deal.release(BY_CONSENT, 1)
    deal.escrow.dispute(SUPPLIER, deadline, given)
    assert deal.escrow.state() == DISPUTED


def test_duplicate_evidence(deal: Deal) -> None:
    deal.attest()
    with reverts("escrow: evidence repeated"):
        deal.attest(2)
    deal.attest(2, OTHER_REPORT)


def test_wrong_role(deal: Deal) -> None:
    """The right institutions, by signers without the role."""
    deal.dispute()
    with reverts("parties: not signed for the party"):
        deal.rule(0, 1_000, by=operator)
    values = {"toPayee": 0, "toPayer": 1_000, "deadline": now() + 60, "nonce": 0}
    given = message("Ruling", deal.escrow, **values).sign(attacker)
    with reverts("parties: not signed for the party"):
        deal.escrow.rule(0, 1_000, now() + 60, given)


def test_wrong_institution(deal: Deal) -> None:
    with reverts("parties: not signed for the party"):
        deal.release(BY_CONSENT, 1, supplier_operator)
    with reverts("parties: not signed for the party"):
        deal.refund(1, operator)


def test_a_governor_of_a_party_is_not_its_operator_nor_its_witness(deal: Deal) -> None:
    governor, auditor = newcomer, actor("governor of the auditor")
    deal.world.change([signer(governor, ENTERPRISE, Role.GOVERNOR), signer(auditor, AUDITOR, Role.GOVERNOR)])
    with reverts("parties: not signed for the party"):
        deal.release(BY_CONSENT, 1, governor)
    with reverts("parties: not signed for the party"):
        deal.attest(by=auditor)


def test_a_suspended_signer(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=10, deadline=deadline)
    deal.world.suspend(operator, (bank_governor, agency_one_governor))
    with reverts("parties: not signed for the party"):
        deal.escrow.release(0, 10, deadline, given)


def test_front_run_close_against_dispute(deal: Deal) -> None:
    """There is no second at which both would do: the order of two transactions decides nothing."""
    boa.env.timestamp = deal.escrow.ends_at()
    with boa.env.anchor():
        deal.dispute()
    with reverts("escrow: its time has not run out"):
        deal.escrow.close()
    boa.env.timestamp += 1
    with reverts("escrow: its time has run out"):
        deal.dispute()
    deal.escrow.close()


def test_front_run_release_against_dispute(deal: Deal) -> None:
    """A release that comes first stands, whole; one that comes second does nothing."""
    deal.attest()
    with boa.env.anchor():
        deal.escrow.release_attested(BY_EVIDENCE)
        deal.dispute()
        assert deal.shares == (500, 500, 0)
    deal.dispute()
    with reverts("escrow: disputed"):
        deal.escrow.release_attested(BY_EVIDENCE)


def test_dust_sent_to_the_escrow(deal: Deal) -> None:
    world = deal.world
    for _ in range(5):
        world.fund(1, account=HELD)
    world.fund(1, account=HELD, dye_class=b"\x07" * 32)
    deal.release(BY_CONSENT, 200)
    deal.dispute()
    deadline = now() + 60
    values = {"toPayee": 300, "toPayer": 505, "deadline": deadline}
    ruling = deal.consent("Ruling", AGENCY_ONE, **values)
    world.fund(1, account=HELD)
    deal.escrow.rule(300, 505, deadline, ruling)
    assert deal.shares == (0, 500, 506)
    world.fund(1, account=HELD)
    deal.escrow.close()
    assert deal.shares == (0, 500, 507)


def test_dust_does_not_keep_the_escrow_from_its_end(deal: Deal) -> None:
    for number, amount in enumerate((200, 500, 300)):
        deal.world.fund(1, account=HELD)
        deal.release(number, amount)
    deal.escrow.close()
    assert deal.shares == (0, 1_000, 3)


def test_a_party_that_is_a_contract_changes_nothing(deal: Deal) -> None:
    """Only signatures count, and nothing here calls anybody but the Ledger: a contract has no way in."""
    register_puppet(deal.world)
    sender = puppet(deal.world, [HELD])
    deadline = now() + 60
    with reverts("signatures: length is not 65"):
        sender.make(deal.escrow, "release", 0, 10, deadline, b"")
    with reverts("signatures: recovers to nobody"):
        sender.make(deal.escrow, "release", 0, 10, deadline, bytes(64) + b"\x1b")
    given = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=10, deadline=deadline)
    sender.make(deal.escrow, "release", 0, 10, deadline, given)
    assert deal.shares == (990, 10, 0)
    with reverts("parties: not signed for the party"):
        sender.make(deal.escrow, "release", 0, 10, deadline, given)
    boa.env.timestamp = deal.escrow.ends_at() + 1
    sender.make(deal.escrow, "close")
    assert deal.shares == (0, 10, 990)


def test_an_escrow_outside_the_factory_moves_nothing(world: World) -> None:
    """One that was deployed but not activated holds nobody's grant."""
    open_accounts(world)
    made = world.instance("escrow", deal_arguments())
    world.fund(1_000, account=HELD)
    stray = Deal(world, made)
    with reverts("accounts: agreement not granted"):
        stray.release(BY_CONSENT, 1)
    boa.env.timestamp = made.ends_at() + 1
    with reverts("accounts: agreement not granted"):
        made.close()
