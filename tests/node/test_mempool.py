"""What the pool takes, holds, orders and forgets."""

import threading
from typing import Any

import pytest
from eth_account import Account

from node import mempool
from node.errors import TransactionRefused
from node.mempool import Account as PoolAccount
from node.mempool import Admission, Mempool
from node.transaction import Transaction, decode_transaction
from node.vm import BlockContext

CHAIN_ID = 31_707
FIRST, SECOND = (Account.from_key("0x" + byte * 32) for byte in ("0a", "0b"))


def transaction(nonce: int, account: Any = FIRST, **fields: Any) -> Transaction:
    values = {"nonce": nonce, "gas": 50_000, "gasPrice": 0, "to": bytes(19) + b"\x11", "value": 0}
    signed = account.sign_transaction(values | {"chainId": CHAIN_ID} | fields)
    return decode_transaction(bytes(signed.raw_transaction), CHAIN_ID)


def next_context() -> BlockContext:
    return BlockContext(1, 1_700_000_000, 30_000_000, bytes(20), bytes(32), CHAIN_ID, tuple)


@pytest.fixture
def nonces() -> dict[bytes, int]:
    """What the chain says; missing means zero."""
    return {}


@pytest.fixture
def pool(nonces: dict[bytes, int]) -> Mempool:
    return Mempool(next_context, Admission(), lambda sender: PoolAccount(nonces.get(sender, 0), 0))


@pytest.fixture
def rich() -> Mempool:
    """A pool in which every sender can pay."""
    return Mempool(next_context, Admission(), lambda sender: PoolAccount(0, 10**18))


def order(pool: Mempool) -> list[tuple[bytes, int]]:
    return [(entry.sender, entry.nonce) for entry in pool.ready()]


def test_order_is_arrival_order(pool: Mempool) -> None:
    entries = [transaction(0), transaction(0, SECOND), transaction(1), transaction(1, SECOND)]
    for entry in entries:
        pool.add(entry)
    assert pool.ready() == entries
    assert pool.next_nonce(entries[0].sender) == 2


def test_a_gap_is_held_until_filled(pool: Mempool) -> None:
    late = [transaction(2), transaction(1)]
    for entry in late:
        pool.add(entry)
    assert pool.ready() == []
    assert pool.get(late[0].hash) == late[0]
    pool.add(transaction(0))
    assert [nonce for _, nonce in order(pool)] == [0, 1, 2]


def test_refusals(pool: Mempool, nonces: dict[bytes, int]) -> None:
    nonces[transaction(0).sender] = 3
    pool.add(transaction(3))
    pool.add(transaction(5))
    cases = {
        "already known": transaction(3),
        "replacement transaction underpriced": transaction(3, data=b"\x01"),
        "nonce too low": transaction(2),
        "nonce too high": transaction(3 + mempool.HELD_PER_SENDER_MAX + 2),
        "insufficient funds": transaction(4, value=1),
        "intrinsic gas too low": transaction(4, gas=20_999),
        "exceeds block gas limit": transaction(4, gas=30_000_001),
    }
    for reason, entry in cases.items():
        with pytest.raises(TransactionRefused, match=rf"^{reason}"):
            pool.add(entry)
    with pytest.raises(TransactionRefused, match=r"^replacement"):
        pool.add(transaction(5, data=b"\x01"))
    assert [nonce for _, nonce in order(pool)] == [3]


def test_a_settled_block_frees_the_sender(pool: Mempool, nonces: dict[bytes, int]) -> None:
    entries = [transaction(0), transaction(1)]
    for entry in entries:
        pool.add(entry)
    nonces[entries[0].sender] = 1
    pool.settle(entries[:1], [])
    assert pool.next_nonce(entries[0].sender) == 2
    nonces[entries[0].sender] = 2
    pool.settle(entries[1:], [])
    assert pool.next_nonce(entries[0].sender) == 2
    with pytest.raises(TransactionRefused, match="nonce too low"):
        pool.add(entries[0])


def test_a_refused_transaction_takes_its_followers_along(pool: Mempool) -> None:
    entries = [transaction(0), transaction(1), transaction(0, SECOND)]
    for entry in entries:
        pool.add(entry)
    pool.settle([], entries[:1])
    assert pool.ready() == entries[2:]
    pool.add(transaction(0, data=b"\x01"))


def test_it_is_bounded(pool: Mempool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool, "READY_MAX", 2)
    monkeypatch.setattr(mempool, "HELD_MAX", 1)
    held = [transaction(5, SECOND), transaction(6, SECOND)]
    for entry in held:
        pool.add(entry)
    assert [pool.get(entry.hash) for entry in held] == [None, held[1]]
    pool.add(transaction(0))
    pool.add(transaction(1))
    with pytest.raises(TransactionRefused, match=r"^txpool is full"):
        pool.add(transaction(2))


def test_bytes_are_bounded(pool: Mempool, monkeypatch: pytest.MonkeyPatch) -> None:
    large = {"data": bytes(1_000), "gas": 100_000}
    size_bytes = len(transaction(0, **large).raw)
    monkeypatch.setattr(mempool, "READY_MAX_BYTES", 2 * size_bytes)
    monkeypatch.setattr(mempool, "HELD_MAX_BYTES", 2 * size_bytes)
    held = [transaction(nonce, SECOND, **large) for nonce in (5, 6, 7)]
    for entry in held:
        pool.add(entry)
    assert [pool.get(entry.hash) for entry in held] == [None, *held[1:]]
    ready = [transaction(nonce, **large) for nonce in (0, 1)]
    for entry in ready:
        pool.add(entry)
    with pytest.raises(TransactionRefused, match=r"^txpool is full"):
        pool.add(transaction(2))
    pool.settle(ready, [])
    pool.add(transaction(2))


def test_one_sender_leaves_room_for_others(pool: Mempool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool, "READY_PER_SENDER_MAX", 2)
    pool.add(transaction(0))
    pool.add(transaction(1))
    with pytest.raises(TransactionRefused, match=r"^account limit exceeded"):
        pool.add(transaction(2))
    pool.add(transaction(0, SECOND))


def offer(nonce: int, fee: int, tip: int, account: Any = FIRST) -> Transaction:
    fields = {"nonce": nonce, "gas": 50_000, "to": bytes(19) + b"\x11", "value": 0, "chainId": CHAIN_ID}
    fees = {"maxFeePerGas": fee, "maxPriorityFeePerGas": tip}
    return decode_transaction(bytes(account.sign_transaction(fields | fees).raw_transaction), CHAIN_ID)


@pytest.mark.parametrize("nonce", [0, 5], ids=["ready", "held"])
def test_a_tenth_more_replaces(rich: Mempool, nonce: int) -> None:
    first = offer(nonce, 100, 50)
    rich.add(first)
    for fee, tip in ((109, 55), (110, 54), (1_000, 50), (50, 50), (100, 50)):
        with pytest.raises(TransactionRefused, match=r"^(replacement transaction underpriced|already known)"):
            rich.add(offer(nonce, fee, tip))
    assert rich.get(first.hash) == first
    second = offer(nonce, 110, 55)
    rich.add(second)
    assert (rich.get(first.hash), rich.get(second.hash)) == (None, second)


def test_any_price_replaces_none(rich: Mempool) -> None:
    rich.add(offer(0, 0, 0))
    with pytest.raises(TransactionRefused, match="underpriced"):
        rich.add(transaction(0, data=b"\x01"))
    rich.add(offer(0, 1, 1))


def test_a_replacement_keeps_the_place(rich: Mempool) -> None:
    entries = [offer(0, 10, 10), offer(0, 10, 10, SECOND), offer(1, 10, 10)]
    for entry in entries:
        rich.add(entry)
    replacement = offer(0, 11, 11)
    rich.add(replacement)
    assert rich.ready() == [replacement, *entries[1:]]
    assert rich.next_nonce(replacement.sender) == 2
    rich.settle([replacement], [])
    assert rich.ready() == entries[1:]


def test_a_replacement_that_comes_too_late_goes_too(rich: Mempool) -> None:
    first, second = offer(0, 10, 10), offer(0, 20, 20)
    rich.add(first)
    rich.add(second)
    rich.settle([first], [])
    assert rich.ready() == []
    assert rich.get(second.hash) is None


def test_a_replacement_needs_the_money(pool: Mempool) -> None:
    pool.add(transaction(0))
    with pytest.raises(TransactionRefused, match=r"^insufficient funds"):
        pool.add(offer(0, 1, 1))


def test_content_by_sender(pool: Mempool) -> None:
    entries = [transaction(0), transaction(0, SECOND), transaction(1), transaction(9), transaction(7)]
    for entry in entries:
        pool.add(entry)
    first, second = entries[0].sender, entries[1].sender
    ready, held = pool.content()
    assert ready == {first: [entries[0], entries[2]], second: [entries[1]]}
    assert held == {first: [entries[4], entries[3]]}


def test_only_allowed_senders() -> None:
    admission = Admission(senders=frozenset({transaction(0).sender}))
    pool = Mempool(next_context, admission, lambda sender: PoolAccount(0, 0))
    pool.add(transaction(0))
    with pytest.raises(TransactionRefused, match="allowlist"):
        pool.add(transaction(0, SECOND))


def test_only_allowed_deployers() -> None:
    admission = Admission(deployers=frozenset({transaction(0).sender}))
    pool = Mempool(next_context, admission, lambda sender: PoolAccount(0, 0))
    creation = {"to": "", "gas": 100_000}
    pool.add(transaction(0, **creation))
    pool.add(transaction(0, SECOND))
    with pytest.raises(TransactionRefused, match="allowlist of deployers"):
        pool.add(transaction(1, SECOND, **creation))


def test_waiters_wake(pool: Mempool) -> None:
    entry, woken = transaction(0), []
    pool.add(entry)
    thread = threading.Thread(target=lambda: woken.append(pool.wait_settled(entry.hash, 30)))
    thread.start()
    pool.settle([entry], [])
    thread.join(timeout=10)
    assert woken == [None]
    pool.close()
    assert pool.wait_ready() is False


def test_recent_hashes(pool: Mempool) -> None:
    first, second = transaction(0), transaction(1)
    pool.add(first)
    count, hashes = pool.became_ready_since(0)
    assert hashes == [first.hash]
    pool.add(second)
    assert pool.became_ready_since(count) == (2, [second.hash])
    assert pool.became_ready_since(2) == (2, [])
