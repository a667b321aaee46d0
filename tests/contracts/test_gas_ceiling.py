"""No legal call needs more gas than half a block of 30 million, with the largest arguments a function takes.

One does: a full chunk whose every payee is in another group, the first time, under as many caps of payees as
terms may have. It stays within the block, and whoever hands it in may hand in half of it.

Gas is that of a whole transaction: 21,000, calldata, execution on cold slots, and at least EIP-7623's floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from contracts.arguments import EscrowMilestone, Part, split_arguments
from contracts.ids import name_id, template_id
from contracts.rows import CHUNK_ROWS, Row, RowTree
from contracts.terms import (
    Guard,
    Kind,
    Role,
    Rule,
    RuleMode,
    allocation_arguments,
    disbursement_arguments,
)
from tests.contracts import escrows, guarantees
from tests.contracts.chain import Contract
from tests.contracts.escrows import ACCEPTANCE, Deal, deal_arguments
from tests.contracts.escrows import open_accounts as open_escrow_accounts
from tests.contracts.guarantees import Letter, letter_arguments
from tests.contracts.world import (
    AUDITOR,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    consents,
    found,
    institution,
    member,
    now,
    operator,
    returned,
    signer,
    threshold,
    witness,
)

# Each test is a chain of transactions, which the plugin's checkpoints would not survive.
pytestmark = pytest.mark.ignore_isolation

CEILING = 15_000_000
BLOCK = 30_000_000
MORE = [f"agency {number}" for number in range(13)]
SUPERVISORS = [
    bank_supervisor,
    agency_one_supervisor,
    agency_two_supervisor,
    *(actor(f"supervisor of {name}") for name in MORE),
]
BELOW = [name_id(f"below {number}") for number in range(32)]
DAY_SECONDS = 86_400
# Seven payees share a slot.
WORST_ROWS = RowTree([Row(7 * i, 1_000 + i, keccak(b"%d" % i)) for i in range(2 * CHUNK_ROWS)])


class Meter:
    """Gas of the costliest transaction while it runs."""

    def __init__(self) -> None:
        self.gas = 0

    @contextmanager
    def running(self) -> Iterator[Meter]:
        """Every call is a transaction of its own: the first to touch its slots."""
        execute = boa.env.execute_code

        def metered(*arguments: Any, data: bytes, **more: Any) -> Any:
            boa.env.evm.vm.state.lock_changes()
            boa.env.evm.reset_access_counters()
            held = execute(*arguments, data=data, **more)
            self.gas = max(self.gas, transaction_gas(data, held.get_gas_used()))
            return held

        boa.env.execute_code = metered
        try:
            yield self
        finally:
            boa.env.execute_code = execute


def transaction_gas(data: bytes, execution: int) -> int:
    """EIP-2028 and EIP-7623; refunds are left out."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    return 21_000 + max(4 * tokens + execution, 10 * tokens)


def gas_of(call: Any) -> int:
    """Gas of the costliest call a function makes; none may revert."""
    meter = Meter()
    with meter.running():
        call()
    return meter.gas


@pytest.fixture(scope="module")
def wide() -> Iterator[World]:
    """A network on a chain of its own whose quorum is sixteen institutions, all of which must sign."""
    with boa.swap_env(boa.Env()):
        world = found()
        names = [name_id(name) for name in MORE]
        world.change(
            [
                *(institution(name, 2) for name in names),
                *(
                    signer(who, name, Role.SUPERVISOR)
                    for who, name in zip(SUPERVISORS[3:], names, strict=True)
                ),
                *(member(name) for name in names),
                threshold(16),
            ]
        )
        boa.env.timestamp += 1
        for account in BELOW:
            world.open(account)
        world.fund(10**12)
        yield world


def activated(world: World, template: str, arguments: bytes) -> Contract:
    """An agreement that all sixteen activated."""
    agreement = world.instance(template, arguments)
    given = consents(SUPERVISORS, "Activation", world.factory, **world.activation(agreement))
    world.factory.activate(agreement.address, given)
    return agreement


def full_terms() -> tuple[Guard, ...]:
    """Twenty-four guards, four of them caps of payees; the worst that a chunk can meet."""
    counters = [Guard(3 + i, Kind.PAYEE_CAP, 10**9, DAY_SECONDS, subject=b"%032d" % i) for i in range(4)]
    windows = [
        Guard(7 + i, Kind.WINDOW_CAP, 10**12, DAY_SECONDS + i, subject=b"w%031d" % i) for i in range(8)
    ]
    rest = [Guard(15, Kind.LIFETIME_CAP, 10**12 + i, subject=b"l%031d" % i) for i in range(9)]
    return (
        Guard(0, Kind.APPROVAL, 16, subject=QUORUM),
        Guard(1, Kind.ROSTER, 2**20, subject=b"r" * 32),
        Guard(2, Kind.BLACKLIST, subject=QUORUM),
        *counters,
        *windows,
        *rest,
    )


@pytest.fixture(scope="module")
def payout(wide: World) -> Contract:
    """A disbursement under as many guards as terms may have."""
    return activated(wide, "disbursement", disbursement_arguments(TREE, WAGES, full_terms()))


def approved(world: World, payout: Contract, rows: RowTree) -> bytes:
    """A batch that all sixteen approved."""
    boa.env.timestamp += 1
    batch = world.reserve(payout, rows)
    world.approve(payout, batch, SUPERVISORS)
    return batch


def test_mint_many(wide: World) -> None:
    credits_ = [(keccak(b"mint %d" % i), TREE, WAGES, 5, ZERO) for i in range(64)]
    assert gas_of(lambda: wide.ledger.mint_many(TREE, credits_, sender=bank_bridge)) < CEILING


def test_reserve_approve_and_execute(wide: World, payout: Contract) -> None:
    assert gas_of(lambda: wide.reserve(payout, WORST_ROWS)) < CEILING
    batch = approved(wide, payout, WORST_ROWS)
    half, *rest = WORST_ROWS.chunks(CHUNK_ROWS // 2)
    assert gas_of(lambda: payout.execute(batch, half.rows, half.proof, False)) < CEILING
    payout.execute(batch, rest[0].rows, rest[0].proof, False)
    whole = WORST_ROWS.chunks()[1]
    assert gas_of(lambda: payout.execute(batch, whole.rows, whole.proof, False)) < BLOCK


def test_a_chunk_of_which_every_other_row_is_skipped(wide: World) -> None:
    terms = (Guard(0, Kind.APPROVAL, 16, subject=QUORUM), Guard(1, Kind.PAYOUT_CAP, 10))
    payout = activated(wide, "disbursement", disbursement_arguments(TREE, WAGES, terms))
    rows = RowTree([Row(i, 5 + 10 * (i % 2), bytes([i] * 32)) for i in range(CHUNK_ROWS)])
    batch = approved(wide, payout, rows)
    (chunk,) = rows.chunks()
    assert gas_of(lambda: payout.execute(batch, chunk.rows, chunk.proof, True, sender=bank_bridge)) < CEILING
    assert wide.ledger.batch(batch).rows_skipped == CHUNK_ROWS // 2


def test_return_rows(wide: World) -> None:
    terms = (Guard(0, Kind.APPROVAL, 2, subject=QUORUM),)
    payout = activated(wide, "disbursement", disbursement_arguments(TREE, WAGES, terms))
    batches = [approved(wide, payout, WORST_ROWS) for _ in range(8)]
    for batch in batches:
        wide.execute(payout, batch, WORST_ROWS)
    rows = [returned(batch, WORST_ROWS, 255) for batch in batches]
    assert gas_of(lambda: wide.ledger.return_rows(ZERO, 0, rows, sender=bank_bridge)) < CEILING


def test_restore_and_release(wide: World, payout: Contract) -> None:
    batch = approved(wide, payout, WORST_ROWS)
    boa.env.timestamp += 8 * DAY_SECONDS
    assert gas_of(lambda: wide.ledger.release(batch)) < CEILING
    assert gas_of(lambda: payout.restore(batch)) < CEILING


def test_a_change_of_64(wide: World) -> None:
    changes = [institution(name_id(f"new {number}"), 2) for number in range(64)]
    both = (bank_governor, agency_one_governor)
    assert gas_of(lambda: wide.announce(changes, both)) < CEILING
    boa.env.timestamp += DAY_SECONDS
    nonce = wide.directory.next_nonce() - 1
    assert gas_of(lambda: wide.directory.apply(changes, nonce)) < CEILING


def test_64_signers_are_founded(wide: World) -> None:
    changes = [signer(actor(f"signer {i}"), name_id("new 0"), Role.OPERATOR) for i in range(64)]
    wide.announce(changes)
    boa.env.timestamp += DAY_SECONDS
    nonce = wide.directory.next_nonce() - 1
    assert gas_of(lambda: wide.directory.apply(changes, nonce)) < CEILING


def test_carve_and_thaw(wide: World) -> None:
    account = BELOW[0]
    wide.fund(100_000, account=account)
    wide.freeze(account, True, (bank_supervisor,))
    pieces = [(10 * i, 10 * i + 5) for i in range(32)]
    content = keccak(encode(["(uint256,uint256)[]"], [pieces]))
    line = wide.ledger.account_line(account, WAGES)

    def carve() -> None:
        given = consents(SUPERVISORS, "Carving", wide.supervision, line=line, pieces=content, reference=ZERO)
        wide.supervision.carve(account, WAGES, pieces, ZERO, given)

    assert gas_of(carve) < CEILING
    assert gas_of(lambda: wide.freeze(account, False, SUPERVISORS)) < CEILING


def test_factory(wide: World) -> None:
    arguments = disbursement_arguments(TREE, WAGES, full_terms())
    identity = template_id("disbursement", "1.0.0")
    assert gas_of(lambda: wide.factory.deploy(identity, arguments, ZERO, ZERO)) < CEILING
    assert gas_of(lambda: activated(wide, "disbursement", arguments)) < CEILING


def test_adopt(wide: World, payout: Contract) -> None:
    arguments = disbursement_arguments(TREE, WAGES, full_terms()[:-1])
    values = {
        "agreement": payout.address,
        "version": wide.factory.instance(payout.address).version + 1,
        "arguments": keccak(arguments),
        "file": ZERO,
        "results": ZERO,
    }
    given = consents(SUPERVISORS, "Adoption", wide.factory, **values)
    assert gas_of(lambda: wide.factory.adopt(payout.address, arguments, ZERO, ZERO, given)) < CEILING


def test_an_allocation_clears_all_its_rules(wide: World) -> None:
    rules = tuple(Rule(account, RuleMode.SHARE, 312) for account in BELOW)
    caps = [Guard(i, Kind.WINDOW_CAP, 10**12, DAY_SECONDS + i, subject=b"a%031d" % i) for i in range(16)]
    agreement = activated(wide, "allocation", allocation_arguments(TREE, WAGES, (), tuple(caps), rules))
    wide.fund(10**6)
    assert gas_of(agreement.clear) < CEILING


def test_a_split_clears_and_refunds_all_its_parts(wide: World) -> None:
    account, *others = BELOW[:17]
    parts = [Part(each, 1, 500, 0) for each in others[:13]]
    arguments = split_arguments(account, WAGES, parts=parts, remainder_to=others[14], refund_to=others[15])
    agreement = activated(wide, "split", arguments)
    wide.fund(10**6, account=account)
    assert gas_of(agreement.clear) < CEILING


def test_an_escrow_closes_all_its_milestones(wide: World) -> None:
    open_escrow_accounts(wide)
    due = now() + 1_000
    milestones = [EscrowMilestone(100, due, ACCEPTANCE, AUDITOR) for _ in range(16)]
    arguments = deal_arguments(milestones=milestones, timeout=due + 1)
    deal = Deal(wide, activated(wide, "escrow", arguments))
    wide.fund(1_600, account=escrows.HELD)
    for milestone in range(16):
        deal.attest(milestone, content=keccak(b"part %d" % milestone))
    boa.env.timestamp += 1_002
    assert gas_of(deal.escrow.close) < CEILING
    assert deal.resting(escrows.SUPPLIED) == 1_600


def test_a_guarantee_expires_with_all_its_claims_attested(wide: World) -> None:
    wide.open(guarantees.HELD)
    wide.open(guarantees.BENEFITS, controller=SUPPLIER)
    arguments = letter_arguments(amount_minor=3_200, max_uses=32)
    letter = Letter(wide, activated(wide, "guarantee", arguments))
    wide.fund(3_200, account=guarantees.HELD)
    letter.issue()
    for number in range(32):
        letter.attest(letter.claim(100, number))
    for old, new in pairwise([witness, *(actor(f"witness key {number}") for number in range(16))]):
        escrows.follow(wide, old, new)
    boa.env.timestamp += 200 * DAY_SECONDS
    assert gas_of(letter.guarantee.expire) < CEILING
    assert letter.resting(guarantees.BENEFITS) == 3_200


def test_an_account_is_moved_from_and_to_the_deepest_place(wide: World) -> None:
    deep = [name_id(f"deep {number}") for number in range(62)]
    parent = TREE
    for account in deep:
        wide.open(account, parent)
        parent = account
    nonce = wide.supervision.move_nonce(BELOW[31])
    values = {"account": BELOW[31], "parent": deep[-1], "nonce": nonce}
    given = consents((operator,), "Moving", wide.supervision, **values)
    assert gas_of(lambda: wide.supervision.move_account(BELOW[31], deep[-1], given)) < CEILING
