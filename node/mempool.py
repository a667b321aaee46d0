"""Transactions that wait for a block: kept in memory only, bounded everywhere.

A crash loses them; nobody was told they are final, and senders send the same bytes again. A transaction whose
nonce follows on is *ready*; one that leaves a gap is *held* until the gap is filled. Nothing is replaced: gas
costs nothing here, so no later transaction could offer more.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from node.errors import TransactionRefused
from node.transaction import Transaction
from node.validation import validate_form, validate_funds, validate_nonce
from node.vm import BlockContext

READY_MAX = 16_384
READY_MAX_BYTES = 256 * 1024 * 1024
HELD_MAX = 4_096
HELD_PER_SENDER_MAX = 64
RECENT_MAX = 10_000
"""Accepted hashes remembered for pending-transaction filters."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the pool asks the head state about a sender."""

    nonce: int
    balance: int
    """wei."""


@dataclass(slots=True)
class Mempool:
    """Ready and held transactions; every method is safe from any thread."""

    next_context: Callable[[], BlockContext]
    """The block that would be made now."""
    allowed_senders: frozenset[bytes]
    """Who may send; empty means everyone."""
    account_at_head: Callable[[bytes], Account]
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ready: dict[bytes, Transaction] = field(default_factory=dict)
    _ready_bytes: int = 0
    _next_nonce: dict[bytes, int] = field(default_factory=dict)
    _ready_count: dict[bytes, int] = field(default_factory=dict)
    _held: dict[bytes, Transaction] = field(default_factory=dict)
    _held_of: dict[bytes, dict[int, Transaction]] = field(default_factory=dict)
    _recent: deque[bytes] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    _accepted_count: int = 0
    _closed: bool = False

    def add(self, transaction: Transaction) -> None:
        """Accept a transaction.

        Raises:
            TransactionRefused: why not.
        """
        if self.allowed_senders and transaction.sender not in self.allowed_senders:
            raise TransactionRefused(
                f"sender 0x{transaction.sender.hex()} is not on this network's allowlist"
            )
        context = self.next_context()
        validate_form(transaction, context.gas_limit, context.fork)
        with self._changed:
            self._validate_new(transaction)
            next_nonce = self._next_of(transaction.sender)
            if transaction.nonce > next_nonce:
                self._hold(transaction, next_nonce)
            else:
                self._make_ready(transaction)
                self._promote_held(transaction.sender)
                self._changed.notify_all()

    def get(self, transaction_hash: bytes) -> Transaction | None:
        """A waiting transaction by its hash."""
        with self._changed:
            return self._ready.get(transaction_hash) or self._held.get(transaction_hash)

    def ready(self) -> list[Transaction]:
        """Ready transactions in the order they became ready; a sender's nonces follow on."""
        with self._changed:
            return list(self._ready.values())

    def content(self) -> tuple[dict[bytes, list[Transaction]], dict[bytes, list[Transaction]]]:
        """(ready, held) transactions by sender, each sender's by nonce."""
        with self._changed:
            return _by_sender(self._ready.values()), _by_sender(self._held.values())

    def next_nonce(self, sender: bytes) -> int:
        """The nonce the sender should use next, counting ready transactions."""
        with self._changed:
            return self._next_of(sender)

    def wait_ready(self, timeout_seconds: float | None = None) -> bool:
        """Wait until something is ready or the time is over; ``False`` when the pool closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._closed, timeout_seconds)
            return not self._closed

    def wait_settled(self, transaction_hash: bytes, timeout_seconds: float) -> None:
        """Wait while a transaction is ready and not yet in a block, but no longer than the timeout."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            self._changed.wait_for(
                lambda: transaction_hash not in self._ready or self._closed, deadline - time.monotonic()
            )

    def became_ready_since(self, count: int) -> tuple[int, list[bytes]]:
        """(new count, hashes) of what became ready after the first ``count``; the oldest may be forgotten."""
        with self._changed:
            fresh = min(self._accepted_count - count, len(self._recent))
            return self._accepted_count, list(self._recent)[len(self._recent) - fresh :]

    def settle(self, included: Iterable[Transaction], refused: Iterable[Transaction]) -> None:
        """Forget what a block included, and everything ready of a sender whose transaction it refused."""
        with self._changed:
            for transaction in included:
                self._remove_ready(transaction)
            for sender in {transaction.sender for transaction in refused}:
                for transaction in [entry for entry in self._ready.values() if entry.sender == sender]:
                    self._remove_ready(transaction)
            self._changed.notify_all()

    def close(self) -> None:
        """Wake every waiter for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _validate_new(self, transaction: Transaction) -> None:
        if transaction.hash in self._ready or transaction.hash in self._held:
            raise TransactionRefused("already known")
        if transaction.nonce < self._next_of(transaction.sender):
            validate_nonce(
                transaction, max(transaction.nonce, self.account_at_head(transaction.sender).nonce)
            )
            raise TransactionRefused("replacement transaction underpriced")
        if transaction.cost_max:
            validate_funds(transaction, self.account_at_head(transaction.sender).balance)
        if len(self._ready) >= READY_MAX or self._ready_bytes + len(transaction.raw) > READY_MAX_BYTES:
            raise TransactionRefused("txpool is full: send the same transaction again later")

    def _next_of(self, sender: bytes) -> int:
        known = self._next_nonce.get(sender)
        return self.account_at_head(sender).nonce if known is None else known

    def _make_ready(self, transaction: Transaction) -> None:
        self._ready[transaction.hash] = transaction
        self._ready_bytes += len(transaction.raw)
        self._ready_count[transaction.sender] = self._ready_count.get(transaction.sender, 0) + 1
        self._next_nonce[transaction.sender] = transaction.nonce + 1
        self._recent.append(transaction.hash)
        self._accepted_count += 1

    def _remove_ready(self, transaction: Transaction) -> None:
        if self._ready.pop(transaction.hash, None) is None:
            return
        self._ready_bytes -= len(transaction.raw)
        self._ready_count[transaction.sender] -= 1
        if not self._ready_count[transaction.sender]:
            del self._ready_count[transaction.sender], self._next_nonce[transaction.sender]

    def _hold(self, transaction: Transaction, next_nonce: int) -> None:
        if transaction.nonce in self._held_of.get(transaction.sender, {}):
            raise TransactionRefused("replacement transaction underpriced")
        if transaction.nonce > next_nonce + HELD_PER_SENDER_MAX:
            raise TransactionRefused(
                f"nonce too high: next nonce {next_nonce}, tx nonce {transaction.nonce}, "
                f"at most {HELD_PER_SENDER_MAX} ahead are held"
            )
        if len(self._held) >= HELD_MAX:
            self._drop_held(next(iter(self._held.values())))
        self._held[transaction.hash] = transaction
        self._held_of.setdefault(transaction.sender, {})[transaction.nonce] = transaction

    def _promote_held(self, sender: bytes) -> None:
        while transaction := self._held_of.get(sender, {}).get(self._next_nonce[sender]):
            self._drop_held(transaction)
            self._make_ready(transaction)

    def _drop_held(self, transaction: Transaction) -> None:
        del self._held[transaction.hash]
        mine = self._held_of[transaction.sender]
        del mine[transaction.nonce]
        if not mine:
            del self._held_of[transaction.sender]


def _by_sender(transactions: Iterable[Transaction]) -> dict[bytes, list[Transaction]]:
    found: dict[bytes, list[Transaction]] = {}
    for transaction in sorted(transactions, key=lambda entry: entry.nonce):
        found.setdefault(transaction.sender, []).append(transaction)
    return found
