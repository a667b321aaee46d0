"""Attacks on signatures of every act the tree's quorum decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from tests.contracts.chain import Contract, deploy, reverts
from tests.contracts.supervision.acts import (
    Act,
    carving,
    carving_custody,
    custody_batch,
    falling_short,
    freezing,
    making_good,
    redirecting,
    releasing,
    reverse,
    sorting,
    thawing,
    waiving,
    writing_off,
)
from tests.contracts.world import (
    AGENCY_TWO,
    QUORUM_SIGNERS,
    TREE,
    WAGES,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    attester,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    consents,
    factory_account,
    first_teller,
    not_member,
    now,
    operator,
    rows_of,
    second_teller,
    witness,
)

CREDIT = keccak(b"credit")
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
MISSED = "supervision: quorum not reached"
NOT_RISING = "signatures: not in rising order of signer"


@dataclass(frozen=True)
class Situation:
    """A frozen tree, short of money, with an open batch and money in custody."""

    world: World
    batch: bytes
    custody: bytes


@pytest.fixture(scope="module")
def _situation(_founded: World) -> Iterator[Situation]:
    """1,000 of wages from one credit, of which the bank took 100 back."""
    with boa.env.anchor():
        world = replace(_founded)
        world.fund(1_000, reference=CREDIT)
        batch = world.reserve(world.disbursement(), rows_of([10]))
        world.freeze(TREE, True, [bank_supervisor])
        custody = carving([(100, 200)]).decide(world)
        reverse(world, CREDIT, 100)
        yield Situation(world, batch, custody)


@pytest.fixture
def situation(_situation: Situation) -> Iterator[Situation]:
    """As it was before the test, afterwards too."""
    with boa.env.anchor():
        yield replace(_situation, world=replace(_situation.world))


ACTS: dict[str, Callable[[Situation], Act]] = {
    "carve": lambda at: carving([(1_000, 1_010)]),
    "carve images": lambda at: carving([(1_000, 1_010)], CREDIT),
    "carve custody": lambda at: carving_custody(at.custody, [(0, 10)]),
    "freeze": lambda at: freezing(at.world, TREE, False),
    "make good": lambda at: making_good(at.world, 10),
    "record shortfall": lambda at: falling_short(10, keccak(b"debit")),
    "redirect": lambda at: redirecting(at.batch, at.custody),
    "release": lambda at: releasing(at.batch),
    "reserve custody": lambda at: custody_batch(at.world, at.custody, rows_of([10]), now() + 60),
    "sort": lambda at: sorting(at.world, 10),
    "thaw": lambda at: thawing(at.world, at.custody, 10),
    "waive": lambda at: waiving(at.batch, 2, now() + 60),
    "write off": lambda at: writing_off(10, keccak(b"charge")),
}
every_act = pytest.mark.parametrize("name", ACTS)


@every_act
def test_the_quorum_decides(situation: Situation, name: str) -> None:
    """Each act is possible here, so that what follows is refused for its signatures alone."""
    ACTS[name](situation).decide(situation.world)
    decided = situation.world.supervision.events[0]
    assert decided.name == "Decided"
    expected = sorted(who.address.lower() for who in QUORUM_SIGNERS)
    assert list(decided.signers) == expected


@every_act
@pytest.mark.parametrize(
    "by",
    [
        (),
        (agency_one_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (bank_governor, agency_one_governor),
        (
            agency_one_supervisor,
            attacker,
            attester,
            bank_bridge,
            first_teller,
            second_teller,
            operator,
            witness,
        ),
    ],
    ids=["nobody", "one", "one institution", "governors", "one and all who are no supervisors"],
)
def test_less_than_the_quorum(situation: Situation, name: str, by: tuple[Any, ...]) -> None:
    with reverts(MISSED):
        ACTS[name](situation).decide(situation.world, by)


@every_act
def test_one_supervisor_twice(situation: Situation, name: str) -> None:
    act = ACTS[name](situation)
    with reverts(NOT_RISING):
        act.hand_in(situation.world, act.signed(situation.world, [agency_one_supervisor] * 2))


@every_act
def test_one_supervisor_and_the_malleated_twin_of_its_signature(situation: Situation, name: str) -> None:
    act = ACTS[name](situation)
    (given,) = act.signed(situation.world, [agency_one_supervisor])
    twin = given[:32] + (CURVE_ORDER - int.from_bytes(given[32:64])).to_bytes(32) + bytes([55 - given[64]])
    for both in ([given, twin], [twin, given]):
        with reverts("signatures: high s"):
            act.hand_in(situation.world, both)


@every_act
def test_a_signature_of_nobody(situation: Situation, name: str) -> None:
    act = ACTS[name](situation)
    (given,) = act.signed(situation.world, [agency_one_supervisor])
    with reverts("signatures: recovers to nobody"):
        act.hand_in(situation.world, [bytes(64) + b"\x1b", given])


@every_act
def test_signatures_of_another_chain(situation: Situation, name: str) -> None:
    act, patch = ACTS[name](situation), boa.env.evm.patch
    chain_id = patch.chain_id
    patch.chain_id = chain_id + 1
    try:
        given = act.signed(situation.world)
    finally:
        patch.chain_id = chain_id
    with reverts(MISSED, NOT_RISING):
        act.hand_in(situation.world, given)


@every_act
def test_signatures_for_another_contract(situation: Situation, name: str) -> None:
    """A second Supervision of the same ledger, then the ledger itself."""
    world, act = situation.world, ACTS[name](situation)
    twin = deploy("Supervision", ["address"] * 2, world.ledger.address, world.accounts.address)
    for contract in (twin, world.ledger, world.accounts, world.factory):
        given = consents(QUORUM_SIGNERS, act.kind, contract, **act.values)
        with reverts(MISSED, NOT_RISING):
            act.hand_in(world, given)


@every_act
def test_a_supervisor_suspended_between_signing_and_handing_in(situation: Situation, name: str) -> None:
    world, act = situation.world, ACTS[name](situation)
    given = act.signed(world)
    world.suspend(agency_two_supervisor, (bank_governor, agency_one_governor))
    with reverts(MISSED):
        act.hand_in(world, given)


@every_act
def test_two_institutions_of_which_one_left_the_quorum(situation: Situation, name: str) -> None:
    world = situation.world
    act = ACTS[name](situation)
    given = act.signed(world)
    world.change([not_member(AGENCY_TWO)])
    with reverts(MISSED):
        act.hand_in(world, given)


REPLAYS = {
    "carve": "lines: piece out of place",
    "carve images": "lines: piece out of place",
    "carve custody": "lines: piece out of place",
    "freeze": MISSED,
    "make good": MISSED,
    "redirect": "supervision: custody of another line",
    "release": "ledger: batch has ended",
    "reserve custody": MISSED,
    "sort": MISSED,
    "thaw": MISSED,
    "write off": "ledger: reference used",
}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_replay(situation: Situation, name: str) -> None:
    act = ACTS[name](situation)
    given = act.signed(situation.world)
    act.hand_in(situation.world, given)
    with reverts(REPLAYS[name], *([NOT_RISING] if REPLAYS[name] == MISSED else [])):
        act.hand_in(situation.world, given)


@pytest.mark.parametrize("name", ["make good", "sort", "carve", "carve images"])
def test_what_is_bound_to_positions_after_money_moved_on(situation: Situation, name: str) -> None:
    """One cent left the line's front since the quorum signed."""
    act = ACTS[name](situation)
    given = act.signed(situation.world)
    writing_off(1, keccak(b"another charge")).decide(situation.world)
    with reverts(MISSED, NOT_RISING, "lines: piece out of place"):
        act.hand_in(situation.world, given)


@pytest.mark.parametrize("name", ["thaw", "carve custody", "reserve custody"])
def test_what_is_bound_to_a_custodys_positions_after_money_left_it(situation: Situation, name: str) -> None:
    act = ACTS[name](situation)
    given = act.signed(situation.world)
    thawing(situation.world, situation.custody, 1).decide(situation.world)
    with reverts(MISSED, NOT_RISING, "lines: piece out of place"):
        act.hand_in(situation.world, given)


def test_consents_to_one_act_are_not_consents_to_another(situation: Situation) -> None:
    """Messages of different kinds never have one digest, even with the same values."""
    world = situation.world
    given = consents(QUORUM_SIGNERS, "Release", world.supervision, batch=TREE)
    # Over another message each signature is a stranger's, in no order.
    with reverts("supervision: not the controller's operator", "supervision: the root stays", NOT_RISING):
        world.supervision.close_account(TREE, given)
    act = freezing(world, TREE, False)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(world, act.over(frozen=True).signed(world))


def test_nobody_reaches_the_ledger_or_the_accounts_around_supervision(situation: Situation) -> None:
    """A Supervision that the ledger was not made with has no say, whoever signs for it."""
    world = situation.world
    twin: Contract = deploy("Supervision", ["address"] * 2, world.ledger.address, world.accounts.address)
    values = {"account": TREE, "dyeClass": WAGES, "amount": 5, "reference": keccak(b"charge")}
    given = consents(QUORUM_SIGNERS, "WriteOff", twin, **values)
    with reverts("ledger: not supervision"):
        twin.write_off(*values.values(), given)
    nonce = {"account": TREE, "frozen": False, "nonce": 0}
    with reverts("accounts: not supervision"):
        twin.freeze(TREE, False, consents(QUORUM_SIGNERS, "Freeze", twin, **nonce))
    with reverts("ledger: not supervision"):
        world.ledger.write_off(*values.values(), sender=factory_account)
