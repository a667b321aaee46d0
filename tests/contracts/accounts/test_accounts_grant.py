"""Accounts, what the factory does: grant, revoke."""

from typing import Any

import pytest

from tests.contracts.chain import reverts
from tests.contracts.world import (
    ENTERPRISE,
    NOBODY,
    PROJECT,
    TREE,
    BareLedger,
    attacker,
    bank_bridge,
    factory_account,
    newcomer,
    operator,
    supervision_account,
)

OTHER = b"\7" * 32


def test_grant_and_revoke(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    accounts.grant(PROJECT, newcomer.address, sender=factory_account)
    (event,) = accounts.events
    assert (event.name, event.account, event.agreement) == ("AgreementGranted", PROJECT, newcomer.address)
    assert accounts.is_granted(PROJECT, newcomer.address)
    assert not accounts.is_granted(TREE, newcomer.address)
    accounts.revoke(PROJECT, newcomer.address, sender=factory_account)
    (event,) = accounts.events
    assert (event.name, event.account, event.agreement) == ("AgreementRevoked", PROJECT, newcomer.address)
    assert not accounts.is_granted(PROJECT, newcomer.address)


@pytest.mark.parametrize("who", [attacker, operator, bank_bridge, supervision_account])
def test_the_factory_alone_grants_and_revokes(bare_ledger: BareLedger, who: Any) -> None:
    with reverts("accounts: not the factory"):
        bare_ledger.accounts.grant(TREE, newcomer.address, sender=who)
    with reverts("accounts: not the factory"):
        bare_ledger.accounts.revoke(TREE, newcomer.address, sender=who)


def test_grant_refusals(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    with reverts("accounts: zero address"):
        accounts.grant(TREE, NOBODY, sender=factory_account)
    with reverts("accounts: unknown account"):
        accounts.grant(OTHER, newcomer.address, sender=factory_account)
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    accounts.close_account(PROJECT, sender=supervision_account)
    with reverts("accounts: account closed"):
        accounts.grant(PROJECT, newcomer.address, sender=factory_account)


def test_a_closed_account_can_still_lose_a_grant(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    accounts.grant(PROJECT, newcomer.address, sender=factory_account)
    accounts.close_account(PROJECT, sender=supervision_account)
    accounts.revoke(PROJECT, newcomer.address, sender=factory_account)
    assert not accounts.is_granted(PROJECT, newcomer.address)
