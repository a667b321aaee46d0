"""Receivable: collect, repay, repay_on, close."""

from typing import Any

import boa
import pytest
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.ids import account_line, name_id
from contracts.terms import MapKind
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    DAY,
    DEAL,
    DOCUMENT,
    ENTERPRISE_ACCOUNT,
    FINANCIER_ACCOUNT,
    OTHER_DEAL,
    OUTSIDERS,
    SINK,
    SUPPLIER_ACCOUNT,
    assign,
    assignment,
    confirm,
    moved,
    named,
    open_parties,
    owed,
    receivable,
    repay,
    resting,
    sign,
)
from tests.contracts.world import (
    AGENCY_ONE,
    ENTERPRISE,
    FINANCIER,
    SUPPLIER,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    attacker,
    bank_supervisor,
    financier_operator,
    now,
    operator,
    supplier_operator,
    witness,
)

FIRST, SECOND = keccak(b"first"), keccak(b"second")
OPEN, RELEASED, EXPIRED = 1, 2, 3


@pytest.fixture
def debt(world: World) -> Contract:
    """A debt of 1,000: 700 owed to the supplier, 300 to the financier."""
    open_parties(world)
    debt = world.activate(receivable(world))
    confirm(debt)
    assign(debt, assignment(SUPPLIER, FINANCIER, 300, keccak(b"assigned")))
    return debt


def balances(world: World) -> tuple[int, int, int]:
    """Of the agreement, the supplier and the financier."""
    return tuple(resting(world, account) for account in (DEAL, SUPPLIER_ACCOUNT, FINANCIER_ACCOUNT))


def overdue() -> None:
    boa.env.timestamp += 35 * DAY + 1


# collect


def test_collect_divides_among_the_holders(world: World, debt: Contract) -> None:
    world.fund(100, DEAL)
    debt.collect(sender=attacker)
    collected = named(debt, "Collected")
    assert (collected.repaid, collected.excess) == ((70, 30), 0)
    assert [(held.destination, held.amount, held.info) for held in moved(debt)] == [
        (account_line(SUPPLIER_ACCOUNT, WAGES), 70, DOCUMENT),
        (account_line(FINANCIER_ACCOUNT, WAGES), 30, DOCUMENT),
    ]
    assert balances(world) == (0, 70, 30)
    assert owed(debt) == {SUPPLIER: 630, FINANCIER: 270}
    assert (debt.repaid(), debt.owed(), debt.state()) == (100, 900, OPEN)
    assert world.registry.document(DOCUMENT).used == 100


def test_collect_never_passes_on_more_than_the_face_amount(world: World, debt: Contract) -> None:
    world.fund(1_234, DEAL)
    debt.collect()
    collected = named(debt, "Collected")
    assert (collected.repaid, collected.excess) == ((700, 300), 234)
    assert named(debt, "StateSet").state == RELEASED
    assert balances(world) == (0, 934, 300)
    assert (debt.state(), debt.owed(), owed(debt)) == (RELEASED, 0, {SUPPLIER: 0, FINANCIER: 0})
    world.fund(50, DEAL)
    debt.collect()
    assert (named(debt, "Collected").repaid, balances(world)) == ((0, 0), (0, 984, 300))
    assert world.registry.document(DOCUMENT).used == 1_000


@pytest.mark.parametrize("step", [1, 3, 7, 333])
def test_collecting_in_many_steps_equals_the_whole_to_the_cent(world: World, step: int) -> None:
    """Dust cannot turn the shares: nobody is a cent further from its share than there are holders."""
    open_parties(world)
    face = 70 * step
    debt = world.activate(receivable(world, face_minor=face))
    confirm(debt)
    to_financier = face // 3
    assign(debt, assignment(SUPPLIER, FINANCIER, to_financier, FIRST))
    for number in range(1, 71):
        world.fund(step, DEAL)
        debt.collect(sender=attacker)
        rest, supplier, financier = balances(world)
        assert (rest, supplier + financier) == (0, number * step)
        assert abs(financier * face - to_financier * number * step) < 2 * face
    assert balances(world) == (0, face - to_financier, to_financier)
    assert debt.state() == RELEASED


def test_a_cent_in_front_of_an_assignment_moves_at_most_a_cent(world: World, debt: Contract) -> None:
    for number in range(20):
        world.fund(1, DEAL)
        debt.collect()
        assign(debt, assignment(SUPPLIER, FINANCIER, 1, keccak(b"%d" % number)))
        assert sum(owed(debt).values()) == debt.owed() == 1_000 - number - 1
    world.fund(2_000, DEAL)
    debt.collect()
    assert sum(balances(world)) == 2_020


def test_collect_needs_money_and_a_confirmed_debt(world: World, debt: Contract) -> None:
    with reverts("receivable: nothing to collect"):
        debt.collect()
    other = name_id("another deal")
    world.open(other)
    unconfirmed = world.activate(receivable(world, document=name_id("unconfirmed"), account=other))
    world.fund(10, other)
    with reverts("receivable: debt not confirmed"):
        unconfirmed.collect()
    world.fund(10, DEAL)
    world.freeze(DEAL, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        debt.collect()
    assert (debt.repaid(), owed(debt)) == (0, {SUPPLIER: 700, FINANCIER: 300})
    world.freeze(DEAL, False, [bank_supervisor, agency_one_supervisor])
    debt.collect()


# repay


def test_repay_from_the_debtors_account(world: World, debt: Contract) -> None:
    world.fund(600, ENTERPRISE_ACCOUNT)
    world.fund(100, DEAL)
    repay(debt, 500, FIRST)
    given, *passed_on = moved(debt)
    assert (given.source, given.destination, given.amount, given.info) == (
        account_line(ENTERPRISE_ACCOUNT, WAGES),
        account_line(DEAL, WAGES),
        500,
        FIRST,
    )
    assert [held.amount for held in passed_on] == [420, 180]
    assert (debt.repaid(), resting(world, ENTERPRISE_ACCOUNT)) == (600, 100)
    assert world.ledger.account_inflow(DEAL, WAGES) == 600


def test_repay_no_more_than_is_owed(world: World, debt: Contract) -> None:
    world.fund(5_000, ENTERPRISE_ACCOUNT)
    world.fund(100, DEAL)
    for amount in (901, 1_000, 2**256 - 1):
        with reverts("receivable: more than is owed"):
            repay(debt, amount, FIRST)
    with reverts("receivable: nothing to repay"):
        repay(debt, 0, FIRST)
    repay(debt, 900, FIRST)
    assert (debt.state(), resting(world, ENTERPRISE_ACCOUNT)) == (RELEASED, 4_100)
    with reverts("receivable: more than is owed"):
        repay(debt, 1, SECOND)


@pytest.mark.parametrize("who", OUTSIDERS)
def test_repay_by_the_debtor_alone(world: World, debt: Contract, who: LocalAccount) -> None:
    world.fund(600, ENTERPRISE_ACCOUNT)
    with reverts("parties: not signed for the party"):
        repay(debt, 100, FIRST, who)


def test_a_repayment_happens_once_as_signed(world: World, debt: Contract) -> None:
    world.fund(600, ENTERPRISE_ACCOUNT)
    values = {"amount": 100, "reference": FIRST, "deadline": now() + DAY}
    given = sign(operator, "Repayment", debt, values)
    with reverts("parties: not signed for the party"):
        debt.repay(101, FIRST, values["deadline"], given)
    debt.repay(*values.values(), given, sender=attacker)
    with reverts("parties: repeated"):
        debt.repay(*values.values(), given)
    with reverts("parties: signature expired"):
        repay(debt, 1, SECOND, deadline=now() - 1)


def test_repay_before_the_debt_is_confirmed_or_without_an_account(world: World, debt: Contract) -> None:
    unconfirmed = world.activate(receivable(world, document=name_id("unconfirmed"), account=OTHER_DEAL))
    with reverts("receivable: debt not confirmed"):
        repay(unconfirmed, 1, FIRST)
    world.open(SINK)
    terms = {"document": name_id("through its bank"), "debtor_account": ZERO, "account": SINK}
    through_its_bank = world.activate(receivable(world, **terms))
    assert through_its_bank.accounts() == (SINK, FINANCIER_ACCOUNT)
    with reverts("receivable: no account to repay from"):
        repay(through_its_bank, 1, FIRST)


def test_a_repayment_that_cannot_move_does_nothing(world: World, debt: Contract) -> None:
    world.fund(50, ENTERPRISE_ACCOUNT)
    with reverts("lines: not enough money"):
        repay(debt, 51, FIRST)
    assert (debt.repaid(), debt.is_done(ENTERPRISE, FIRST)) == (0, False)


# repay_on


def place(holder: bytes, account: bytes, reference: bytes = FIRST, **more: Any) -> dict[str, Any]:
    values = {"holder": holder, "account": account, "reference": reference, "deadline": now() + DAY}
    return values | more


def repay_on(debt: Contract, values: dict[str, Any], by: LocalAccount) -> None:
    debt.repay_on(*values.values(), sign(by, "RepaymentAccount", debt, values))


def test_a_holder_names_another_account(world: World, debt: Contract) -> None:
    world.open(SINK)
    repay_on(debt, place(FINANCIER, SINK), financier_operator)
    named_now = named(debt, "RepaidOn")
    assert (named_now.holder, named_now.account, named_now.kept) == (FINANCIER, SINK, 0)
    world.fund(100, DEAL)
    debt.collect()
    assert (resting(world, SINK), balances(world)) == (30, (0, 70, 0))


def test_a_closed_account_keeps_nobody_waiting_and_gives_nobody_else_the_money(
    world: World, debt: Contract
) -> None:
    """Who controls the account above closes it: what falls on its holder waits here for another account."""
    with reverts("accounts: an agreement draws on it"):
        world.close(FINANCIER_ACCOUNT)
    world.open(SINK)
    repay_on(debt, place(FINANCIER, SINK), financier_operator)
    world.close(SINK)
    world.fund(100, DEAL)
    debt.collect()
    waits = named(debt, "Kept")
    assert (waits.institution, waits.amount) == (FINANCIER, 30)
    assert (balances(world), debt.kept(FINANCIER), debt.repaid()) == ((30, 70, 0), 30, 100)
    with reverts("receivable: nothing to collect"):
        debt.collect()
    world.fund(1_000, DEAL)
    debt.collect()
    # The excess of 100 is the supplier's; none of what waits was divided again.
    assert (balances(world), debt.kept(FINANCIER)) == ((300, 800, 0), 300)
    assert debt.state() == RELEASED
    repay_on(debt, place(FINANCIER, FINANCIER_ACCOUNT, SECOND), financier_operator)
    assert named(debt, "RepaidOn").kept == 300
    assert (balances(world), debt.kept(FINANCIER)) == ((0, 800, 300), 0)


def test_the_creditors_excess_waits_too(world: World, debt: Contract) -> None:
    assign(debt, assignment(SUPPLIER, FINANCIER, 700, keccak(b"all the rest")))
    world.close(SUPPLIER_ACCOUNT)
    world.fund(1_010, DEAL)
    debt.collect()
    assert debt.kept(SUPPLIER) == 10
    world.open(SINK)
    repay_on(debt, place(SUPPLIER, SINK), supplier_operator)
    assert resting(world, SINK) == 10
    with reverts("receivable: not a holder"):
        repay_on(debt, place(SUPPLIER, SINK, SECOND), supplier_operator)


def test_repay_on_by_its_holder_alone(world: World, debt: Contract) -> None:
    world.open(SINK)
    for who in (attacker, operator, supplier_operator, witness, bank_supervisor):
        with reverts("parties: not signed for the party"):
            repay_on(debt, place(FINANCIER, SINK), who)
    with reverts("receivable: not a holder"):
        repay_on(debt, place(ENTERPRISE, SINK), operator)
    with reverts("parties: not signed for the party"):
        repay_on(debt, place(AGENCY_ONE, SINK), attacker)
    for account in (DEAL, ENTERPRISE_ACCOUNT):
        with reverts("receivable: not an account to be repaid on"):
            repay_on(debt, place(FINANCIER, account), financier_operator)
    with reverts("parties: account not open"):
        repay_on(debt, place(FINANCIER, name_id("nowhere")), financier_operator)
    repay_on(debt, place(FINANCIER, SINK), financier_operator)
    with reverts("parties: repeated"):
        repay_on(debt, place(FINANCIER, SINK), financier_operator)


# close


def test_close_when_overdue(world: World, debt: Contract) -> None:
    with reverts("receivable: not overdue"):
        debt.close()
    overdue()
    boa.env.timestamp -= 1
    with reverts("receivable: not overdue"):
        debt.close()
    boa.env.timestamp += 1
    debt.close(sender=attacker)
    assert [event.name for event in debt.events] == ["StateSet"]
    assert named(debt, "StateSet").state == EXPIRED
    assert debt.state() == EXPIRED
    with reverts("receivable: has ended"):
        debt.close()
    with reverts("receivable: has ended"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 1, FIRST))


def test_what_rests_is_collected_before_it_is_called_expired(world: World, debt: Contract) -> None:
    overdue()
    world.fund(1_000, DEAL)
    debt.close()
    assert named(debt, "StateSet").state == RELEASED
    assert (debt.state(), balances(world)) == (RELEASED, (0, 700, 300))


def test_money_that_comes_after_expiry_is_collected(world: World, debt: Contract) -> None:
    overdue()
    world.fund(10, DEAL)
    debt.close()
    assert (debt.state(), balances(world)) == (EXPIRED, (0, 7, 3))
    world.fund(400, ENTERPRISE_ACCOUNT)
    repay(debt, 390, FIRST)
    world.fund(700, DEAL)
    debt.collect()
    assert (debt.state(), debt.owed(), balances(world)) == (EXPIRED, 0, (0, 800, 300))


def test_a_debt_never_confirmed_ends_too(world: World) -> None:
    open_parties(world)
    debt = world.activate(receivable(world))
    world.fund(40, DEAL)
    overdue()
    debt.close()
    assert debt.state() == EXPIRED
    debt.collect()
    assert (named(debt, "Collected").excess, balances(world)) == (40, (0, 0, 0))
    assert [each.kind for each in moved(debt)] == [MapKind.REFUND]
    assert resting(world, ENTERPRISE_ACCOUNT) == 40
    assert world.registry.document(DOCUMENT).amount == 0


def test_an_overdue_debt_is_only_repaid(world: World, debt: Contract) -> None:
    """Until anyone calls it expired; what other agreements see of it, they see for good."""
    overdue()
    boa.env.timestamp -= 1
    with boa.env.anchor():
        assign(debt, assignment(SUPPLIER, FINANCIER, 1, FIRST))
    boa.env.timestamp += 1
    with reverts("receivable: is overdue"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 1, FIRST))
    world.fund(999, DEAL)
    with boa.env.anchor():
        debt.close()
        assert debt.state() == EXPIRED
        world.fund(1, DEAL)
        debt.collect()
        assert debt.state() == EXPIRED
    assert debt.state() == OPEN
    world.fund(1, DEAL)
    debt.collect()
    assert (debt.state(), balances(world)) == (RELEASED, (0, 700, 300))


def test_an_overdue_debt_never_confirmed_gives_its_money_back(world: World) -> None:
    """The creditor, who did not sign, gets nothing, and the invoice is not used up."""
    open_parties(world)
    debt = world.activate(receivable(world))
    world.fund(40, DEAL)
    overdue()
    debt.collect()
    assert (balances(world), resting(world, ENTERPRISE_ACCOUNT)) == ((0, 0, 0), 40)
    assert debt.state() == OPEN
    debt.close()
    assert debt.state() == EXPIRED


def test_an_unconfirmed_debtor_without_an_account_pays_the_creditor(world: World) -> None:
    open_parties(world)
    debt = world.activate(receivable(world, debtor_account=ZERO))
    world.fund(40, DEAL)
    overdue()
    debt.collect()
    assert balances(world) == (0, 40, 0)


def write_off(world: World, amount: int, reference: bytes = FIRST) -> None:
    values = {"account": DEAL, "dyeClass": WAGES, "amount": amount, "reference": reference}
    world.decided("WriteOff", *values.values(), **values)


def test_what_is_written_off_of_kept_money_is_missing_to_who_it_was_kept_for(
    world: World, debt: Contract
) -> None:
    """It stops nobody, and no repayment fills the hole."""
    world.close(SUPPLIER_ACCOUNT)
    world.fund(100, DEAL)
    debt.collect()
    assert (debt.kept(SUPPLIER), balances(world)) == (70, (70, 0, 30))
    write_off(world, 60)
    with reverts("receivable: nothing to collect"):
        debt.collect()
    world.fund(100, DEAL)
    debt.collect()
    assert (debt.kept(SUPPLIER), balances(world), debt.repaid()) == (140, (80, 0, 60), 200)
    overdue()
    debt.close()
    world.open(SINK)
    repay_on(debt, place(SUPPLIER, SINK), supplier_operator)
    assert named(debt, "RepaidOn").kept == 80
    assert (debt.kept(SUPPLIER), resting(world, SINK), balances(world)) == (0, 80, (0, 0, 60))
    world.fund(10, DEAL)
    debt.collect()
    assert (resting(world, SINK), balances(world)) == (87, (0, 0, 63))
    assert world.ledger.account_inflow(SINK, WAGES) == 87


def test_what_is_written_off_before_it_is_divided_is_missing_to_all(world: World, debt: Contract) -> None:
    world.fund(100, DEAL)
    write_off(world, 50)
    debt.collect()
    assert balances(world) == (0, 35, 15)


def test_the_creditors_excess_is_no_inflow(world: World, debt: Contract) -> None:
    world.fund(1_050, DEAL)
    debt.collect()
    inflows = [world.ledger.account_inflow(each, WAGES) for each in (SUPPLIER_ACCOUNT, FINANCIER_ACCOUNT)]
    assert (inflows, balances(world)) == ([700, 300], (0, 750, 300))
