"""What the tests of splits, deliveries and receivables share: parties, agreements, signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_account.signers.local import LocalAccount

from contracts.arguments import Part, delivery_arguments, receivable_arguments, split_arguments
from contracts.ids import account_line, name_id
from tests.contracts.chain import Contract, Event
from tests.contracts.world import (
    AUDITOR,
    ENTERPRISE,
    FINANCIER,
    SUPPLIER,
    TREE,
    WAGES,
    World,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    financier_operator,
    message,
    now,
    operator,
    supplier_operator,
    witness,
)

DEAL, OTHER_DEAL, SUPPLIER_ACCOUNT, FINANCIER_ACCOUNT, ENTERPRISE_ACCOUNT, SINK = (
    name_id(name) for name in ("deal", "other deal", "supplier's", "financier's", "enterprise's", "sink")
)
COURIER, PLATFORM, INSURER, REST, PAYER = (
    name_id(name) for name in ("courier", "platform", "insurer", "rest", "payer")
)
RECEIPT, INVOICE = name_id("warehouse receipt"), name_id("invoice")
DOCUMENT, OTHER_DOCUMENT = name_id("document"), name_id("other document")
DAY = 86_400
# Everyone who is not an operator of the enterprise.
OUTSIDERS = [attacker, supplier_operator, bank_bridge, bank_supervisor, agency_one_supervisor, witness]

Share = tuple[bytes, int, int, int]
PARTS: tuple[Share, ...] = ((COURIER, 100, 2_500, 0), (PLATFORM, 0, 1_000, 150), (INSURER, 20, 0, 0))


def open_parties(world: World) -> None:
    """Open the accounts of two deals, and one a party."""
    world.open(DEAL)
    world.open(OTHER_DEAL)
    world.open(SUPPLIER_ACCOUNT, controller=SUPPLIER)
    world.open(FINANCIER_ACCOUNT, controller=FINANCIER)
    world.open(ENTERPRISE_ACCOUNT)


def open_shares(world: World) -> None:
    """Open the accounts of a split."""
    for account in (COURIER, PLATFORM, INSURER, REST, PAYER):
        world.open(account)


def resting(world: World, account: bytes) -> int:
    """What rests on an account's wages, minor units."""
    return world.balance(account_line(account, WAGES))


def moved(contract: Contract) -> list[Event]:
    """Maps of the last call."""
    return [event for event in contract.events if event.name == "Moved"]


def named(contract: Contract, name: str) -> Event:
    """The one event of this name in the last call."""
    (event,) = (event for event in contract.events if event.name == name)
    return event


def sign(by: LocalAccount, kind: str, contract: Contract, values: dict[str, Any]) -> bytes:
    """One signature over a message."""
    return message(kind, contract, **values).sign(by)


def idle_split(
    world: World,
    parts: Sequence[Share] = PARTS,
    remainder_to: bytes = REST,
    refund_to: bytes = PAYER,
    account: bytes = TREE,
) -> Contract:
    """A split of wages, not active yet."""
    arguments = split_arguments(
        account,
        WAGES,
        parts=[Part(*each) for each in parts],
        remainder_to=remainder_to,
        refund_to=refund_to,
    )
    return world.instance("split", arguments)


def split(world: World, *terms: Any, **more: Any) -> Contract:
    """An active split of wages."""
    return world.activate(idle_split(world, *terms, **more))


def delivery_terms(**more: Any) -> dict[str, Any]:
    """Constructor arguments of a delivery, in order: the supplier sells to the enterprise for 1,000."""
    terms = {
        "account": DEAL,
        "dye_class": WAGES,
        "buyer": ENTERPRISE,
        "seller": SUPPLIER,
        "buyer_account": ENTERPRISE_ACCOUNT,
        "seller_account": SUPPLIER_ACCOUNT,
        "price_minor": 1_000,
        "kind": RECEIPT,
        "witness": AUDITOR,
        "deadline": now() + 7 * DAY,
    }
    return terms | more


def delivery(world: World, **more: Any) -> Contract:
    """A delivery versus payment, not active yet."""
    return world.instance("delivery-versus-payment", delivery_arguments(**delivery_terms(**more)))


def receivable_terms(**more: Any) -> dict[str, Any]:
    """Constructor arguments of a receivable, in order: the enterprise owes the supplier 1,000."""
    terms = {
        "account": DEAL,
        "dye_class": WAGES,
        "creditor": SUPPLIER,
        "debtor": ENTERPRISE,
        "financier": FINANCIER,
        "creditor_account": SUPPLIER_ACCOUNT,
        "debtor_account": ENTERPRISE_ACCOUNT,
        "financier_account": FINANCIER_ACCOUNT,
        "document": DOCUMENT,
        "kind": INVOICE,
        "face_minor": 1_000,
        "due_at": now() + 30 * DAY,
        "grace_seconds": 5 * DAY,
        "witness": AUDITOR,
    }
    return terms | more


def receivable(world: World, **more: Any) -> Contract:
    """A receivable, not active yet."""
    return world.instance("receivable", receivable_arguments(**receivable_terms(**more)))


def deliver(
    deal: Contract,
    document: bytes = DOCUMENT,
    seller: LocalAccount = supplier_operator,
    by: LocalAccount = witness,
    deadline: int | None = None,
) -> None:
    """Deliver a document."""
    until = now() + DAY if deadline is None else deadline
    values = {"document": document, "kind": RECEIPT, "deadline": until}
    deal.deliver(document, until, sign(seller, "Delivery", deal, values), sign(by, "Delivery", deal, values))


def confirm(
    debt: Contract,
    creditor: LocalAccount = supplier_operator,
    debtor: LocalAccount = operator,
    by: LocalAccount = witness,
    deadline: int | None = None,
) -> None:
    """Register a debt."""
    until = now() + DAY if deadline is None else deadline
    values = {
        "document": debt.DOCUMENT(),
        "amount": debt.FACE(),
        "dueAt": debt.DUE_AT(),
        "deadline": until,
    }
    debt.register(until, *(sign(who, "Debt", debt, values) for who in (creditor, debtor, by)))


OPERATORS = {ENTERPRISE: operator, SUPPLIER: supplier_operator, FINANCIER: financier_operator}
PLACES = {ENTERPRISE: ENTERPRISE_ACCOUNT, SUPPLIER: SUPPLIER_ACCOUNT, FINANCIER: FINANCIER_ACCOUNT}


def assignment(holder: bytes, to: bytes, amount: int, reference: bytes, **more: Any) -> dict[str, Any]:
    """What holder and taker sign."""
    values = {
        "holder": holder,
        "to": to,
        "account": PLACES.get(to, SINK),
        "amount": amount,
        "reference": reference,
        "deadline": now() + DAY,
    }
    return values | more


def assign(debt: Contract, values: dict[str, Any], *by: LocalAccount) -> None:
    """Hand an assignment in, signed by holder and taker or by these."""
    signers = by or (OPERATORS[values["holder"]], OPERATORS[values["to"]])
    debt.assign(*values.values(), *(sign(who, "Assignment", debt, values) for who in signers))


def financing(
    amount: int, price: int, reference: bytes, holder: bytes = SUPPLIER, **more: Any
) -> dict[str, Any]:
    """What holder and financier sign."""
    values = {
        "holder": holder,
        "amount": amount,
        "price": price,
        "reference": reference,
        "deadline": now() + DAY,
    }
    return values | more


def finance(debt: Contract, values: dict[str, Any], *by: LocalAccount) -> None:
    """Hand a financing in, signed by holder and financier or by these."""
    signers = by or (OPERATORS[values["holder"]], financier_operator)
    debt.finance(*values.values(), *(sign(who, "Financing", debt, values) for who in signers))


def repay(
    debt: Contract, amount: int, reference: bytes, by: LocalAccount = operator, deadline: int | None = None
) -> None:
    """Repay from the debtor's account."""
    until = now() + DAY if deadline is None else deadline
    values = {"amount": amount, "reference": reference, "deadline": until}
    debt.repay(*values.values(), sign(by, "Repayment", debt, values))


def owed(debt: Contract) -> dict[bytes, int]:
    """What each institution is still owed, minor units."""
    return {held.institution: held.amount for held in debt.holdings()}
