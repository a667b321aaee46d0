"""Guarantee: construction, issue, verify, what it shows, adopt."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.typed_data import TypedMessage
from tests.contracts.chain import Contract, reverts
from tests.contracts.guarantees import (
    AMOUNT,
    BENEFITS,
    DEFAULT,
    DOCUMENT,
    EXPIRED,
    EXPIRY_SECONDS,
    GRACE_SECONDS,
    HELD,
    ISSUE_SECONDS,
    NOT_ISSUED,
    OPEN,
    TWIN,
    USES,
    Letter,
    letter_arguments,
    open_accounts,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AUDITOR,
    ENTERPRISE,
    FINANCIER,
    PROJECT,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    attacker,
    bank_supervisor,
    financier_operator,
    message,
    now,
    operator,
    supplier_operator,
    witness,
)

MAX_SECONDS = 30 * 366 * 86_400


def make(world: World, **changed: Any) -> Contract:
    """Deploy a guarantee, not active yet."""
    return world.instance("guarantee", letter_arguments(**changed))


@pytest.fixture
def prepared(world: World) -> World:
    open_accounts(world)
    return world


def test_it_shows_its_terms(prepared: World) -> None:
    made = make(prepared)
    assert (made.account(), made.DYE_CLASS(), made.accounts()) == (HELD, WAGES, (HELD,))
    assert (made.GUARANTOR(), made.APPLICANT(), made.BENEFICIARY()) == (FINANCIER, ENTERPRISE, SUPPLIER)
    assert (made.APPLICANT_ACCOUNT(), made.BENEFICIARY_ACCOUNT()) == (PROJECT, BENEFITS)
    assert (made.AMOUNT(), made.DOCUMENT(), made.MAX_USES()) == (AMOUNT, DOCUMENT, USES)
    assert (made.EVIDENCE_KIND(), made.WITNESS()) == (DEFAULT, AUDITOR)
    assert (made.ISSUE_BY(), made.EXPIRES_AT()) == (now() + ISSUE_SECONDS, now() + EXPIRY_SECONDS)
    assert made.CLAIM_GRACE() == GRACE_SECONDS
    assert (made.LEDGER(), made.DIRECTORY()) == (prepared.ledger.address, prepared.directory.address)
    assert (list(made.terms()), list(made.claims())) == ([], [])
    assert made.state() == NOT_ISSUED


def test_its_terms_hash_binds_everything(prepared: World) -> None:
    assert make(prepared).terms_hash() == keccak(letter_arguments())
    others = [make(prepared, document=ZERO[:-1] + b"\1"), make(prepared, max_uses=1)]
    assert len({made.terms_hash() for made in [make(prepared), *others]}) == 3


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"beneficiary": FINANCIER}, "parties: named twice"),
        ({"beneficiary": ENTERPRISE}, "parties: named twice"),
        ({"applicant": FINANCIER}, "parties: named twice"),
        ({"guarantor": ZERO}, "parties: unknown institution"),
        ({"applicant": ZERO}, "parties: unknown institution"),
        ({"beneficiary": ZERO}, "parties: unknown institution"),
        ({"witness": ZERO}, "parties: unknown institution"),
        ({"witness": SUPPLIER}, "guarantee: the beneficiary is its own witness"),
        ({"applicant_account": BENEFITS}, "parties: named twice"),
        ({"applicant_account": HELD}, "parties: named twice"),
        ({"beneficiary_account": HELD}, "parties: named twice"),
        ({"account": ZERO}, "parties: account not open"),
        ({"applicant_account": ZERO}, "parties: account not open"),
        ({"beneficiary_account": ZERO}, "parties: account not open"),
        ({"account": TREE}, "parties: deposits on the root account"),
        ({"beneficiary_account": TREE}, "parties: account of another institution"),
        ({"amount_minor": 0}, "parties: amount out of bounds"),
        ({"amount_minor": 2**62 + 1}, "parties: amount out of bounds"),
        ({"evidence_kind": ZERO}, "guarantee: zero evidence or document"),
        ({"document": ZERO}, "guarantee: zero evidence or document"),
        ({"claim_grace_seconds": 0}, "guarantee: grace out of bounds"),
        ({"claim_grace_seconds": MAX_SECONDS + 1}, "guarantee: grace out of bounds"),
        ({"max_uses": 0}, "guarantee: number of uses out of bounds"),
        ({"max_uses": 33}, "guarantee: number of uses out of bounds"),
    ],
)
def test_terms_that_are_refused(prepared: World, changed: dict[str, Any], reason: str) -> None:
    with reverts(reason):
        make(prepared, **changed)


def test_dates_are_in_order_and_bounded(prepared: World) -> None:
    for dates in (
        {"issue_by": now()},
        {"issue_by": 0},
        {"issue_by": now() + 20, "expires_at": now() + 20},
        {"issue_by": now() + 20, "expires_at": now() - 1},
    ):
        with reverts("guarantee: dates out of order"):
            make(prepared, **dates)
    make(prepared, issue_by=now() + 1, expires_at=now() + 2)
    make(prepared, expires_at=now() + MAX_SECONDS, claim_grace_seconds=MAX_SECONDS, max_uses=32)
    for late in (now() + MAX_SECONDS + 1, 2**256 - 1):
        with reverts("guarantee: expiry out of bounds"):
            make(prepared, expires_at=late)


def test_guarantor_and_applicant_may_witness(prepared: World) -> None:
    for who in (FINANCIER, ENTERPRISE, AGENCY_ONE):
        make(prepared, witness=who)


def test_its_terms_never_change(world: World) -> None:
    letter = Letter.agree(world)
    for sender in (None, world.factory.address):
        with reverts("guarantee: terms do not change"):
            letter.guarantee.adopt(b"", sender=sender)


def test_issue(world: World) -> None:
    letter = Letter.agree(world)
    values = {
        "document": DOCUMENT,
        "amount": AMOUNT,
        "expiresAt": now() + EXPIRY_SECONDS,
        "deadline": now() + 60,
    }
    digest = message("Issue", letter.guarantee, **values).digest
    letter.issue()
    acted, issued, changed = letter.guarantee.events
    assert (acted.digest, acted.operator) == (digest, financier_operator.address)
    assert (issued.name, issued.document) == ("GuaranteeIssued", DOCUMENT)
    assert (issued.guarantor, issued.beneficiary) == (FINANCIER, SUPPLIER)
    assert (issued.amount, issued.expires_at) == (AMOUNT, now() + EXPIRY_SECONDS)
    assert (changed.name, changed.state) == ("StateSet", OPEN)
    assert letter.guarantee.state() == OPEN
    with reverts("guarantee: not to be issued any more"):
        letter.issue()


@pytest.mark.parametrize(
    "who", [attacker, operator, supplier_operator, witness, bank_supervisor, agency_one_supervisor]
)
def test_issue_by_the_guarantors_operator_alone(world: World, who: Any) -> None:
    letter = Letter.agree(world)
    with reverts("parties: not signed for the party"):
        letter.issue(who)


def test_issue_takes_the_whole_collateral(world: World) -> None:
    letter = Letter.agree(world, collateral=AMOUNT - 1)
    with reverts("guarantee: too little collateral"):
        letter.issue()
    world.fund(1, account=HELD, dye_class=b"\7" * 32)
    with reverts("guarantee: too little collateral"):
        letter.issue()
    world.fund(1, account=HELD)
    letter.issue()


def test_issue_in_time(world: World) -> None:
    letter = Letter.agree(world)
    with reverts("parties: signature expired"):
        letter.issue(deadline=now() - 1)
    boa.env.timestamp += ISSUE_SECONDS
    with boa.env.anchor():
        letter.issue(deadline=now())
    boa.env.timestamp += 1
    with reverts("guarantee: not to be issued any more"):
        letter.issue()


def test_issue_signed_for_another_guarantee_or_chain(world: World) -> None:
    letter = Letter.agree(world)
    world.open(TWIN)
    twin = world.activate(world.instance("guarantee", letter_arguments(account=TWIN)))
    values = {
        "document": DOCUMENT,
        "amount": AMOUNT,
        "expiresAt": now() + EXPIRY_SECONDS,
        "deadline": now() + 60,
    }
    here = message("Issue", letter.guarantee, **values)
    elsewhere = TypedMessage(here.kind, here.chain_id + 1, here.contract, here.values)
    with reverts("parties: not signed for the party"):
        twin.issue(now() + 60, here.sign(financier_operator))
    with reverts("parties: not signed for the party"):
        letter.guarantee.issue(now() + 60, elsewhere.sign(financier_operator))
    with reverts("parties: not signed for the party"):
        letter.guarantee.issue(now() + 61, here.sign(financier_operator))


def seen(letter: Letter) -> tuple[int, int, int, int, int]:
    """State, claimed, paid, remaining and collateral, as anyone verifies them."""
    held = letter.guarantee.verify()
    expires_at = letter.guarantee.EXPIRES_AT()
    assert (held.amount, held.document, held.expires_at) == (AMOUNT, DOCUMENT, expires_at)
    assert held.granted
    return held.state, held.claimed, held.paid, held.remaining, held.collateral


def test_verify_through_its_life(world: World) -> None:
    letter = Letter.agree(world, collateral=0)
    assert seen(letter) == (NOT_ISSUED, 0, 0, 0, 0)
    world.fund(1_200, account=HELD)
    assert seen(letter) == (NOT_ISSUED, 0, 0, 0, 1_200)
    letter.issue()
    assert seen(letter) == (OPEN, 0, 0, AMOUNT, 1_200)
    letter.claim(300)
    letter.claim(200, 1)
    assert seen(letter) == (OPEN, 500, 0, AMOUNT, 1_200)
    letter.attest(0)
    letter.guarantee.pay_claim(0)
    assert seen(letter) == (OPEN, 200, 300, 700, 900)
    boa.env.timestamp += GRACE_SECONDS + 1
    assert seen(letter) == (OPEN, 0, 300, 700, 900)
    boa.env.timestamp = letter.guarantee.EXPIRES_AT()
    letter.claim(150, 2)
    boa.env.timestamp += 1
    assert seen(letter) == (OPEN, 150, 300, 150, 900)
    letter.attest(2)
    assert seen(letter) == (OPEN, 150, 300, 150, 900)
    boa.env.timestamp += GRACE_SECONDS
    assert seen(letter) == (EXPIRED, 150, 300, 150, 900)
    letter.guarantee.expire()
    assert seen(letter) == (EXPIRED, 0, 450, 0, 0)


def test_verify_one_that_was_never_issued(world: World) -> None:
    letter = Letter.agree(world)
    boa.env.timestamp = letter.guarantee.ISSUE_BY() + 1
    assert seen(letter) == (EXPIRED, 0, 0, 0, AMOUNT)


def test_verify_tells_whether_the_quorum_lets_it_pay(prepared: World) -> None:
    made = make(prepared)
    assert not made.verify().granted
    prepared.activate(made)
    assert made.verify().granted
