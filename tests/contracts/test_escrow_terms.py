"""Escrow: construction, what it shows, adopt."""

from typing import Any

import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from contracts.arguments import EscrowMilestone
from contracts.errors import RefusalUnknown
from tests.contracts.chain import Contract, reverts
from tests.contracts.escrows import (
    ACCEPTANCE,
    DISPUTE_SECONDS,
    HELD,
    OPEN,
    SUPPLIED,
    TIMEOUT_SECONDS,
    Deal,
    deal_arguments,
    milestones,
    open_accounts,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AUDITOR,
    BANK,
    ENTERPRISE,
    PROJECT,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    bank_bridge,
    now,
)

MAX_SECONDS = 30 * 366 * 86_400


def make(world: World, **changed: Any) -> Contract:
    """Deploy an escrow, not active yet."""
    return world.instance("escrow", deal_arguments(**changed))


@pytest.fixture
def prepared(world: World) -> World:
    open_accounts(world)
    return world


def test_it_shows_its_terms(prepared: World) -> None:
    made = make(prepared)
    assert (made.account(), made.DYE_CLASS(), made.accounts()) == (HELD, WAGES, (HELD,))
    assert (made.PAYER_ACCOUNT(), made.PAYEE_ACCOUNT()) == (PROJECT, SUPPLIED)
    assert (made.PAYER(), made.PAYEE(), made.ARBITER()) == (ENTERPRISE, SUPPLIER, AGENCY_ONE)
    assert (made.TIMEOUT(), made.DISPUTE_TIMEOUT()) == (now() + TIMEOUT_SECONDS, DISPUTE_SECONDS)
    assert (made.LEDGER(), made.DIRECTORY()) == (prepared.ledger.address, prepared.directory.address)
    assert [(one.amount, one.due_at, one.kind, one.witness) for one in made.milestones()] == [
        (one.amount_minor, one.due_at, one.kind, one.witness) for one in milestones()
    ]
    assert list(made.terms()) == []
    assert (made.state(), made.ends_at()) == (OPEN, now() + TIMEOUT_SECONDS)
    held = made.progress(0)
    assert (held.released, held.evidence, held.observed_at) == (0, ZERO, 0)


def test_its_terms_hash_binds_everything(prepared: World) -> None:
    assert make(prepared).terms_hash() == keccak(deal_arguments())
    others = [make(prepared, timeout=now() + 50 * 86_400), make(prepared, dispute_timeout_seconds=1)]
    assert len({made.terms_hash() for made in [make(prepared), *others]}) == 3


def test_deploying_opens_it(prepared: World) -> None:
    make(prepared)
    (opened,) = [event for event in prepared.factory.events if event.name == "StateSet"]
    assert opened.state == OPEN


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"payer": SUPPLIER}, "parties: named twice"),
        ({"arbiter": SUPPLIER}, "parties: named twice"),
        ({"arbiter": ENTERPRISE}, "parties: named twice"),
        ({"payer": ZERO}, "parties: unknown institution"),
        ({"payee": ZERO}, "parties: unknown institution"),
        ({"arbiter": ZERO}, "parties: unknown institution"),
        ({"arbiter": keccak(b"nobody")}, "parties: unknown institution"),
        ({"payer_account": SUPPLIED}, "parties: named twice"),
        ({"payer_account": HELD}, "parties: named twice"),
        ({"payee_account": HELD}, "parties: named twice"),
        ({"account": ZERO}, "parties: account not open"),
        ({"payer_account": ZERO}, "parties: account not open"),
        ({"payee_account": keccak(b"no account")}, "parties: account not open"),
        ({"account": TREE}, "parties: deposits on the root account"),
        ({"payee_account": TREE}, "parties: account of another institution"),
        ({"milestones": []}, "escrow: no milestone"),
        ({"dispute_timeout_seconds": 0}, "escrow: dispute timeout out of bounds"),
        ({"dispute_timeout_seconds": MAX_SECONDS + 1}, "escrow: dispute timeout out of bounds"),
        ({"dispute_timeout_seconds": 2**256 - 1}, "escrow: dispute timeout out of bounds"),
    ],
)
def test_terms_that_are_refused(prepared: World, changed: dict[str, Any], reason: str) -> None:
    with reverts(reason):
        make(prepared, **changed)


@pytest.mark.parametrize(
    ("milestone", "reason"),
    [
        (EscrowMilestone(0, 1), "parties: amount out of bounds"),
        (EscrowMilestone(2**62 + 1, 1), "parties: amount out of bounds"),
        (EscrowMilestone(2**256 - 1, 1), "parties: amount out of bounds"),
        (EscrowMilestone(1, 1, witness=AUDITOR), "escrow: witness without evidence"),
        (EscrowMilestone(1, 1, ACCEPTANCE), "parties: unknown institution"),
        (EscrowMilestone(1, 1, ACCEPTANCE, keccak(b"nobody")), "parties: unknown institution"),
        (EscrowMilestone(1, 1, ACCEPTANCE, SUPPLIER), "escrow: the payee is its own witness"),
    ],
)
def test_milestones_that_are_refused(prepared: World, milestone: EscrowMilestone, reason: str) -> None:
    with reverts(reason):
        make(prepared, milestones=[EscrowMilestone(1, 1), milestone])


def test_the_sum_of_milestones_is_bounded(prepared: World) -> None:
    make(prepared, milestones=[EscrowMilestone(2**61, 1), EscrowMilestone(2**61, 1)])
    with reverts("parties: amount out of bounds"):
        make(prepared, milestones=[EscrowMilestone(2**61, 1), EscrowMilestone(2**61 + 1, 1)])


def test_sixteen_milestones_at_most(prepared: World) -> None:
    assert len(make(prepared, milestones=[EscrowMilestone(1, 1)] * 16).milestones()) == 16
    with pytest.raises(RefusalUnknown):  # the decoder gives no reason
        make(prepared, milestones=[EscrowMilestone(1, 1)] * 17)


def test_times_are_in_order_and_bounded(prepared: World) -> None:
    late = now() + TIMEOUT_SECONDS
    with reverts("escrow: due after the timeout"):
        make(prepared, milestones=[EscrowMilestone(1, late)])
    make(prepared, milestones=[EscrowMilestone(1, late - 1)])
    soon = [EscrowMilestone(1, 1)]
    for passed in (0, now() - 1, now()):
        with reverts("escrow: timeout is over"):
            make(prepared, milestones=soon, timeout=passed)
    make(prepared, milestones=soon, timeout=now() + 1)
    make(prepared, timeout=now() + MAX_SECONDS, dispute_timeout_seconds=MAX_SECONDS)
    for late in (now() + MAX_SECONDS + 1, 2**256 - 1):
        with reverts("escrow: timeout out of bounds"):
            make(prepared, timeout=late)


def test_accounts_are_of_one_tree(prepared: World) -> None:
    other = keccak(b"another tree")
    prepared.accounts.open_tree(other, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for name in ("payer_account", "payee_account"):
        with reverts("parties: accounts of two trees"):
            make(prepared, **{name: other})


def test_the_payer_may_witness_and_so_may_the_arbiter(prepared: World) -> None:
    for who in (ENTERPRISE, AGENCY_ONE):
        make(prepared, milestones=[EscrowMilestone(1, 1, ACCEPTANCE, who)])


def test_its_terms_never_change(world: World) -> None:
    deal = Deal.agree(world)
    for sender in (None, world.factory.address):
        with reverts("escrow: terms do not change"):
            deal.escrow.adopt(encode(["uint256"], [1]), sender=sender)
