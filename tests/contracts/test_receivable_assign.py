"""Receivable: assign, finance."""

import boa
import pytest
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.ids import account_line, name_id
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    DAY,
    DEAL,
    DOCUMENT,
    ENTERPRISE_ACCOUNT,
    FINANCIER_ACCOUNT,
    OTHER_DEAL,
    SINK,
    SUPPLIER_ACCOUNT,
    assign,
    assignment,
    confirm,
    finance,
    financing,
    moved,
    named,
    open_parties,
    owed,
    receivable,
    resting,
    sign,
)
from tests.contracts.world import (
    AGENCY_ONE,
    BANK,
    ENTERPRISE,
    FINANCIER,
    QUORUM,
    SUPPLIER,
    WAGES,
    World,
    actor,
    agency_one_governor,
    attacker,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    financier_operator,
    institution,
    now,
    operator,
    signer,
    supplier_operator,
    witness,
)

FIRST, SECOND, THIRD = (keccak(name) for name in (b"first", b"second", b"third"))


@pytest.fixture
def debt(world: World) -> Contract:
    """A confirmed debt, and a financier with money."""
    open_parties(world)
    world.open(SINK)
    world.fund(5_000, FINANCIER_ACCOUNT)
    debt = world.activate(receivable(world))
    confirm(debt)
    return debt


# assign


def test_assign_part_of_a_claim(world: World, debt: Contract) -> None:
    assign(debt, assignment(SUPPLIER, FINANCIER, 300, FIRST))
    acted = [event.operator for event in debt.events if event.name == "OperatorActed"]
    assert acted == [supplier_operator.address, financier_operator.address]
    passed = named(debt, "Assigned")
    assert (passed.holder, passed.to, passed.amount, passed.price) == (SUPPLIER, FINANCIER, 300, 0)
    assert passed.reference == FIRST
    assert moved(debt) == []
    assert owed(debt) == {SUPPLIER: 700, FINANCIER: 300}
    assert debt.is_done(SUPPLIER, FIRST)
    assert world.registry.document(DOCUMENT).holder == SUPPLIER


def test_who_is_owed_all_of_it_holds_the_document(world: World, debt: Contract) -> None:
    assign(debt, assignment(SUPPLIER, FINANCIER, 1_000, FIRST))
    assert named(debt, "DocumentHeld").holder == FINANCIER
    assert owed(debt) == {FINANCIER: 1_000}
    assign(debt, assignment(FINANCIER, SUPPLIER, 400, FIRST))
    assert world.registry.document(DOCUMENT).holder == FINANCIER
    assign(debt, assignment(SUPPLIER, FINANCIER, 400, SECOND))
    assert not [event for event in debt.events if event.name in ("DocumentHeld", "Collected")]
    assert world.registry.document(DOCUMENT).holder == FINANCIER
    assert owed(debt) == {FINANCIER: 1_000}


def test_a_claim_goes_down_the_chain(world: World, debt: Contract) -> None:
    assign(debt, assignment(SUPPLIER, FINANCIER, 600, FIRST))
    assign(debt, assignment(SUPPLIER, FINANCIER, 100, SECOND))
    assign(debt, assignment(FINANCIER, SUPPLIER, 50, FIRST))
    assert owed(debt) == {SUPPLIER: 350, FINANCIER: 650}
    assert sum(owed(debt).values()) == debt.owed() == 1_000


@pytest.mark.parametrize("amount", [1_001, 2**256 - 1])
def test_assign_no_more_than_the_holder_is_owed(debt: Contract, amount: int) -> None:
    with reverts("receivable: more than the holder is owed"):
        assign(debt, assignment(SUPPLIER, FINANCIER, amount, FIRST))


def test_assign_what_makes_no_sense(debt: Contract) -> None:
    with reverts("receivable: nothing to pass on"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 0, FIRST))
    with reverts("receivable: not a holder"):
        assign(debt, assignment(FINANCIER, SUPPLIER, 5, FIRST))
    with reverts("receivable: to the holder itself"):
        assign(debt, assignment(SUPPLIER, SUPPLIER, 5, FIRST))
    with reverts("receivable: to the debtor"):
        assign(debt, assignment(SUPPLIER, ENTERPRISE, 5, FIRST, account=SINK))
    for account in (DEAL, ENTERPRISE_ACCOUNT):
        with reverts("receivable: not an account to be repaid on"):
            assign(debt, assignment(SUPPLIER, FINANCIER, 5, FIRST, account=account))


def test_assign_onto_an_open_account_of_the_tree(world: World, debt: Contract) -> None:
    stray = name_id("stray")
    with reverts("parties: account not open"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 5, FIRST, account=stray))
    world.accounts.open_tree(stray, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("parties: accounts of two trees"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 5, FIRST, account=stray))
    world.close(SINK)
    with reverts("parties: account not open"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 5, FIRST, account=SINK))


def test_a_holder_is_repaid_on_one_account(debt: Contract) -> None:
    assign(debt, assignment(SUPPLIER, FINANCIER, 5, FIRST, account=SINK))
    with reverts("receivable: holder is repaid on another account"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 5, SECOND))
    with reverts("receivable: holder is repaid on another account"):
        finance(debt, financing(5, 4, SECOND))
    assign(debt, assignment(SUPPLIER, FINANCIER, 5, SECOND, account=SINK))
    assert owed(debt)[FINANCIER] == 10


def test_who_was_repaid_in_full_takes_a_part_anew_on_any_account(world: World, debt: Contract) -> None:
    """Whoever is owed nothing any more is no holder, wherever it was repaid."""
    assign(debt, assignment(SUPPLIER, FINANCIER, 1, FIRST))
    world.fund(999, DEAL)
    debt.collect()
    assert owed(debt) == {SUPPLIER: 1, FINANCIER: 0}
    assign(debt, assignment(SUPPLIER, FINANCIER, 1, SECOND, account=SINK))
    world.fund(1, DEAL)
    debt.collect()
    assert (world.balance(account_line(SINK, WAGES)), debt.owed()) == (1, 0)


@pytest.mark.parametrize("who", [attacker, operator, witness, bank_supervisor])
def test_assign_takes_both_parties(debt: Contract, who: LocalAccount) -> None:
    values = assignment(SUPPLIER, FINANCIER, 5, FIRST)
    for pair in (
        (who, financier_operator),
        (supplier_operator, who),
        (financier_operator, supplier_operator),
    ):
        with reverts("parties: not signed for the party"):
            assign(debt, values, *pair)


def test_an_assignment_happens_once(world: World, debt: Contract) -> None:
    values = assignment(SUPPLIER, FINANCIER, 300, FIRST)
    given = [sign(who, "Assignment", debt, values) for who in (supplier_operator, financier_operator)]
    debt.assign(*values.values(), *given, sender=attacker)
    with reverts("parties: repeated"):
        debt.assign(*values.values(), *given)
    with reverts("parties: repeated"):
        assign(debt, values | {"deadline": now() + 2 * DAY})
    with reverts("parties: repeated"):
        finance(debt, financing(10, 9, FIRST))
    # Another holder's reference is its own: nobody uses up another's by coming first.
    assign(debt, assignment(FINANCIER, SUPPLIER, 1, FIRST))
    assert owed(debt) == {SUPPLIER: 701, FINANCIER: 299}


def test_an_assignment_counts_in_its_agreement_as_it_was_signed(world: World, debt: Contract) -> None:
    values = assignment(SUPPLIER, FINANCIER, 300, FIRST)
    given = [sign(who, "Assignment", debt, values) for who in (supplier_operator, financier_operator)]
    for more in (
        {"amount": 301},
        {"account": SINK},
        {"to": AGENCY_ONE},
        {"holder": FINANCIER},
        {"reference": SECOND},
        {"deadline": now() + 2 * DAY},
    ):
        with reverts("parties: not signed for the party"):
            debt.assign(*(values | more).values(), *given)
    other = world.activate(receivable(world, document=name_id("second invoice"), account=OTHER_DEAL))
    confirm(other)
    with reverts("parties: not signed for the party"):
        other.assign(*values.values(), *given)
    boa.env.timestamp += DAY + 1
    with reverts("parties: signature expired"):
        debt.assign(*values.values(), *given)


def test_a_collection_in_front_of_an_assignment_takes_nothing_from_the_taker(
    world: World, debt: Contract
) -> None:
    """Signed for all of it, then part is repaid first: it is refused rather than cut."""
    values = assignment(SUPPLIER, FINANCIER, 1_000, FIRST)
    world.fund(1, DEAL)
    debt.collect(sender=attacker)
    with reverts("receivable: more than the holder is owed"):
        assign(debt, values)


def test_assign_before_the_debt_is_confirmed(world: World) -> None:
    open_parties(world)
    debt = world.activate(receivable(world))
    with reverts("receivable: debt not confirmed"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 5, FIRST))


def test_as_many_holders_as_it_takes(world: World, debt: Contract) -> None:
    takers = [(name_id(f"holder {number}"), actor(f"holder {number}")) for number in range(8)]
    world.change([institution(who, 3) for who, _ in takers])
    world.change([signer(key, who, 16) for who, key in takers])
    for number, (who, key) in enumerate(takers[:6]):
        values = assignment(SUPPLIER, who, 10, keccak(b"%d" % number), account=SINK)
        assign(debt, values, supplier_operator, key)
    last, key = takers[6]
    with reverts("receivable: too many holders"):
        assign(debt, assignment(SUPPLIER, last, 10, FIRST, account=SINK), supplier_operator, key)
    # A holder who passes on all it is owed makes room.
    assign(debt, assignment(takers[0][0], last, 10, FIRST, account=SINK), takers[0][1], key)
    # The financier's place is its own, whoever passes how little to how many.
    finance(debt, financing(40, 30, FIRST))
    assert len(owed(debt)) == 8
    one_more, key = takers[7]
    with reverts("receivable: too many holders"):
        assign(debt, assignment(SUPPLIER, one_more, 10, SECOND, account=SINK), supplier_operator, key)
    world.fund(1_000, DEAL)
    debt.collect()
    assert (resting(world, SINK), resting(world, SUPPLIER_ACCOUNT), debt.state()) == (60, 930, 2)


def test_the_financier_among_the_holders_takes_no_second_place(world: World, debt: Contract) -> None:
    takers = [(name_id(f"holder {number}"), actor(f"holder {number}")) for number in range(7)]
    world.change([institution(who, 3) for who, _ in takers])
    world.change([signer(key, who, 16) for who, key in takers])
    finance(debt, financing(40, 30, FIRST))
    for number, (who, key) in enumerate(takers[:6]):
        values = assignment(SUPPLIER, who, 10, keccak(b"%d" % number), account=SINK)
        assign(debt, values, supplier_operator, key)
    assert len(owed(debt)) == 8
    last, key = takers[6]
    with reverts("receivable: too many holders"):
        assign(debt, assignment(SUPPLIER, last, 10, SECOND, account=SINK), supplier_operator, key)
    # It passes its whole part, and so its place, on to whom it likes.
    assign(debt, assignment(FINANCIER, last, 40, SECOND, account=SINK), financier_operator, key)
    assert (len(owed(debt)), owed(debt)[last]) == (8, 40)


# finance


def test_finance_pays_for_the_claim_at_once(world: World, debt: Contract) -> None:
    finance(debt, financing(600, 570, FIRST))
    (paid,) = moved(debt)
    assert (paid.source, paid.destination) == (
        account_line(FINANCIER_ACCOUNT, WAGES),
        account_line(SUPPLIER_ACCOUNT, WAGES),
    )
    assert (paid.amount, paid.info) == (570, FIRST)
    passed = named(debt, "Assigned")
    assert (passed.holder, passed.to, passed.amount, passed.price) == (SUPPLIER, FINANCIER, 600, 570)
    assert owed(debt) == {SUPPLIER: 400, FINANCIER: 600}


def test_finance_whoever_holds_part_of_the_claim(world: World, debt: Contract) -> None:
    carrier, key = name_id("carrier"), actor("carrier operator")
    world.change([institution(carrier, 3)])
    world.change([signer(key, carrier, 16)])
    assign(debt, assignment(SUPPLIER, carrier, 200, FIRST, account=SINK), supplier_operator, key)
    finance(debt, financing(200, 190, SECOND, carrier), key, financier_operator)
    assert resting(world, SINK) == 190
    assert owed(debt) == {SUPPLIER: 800, FINANCIER: 200}


@pytest.mark.parametrize("price", [0, 601, 2**256 - 1])
def test_finance_at_a_price_up_to_the_claim(debt: Contract, price: int) -> None:
    with reverts("receivable: price out of bounds"):
        finance(debt, financing(600, price, FIRST))


def test_no_claim_passes_on_without_its_price(world: World, debt: Contract) -> None:
    world.fund(3_000, SUPPLIER_ACCOUNT)
    terms = {"document": name_id("big invoice"), "face_minor": 9_000, "account": OTHER_DEAL}
    big = world.activate(receivable(world, **terms))
    confirm(big)
    with reverts("lines: not enough money"):
        finance(big, financing(9_000, 8_000, FIRST))
    world.freeze(FINANCIER_ACCOUNT, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        finance(debt, financing(600, 570, FIRST))
    world.close(SUPPLIER_ACCOUNT)
    with reverts("accounts: account closed", "accounts: account frozen"):
        finance(debt, financing(600, 570, FIRST))
    assert owed(debt) == {SUPPLIER: 1_000}
    assert owed(big) == {SUPPLIER: 9_000}


def test_no_price_goes_to_another_than_the_holders_account(world: World, debt: Contract) -> None:
    world.close(SUPPLIER_ACCOUNT)
    with reverts("accounts: account closed"):
        finance(debt, financing(600, 570, FIRST))
    assert resting(world, FINANCIER_ACCOUNT) == 5_000


@pytest.mark.parametrize("who", [attacker, operator, witness, bank_supervisor])
def test_finance_takes_holder_and_financier(debt: Contract, who: LocalAccount) -> None:
    values = financing(600, 570, FIRST)
    for pair in (
        (who, financier_operator),
        (supplier_operator, who),
        (financier_operator, supplier_operator),
    ):
        with reverts("parties: not signed for the party"):
            finance(debt, values, *pair)


def test_a_financing_happens_once(world: World, debt: Contract) -> None:
    values = financing(300, 290, FIRST)
    given = [sign(who, "Financing", debt, values) for who in (supplier_operator, financier_operator)]
    debt.finance(*values.values(), *given, sender=attacker)
    with reverts("parties: repeated"):
        debt.finance(*values.values(), *given)
    for more in ({"amount": 301}, {"price": 291}, {"reference": SECOND}):
        with reverts("parties: not signed for the party"):
            debt.finance(*(values | more).values(), *given)
    assert resting(world, FINANCIER_ACCOUNT) == 5_000 - 290


def test_the_financier_is_not_financed_by_itself(debt: Contract) -> None:
    with reverts("receivable: to the holder itself"):
        finance(debt, financing(5, 5, FIRST, FINANCIER), financier_operator, financier_operator)


def test_a_suspended_operator_passes_nothing_on(world: World, debt: Contract) -> None:
    world.suspend(supplier_operator, (bank_governor, agency_one_governor))
    with reverts("parties: not signed for the party"):
        assign(debt, assignment(SUPPLIER, FINANCIER, 5, THIRD))


def test_what_rests_already_is_for_the_holders_of_before(world: World, debt: Contract) -> None:
    """A financier that waits until the repayment arrived gets no part of it."""
    values = financing(600, 570, FIRST)
    before = resting(world, FINANCIER_ACCOUNT)
    world.fund(400, DEAL)
    finance(debt, values)
    assert owed(debt) == {FINANCIER: 600}
    assert (resting(world, SUPPLIER_ACCOUNT), resting(world, FINANCIER_ACCOUNT)) == (970, before - 570)
    assert world.ledger.account_inflow(SUPPLIER_ACCOUNT, WAGES) == 970
    world.fund(600, DEAL)
    with reverts("receivable: has ended"):
        assign(debt, assignment(FINANCIER, SUPPLIER, 1, SECOND))
    assert debt.state() == 1
