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
    accounts.grant(PROJECT, newcomer.address, False, sender=factory_account)
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
        bare_ledger.accounts.grant(TREE, newcomer.address, False, sender=who)
    with reverts("accounts: not the factory"):
        bare_ledger.accounts.revoke(TREE, newcomer.address, sender=who)


def test_grant_refusals(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    with reverts("accounts: zero address"):
        accounts.grant(TREE, NOBODY, False, sender=factory_account)
    with reverts("accounts: unknown account"):
        accounts.grant(OTHER, newcomer.address, False, sender=factory_account)
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    accounts.close_account(PROJECT, sender=supervision_account)
    with reverts("accounts: account closed"):
        accounts.grant(PROJECT, newcomer.address, False, sender=factory_account)


def test_each_grant_is_given_and_taken_once(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    with reverts("accounts: nothing to change"):
        accounts.revoke(TREE, newcomer.address, sender=factory_account)
    accounts.grant(TREE, newcomer.address, False, sender=factory_account)
    with reverts("accounts: nothing to change"):
        accounts.grant(TREE, newcomer.address, False, sender=factory_account)
    accounts.revoke(TREE, newcomer.address, sender=factory_account)
    with reverts("accounts: nothing to change"):
        accounts.revoke(TREE, newcomer.address, sender=factory_account)


def test_an_account_is_closed_once_no_agreement_draws_on_it(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    agreements = (newcomer.address, attacker.address)
    for agreement in agreements:
        accounts.grant(PROJECT, agreement, False, sender=factory_account)
    for agreement in agreements:
        with reverts("accounts: an agreement draws on it"):
            accounts.close_account(PROJECT, sender=supervision_account)
        accounts.revoke(PROJECT, agreement, sender=factory_account)
    accounts.close_account(PROJECT, sender=supervision_account)
    held = accounts.account(PROJECT)
    assert (held.tree, held.frozen, held.closed) == (TREE, False, True)


def test_grants_leave_the_rest_of_an_account_alone(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    accounts.set_frozen(PROJECT, True, sender=supervision_account)
    accounts.grant(PROJECT, newcomer.address, False, sender=factory_account)
    assert (accounts.running(PROJECT), accounts.receives(PROJECT)) == (1, 1)
    held = accounts.account(PROJECT)
    assert (held.tree, held.parent, held.frozen, held.closed) == (TREE, TREE, True, False)
    accounts.set_frozen(PROJECT, False, sender=supervision_account)
    assert accounts.starts(PROJECT, newcomer.address) == 1


def test_deposits_rest_on_an_account_of_their_own(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    for first, second, reason in (
        (True, True, "accounts: an agreement holds deposits there"),
        (True, False, "accounts: an agreement holds deposits there"),
        (False, True, "accounts: another agreement draws on it"),
    ):
        accounts.grant(PROJECT, newcomer.address, first, sender=factory_account)
        with reverts(reason):
            accounts.grant(PROJECT, attacker.address, second, sender=factory_account)
        accounts.revoke(PROJECT, newcomer.address, sender=factory_account)
    # Those of one account bind no other, and what was revoked leaves the account as it was.
    accounts.grant(PROJECT, newcomer.address, True, sender=factory_account)
    accounts.grant(TREE, newcomer.address, False, sender=factory_account)
    assert accounts.starts(PROJECT, newcomer.address) == 1
    accounts.revoke(PROJECT, newcomer.address, sender=factory_account)
    accounts.close_account(PROJECT, sender=supervision_account)
    assert accounts.account(PROJECT).closed
