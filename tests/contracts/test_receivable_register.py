"""Receivable: terms, register."""

from typing import Any

import boa
import pytest
from eth_account.signers.local import LocalAccount

from contracts.ids import name_id
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    DAY,
    DEAL,
    DOCUMENT,
    ENTERPRISE_ACCOUNT,
    FINANCIER_ACCOUNT,
    INVOICE,
    OTHER_DEAL,
    OTHER_DOCUMENT,
    SUPPLIER_ACCOUNT,
    confirm,
    finance,
    financing,
    named,
    open_parties,
    owed,
    receivable,
    receivable_terms,
    sign,
)
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    FINANCIER,
    QUORUM,
    SUPPLIER,
    TREE,
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

NOWHERE = name_id("nowhere")


@pytest.fixture
def debt(world: World) -> Contract:
    open_parties(world)
    return world.activate(receivable(world))


def test_register_confirms_the_debt(world: World, debt: Contract) -> None:
    assert (debt.owed(), debt.holdings()) == (0, [])
    confirm(debt)
    acted = [event.operator for event in debt.events if event.name == "OperatorActed"]
    assert acted == [supplier_operator.address, operator.address, witness.address]
    confirmed, entered = named(debt, "DebtConfirmed"), named(debt, "DocumentRegistered")
    assert (confirmed.document, confirmed.amount, confirmed.due_at) == (DOCUMENT, 1_000, debt.DUE_AT())
    assert (entered.document, entered.agreement, entered.kind) == (DOCUMENT, debt.address, INVOICE)
    assert (entered.holder, entered.amount) == (SUPPLIER, 1_000)
    (held,) = debt.holdings()
    assert (held.institution, held.account, held.amount) == (SUPPLIER, SUPPLIER_ACCOUNT, 1_000)
    assert (debt.owed(), debt.repaid(), debt.state()) == (1_000, 0, 1)


def test_register_without_a_witness(world: World) -> None:
    open_parties(world)
    debt = world.activate(receivable(world, witness=ZERO))
    values = {"document": DOCUMENT, "amount": 1_000, "dueAt": debt.DUE_AT(), "deadline": now() + DAY}
    given = [sign(who, "Debt", debt, values) for who in (supplier_operator, operator)]
    debt.register(values["deadline"], *given, b"")
    assert debt.owed() == 1_000


@pytest.mark.parametrize("party", ["creditor", "debtor", "by"])
@pytest.mark.parametrize(
    "who", [attacker, financier_operator, bank_supervisor, bank_bridge, agency_one_supervisor]
)
def test_register_by_creditor_debtor_and_witness_alone(debt: Contract, party: str, who: LocalAccount) -> None:
    with reverts("parties: not signed for the party"):
        confirm(debt, **{party: who})


def test_one_party_does_not_sign_for_the_other(debt: Contract) -> None:
    for more in (
        {"creditor": operator},
        {"debtor": supplier_operator},
        {"by": operator},
        {"debtor": witness},
        {"creditor": operator, "debtor": supplier_operator},
    ):
        with reverts("parties: not signed for the party"):
            confirm(debt, **more)


def test_register_is_what_was_signed(world: World, debt: Contract) -> None:
    values = {"document": DOCUMENT, "amount": 1_000, "dueAt": debt.DUE_AT(), "deadline": now() + DAY}
    signers = (supplier_operator, operator, witness)
    for more in ({"amount": 999}, {"document": OTHER_DOCUMENT}, {"dueAt": now() + 1}):
        given = [sign(who, "Debt", debt, values | more) for who in signers]
        with reverts("parties: not signed for the party"):
            debt.register(values["deadline"], *given)
    given = [sign(who, "Debt", debt, values) for who in signers]
    other = world.activate(receivable(world, face_minor=5_000, account=OTHER_DEAL))
    with reverts("parties: not signed for the party"):
        other.register(values["deadline"], *given)
    boa.env.timestamp += DAY + 1
    with reverts("parties: signature expired"):
        debt.register(values["deadline"], *given)


def test_register_once_and_before_it_is_due(debt: Contract) -> None:
    boa.env.timestamp = debt.DUE_AT() + 1
    with reverts("receivable: past its due time"):
        confirm(debt)
    boa.env.timestamp -= 1
    confirm(debt)
    with reverts("receivable: registered already"):
        confirm(debt)


# One invoice is financed once: in the same agreement, in another, after the end.


def test_an_invoice_is_not_financed_again_in_another_agreement(world: World, debt: Contract) -> None:
    second = world.activate(receivable(world, face_minor=2_000, account=OTHER_DEAL))
    confirm(debt)
    world.fund(950, FINANCIER_ACCOUNT)
    finance(debt, financing(1_000, 950, DOCUMENT))
    with reverts("registry: document exists"):
        confirm(second)
    with reverts("receivable: debt not confirmed"):
        finance(second, financing(1_000, 950, DOCUMENT))


def test_an_invoice_is_not_financed_again_in_the_same_agreement(world: World, debt: Contract) -> None:
    world.fund(5_000, FINANCIER_ACCOUNT)
    confirm(debt)
    finance(debt, financing(1_000, 950, DOCUMENT))
    with reverts("receivable: registered already"):
        confirm(debt)
    with reverts("receivable: not a holder"):
        finance(debt, financing(1_000, 950, OTHER_DOCUMENT))
    assert owed(debt) == {FINANCIER: 1_000}


@pytest.mark.parametrize("repaid", [0, 1_000])
def test_an_invoice_is_not_financed_again_after_the_end(world: World, debt: Contract, repaid: int) -> None:
    second = world.activate(receivable(world, due_at=now() + 900 * DAY, account=OTHER_DEAL))
    confirm(debt)
    if repaid:
        world.fund(repaid, DEAL)
        debt.collect()
    else:
        boa.env.timestamp += 36 * DAY
        debt.close()
    with reverts("receivable: has ended"):
        confirm(debt)
    with reverts("receivable: has ended"):
        finance(debt, financing(1, 1, DOCUMENT))
    with reverts("registry: document exists"):
        confirm(second)


def test_nobody_squats_an_invoice(world: World, debt: Contract) -> None:
    """An agreement anybody deploys, with signatures of the true parties even, counts only when active."""
    with reverts("registry: not an active agreement"):
        confirm(receivable(world, face_minor=1))
    with reverts("registry: not an active agreement"):
        world.registry.register(DOCUMENT, INVOICE, SUPPLIER, 0, 1, sender=attacker)
    confirm(debt)


# Terms


def test_terms_are_shown_and_stay(world: World, debt: Contract) -> None:
    names = ("account", "DYE_CLASS", "CREDITOR", "DEBTOR", "FINANCIER", "CREDITOR_ACCOUNT", "DEBTOR_ACCOUNT")
    more = ("FINANCIER_ACCOUNT", "DOCUMENT", "KIND", "FACE", "DUE_AT", "GRACE_SECONDS", "WITNESS")
    assert [getattr(debt, name)() for name in (*names, *more)] == list(receivable_terms().values())
    assert debt.accounts() == (DEAL, FINANCIER_ACCOUNT, ENTERPRISE_ACCOUNT)
    assert (list(debt.terms()), debt.state(), debt.REGISTRY()) == ([], 1, world.registry.address)
    with reverts("receivable: terms do not change"):
        debt.adopt(b"")


def test_every_term_counts_in_their_hash(world: World) -> None:
    open_parties(world)
    changed: dict[str, Any] = {
        "dye_class": NOWHERE,
        "debtor_account": ZERO,
        "document": OTHER_DOCUMENT,
        "kind": NOWHERE,
        "face_minor": 999,
        "due_at": now() + DAY,
        "grace_seconds": 0,
        "witness": ZERO,
    }
    hashes = {receivable(world, **{name: value}).terms_hash() for name, value in changed.items()}
    assert len(hashes | {receivable(world).terms_hash()}) == len(changed) + 1


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("parties: named twice", {"debtor": SUPPLIER}),
        ("parties: named twice", {"financier": ENTERPRISE}),
        ("parties: named twice", {"financier": SUPPLIER}),
        ("parties: named twice", {"witness": SUPPLIER}),
        ("parties: named twice", {"witness": ENTERPRISE}),
        ("parties: named twice", {"witness": FINANCIER}),
        ("parties: unknown institution", {"creditor": ZERO}),
        ("parties: unknown institution", {"financier": NOWHERE}),
        ("parties: unknown institution", {"witness": NOWHERE}),
        ("parties: deposits on the root account", {"account": TREE}),
        ("parties: named twice", {"creditor_account": DEAL}),
        ("parties: named twice", {"creditor_account": FINANCIER_ACCOUNT}),
        ("parties: named twice", {"debtor_account": DEAL, "account": DEAL, "debtor": ENTERPRISE}),
        ("parties: account not open", {"creditor_account": NOWHERE}),
        ("parties: account not open", {"financier_account": ZERO}),
        ("parties: account of another institution", {"debtor_account": SUPPLIER_ACCOUNT}),
        (
            "parties: account of another institution",
            {"creditor_account": ENTERPRISE_ACCOUNT, "debtor_account": ZERO},
        ),
        (
            "parties: account of another institution",
            {"financier_account": ENTERPRISE_ACCOUNT, "debtor_account": ZERO},
        ),
        ("parties: amount out of bounds", {"face_minor": 0}),
        ("parties: amount out of bounds", {"face_minor": 2**62 + 1}),
        ("receivable: zero id", {"document": ZERO}),
        ("receivable: zero id", {"kind": ZERO}),
        ("receivable: due time out of bounds", {"due_at": 0}),
        ("receivable: due time out of bounds", {"due_at": 2**63 + 1}),
        ("receivable: due time out of bounds", {"grace_seconds": 2**256 - 1}),
    ],
)
def test_terms_that_make_no_sense(world: World, reason: str, more: dict[str, Any]) -> None:
    open_parties(world)
    with reverts(reason):
        receivable(world, **more)


def test_terms_at_their_bounds(world: World) -> None:
    open_parties(world)
    with reverts("receivable: due time out of bounds"):
        receivable(world, due_at=now())
    most = 30 * 366 * DAY
    for more in ({"due_at": now() + most + 1}, {"grace_seconds": most + 1}):
        with reverts("receivable: due time out of bounds"):
            receivable(world, **more)
    receivable(world, due_at=now() + 1)
    assert receivable(world, due_at=now() + most, grace_seconds=most, face_minor=2**62).owed() == 0


def test_terms_of_two_trees(world: World) -> None:
    open_parties(world)
    world.accounts.open_tree(NOWHERE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for more in ("creditor_account", "debtor_account"):
        with reverts("parties: accounts of two trees"):
            receivable(world, **{more: NOWHERE})
