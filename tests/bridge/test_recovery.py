"""The directory founded again without its governors, and what waits meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from eth_account import Account

from bridge import setup
from bridge.errors import ChainRefused, Conflict, Invalid, NotFound
from bridge.services import accounts, acts, institutions
from bridge.store import directory, transactions
from bridge.store.models import TransactionState
from contracts.terms import InstitutionKind, Role
from tests.bridge.world import World


def _recovered(world: World, act: acts.Act, number: int = 2) -> None:
    signatures = [act.message.sign(key) for key in world.recovery_keys[:number]]
    acts.perform(world.platform, act, signatures)


@contextmanager
def _nothing_applied() -> Iterator[None]:
    """What is announced waits, however long the test takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directory, "unapplied_changes", lambda session: [])
        patch.setattr(directory, "unapplied_recoveries", lambda session: [])
        yield


def _roles(world: World, address: str) -> list[str]:
    listed = institutions.listing(world.platform)
    found = (each for row in listed for each in row["signers"] if each["address"] == address)  # type: ignore[attr-defined]
    return list(next(found, {"roles": []})["roles"])


def _pending(world: World) -> list[tuple[object, object]]:
    return [(each["nonce"], each["recovery"]) for each in institutions.pending(world.platform)]


def _is_failed(world: World, key: str) -> bool:
    with world.platform.database.read() as session:
        row = transactions.by_key(session, key)
        return row is not None and row.state == TransactionState.FAILED


def test_a_rogue_governor_is_replaced_and_its_own_changes_wait(world: World) -> None:
    """The governors' change is announced first and would be ready first; the recovery goes before it."""
    platform = world.platform
    successor, friend = Account.create(), Account.create()
    rogue = world.keys["labour-bureau"]
    theirs = institutions.announcement(
        platform, [setup.add_signer("labour-bureau", friend.address, Role.GOVERNOR)], []
    )
    nonce = int(theirs.message.values["nonce"])
    changes = [
        setup.add_institution("rescue-bureau", InstitutionKind.AGENCY),
        setup.add_signer("rescue-bureau", successor.address, Role.GOVERNOR | Role.SUPERVISOR),
        *setup.quorum_changes("supervisors", 2, ["rescue-bureau"]),
        setup.remove_member("supervisors", "labour-bureau"),
        setup.suspend_signer(rogue.address),
    ]
    act = institutions.recovery(platform, changes, ["rescue-bureau"])
    assert (act.message.kind, act.message.values["nonce"]) == ("Recovery", 0)
    with pytest.raises(ChainRefused, match="recovery signers must sign"):
        _recovered(world, act, 1)
    with _nothing_applied():
        world.act(theirs, "north-bank", "labour-bureau")
        _recovered(world, act)
        _recovered(world, act)
        assert set(_pending(world)) == {(nonce, False), (0, True)}
    world.wait_for(lambda: _roles(world, successor.address) == ["governor", "supervisor"])
    assert _roles(world, rogue.address) == []
    members = institutions.quorum_facts(platform)["supervisors"][0]
    assert members == ("north-bank", "rescue-bureau", "transport-bureau")
    # Who announced the other change is suspended: it is tried once the recovery is applied, and refused.
    world.wait_for(lambda: _is_failed(world, f"directory-apply:{nonce}"))
    assert _roles(world, friend.address) == []
    assert {task["kind"] for task in accounts.tasks(platform)} == {"transaction-failed"}


def test_a_recovery_is_withdrawn_by_its_signers_alone(world: World) -> None:
    platform = world.platform
    act = institutions.recovery(platform, [setup.add_institution("never", InstitutionKind.AGENCY)], ["never"])
    nonce = int(act.message.values["nonce"])
    with pytest.raises(NotFound, match="changes-unknown"):
        institutions.withdrawal(platform, nonce, is_recovery=True)
    with _nothing_applied():
        _recovered(world, act)
        assert (nonce, True) in _pending(world)
        withdrawn = institutions.withdrawal(platform, nonce, is_recovery=True)
        with pytest.raises(ChainRefused, match="recovery signers must sign"):
            world.act(withdrawn, "north-bank")
        _recovered(world, withdrawn)
        assert (nonce, True) not in _pending(world)
    assert platform.chain.read("Directory", "institution_kind", setup.name_id("never")) == 0


def test_one_number_announces_one_thing(world: World) -> None:
    """Who signed other changes for the same number is not told that they were announced."""
    platform = world.platform
    acts_ = [
        institutions.recovery(platform, [setup.add_institution(name, InstitutionKind.AGENCY)], [name])
        for name in ("one-bureau", "other-bureau")
    ]
    with _nothing_applied():
        _recovered(world, acts_[0])
        with pytest.raises(Conflict, match="changes-pending"):
            _recovered(world, acts_[1])
    world.wait_for(
        lambda: platform.chain.read("Directory", "institution_kind", setup.name_id("one-bureau")) > 0
    )
    assert platform.chain.read("Directory", "institution_kind", setup.name_id("other-bureau")) == 0


def test_more_changes_than_one_announcement_takes_are_refused_before_anybody_signs(world: World) -> None:
    many = [setup.add_institution(f"bureau-{number}", InstitutionKind.AGENCY) for number in range(65)]
    assert institutions.announcement(world.platform, many[:64], []).message.kind == "Changes"
    with pytest.raises(Invalid, match="changes-too-many"):
        institutions.announcement(world.platform, many, [])


def test_a_recovery_of_nothing_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="changes-missing"):
        institutions.recovery(world.platform, [], [])
