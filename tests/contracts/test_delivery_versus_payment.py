"""Delivery versus payment: terms, deliver, settle, cancel, close, sweep."""

from typing import Any

import boa
import pytest
from eth_account.signers.local import LocalAccount

from contracts.ids import account_line, name_id
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    DAY,
    DEAL,
    DOCUMENT,
    ENTERPRISE_ACCOUNT,
    OTHER_DEAL,
    OTHER_DOCUMENT,
    OUTSIDERS,
    RECEIPT,
    SUPPLIER_ACCOUNT,
    deliver,
    delivery,
    delivery_terms,
    moved,
    named,
    open_parties,
    resting,
    sign,
)
from tests.contracts.world import (
    AUDITOR,
    BANK,
    ENTERPRISE,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    financier_operator,
    now,
    operator,
    supplier_operator,
    witness,
)

OPEN, RELEASED, EXPIRED, REFUNDED = 1, 2, 3, 4
NOWHERE = name_id("nowhere")


@pytest.fixture
def deal(world: World) -> Contract:
    open_parties(world)
    return world.activate(delivery(world))


def cancel(
    deal: Contract,
    buyer: LocalAccount = operator,
    seller: LocalAccount = supplier_operator,
    **more: Any,
) -> None:
    values = {"document": deal.document(), "deadline": now() + DAY} | more
    given = (sign(who, "Rescission", deal, values) for who in (buyer, seller))
    deal.cancel(values["deadline"], *given)


def balances(world: World) -> tuple[int, int, int]:
    """Of the deal, the buyer and the seller."""
    return tuple(resting(world, account) for account in (DEAL, ENTERPRISE_ACCOUNT, SUPPLIER_ACCOUNT))


def expire() -> None:
    boa.env.timestamp += 7 * DAY + 1


# deliver


def test_deliver_locks_the_document(world: World, deal: Contract) -> None:
    deliver(deal)
    seller, attested = (event for event in deal.events if event.name == "OperatorActed")
    assert (seller.operator, attested.operator) == (supplier_operator.address, witness.address)
    assert named(deal, "Delivered").document == DOCUMENT
    entered = named(deal, "DocumentRegistered")
    assert (entered.document, entered.agreement, entered.kind) == (DOCUMENT, deal.address, RECEIPT)
    assert (entered.holder, entered.amount) == (SUPPLIER, 1_000)
    assert (deal.document(), deal.state()) == (DOCUMENT, OPEN)
    with reverts("registry: not the document's agreement"):
        world.registry.hand_over(DOCUMENT, ENTERPRISE, sender=supplier_operator)


@pytest.mark.parametrize("who", [attacker, operator, financier_operator, witness, bank_supervisor])
def test_deliver_by_the_seller_alone(deal: Contract, who: LocalAccount) -> None:
    with reverts("parties: not signed for the party"):
        deliver(deal, seller=who)


@pytest.mark.parametrize("who", [attacker, operator, supplier_operator, agency_one_supervisor])
def test_deliver_only_as_the_witness_confirms(deal: Contract, who: LocalAccount) -> None:
    with reverts("parties: not signed for the party"):
        deliver(deal, by=who)


def test_deliver_is_what_was_signed(world: World, deal: Contract) -> None:
    values = {"document": DOCUMENT, "kind": RECEIPT, "deadline": now() + DAY}
    given = [sign(who, "Delivery", deal, values) for who in (supplier_operator, witness)]
    with reverts("parties: not signed for the party"):
        deal.deliver(OTHER_DOCUMENT, values["deadline"], *given)
    other = world.activate(delivery(world, price_minor=1, account=OTHER_DEAL))
    with reverts("parties: not signed for the party"):
        other.deliver(DOCUMENT, values["deadline"], *given)
    otherwise = [sign(who, "Delivery", deal, values | {"kind": ZERO}) for who in (supplier_operator, witness)]
    with reverts("parties: not signed for the party"):
        deal.deliver(DOCUMENT, values["deadline"], *otherwise)
    boa.env.timestamp += DAY + 1
    with reverts("parties: signature expired"):
        deal.deliver(DOCUMENT, values["deadline"], *given)


def test_deliver_once_and_in_time(deal: Contract) -> None:
    with reverts("delivery: zero document"):
        deliver(deal, ZERO)
    deliver(deal)
    for document in (DOCUMENT, OTHER_DOCUMENT):
        with reverts("delivery: delivered already"):
            deliver(deal, document)


def test_deliver_at_the_last_second_and_not_later(world: World, deal: Contract) -> None:
    boa.env.timestamp += 7 * DAY + 1
    with reverts("delivery: deadline is over"):
        deliver(deal)
    boa.env.timestamp -= 1
    deliver(deal)


def test_one_document_is_sold_once_in_the_network(world: World, deal: Contract) -> None:
    second = world.activate(delivery(world, price_minor=5, account=OTHER_DEAL))
    deliver(deal)
    with reverts("registry: document exists"):
        deliver(second)
    cancel(deal)
    with reverts("registry: document exists"):
        deliver(second)
    assert second.document() == ZERO
    with reverts("delivery: has ended"):
        deliver(deal, OTHER_DOCUMENT)


def test_nobody_squats_a_document(world: World, deal: Contract) -> None:
    """An agreement anybody deploys with itself as parties counts for nothing before a quorum activates it."""
    with reverts("registry: not an active agreement"):
        deliver(delivery(world, price_minor=1))
    with reverts("registry: not an active agreement"):
        world.registry.register(DOCUMENT, RECEIPT, SUPPLIER, 0, 1, sender=attacker)
    deliver(deal)


# settle


def test_settle_exchanges_both(world: World, deal: Contract) -> None:
    deliver(deal)
    world.fund(1_000, DEAL)
    deal.settle(sender=attacker)
    exchanged = named(deal, "Exchanged")
    assert (exchanged.document, exchanged.price, exchanged.excess) == (DOCUMENT, 1_000, 0)
    assert named(deal, "StateSet").state == RELEASED
    (paid,) = moved(deal)
    assert (paid.destination, paid.amount) == (account_line(SUPPLIER_ACCOUNT, WAGES), 1_000)
    assert paid.info == DOCUMENT
    assert named(deal, "DocumentHeld").holder == ENTERPRISE
    assert deal.state() == RELEASED
    boa.env.timestamp += 365 * DAY
    assert deal.state() == RELEASED
    held = world.registry.document(DOCUMENT)
    assert (held.holder, held.amount, held.used) == (ENTERPRISE, 1_000, 1_000)
    with reverts("delivery: has ended"):
        deal.settle()


def test_settle_gives_back_what_is_above_the_price(world: World, deal: Contract) -> None:
    deliver(deal)
    world.fund(1_250, DEAL)
    deal.settle()
    assert named(deal, "Exchanged").excess == 250
    assert balances(world) == (0, 250, 1_000)


def test_no_payment_without_delivery(world: World, deal: Contract) -> None:
    world.fund(1_000, DEAL)
    with reverts("delivery: nothing delivered"):
        deal.settle()
    for call in (deal.sweep, deal.close):
        with reverts("delivery: still open", "delivery: deadline is not over"):
            call()
    assert balances(world) == (1_000, 0, 0)


def test_no_delivery_without_payment(world: World, deal: Contract) -> None:
    deliver(deal)
    for amount in (0, 999):
        if amount:
            world.fund(amount, DEAL)
        with reverts("delivery: price not paid"):
            deal.settle()
    # Money of another class is not the price.
    world.fund(1_000, DEAL, dye_class=name_id("materials"))
    with reverts("delivery: price not paid"):
        deal.settle()
    assert world.registry.document(DOCUMENT).holder == SUPPLIER
    world.fund(1, DEAL)
    deal.settle()


def test_nothing_is_handed_over_when_the_money_cannot_move(world: World, deal: Contract) -> None:
    deliver(deal)
    world.fund(1_000, DEAL)
    world.freeze(DEAL, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        deal.settle()
    world.freeze(DEAL, False, [bank_supervisor, agency_one_supervisor])
    world.close(SUPPLIER_ACCOUNT)
    with reverts("accounts: account closed"):
        deal.settle()
    held = world.registry.document(DOCUMENT)
    assert (held.holder, held.used, deal.state()) == (SUPPLIER, 0, OPEN)
    assert balances(world) == (1_000, 0, 0)


def test_settle_until_the_deadline(world: World, deal: Contract) -> None:
    deliver(deal)
    world.fund(1_000, DEAL)
    expire()
    with reverts("delivery: deadline is over"):
        deal.settle()
    boa.env.timestamp -= 1
    with reverts("delivery: deadline is not over"):
        deal.close()
    deal.settle()


def test_settle_before_activation(world: World) -> None:
    open_parties(world)
    idle = delivery(world)
    world.fund(1_000, DEAL)
    with reverts("delivery: nothing delivered"):
        idle.settle()


# cancel


def test_cancel_by_both(world: World, deal: Contract) -> None:
    deliver(deal)
    world.fund(400, DEAL)
    cancel(deal)
    assert named(deal, "StateSet").state == REFUNDED
    assert deal.state() == REFUNDED
    assert balances(world) == (0, 400, 0)
    held = world.registry.document(DOCUMENT)
    assert (held.holder, held.used) == (SUPPLIER, 0)
    for act in (lambda: cancel(deal), deal.settle, deal.close, lambda: deliver(deal)):
        with reverts("delivery: has ended"):
            act()


def test_cancel_with_nothing_delivered_or_paid(world: World, deal: Contract) -> None:
    cancel(deal)
    assert moved(deal) == []
    assert deal.state() == REFUNDED


def test_cancel_until_the_deadline(world: World, deal: Contract) -> None:
    """Behind it everybody sees it expired, and so it stays."""
    boa.env.timestamp = deal.DEADLINE()
    with boa.env.anchor():
        cancel(deal)
    boa.env.timestamp += 1
    assert deal.state() == EXPIRED
    with reverts("delivery: deadline is over"):
        cancel(deal)
    deal.close()
    assert deal.state() == EXPIRED


def test_cancel_takes_both_signatures(world: World, deal: Contract) -> None:
    for pair in (
        (operator, operator),
        (supplier_operator, supplier_operator),
        (supplier_operator, operator),
        (operator, witness),
        (attacker, supplier_operator),
    ):
        with reverts("parties: not signed for the party"):
            cancel(deal, *pair)
    # Signed before the delivery, it does not cancel what was delivered since.
    early = {"document": ZERO, "deadline": now() + DAY}
    given = [sign(who, "Rescission", deal, early) for who in (operator, supplier_operator)]
    deliver(deal)
    with reverts("parties: not signed for the party"):
        deal.cancel(early["deadline"], *given)
    with reverts("parties: signature expired"):
        cancel(deal, deadline=now() - 1)


# close and sweep


def test_close_after_the_deadline(world: World, deal: Contract) -> None:
    deliver(deal)
    world.fund(1_300, DEAL)
    expire()
    deal.close(sender=attacker)
    assert named(deal, "StateSet").state == EXPIRED
    assert deal.state() == EXPIRED
    assert balances(world) == (0, 1_300, 0)
    assert world.registry.document(DOCUMENT).holder == SUPPLIER
    with reverts("delivery: has ended"):
        deal.close()
    with reverts("delivery: has ended"):
        deal.settle()


@pytest.mark.parametrize("end", ["settled", "cancelled", "expired"])
def test_money_that_comes_late_goes_to_the_buyer(world: World, deal: Contract, end: str) -> None:
    deliver(deal)
    if end == "settled":
        world.fund(1_000, DEAL)
        deal.settle()
    elif end == "cancelled":
        cancel(deal)
    else:
        expire()
        deal.close()
    with reverts("delivery: nothing to give back"):
        deal.sweep()
    world.fund(77, DEAL)
    deal.sweep(sender=attacker)
    assert balances(world)[:2] == (0, 77)


def test_close_finds_the_buyers_money_a_place_above_a_closed_account(world: World, deal: Contract) -> None:
    world.fund(10, DEAL)
    world.close(ENTERPRISE_ACCOUNT)
    expire()
    deal.close()
    assert (resting(world, TREE), resting(world, DEAL)) == (10, 0)


# Terms


def test_terms_are_shown_and_stay(world: World, deal: Contract) -> None:
    terms = delivery_terms()
    shown = (deal.account, deal.DYE_CLASS, deal.BUYER, deal.SELLER, deal.BUYER_ACCOUNT, deal.SELLER_ACCOUNT)
    rest = (deal.PRICE, deal.KIND, deal.WITNESS, deal.DEADLINE)
    assert [read() for read in (*shown, *rest)] == list(terms.values())
    assert (deal.accounts(), list(deal.terms()), deal.state()) == ((DEAL,), [], OPEN)
    assert deal.REGISTRY() == world.registry.address
    assert deal.terms_hash() != delivery(world, price_minor=999).terms_hash()
    with reverts("delivery: terms do not change"):
        deal.adopt(b"")


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("parties: named twice", {"buyer": SUPPLIER}),
        ("parties: named twice", {"witness": SUPPLIER}),
        ("parties: named twice", {"witness": ENTERPRISE}),
        ("parties: unknown institution", {"witness": ZERO}),
        ("parties: unknown institution", {"buyer": NOWHERE}),
        ("parties: unknown institution", {"seller": NOWHERE}),
        ("parties: named twice", {"buyer_account": SUPPLIER_ACCOUNT}),
        ("parties: named twice", {"buyer_account": DEAL}),
        ("parties: named twice", {"seller_account": DEAL}),
        ("parties: account not open", {"account": NOWHERE}),
        ("parties: account not open", {"seller_account": NOWHERE}),
        ("parties: account not open", {"buyer_account": ZERO}),
        ("parties: deposits on the root account", {"account": TREE}),
        ("parties: account of another institution", {"seller_account": TREE}),
        ("parties: amount out of bounds", {"price_minor": 0}),
        ("parties: amount out of bounds", {"price_minor": 2**62 + 1}),
        ("delivery: zero kind", {"kind": ZERO}),
        ("delivery: deadline is over", {"deadline": 0}),
    ],
)
def test_terms_that_make_no_sense(world: World, reason: str, more: dict[str, Any]) -> None:
    open_parties(world)
    with reverts(reason):
        delivery(world, **more)


def test_terms_at_their_bounds(world: World) -> None:
    open_parties(world)
    with reverts("delivery: deadline is over"):
        delivery(world, deadline=now())
    most = 30 * 366 * DAY
    with reverts("delivery: deadline out of bounds"):
        delivery(world, deadline=now() + most + 1)
    delivery(world, deadline=now() + 1, price_minor=2**62)
    delivery(world, deadline=now() + most)


def test_a_delivery_past_its_deadline_is_not_open(world: World, deal: Contract) -> None:
    boa.env.timestamp = deal.DEADLINE()
    assert deal.state() == 1
    boa.env.timestamp += 1
    assert deal.state() == 3
    world.fund(5, DEAL)
    with reverts("delivery: still open"):
        deal.sweep()
    deal.close()
    assert deal.state() == 3
    assert resting(world, ENTERPRISE_ACCOUNT) == 5


def test_a_buyer_gets_its_money_back_as_no_inflow(world: World, deal: Contract) -> None:
    world.fund(1_200, DEAL)
    deliver(deal)
    deal.settle()
    inflows = [world.ledger.account_inflow(each, WAGES) for each in (SUPPLIER_ACCOUNT, ENTERPRISE_ACCOUNT)]
    assert (inflows, resting(world, ENTERPRISE_ACCOUNT)) == ([1_000, 0], 200)
    world.fund(7, DEAL)
    deal.sweep()
    assert world.ledger.account_inflow(ENTERPRISE_ACCOUNT, WAGES) == 0
    assert resting(world, ENTERPRISE_ACCOUNT) == 207


def test_terms_of_two_trees(world: World) -> None:
    open_parties(world)
    world.accounts.open_tree(NOWHERE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for named_there in ("buyer_account", "seller_account"):
        with reverts("parties: accounts of two trees"):
            delivery(world, **{named_there: NOWHERE})


@pytest.mark.parametrize("who", OUTSIDERS)
def test_a_contract_or_anybody_else_is_no_party(world: World, deal: Contract, who: LocalAccount) -> None:
    """Who sends a call decides nothing, be it a contract; only signatures do, and a contract has none."""
    with reverts("parties: not signed for the party"):
        cancel(deal, who, who)
    with reverts("signatures: recovers to nobody", "signatures: v is not 27 or 28"):
        deal.cancel(now() + DAY, bytes(65), bytes(65), sender=world.factory.address)
    assert deal.WITNESS() == AUDITOR
