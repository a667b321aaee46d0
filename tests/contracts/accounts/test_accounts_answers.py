"""Accounts, what the Ledger asks: running, receives, starts, transfers, mints, settles, sweeps."""

from typing import Any

import pytest

from tests.contracts.chain import Contract, reverts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    LINE,
    PROJECT,
    QUORUM,
    TREE,
    ZERO,
    BareLedger,
    World,
    agreement_account,
    attacker,
    attester,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    factory_account,
    first_teller,
    newcomer,
    operator,
    signer,
    supervision_account,
)

OTHER = b"\7" * 32
OTHER_TREE = b"\6" * 32
AGREEMENT = agreement_account.address
BRIDGE = bank_bridge.address
STRANGERS = (attacker, operator, bank_governor, bank_supervisor, first_teller, attester)

# Every question with arguments that get an answer.
QUESTIONS: dict[str, tuple[Any, ...]] = {
    "running": (PROJECT,),
    "receives": (PROJECT,),
    "starts": (PROJECT, AGREEMENT),
    "transfers": (PROJECT, AGREEMENT, LINE),
    "mints": (TREE, BRIDGE),
    "settles": (PROJECT, BRIDGE),
}
PAUSES = {"running", "receives", "starts", "transfers", "mints"}


@pytest.fixture
def accounts(bare_ledger: BareLedger) -> Contract:
    """Two trees; below the first a project an agreement may draw on, and a budget line below that."""
    held = bare_ledger.accounts
    held.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    held.open_account(LINE, PROJECT, ENTERPRISE, sender=supervision_account)
    held.open_tree(OTHER_TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    held.grant(PROJECT, AGREEMENT, False, sender=factory_account)
    return held


def close(accounts: Contract, account: bytes) -> None:
    accounts.close_account(account, sender=supervision_account)


def freeze(accounts: Contract, account: bytes) -> None:
    accounts.set_frozen(account, True, sender=supervision_account)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_the_trees_number(accounts: Contract, question: str) -> None:
    assert getattr(accounts, question)(*QUESTIONS[question]) == 1


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_pause_stops_all_but_answers_of_the_bank(accounts: Contract, question: str) -> None:
    accounts.set_paused(True, sender=supervision_account)
    if question not in PAUSES:
        assert getattr(accounts, question)(*QUESTIONS[question]) == 1
        return
    with reverts("accounts: paused"):
        getattr(accounts, question)(*QUESTIONS[question])


@pytest.mark.parametrize("question", ["running", "receives", "starts", "transfers", "settles"])
def test_of_an_unknown_account_there_is_no_answer(accounts: Contract, question: str) -> None:
    with reverts("accounts: unknown account"):
        getattr(accounts, question)(OTHER, *QUESTIONS[question][1:])


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_a_frozen_account_still_does(accounts: Contract, question: str) -> None:
    freeze(accounts, PROJECT)
    if question not in {"starts", "transfers"}:
        assert getattr(accounts, question)(*QUESTIONS[question]) == 1
        return
    with reverts("accounts: account frozen"):
        getattr(accounts, question)(*QUESTIONS[question])


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_a_closed_account_still_does(accounts: Contract, question: str) -> None:
    accounts.revoke(PROJECT, AGREEMENT, sender=factory_account)
    close(accounts, PROJECT)
    if question not in {"receives", "starts", "transfers"}:
        assert getattr(accounts, question)(*QUESTIONS[question]) == 1
        return
    with reverts("accounts: account closed"):
        getattr(accounts, question)(*QUESTIONS[question])


def test_a_tree_answers_with_its_own_number(accounts: Contract) -> None:
    assert accounts.running(OTHER_TREE) == 2
    assert accounts.mints(OTHER_TREE, BRIDGE) == 2
    assert accounts.settles(OTHER_TREE, BRIDGE) == 2


@pytest.mark.parametrize("account", [LINE, OTHER_TREE])
def test_a_grant_counts_for_its_account_alone(accounts: Contract, account: bytes) -> None:
    for question in ("starts", "transfers"):
        with reverts("accounts: agreement not granted"):
            getattr(accounts, question)(account, *QUESTIONS[question][1:])


def test_a_grant_counts_for_its_agreement_alone_until_it_is_revoked(accounts: Contract) -> None:
    with reverts("accounts: agreement not granted"):
        accounts.starts(PROJECT, newcomer.address)
    accounts.revoke(PROJECT, AGREEMENT, sender=factory_account)
    with reverts("accounts: agreement not granted"):
        accounts.starts(PROJECT, AGREEMENT)


def test_a_transfer_stays_in_its_tree_and_reaches_open_accounts(accounts: Contract) -> None:
    with reverts("accounts: another tree"):
        accounts.transfers(PROJECT, AGREEMENT, OTHER_TREE)
    with reverts("accounts: unknown account"):
        accounts.transfers(PROJECT, AGREEMENT, OTHER)
    freeze(accounts, LINE)
    assert accounts.transfers(PROJECT, AGREEMENT, LINE) == 1
    close(accounts, LINE)
    with reverts("accounts: account closed"):
        accounts.transfers(PROJECT, AGREEMENT, LINE)


@pytest.mark.parametrize("who", STRANGERS)
def test_the_banks_roles_are_asked_for(accounts: Contract, who: Any) -> None:
    for question, account in (("mints", TREE), ("settles", PROJECT)):
        with reverts("accounts: sender lacks the role"):
            getattr(accounts, question)(account, who.address)


def test_minting_is_for_roots(accounts: Contract) -> None:
    for account in (PROJECT, OTHER, ZERO):
        with reverts("accounts: unknown tree"):
            accounts.mints(account, BRIDGE)


def test_minter_and_settler_are_two_roles(world: World) -> None:
    """One key may hold both; neither stands for the other."""
    world.change([signer(newcomer, BANK, 2), signer(attacker, BANK, 4)])
    assert world.accounts.mints(TREE, newcomer.address) == 1
    with reverts("accounts: sender lacks the role"):
        world.accounts.settles(TREE, newcomer.address)
    assert world.accounts.settles(TREE, attacker.address) == 1
    with reverts("accounts: sender lacks the role"):
        world.accounts.mints(TREE, attacker.address)


def test_sweeping_is_for_closed_accounts(accounts: Contract) -> None:
    with reverts("accounts: account is open"):
        accounts.sweeps(LINE)
    with reverts("accounts: unknown account"):
        accounts.sweeps(OTHER)
    close(accounts, LINE)
    assert accounts.sweeps(LINE) == PROJECT
    freeze(accounts, LINE)
    with reverts("accounts: account frozen"):
        accounts.sweeps(LINE)
    accounts.set_frozen(LINE, False, sender=supervision_account)
    accounts.set_paused(True, sender=supervision_account)
    with reverts("accounts: paused"):
        accounts.sweeps(LINE)


def test_reading_what_does_not_exist_gives_zeros(accounts: Contract) -> None:
    held = accounts.account(OTHER)
    assert (held.tree, held.parent, held.controller) == (ZERO, ZERO, ZERO)
    assert (held.frozen, held.closed) == (False, False)
    assert accounts.root(OTHER).number == 0
    assert accounts.tree_at(3) == ZERO
