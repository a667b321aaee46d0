"""Guarantee: release, expire, and what anyone may try."""

from typing import Any

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.guarantees import (
    AMOUNT,
    BENEFITS,
    EXPIRED,
    EXPIRY_SECONDS,
    GRACE_SECONDS,
    HELD,
    ISSUE_SECONDS,
    NOT_ISSUED,
    OPEN,
    REFUNDED,
    Letter,
    letter_arguments,
    open_accounts,
)
from tests.contracts.puppet import puppet, register_puppet
from tests.contracts.world import (
    PROJECT,
    SUPPLIER,
    TREE,
    WAGES,
    World,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    financier_operator,
    message,
    now,
    operator,
    signed,
    supplier_operator,
    witness,
)

BACK, PAID = account_line(PROJECT, WAGES), account_line(BENEFITS, WAGES)


@pytest.fixture
def letter(world: World) -> Letter:
    return Letter.issued(world)


def test_release(letter: Letter) -> None:
    digest = message("Discharge", letter.guarantee, nonce=0, deadline=now() + 60).digest
    letter.release()
    acted, ended, returned, moved = letter.guarantee.events
    assert (acted.digest, acted.operator) == (digest, supplier_operator.address)
    assert (ended.name, ended.state) == ("StateSet", REFUNDED)
    assert (returned.name, returned.amount) == ("CollateralReturned", AMOUNT)
    assert (moved.destination, moved.amount, moved.info) == (BACK, AMOUNT, digest)
    assert letter.shares == (0, 0, AMOUNT)
    assert letter.guarantee.state() == REFUNDED
    assert letter.guarantee.next_nonce(SUPPLIER) == 1
    with reverts("guarantee: not in force"):
        letter.release()
    boa.env.timestamp += EXPIRY_SECONDS + 1
    assert letter.guarantee.state() == REFUNDED


def test_release_gives_claims_up(letter: Letter) -> None:
    letter.claim(300)
    letter.attest(0)
    letter.claim(200, 1)
    letter.release()
    held = letter.guarantee.verify()
    assert (held.state, held.claimed, held.paid, held.remaining) == (REFUNDED, 0, 0, 0)
    with reverts("guarantee: not in force"):
        letter.guarantee.pay_claim(0)
    with reverts("guarantee: not in force"):
        letter.attest(1)
    letter.world.fund(50, account=HELD)
    letter.guarantee.expire()
    assert letter.shares == (0, 0, AMOUNT + 50)


@pytest.mark.parametrize(
    "who", [attacker, operator, financier_operator, witness, agency_one_supervisor, bank_supervisor]
)
def test_release_by_the_beneficiarys_operator_alone(letter: Letter, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        letter.release(who)


def test_release_in_time_and_once_issued(world: World) -> None:
    letter = Letter.agree(world)
    with reverts("guarantee: not in force"):
        letter.release()
    letter.issue()
    with reverts("parties: signature expired"):
        letter.release(deadline=now() - 1)
    letter.release(deadline=now())


def test_a_claim_voids_a_release_signed_before(letter: Letter) -> None:
    deadline = now() + 60
    early = signed(supplier_operator, "Discharge", letter.guarantee, nonce=0, deadline=deadline)
    letter.claim(300)
    with reverts("parties: not signed for the party"):
        letter.guarantee.release(deadline, early)


def test_expire(letter: Letter) -> None:
    boa.env.timestamp += EXPIRY_SECONDS
    assert letter.guarantee.state() == OPEN
    assert letter.guarantee.verify().remaining == AMOUNT
    with reverts("guarantee: it has not expired"):
        letter.guarantee.expire()
    boa.env.timestamp += 1
    assert letter.guarantee.state() == EXPIRED
    letter.guarantee.expire(sender=attacker)
    ended, returned, moved = letter.guarantee.events
    assert (ended.name, ended.state) == ("StateSet", EXPIRED)
    assert (returned.name, returned.amount) == ("CollateralReturned", AMOUNT)
    terms = letter.guarantee.terms_hash()
    assert (moved.destination, moved.amount, moved.info) == (BACK, AMOUNT, terms)
    assert letter.shares == (0, 0, AMOUNT)
    with reverts("guarantee: nothing rests"):
        letter.guarantee.expire()


def test_expire_waits_for_claims_that_wait_for_their_witness(letter: Letter) -> None:
    boa.env.timestamp += EXPIRY_SECONDS - 5
    letter.claim(300)
    boa.env.timestamp += GRACE_SECONDS
    assert letter.guarantee.state() == OPEN
    with reverts("guarantee: it has not expired"):
        letter.guarantee.expire()
    boa.env.timestamp += 1
    letter.guarantee.expire()
    assert letter.shares == (0, 0, AMOUNT)


def test_expire_pays_attested_claims(letter: Letter) -> None:
    letter.claim(300)
    letter.attest(0)
    letter.claim(200, 1)
    letter.attest(1)
    letter.guarantee.pay_claim(1)
    letter.claim(100, 2)
    letter.claim(150, 3)
    letter.attest(3)
    boa.env.timestamp += EXPIRY_SECONDS + 1
    # What was attested is asked for, however late; what lapsed is not.
    assert letter.guarantee.verify().claimed == 300 + 150
    terms = letter.guarantee.terms_hash()
    letter.guarantee.expire()
    assert [(one.claim, one.amount, one.left) for one in letter.named("ClaimPaid")] == [
        (0, 300, 0),
        (3, 150, 0),
    ]
    assert letter.moved == [(PAID, 450, terms), (BACK, 350, terms)]
    assert letter.shares == (0, 650, 350)


def test_attested_claims_come_first_in_money_that_comes_late(letter: Letter) -> None:
    world = letter.world
    letter.claim(300)
    letter.attest(0)
    letter.claim(200, 1)
    letter.attest(1)
    letter.take(AMOUNT)
    boa.env.timestamp += EXPIRY_SECONDS + 1
    letter.guarantee.expire()
    assert letter.moved == []
    for late, paid, returned in ((350, 350, 0), (200, 500, 50), (7, 500, 57)):
        world.fund(late, account=HELD)
        letter.guarantee.expire()
        assert letter.shares == (0, paid, returned)


def test_a_silent_guarantor_keeps_nobodys_money(world: World) -> None:
    letter = Letter.agree(world)
    boa.env.timestamp += ISSUE_SECONDS
    assert letter.guarantee.state() == NOT_ISSUED
    with reverts("guarantee: it has not expired"):
        letter.guarantee.expire()
    boa.env.timestamp += 1
    letter.guarantee.expire()
    assert letter.shares == (0, 0, AMOUNT)
    assert letter.guarantee.state() == EXPIRED


def test_silent_beneficiary_and_silent_witness(letter: Letter) -> None:
    letter.claim(AMOUNT)
    boa.env.timestamp += EXPIRY_SECONDS + 1
    letter.guarantee.expire(sender=attacker)
    assert letter.shares == (0, 0, AMOUNT)


def test_dust_sent_to_the_guarantee(letter: Letter) -> None:
    letter.world.fund(1, account=HELD)
    letter.claim(AMOUNT)
    letter.attest(0)
    letter.guarantee.pay_claim(0)
    letter.guarantee.expire()
    assert letter.shares == (0, AMOUNT, 1)
    letter.world.fund(1, account=HELD)
    letter.guarantee.expire()
    assert letter.shares == (0, AMOUNT, 2)


def test_front_run_expire_against_claim_and_attestation(letter: Letter) -> None:
    """At no second would both do."""
    boa.env.timestamp += EXPIRY_SECONDS
    with reverts("guarantee: it has not expired"):
        letter.guarantee.expire()
    letter.claim(300)
    boa.env.timestamp += GRACE_SECONDS
    with reverts("guarantee: it has not expired"):
        letter.guarantee.expire()
    with boa.env.anchor():
        letter.attest(0)
    boa.env.timestamp += 1
    with reverts("guarantee: not in force"):
        letter.attest(0)
    letter.guarantee.expire()


def expired_with_an_attested_claim(letter: Letter, amount: int = AMOUNT) -> None:
    """Over, its grace too, with a claim that `expire` pays."""
    boa.env.timestamp += EXPIRY_SECONDS
    letter.claim(amount)
    letter.attest(0)
    boa.env.timestamp += GRACE_SECONDS
    assert letter.guarantee.state() == OPEN
    boa.env.timestamp += 1
    assert letter.guarantee.state() == EXPIRED


def test_expired_is_for_good(letter: Letter) -> None:
    """Other agreements may wait for it: neither party takes it back, nor does a witness who is suspended."""
    expired_with_an_attested_claim(letter)
    with reverts("guarantee: not in force"):
        letter.guarantee.pay_claim(0)
    with reverts("guarantee: not in force"):
        letter.release()
    with boa.env.anchor():
        letter.world.suspend(witness, by=(bank_governor, agency_one_governor))
        assert letter.guarantee.state() == EXPIRED
    letter.guarantee.expire()
    assert (letter.guarantee.state(), letter.resting(BENEFITS), letter.resting()) == (EXPIRED, AMOUNT, 0)


def test_an_attested_claim_keeps_it_in_force_through_its_grace(letter: Letter) -> None:
    """A witness suspended within it leaves time for the other."""
    boa.env.timestamp += EXPIRY_SECONDS
    letter.claim(300)
    letter.attest(0)
    boa.env.timestamp += 1
    with reverts("guarantee: it has not expired"):
        letter.guarantee.expire()
    letter.guarantee.pay_claim(0)
    assert letter.guarantee.state() == EXPIRED
    letter.guarantee.expire()
    assert (letter.resting(BENEFITS), letter.resting()) == (300, 0)


def test_a_party_that_closes_its_account_stops_nobody(letter: Letter) -> None:
    letter.claim(300)
    letter.attest(0)
    accounts, supervision = letter.world.accounts, letter.world.supervision
    for account in (BENEFITS, PROJECT):
        accounts.close_account(account, sender=supervision.address)
    letter.guarantee.pay_claim(0)
    boa.env.timestamp += EXPIRY_SECONDS + 1
    letter.guarantee.expire()
    assert letter.resting(TREE) == AMOUNT
    assert letter.resting() == 0


def test_a_party_that_is_a_contract_changes_nothing(letter: Letter) -> None:
    register_puppet(letter.world)
    sender = puppet(letter.world, [HELD])
    with reverts("signatures: recovers to nobody"):
        sender.make(letter.guarantee, "release", now() + 60, bytes(64) + b"\x1b")
    letter.claim(300)
    letter.attest(0)
    sender.make(letter.guarantee, "pay_claim", 0)
    with reverts("guarantee: nothing to pay"):
        sender.make(letter.guarantee, "pay_claim", 0)
    boa.env.timestamp += EXPIRY_SECONDS + 1
    sender.make(letter.guarantee, "expire")
    assert letter.shares == (0, 300, 700)


def test_a_guarantee_that_was_not_activated_moves_nothing(world: World) -> None:
    open_accounts(world)
    world.fund(AMOUNT, account=HELD)
    stray = Letter(world, world.instance("guarantee", letter_arguments()))
    with reverts("guarantee: not activated"):
        stray.issue()
    boa.env.timestamp += ISSUE_SECONDS + 1
    with reverts("accounts: agreement not granted"):
        stray.guarantee.expire()
    assert stray.shares == (AMOUNT, 0, 0)


def test_collateral_that_goes_back_is_no_inflow_of_the_applicant(world: World) -> None:
    letter = Letter.issued(world)
    for number, amount in enumerate((300, 200)):
        letter.claim(amount, number)
        letter.attest(number)
    letter.guarantee.pay_claim(1)
    boa.env.timestamp = letter.guarantee.EXPIRES_AT() + 1
    letter.guarantee.expire()
    inflows = [world.ledger.account_inflow(account, WAGES) for account in (PROJECT, BENEFITS)]
    assert (inflows, letter.shares) == ([0, 500], (0, 500, 500))
