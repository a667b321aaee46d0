"""Accounts: constructor."""

import pytest

from tests.contracts.chain import deploy, reverts
from tests.contracts.world import NOBODY, BareLedger, World, attacker, factory_account, supervision_account


@pytest.mark.parametrize("missing", range(3))
def test_it_needs_directory_factory_and_supervision(missing: int) -> None:
    addresses: list[str] = [attacker.address] * 3
    addresses[missing] = NOBODY
    with reverts("accounts: zero address"):
        deploy("Accounts", ["address"] * 3, *addresses)


def test_who_it_trusts(world: World, bare_ledger: BareLedger) -> None:
    held = bare_ledger.accounts
    assert held.DIRECTORY() == world.directory.address
    assert held.FACTORY() == factory_account.address
    assert held.SUPERVISION() == supervision_account.address
    assert held.is_paused() is False
