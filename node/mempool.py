"""Transactions that wait for a block: kept in memory only, bounded everywhere.

A crash loses them; nobody was told they are final, and senders send the same bytes again.

A transaction whose nonce follows on is *ready*; one that leaves a gap is *held* until the gap is filled.
Ready transactions run in the order they came, whatever they offer. When the held ones are too many or too
large, the oldest give way; ready ones never do: the pool says it is full.

A waiting transaction is replaced by one of the same sender and nonce that offers more for gas, by at least
``PRICE_BUMP_PERCENT`` in both the most it pays and the most it tips (geth's rule). It takes the old one's
place. Where gas costs nothing both offer zero, so the first one stays: what was accepted isn't taken back.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from node.errors import TransactionRefused
from node.transaction import CREATE, Transaction
from node.validation import validate_form, validate_funds, validate_nonce
from node.vm import BlockContext

READY_MAX = 16_384
READY_MAX_BYTES = 128 * 1024 * 1024
READY_PER_SENDER_MAX = 8_192
"""Half of all, so that one sender can't shut the others out; a platform's one key is still far from it."""
HELD_MAX = 4_096
HELD_MAX_BYTES = 32 * 1024 * 1024
HELD_PER_SENDER_MAX = 64
PRICE_BUMP_PERCENT = 10
RECENT_MAX = 10_000
"""Accepted hashes remembered for pending-transaction filters and subscriptions."""

Place = tuple[bytes, int]
"""A sender and a nonce: at most one transaction waits there."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the pool asks the head state about a sender."""

    nonce: int
    balance: int
    """wei."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may use this node; an empty set means everyone."""

    senders: frozenset[bytes] = frozenset()
    deployers: frozenset[bytes] = frozenset()
    """Whose transactions may have no receiver. What contracts create themselves isn't meant."""

    def validate(self, transaction: Transaction) -> None:
        """Raises ``TransactionRefused`` for a sender who isn't on the list."""
        if self.senders and transaction.sender not in self.senders:
            raise TransactionRefused(
                f"sender 0x{transaction.sender.hex()} is not on this network's allowlist"
            )
        if self.deployers and transaction.to == CREATE and transaction.sender not in self.deployers:
            raise TransactionRefused(
                f"sender 0x{transaction.sender.hex()} is not on this network's allowlist of deployers"
            )


def _ignore() -> None:
    return


@dataclass(slots=True)
class Mempool:
    """Ready and held transactions; every method is safe from any thread."""

    next_context: Callable[[], BlockContext]
    """The block that would be made now."""
    admission: Admission
    account_at_head: Callable[[bytes], Account]
    on_ready: Callable[[], None] = _ignore
    """Told, from any thread, that something became ready; must be quick."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ready: dict[Place, Transaction] = field(default_factory=dict)
    """In order of arrival; a replacement keeps the place."""
    _held: dict[Place, Transaction] = field(default_factory=dict)
    """In order of arrival."""
    _by_hash: dict[bytes, Transaction] = field(default_factory=dict)
    _ready_bytes: int = 0
    _held_bytes: int = 0
    _next_nonce: dict[bytes, int] = field(default_factory=dict)
    """Of senders with something ready."""
    _ready_count: dict[bytes, int] = field(default_factory=dict)
    _recent: deque[bytes] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    _accepted_count: int = 0
    _closed: bool = False

    def add(self, transaction: Transaction) -> None:
        """Accept a transaction.

        Raises:
            TransactionRefused: why not.
        """
        self.admission.validate(transaction)
        context = self.next_context()
        validate_form(transaction, context.gas_limit, context.fork)
        with self._changed:
            if transaction.hash in self._by_hash:
                raise TransactionRefused("already known")
            became_ready = self._place(transaction, self._validate_account(transaction))
        if became_ready:
            self.on_ready()

    def get(self, transaction_hash: bytes) -> Transaction | None:
        """A waiting transaction by its hash."""
        with self._changed:
            return self._by_hash.get(transaction_hash)

    def ready(self) -> list[Transaction]:
        """Ready transactions in the order they became ready; a sender's nonces follow on."""
        with self._changed:
            return list(self._ready.values())

    def content(self) -> tuple[dict[bytes, list[Transaction]], dict[bytes, list[Transaction]]]:
        """(ready, held) transactions by sender, each sender's by nonce."""
        with self._changed:
            return _by_sender(self._ready), _by_sender(self._held)

    def next_nonce(self, sender: bytes) -> int:
        """The nonce the sender should use next, counting ready transactions."""
        with self._changed:
            known = self._next_nonce.get(sender)
            return self.account_at_head(sender).nonce if known is None else known

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
                lambda: not self._is_ready(transaction_hash) or self._closed, deadline - time.monotonic()
            )

    def became_ready_since(self, count: int) -> tuple[int, list[bytes]]:
        """(new count, hashes) of what became ready after the first ``count``; the oldest may be forgotten."""
        with self._changed:
            fresh = min(self._accepted_count - count, len(self._recent))
            return self._accepted_count, list(self._recent)[len(self._recent) - fresh :]

    def settle(self, included: Iterable[Transaction], refused: Iterable[Transaction]) -> None:
        """Forget what a block included, and everything ready of a sender whose transaction it refused.

        A replacement that came while the block was made goes with the transaction it meant to replace.
        """
        with self._changed:
            for transaction in included:
                self._remove_ready((transaction.sender, transaction.nonce))
                self._remove_held((transaction.sender, transaction.nonce))
            senders = {transaction.sender for transaction in refused}
            for place in [place for place in self._ready if place[0] in senders] if senders else ():
                self._remove_ready(place)
            self._changed.notify_all()

    def close(self) -> None:
        """Wake every waiter for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _validate_account(self, transaction: Transaction) -> int:
        """The sender's next nonce; the state is read only for a transaction that needs it."""
        next_nonce = self._next_nonce.get(transaction.sender)
        if next_nonce is not None and transaction.nonce >= next_nonce and not transaction.cost_max:
            return next_nonce
        account = self.account_at_head(transaction.sender)
        validate_nonce(transaction, max(transaction.nonce, account.nonce))
        validate_funds(transaction, account.balance)
        return max(next_nonce or 0, account.nonce)

    def _place(self, transaction: Transaction, next_nonce: int) -> bool:
        """Put a valid transaction where it belongs; whether it is ready."""
        if transaction.nonce > next_nonce:
            self._hold(transaction, next_nonce)
            return False
        place = (transaction.sender, transaction.nonce)
        replaced = self._ready.get(place)
        if replaced:
            _validate_replacement(transaction, replaced)
        self._validate_room(transaction, replaced)
        if replaced:
            self._ready_bytes -= len(replaced.raw)
            del self._by_hash[replaced.hash]
        self._make_ready(transaction)
        self._promote_held(transaction.sender)
        self._changed.notify_all()
        return True

    def _validate_room(self, transaction: Transaction, replaced: Transaction | None) -> None:
        size_bytes = self._ready_bytes + len(transaction.raw) - (len(replaced.raw) if replaced else 0)
        if size_bytes > READY_MAX_BYTES or (not replaced and len(self._ready) >= READY_MAX):
            raise TransactionRefused("txpool is full: send the same transaction again later")
        if not replaced and self._ready_count.get(transaction.sender, 0) >= READY_PER_SENDER_MAX:
            raise TransactionRefused(
                f"account limit exceeded: {READY_PER_SENDER_MAX} transactions of "
                f"0x{transaction.sender.hex()} wait already; send the same transaction again later"
            )

    def _is_ready(self, transaction_hash: bytes) -> bool:
        transaction = self._by_hash.get(transaction_hash)
        return transaction is not None and (transaction.sender, transaction.nonce) in self._ready

    def _make_ready(self, transaction: Transaction) -> None:
        sender, place = transaction.sender, (transaction.sender, transaction.nonce)
        if place not in self._ready:
            self._ready_count[sender] = self._ready_count.get(sender, 0) + 1
            self._next_nonce[sender] = transaction.nonce + 1
        self._ready[place] = transaction
        self._ready_bytes += len(transaction.raw)
        self._by_hash[transaction.hash] = transaction
        self._recent.append(transaction.hash)
        self._accepted_count += 1

    def _remove_ready(self, place: Place) -> None:
        transaction = self._ready.pop(place, None)
        if transaction is None:
            return
        sender = place[0]
        self._ready_bytes -= len(transaction.raw)
        del self._by_hash[transaction.hash]
        self._ready_count[sender] -= 1
        if not self._ready_count[sender]:
            del self._ready_count[sender], self._next_nonce[sender]

    def _hold(self, transaction: Transaction, next_nonce: int) -> None:
        place = (transaction.sender, transaction.nonce)
        replaced = self._held.get(place)
        if replaced:
            _validate_replacement(transaction, replaced)
        if transaction.nonce > next_nonce + HELD_PER_SENDER_MAX:
            raise TransactionRefused(
                f"nonce too high: next nonce {next_nonce}, tx nonce {transaction.nonce}, "
                f"at most {HELD_PER_SENDER_MAX} ahead are held"
            )
        self._remove_held(place)
        while len(self._held) >= HELD_MAX or self._held_bytes + len(transaction.raw) > HELD_MAX_BYTES:
            self._remove_held(next(iter(self._held)))
        self._held[place] = transaction
        self._held_bytes += len(transaction.raw)
        self._by_hash[transaction.hash] = transaction

    def _promote_held(self, sender: bytes) -> None:
        while transaction := self._remove_held((sender, self._next_nonce[sender])):
            self._make_ready(transaction)

    def _remove_held(self, place: Place) -> Transaction | None:
        transaction = self._held.pop(place, None)
        if transaction is not None:
            self._held_bytes -= len(transaction.raw)
            del self._by_hash[transaction.hash]
        return transaction


def _validate_replacement(transaction: Transaction, waiting: Transaction) -> None:
    pairs = (
        (transaction.max_fee_per_gas, waiting.max_fee_per_gas),
        (transaction.max_priority_fee_per_gas, waiting.max_priority_fee_per_gas),
    )
    if any(new <= old or new * 100 < old * (100 + PRICE_BUMP_PERCENT) for new, old in pairs):
        raise TransactionRefused("replacement transaction underpriced")


def _by_sender(transactions: dict[Place, Transaction]) -> dict[bytes, list[Transaction]]:
    found: dict[bytes, list[Transaction]] = {}
    for place in sorted(transactions):
        found.setdefault(place[0], []).append(transactions[place])
    return found
