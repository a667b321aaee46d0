"""Attacks on signatures: twice, by nobody, malleated, and on another chain, contract, message or time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_account.signers.local import LocalAccount

from contracts.typed_data import TypedMessage
from tests.contracts.chain import Contract, reverts
from tests.contracts.directory.network import (
    NOT_OWN,
    NOT_RECOVERY,
    NOT_RISING,
    NOT_TWO,
    QUORUM_OF_RECOVERY,
    TWO,
    Network,
    content,
    founded,
    pass_seconds,
    successor,
)
from tests.contracts.world import (
    DELAY_SECONDS,
    ENTERPRISE,
    agency_one_governor,
    bank_governor,
    consents,
    operator,
    signer,
    threshold,
)

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
CHANGES = [threshold(3)]
NOT_BOTH = ("directory: both keys must sign", NOT_RISING)


@dataclass(frozen=True)
class Act:
    """An act people sign: its message, who must sign, how it is handed in, and what it says of strangers."""

    kind: str
    values: dict[str, Any]
    by: tuple[LocalAccount, ...]
    hand_in: Callable[[list[bytes]], object]
    strangers: tuple[str, ...]

    def signed(self, chain_id: int, contract: str, **other: object) -> list[bytes]:
        """Everybody's signatures, for that chain and contract, in rising order of signer."""
        message = TypedMessage(self.kind, chain_id, contract, self.values | other)
        return [message.sign(who) for who in sorted(self.by, key=lambda who: int(who.address, 16))]


def act_of(network: Network, kind: str) -> Act:
    """One act of each kind of message that the directory takes."""
    directory = network.directory
    values = {"changes": content(CHANGES), "nonce": 0}
    if kind == "Changes":
        return Act(kind, values, TWO, lambda given: directory.announce(CHANGES, given), NOT_TWO)
    if kind == "Recovery":
        by = tuple(QUORUM_OF_RECOVERY)
        return Act(kind, values, by, lambda given: directory.announce_recovery(CHANGES, given), NOT_RECOVERY)
    if kind == "Withdrawal":
        change = network.announce(CHANGES)
        return Act(kind, {"change": change}, TWO, lambda given: directory.withdraw(change, given), NOT_TWO)
    if kind == "Suspension":
        values = network.suspension_of(operator)
        return Act(kind, values, TWO, lambda given: directory.suspend(operator.address, given), NOT_OWN)
    return Act(
        kind,
        network.rotation_of(operator, successor),
        (operator, successor, *TWO),
        lambda given: directory.rotate(operator.address, successor.address, given),
        NOT_BOTH,
    )


@pytest.fixture(params=["Changes", "Recovery", "Withdrawal", "Suspension", "Rotation"])
def act(request: pytest.FixtureRequest, network: Network) -> Act:
    return act_of(network, request.param)


def here() -> int:
    """The chain's id."""
    return int(boa.env.evm.patch.chain_id)


def test_an_act_succeeds_once(act: Act, network: Network) -> None:
    given = act.signed(here(), network.directory.address)
    act.hand_in(given)
    done = {
        "Withdrawal": "directory: not announced",
        "Suspension": "directory: not an active signer",
        "Rotation": "directory: key was rotated",
    }
    with reverts(*((done[act.kind],) if act.kind in done else act.strangers)):
        act.hand_in(given)


def test_a_signature_of_another_chain_is_refused(act: Act, network: Network) -> None:
    with reverts(*act.strangers):
        act.hand_in(act.signed(here() + 1, network.directory.address))


def test_a_signature_for_another_contract_is_refused(act: Act) -> None:
    with reverts(*act.strangers):
        act.hand_in(act.signed(here(), founded().address))


def test_a_signature_over_something_else_is_refused(act: Act, network: Network) -> None:
    for name, value in act.values.items():
        other: object = value + 1 if isinstance(value, int) else bank_governor.address
        if isinstance(value, bytes):
            other = bytes(32)
        with reverts(*act.strangers):
            act.hand_in(act.signed(here(), network.directory.address, **{name: other}))


def test_a_signature_counts_once(act: Act, network: Network) -> None:
    given = act.signed(here(), network.directory.address)
    for repeated in ([given[0], *given], [*given, given[-1]], [given[0], given[0]], given[::-1]):
        with reverts(NOT_RISING):
            act.hand_in(repeated)


def test_a_malleated_signature_is_refused(act: Act, network: Network) -> None:
    given = act.signed(here(), network.directory.address)
    r, s, v = given[-1][:32], int.from_bytes(given[-1][32:64]), given[-1][64]
    twin = r + (ORDER - s).to_bytes(32) + bytes([55 - v])
    with reverts("signatures: high s"):
        act.hand_in([*given[:-1], twin])


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (bytes(64) + b"\x1b", "recovers to nobody"),
        (bytes(65), "v is not 27 or 28"),
        (b"", "length is not 65"),
        (bytes(64), "length is not 65"),
    ],
)
def test_nobody_signs_nothing(act: Act, signature: bytes, reason: str) -> None:
    with reverts(f"signatures: {reason}"):
        act.hand_in([signature])


def test_a_suspension_is_not_replayed_after_the_signer_came_back(network: Network) -> None:
    old = consents(TWO, "Suspension", network.directory, **network.suspension_of(operator))
    network.directory.suspend(operator.address, old)
    network.change([signer(operator, ENTERPRISE, 16)])
    with reverts(*NOT_OWN):
        network.directory.suspend(operator.address, old)


def test_a_suspension_is_not_replayed_within_the_second_the_signer_came_back() -> None:
    network = Network(founded(delay_seconds=0))
    old = consents(TWO, "Suspension", network.directory, **network.suspension_of(operator))
    network.directory.suspend(operator.address, old)
    network.change([signer(operator, ENTERPRISE, 16)])
    with reverts(*NOT_OWN):
        network.directory.suspend(operator.address, old)


def test_a_suspension_of_the_old_key_is_no_suspension_of_its_successor(network: Network) -> None:
    old = consents(TWO, "Suspension", network.directory, **network.suspension_of(operator))
    network.rotate(operator, successor, *TWO)
    with reverts(*NOT_OWN):
        network.directory.suspend(successor.address, old)


def test_a_withdrawal_is_not_replayed_on_the_same_changes_announced_again(network: Network) -> None:
    first = network.announce(CHANGES)
    old = consents(TWO, "Withdrawal", network.directory, change=first)
    network.directory.withdraw(first, old)
    second = network.announce(CHANGES)
    for change_id, reasons in ((first, ("directory: not announced",)), (second, NOT_TWO)):
        with reverts(*reasons):
            network.directory.withdraw(change_id, old)
    pass_seconds(DELAY_SECONDS)
    network.directory.apply(CHANGES, 1)


def test_a_withdrawal_is_not_replayed_on_another_directory(network: Network) -> None:
    other: Contract = founded()
    change_id = network.announce(CHANGES)
    assert Network(other).announce(CHANGES) == change_id
    given = consents(TWO, "Withdrawal", network.directory, change=change_id)
    with reverts(*NOT_TWO):
        other.withdraw(change_id, given)


def test_changes_signed_by_governors_are_no_recovery(network: Network) -> None:
    given = consents(QUORUM_OF_RECOVERY, "Changes", network.directory, changes=content(CHANGES), nonce=0)
    with reverts(*NOT_RECOVERY):
        network.directory.announce_recovery(CHANGES, given)
    given = consents(TWO, "Recovery", network.directory, changes=content(CHANGES), nonce=0)
    with reverts(*NOT_TWO):
        network.directory.announce(CHANGES, given)


def test_a_governor_of_one_institution_is_not_two(network: Network) -> None:
    alone = consents((agency_one_governor,), "Changes", network.directory, changes=content(CHANGES), nonce=0)
    with reverts(NOT_RISING):
        network.directory.announce(CHANGES, alone * 2)
