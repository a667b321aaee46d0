"""Guarantee: claim, attest, pay_claim."""

from typing import Any

import boa
import pytest

from contracts.ids import account_line
from contracts.terms import Role
from contracts.typed_data import TypedMessage
from tests.contracts.chain import reverts
from tests.contracts.escrows import follow
from tests.contracts.guarantees import (
    AMOUNT,
    BENEFITS,
    DEFAULT,
    EXPIRY_SECONDS,
    GRACE_SECONDS,
    HELD,
    OPEN,
    RELEASED,
    TWIN,
    USES,
    Letter,
    content,
    letter_arguments,
)
from tests.contracts.world import (
    AUDITOR,
    SUPPLIER,
    WAGES,
    ZERO,
    World,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    financier_operator,
    message,
    newcomer,
    now,
    operator,
    signed,
    signer,
    supplier_operator,
    witness,
)

PAID = account_line(BENEFITS, WAGES)


GOVERNORS = (bank_governor, agency_one_governor)


@pytest.fixture
def letter(world: World) -> Letter:
    return Letter.issued(world)


def test_claim(letter: Letter) -> None:
    values = {"amount": 300, "content": content(0), "nonce": 0, "deadline": now() + 60}
    digest = message("Claim", letter.guarantee, **values).digest
    assert letter.claim(300) == 0
    acted, claimed = letter.guarantee.events
    assert (acted.digest, acted.operator) == (digest, supplier_operator.address)
    assert (claimed.name, claimed.claim, claimed.amount) == ("Claimed", 0, 300)
    assert (claimed.content, claimed.lapses_at) == (content(0), now() + GRACE_SECONDS)
    (held,) = letter.guarantee.claims()
    assert (held.amount, held.paid, held.content) == (300, 0, content(0))
    assert (held.lapses_at, held.attested) == (now() + GRACE_SECONDS, False)
    assert letter.guarantee.next_nonce(SUPPLIER) == 1
    assert letter.claim(100, 1) == 1
    assert letter.shares == (AMOUNT, 0, 0)


@pytest.mark.parametrize("who", [attacker, operator, financier_operator, witness, bank_supervisor])
def test_claim_by_the_beneficiarys_operator_alone(letter: Letter, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        letter.claim(300, by=who)


def test_claim_before_it_is_issued(world: World) -> None:
    letter = Letter.agree(world)
    with reverts("guarantee: not in force"):
        letter.claim(1)


def test_claim_refusals(letter: Letter) -> None:
    with reverts("guarantee: zero claim"):
        letter.claim(0)
    with reverts("guarantee: more than is left to claim"):
        letter.claim(AMOUNT + 1)
    with reverts("guarantee: more than is left to claim"):
        letter.claim(2**256 - 1)
    with reverts("parties: signature expired"):
        letter.claim(1, deadline=now() - 1)
    values = {"amount": 1, "content": ZERO, "nonce": 0, "deadline": now() + 60}
    with reverts("guarantee: zero content"):
        letter.guarantee.claim(
            1, ZERO, now() + 60, signed(supplier_operator, "Claim", letter.guarantee, **values)
        )
    letter.claim(1, deadline=now())
    with reverts("guarantee: claim repeated"):
        letter.claim(1)


def test_claim_until_the_expiry(letter: Letter) -> None:
    boa.env.timestamp += EXPIRY_SECONDS
    letter.claim(1)
    boa.env.timestamp += 1
    with reverts("guarantee: it has expired"):
        letter.claim(1, 1)


def test_open_claims_together_stay_within_the_amount(letter: Letter) -> None:
    letter.claim(600)
    with reverts("guarantee: more than is left to claim"):
        letter.claim(401, 1)
    letter.attest(0)
    with reverts("guarantee: more than is left to claim"):
        letter.claim(401, 1)
    letter.guarantee.pay_claim(0)
    with reverts("guarantee: more than is left to claim"):
        letter.claim(401, 1)
    letter.claim(400, 1)
    boa.env.timestamp += GRACE_SECONDS
    with reverts("guarantee: more than is left to claim"):
        letter.claim(1, 2)
    boa.env.timestamp += 1
    letter.claim(400, 2)


def test_a_limited_number_of_claims(letter: Letter) -> None:
    for number in range(USES):
        letter.claim(1, number)
    with reverts("guarantee: no use is left"):
        letter.claim(1, USES)


def test_thirty_two_claims_at_most(world: World) -> None:
    letter = Letter.issued(world, max_uses=32)
    for number in range(32):
        letter.claim(1, number)
        letter.attest(number)
    with reverts("guarantee: no use is left"):
        letter.claim(1, 32)
    boa.env.timestamp = letter.guarantee.EXPIRES_AT() + 1
    letter.guarantee.expire()
    assert letter.shares == (0, 32, AMOUNT - 32)


def test_replay_of_a_claim(letter: Letter) -> None:
    """Once only, on this guarantee and this chain only, and exactly as signed."""
    deadline = now() + 60
    values = {"amount": 300, "content": content(0), "nonce": 0, "deadline": deadline}
    here = message("Claim", letter.guarantee, **values)
    given = here.sign(supplier_operator)
    elsewhere = TypedMessage(here.kind, here.chain_id + 1, here.contract, here.values)
    letter.world.open(TWIN)
    twin = letter.world.activate(letter.world.instance("guarantee", letter_arguments(account=TWIN)))
    letter.world.fund(AMOUNT, TWIN)
    Letter(letter.world, twin).issue()
    for contract, amount, what, until, signature in (
        (twin, 300, content(0), deadline, given),
        (letter.guarantee, 300, content(0), deadline, elsewhere.sign(supplier_operator)),
        (letter.guarantee, 301, content(0), deadline, given),
        (letter.guarantee, 300, content(1), deadline, given),
        (letter.guarantee, 300, content(0), deadline + 1, given),
    ):
        with reverts("parties: not signed for the party"):
            contract.claim(amount, what, until, signature)
    letter.guarantee.claim(300, content(0), deadline, given, sender=attacker)
    with reverts("parties: not signed for the party"):
        letter.guarantee.claim(300, content(0), deadline, given)


def test_attest(letter: Letter) -> None:
    letter.claim(300)
    letter.attest(0, observedAt=now() - 3)
    (attested,) = letter.guarantee.events
    assert (attested.name, attested.claim, attested.kind) == ("ClaimAttested", 0, DEFAULT)
    assert (attested.witness, attested.observed_at) == (witness.address, now() - 3)
    assert letter.guarantee.claims()[0].attested
    with reverts("guarantee: claim is attested"):
        letter.attest(0)


@pytest.mark.parametrize("who", [attacker, operator, supplier_operator, financier_operator, bank_supervisor])
def test_attest_by_the_named_witness_alone(letter: Letter, who: Any) -> None:
    letter.claim(300)
    with reverts("parties: not signed for the party"):
        letter.attest(0, who)


@pytest.mark.parametrize("changed", [{"claim": 1}, {"kind": ZERO}, {"amount": 299}, {"content": content(1)}])
def test_attest_exactly_the_claim(letter: Letter, changed: dict[str, Any]) -> None:
    letter.claim(300)
    letter.claim(300, 1)
    values = {
        "claim": 0,
        "kind": DEFAULT,
        "amount": 300,
        "content": content(0),
        "observedAt": now(),
    }
    given = signed(witness, "ClaimEvidence", letter.guarantee, **{**values, **changed})
    with reverts("parties: not signed for the party"):
        letter.guarantee.attest(0, now(), given)
    given = signed(witness, "ClaimEvidence", letter.guarantee, **values)
    with reverts("parties: not signed for the party"):
        letter.guarantee.attest(1, now(), given)
    with reverts("parties: not signed for the party"):
        letter.guarantee.attest(0, now() - 1, given)
    letter.guarantee.attest(0, now(), given)


def test_attest_refusals(letter: Letter) -> None:
    with reverts("guarantee: unknown claim"):
        letter.guarantee.attest(0, now(), bytes(65))
    letter.claim(300)
    with reverts("guarantee: evidence from the future"):
        letter.attest(0, observedAt=now() + 1)
    boa.env.timestamp += GRACE_SECONDS
    with boa.env.anchor():
        letter.attest(0)
    boa.env.timestamp += 1
    with reverts("guarantee: claim has lapsed"):
        letter.attest(0)


def test_a_claim_made_before_the_expiry_is_attested_and_paid_after_it(letter: Letter) -> None:
    boa.env.timestamp += EXPIRY_SECONDS
    letter.claim(300)
    boa.env.timestamp += GRACE_SECONDS
    letter.attest(0)
    letter.guarantee.pay_claim(0)
    assert letter.shares == (700, 300, 0)


def test_anyone_pays_an_attested_claim(letter: Letter) -> None:
    letter.claim(300)
    with reverts("guarantee: claim is not attested"):
        letter.guarantee.pay_claim(0)
    letter.attest(0)
    letter.guarantee.pay_claim(0, sender=attacker)
    paid, moved = letter.guarantee.events
    assert (paid.name, paid.claim, paid.amount, paid.left) == ("ClaimPaid", 0, 300, 0)
    assert (moved.destination, moved.amount, moved.info) == (PAID, 300, content(0))
    assert letter.shares == (700, 300, 0)
    assert letter.guarantee.claims()[0].paid == 300
    assert letter.guarantee.state() == OPEN
    with reverts("guarantee: nothing to pay"):
        letter.guarantee.pay_claim(0)
    with reverts("guarantee: unknown claim"):
        letter.guarantee.pay_claim(1)


def test_paying_the_whole_amount_ends_it(letter: Letter) -> None:
    letter.world.fund(5, account=HELD)
    for number, amount in enumerate((999, 1)):
        letter.claim(amount, number)
        letter.attest(number)
        assert letter.guarantee.state() == OPEN
        letter.guarantee.pay_claim(number)
    (ended,) = letter.named("StateSet")
    assert ended.state == RELEASED == letter.guarantee.state()
    with reverts("guarantee: not in force"):
        letter.claim(1, 2)
    with reverts("guarantee: not in force"):
        letter.guarantee.pay_claim(1)
    with reverts("guarantee: not in force"):
        letter.attest(1)
    letter.guarantee.expire()
    assert letter.shares == (0, AMOUNT, 5)


def test_a_claim_is_paid_as_far_as_collateral_rests(letter: Letter) -> None:
    world = letter.world
    letter.take(800)
    letter.claim(700)
    letter.attest(0)
    letter.guarantee.pay_claim(0)
    assert letter.named("ClaimPaid")[0].left == 500
    with reverts("guarantee: nothing to pay"):
        letter.guarantee.pay_claim(0)
    world.fund(900, account=HELD)
    letter.guarantee.pay_claim(0)
    assert letter.shares[:2] == (400, 700)


def test_frozen_or_paused_money_waits_and_nothing_is_half_done(letter: Letter) -> None:
    world = letter.world
    letter.claim(300)
    letter.attest(0)
    with boa.env.anchor():
        world.pause(True, [bank_supervisor])
        with reverts("accounts: paused"):
            letter.guarantee.pay_claim(0)
    world.freeze(HELD, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        letter.guarantee.pay_claim(0)
    with reverts("accounts: account frozen"):
        letter.release()
    boa.env.timestamp = letter.guarantee.EXPIRES_AT() + 1
    with reverts("accounts: account frozen"):
        letter.guarantee.expire()
    assert letter.guarantee.claims()[0].paid == 0
    world.freeze(HELD, False, [agency_one_supervisor, agency_two_supervisor])
    letter.guarantee.expire()
    assert letter.shares == (0, 300, 700)


def test_what_a_suspended_witness_attested_pays_nobody(letter: Letter) -> None:
    """The claim waits for another witness and then lapses, as if nobody had attested it."""
    letter.claim(300)
    letter.attest(0)
    letter.world.suspend(witness, GOVERNORS)
    assert not letter.guarantee.claims()[0].attested
    with reverts("guarantee: claim is not attested"):
        letter.guarantee.pay_claim(0)
    assert letter.guarantee.verify().claimed == 300
    boa.env.timestamp += GRACE_SECONDS + 1
    assert letter.guarantee.verify().claimed == 0
    boa.env.timestamp = letter.guarantee.EXPIRES_AT() + 1
    letter.guarantee.expire()
    assert letter.shares == (0, 0, AMOUNT)


def test_another_witness_attests_a_claim_again(letter: Letter) -> None:
    letter.world.change([signer(newcomer, AUDITOR, Role.WITNESS)])
    letter.claim(300)
    letter.attest(0)
    with reverts("guarantee: claim is attested"):
        letter.attest(0, newcomer)
    letter.world.suspend(witness, GOVERNORS)
    letter.attest(0, newcomer)
    assert letter.guarantee.claims()[0].attested
    letter.guarantee.pay_claim(0)
    assert letter.shares == (700, 300, 0)


def test_what_a_witness_attested_counts_with_the_key_that_follows(letter: Letter) -> None:
    letter.claim(300)
    letter.attest(0)
    follow(letter.world, witness, newcomer)
    letter.guarantee.pay_claim(0)
    assert letter.shares == (700, 300, 0)


def test_expiry_pays_only_what_a_witness_attested_who_stands(letter: Letter) -> None:
    letter.world.change([signer(newcomer, AUDITOR, Role.WITNESS)])
    letter.claim(300)
    letter.claim(200, 1)
    letter.attest(0)
    letter.attest(1, newcomer)
    letter.world.suspend(witness, GOVERNORS)
    boa.env.timestamp = letter.guarantee.EXPIRES_AT() + 1
    letter.guarantee.expire()
    assert letter.shares == (0, 200, 800)
