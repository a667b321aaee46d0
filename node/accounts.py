"""Accounts and storage of one state: what py-evm's AccountDB does, on plain dictionaries and batch tries.

Everything read is kept, everything written is remembered in one list of what was there before, so that going
back is walking that list. Roots are made when they are asked for, from all keys that changed.
"""

from typing import Any, NamedTuple

from eth.abc import AccountDatabaseAPI
from eth.constants import EMPTY_SHA3
from eth.db.witness import MetaWitness
from eth.vm.interrupt import MissingBytecode
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from rlp.codec import decode_raw, encode_raw

from node.encoding import number
from node.state_trie import EMPTY_ROOT, read, updated

__all__ = ["AccountDatabase"]


class Account(NamedTuple):
    """One account's fields (Yellow Paper §4.1)."""

    nonce: int = 0
    balance: int = 0
    """wei."""
    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = EMPTY_SHA3

    def encode(self) -> bytes:
        """RLP, as the trie holds it."""
        fields = [number(self.nonce), number(self.balance), self.storage_root, self.code_hash]
        encoded: bytes = encode_raw(fields)
        return encoded


FRESH = Account()
UNKNOWN = object()
"""In the list of changes: the dictionary had no such key."""


class Checkpoint:
    """A place in the list of changes; no two are equal, which py-evm's transient storage counts on."""

    __slots__ = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length


class AccountDatabase(AccountDatabaseAPI):  # type: ignore[misc]  # py-evm has no types
    """The accounts under a state root, and what is written over them. For one thread."""

    def __init__(self, db: Any, state_root: bytes = EMPTY_ROOT) -> None:
        """``db``: trie nodes and code by hash; written to by ``persist`` only."""
        self._db = db
        self._root = state_root
        self._accounts: dict[bytes, Account | None] = {}
        """Those read or written; ``None`` where none is."""
        self._slots: dict[bytes, dict[int, int]] = {}
        """Storage read or written, by address."""
        self._storage_roots: dict[bytes, bytes] = {}
        """Below what ``_slots`` holds, by address."""
        self._originals: dict[tuple[bytes, int], int] = {}
        """Values at the start of the transaction, of slots it changed."""
        self._warm: dict[object, None] = {}
        """Addresses, and pairs of address and slot, that the transaction touched (EIP-2929)."""
        self._changes: list[tuple[dict[Any, Any], Any, Any]] = []
        """Dictionary, key and what was there before, since the start of the transaction."""
        self._changed_accounts: set[bytes] = set()
        self._changed_slots: dict[bytes, set[int]] = {}
        self._made: dict[bytes, bytes] = {}
        """Trie nodes and code not persisted yet."""

    # Roots

    @property
    def state_root(self) -> bytes:
        """As of the last ``make_state_root``."""
        return self._root

    @state_root.setter
    def state_root(self, value: bytes) -> None:
        if value != self._root:
            raise ValidationError("no going back behind a state root that was made")

    def has_root(self, state_root: bytes) -> bool:
        """Whether there is a state with this root."""
        return state_root == EMPTY_ROOT or state_root in self._made or state_root in self._db

    def make_state_root(self) -> bytes:
        """The root over everything written; there is no going back behind it."""
        for address, changed in self._changed_slots.items():
            self._make_storage_root(address, changed)
        accounts = {}
        for address in self._changed_accounts:
            account = self._accounts[address]
            accounts[keccak(address)] = account.encode() if account else b""
        self._root, made = updated(self._node, self._root, accounts)
        self._made |= made
        self._changed_accounts, self._changed_slots = set(), {}
        self._changes, self._originals = [], {}
        return self._root

    def _make_storage_root(self, address: bytes, changed: set[int]) -> None:
        slots = self._slots[address]
        values = {slot: slots[slot] for slot in changed if slot in slots}
        items = {
            keccak(slot.to_bytes(32, "big")): encode_raw(number(value)) if value else b""
            for slot, value in values.items()
        }
        root, made = updated(self._node, self._storage_roots[address], items)
        self._made |= made
        self._storage_roots[address] = root
        account = self._account(address)
        if account is not None or root != EMPTY_ROOT:
            self._accounts[address] = (account or FRESH)._replace(storage_root=root)
            self._changed_accounts.add(address)

    def persist(self) -> MetaWitness:
        """Write what is new to the database; the witness, which nobody here reads, is empty."""
        self.make_state_root()
        for name, encoded in self._made.items():
            self._db[name] = encoded
        self._made = {}
        return MetaWitness(frozenset(), {})

    def _node(self, name: bytes) -> bytes:
        made = self._made.get(name)
        encoded: bytes = self._db[name] if made is None else made
        return encoded

    # Going back

    def record(self) -> Checkpoint:
        """A place to go back to, until the next ``lock_changes``."""
        return Checkpoint(len(self._changes))

    def discard(self, checkpoint: Checkpoint) -> None:
        """Go back."""
        changes = self._changes
        while len(changes) > checkpoint.length:
            held, key, before = changes.pop()
            if before is UNKNOWN:
                del held[key]
            else:
                held[key] = before

    def commit(self, checkpoint: Checkpoint) -> None:
        """Nothing: an earlier place can still be gone back to."""

    def lock_changes(self) -> None:
        """Begin a transaction: what was written stays."""
        self._changes, self._originals, self._warm = [], {}, {}

    def _change(self, held: dict[Any, Any], key: Any, value: Any) -> None:
        self._changes.append((held, key, held.get(key, UNKNOWN)))
        held[key] = value

    # Storage

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        """A slot now, or at the start of the transaction."""
        if not from_journal:
            original = self._originals.get((address, slot))
            if original is not None:
                return original
        slots = self._slots.get(address)
        if slots is None:
            slots = self._open_storage(address)
        value = slots.get(slot)
        if value is None:
            value = slots[slot] = self._read_slot(address, slot)
        return value

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """Write a slot."""
        if not 0 <= value < 2**256:
            raise ValidationError(f"storage value {value} is out of range")
        before = self.get_storage(address, slot)
        self._originals.setdefault((address, slot), before)
        self._changed_slots.setdefault(address, set()).add(slot)
        self._change(self._slots[address], slot, value)

    def delete_storage(self, address: bytes) -> None:
        """Empty an account's storage."""
        self._wipe(address)
        account = self._account(address) or FRESH
        self._set_account(address, account._replace(storage_root=EMPTY_ROOT))

    def _wipe(self, address: bytes) -> None:
        if address not in self._slots:
            self._open_storage(address)
        self._change(self._slots, address, {})
        self._change(self._storage_roots, address, EMPTY_ROOT)

    def _open_storage(self, address: bytes) -> dict[int, int]:
        account = self._account(address)
        self._storage_roots[address] = account.storage_root if account else EMPTY_ROOT
        slots: dict[int, int] = {}
        self._slots[address] = slots
        return slots

    def _read_slot(self, address: bytes, slot: int) -> int:
        root = self._storage_roots[address]
        if root == EMPTY_ROOT:
            return 0
        encoded = read(self._node, root, keccak(slot.to_bytes(32, "big")))
        return int.from_bytes(decode_raw(encoded, True, False)[0], "big") if encoded else 0

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        """Whether the transaction touched the slot."""
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        """From now on it did."""
        self._mark((address, slot))

    # Accounts

    def get_balance(self, address: bytes) -> int:
        """wei."""
        return (self._account(address) or FRESH).balance

    def set_balance(self, address: bytes, balance: int) -> None:
        """The account exists then, as with every setter."""
        if not 0 <= balance < 2**256:
            raise ValidationError(f"balance {balance} is out of range")
        self._set_account(address, (self._account(address) or FRESH)._replace(balance=balance))

    def get_nonce(self, address: bytes) -> int:
        """Transactions sent, or contracts made."""
        return (self._account(address) or FRESH).nonce

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """EIP-2681 has the most it may be."""
        if not 0 <= nonce < 2**64:
            raise ValidationError(f"nonce {nonce} is out of range")
        self._set_account(address, (self._account(address) or FRESH)._replace(nonce=nonce))

    def increment_nonce(self, address: bytes) -> None:
        """One more."""
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code_hash(self, address: bytes) -> bytes:
        """Keccak-256 of the code."""
        return (self._account(address) or FRESH).code_hash

    def get_code(self, address: bytes) -> bytes:
        """Empty where there is none.

        Raises:
            MissingBytecode: the database lacks it.
        """
        code_hash = self.get_code_hash(address)
        if code_hash == EMPTY_SHA3:
            return b""
        try:
            return self._node(code_hash)
        except KeyError as exc:
            raise MissingBytecode(code_hash) from exc

    def set_code(self, address: bytes, code: bytes) -> None:
        """Give an account code."""
        code_hash = keccak(code)
        self._made[code_hash] = code
        self._set_account(address, (self._account(address) or FRESH)._replace(code_hash=code_hash))

    def delete_code(self, address: bytes) -> None:
        """Take an account's code."""
        self._set_account(address, (self._account(address) or FRESH)._replace(code_hash=EMPTY_SHA3))

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        """Whether a contract can't be made there."""
        account = self._account(address) or FRESH
        return account.nonce != 0 or account.code_hash != EMPTY_SHA3

    def has_storage(self, address: bytes) -> bool:
        """Whether it had storage at the last ``make_state_root`` and wasn't wiped since."""
        return (self._account(address) or FRESH).storage_root != EMPTY_ROOT

    def delete_account(self, address: bytes) -> None:
        """Remove it with its storage."""
        self._wipe(address)
        self._changed_accounts.add(address)
        self._change(self._accounts, address, None)

    def account_exists(self, address: bytes) -> bool:
        """Whether the trie has it, or will have."""
        return self._account(address) is not None

    def touch_account(self, address: bytes) -> None:
        """Let it exist."""
        self._set_account(address, self._account(address) or FRESH)

    def account_is_empty(self, address: bytes) -> bool:
        """By EIP-161, whether or not it exists."""
        return not self.account_has_code_or_nonce(address) and self.get_balance(address) == 0

    def is_address_warm(self, address: bytes) -> bool:
        """Whether the transaction touched the account."""
        return address in self._warm

    def mark_address_warm(self, address: bytes) -> None:
        """From now on it did."""
        self._mark(address)

    def _mark(self, key: object) -> None:
        if key not in self._warm:
            self._change(self._warm, key, None)

    def _account(self, address: bytes) -> Account | None:
        held = self._accounts.get(address)
        if held is None and address not in self._accounts:
            encoded = read(self._node, self._root, keccak(address))
            held = _decoded(encoded) if encoded else None
            self._accounts[address] = held
        return held

    def _set_account(self, address: bytes, account: Account) -> None:
        self._changed_accounts.add(address)
        self._change(self._accounts, address, account)


def _decoded(encoded: bytes) -> Account:
    nonce, balance, storage_root, code_hash = decode_raw(encoded, True, False)[0]
    return Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)
