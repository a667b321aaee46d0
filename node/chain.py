"""The chain: opening it, making blocks, importing blocks, and the state at any of them."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_keys.datatypes import PrivateKey

from node.authority import AuthorityRules
from node.block import Block, Header, Receipt, UncheckedBlock, make_receipt, with_results
from node.errors import (
    Diverged,
    ExecutionFault,
    InvalidBlock,
    SetupError,
    StoreError,
    TransactionRefused,
    WrongFields,
    WrongParent,
)
from node.forks import Fork
from node.genesis import Network
from node.geth import Genesis
from node.mempool import Account
from node.rules import Rules
from node.seal import seal_header
from node.standard import StandardRules
from node.store import StateView, Store
from node.transaction import Transaction, included_transaction
from node.trie import EMPTY_ROOT, trie_root
from node.validation import validate_fees, validate_form, validate_sender
from node.vm import PREVIOUS_HASHES_MAX, BlockContext, State, open_state, process_transaction

DATABASE_NAME = "chain"
BLOCK_TRANSACTIONS_MAX = 4_096
BLOCK_SECONDS_MAX = 2.0
"""A block under construction takes no further transaction after this long."""
SEALS_CHECKED_AT_OPEN = 256
PROGRESS_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """A sealed block, and the transactions it had to refuse with the reason."""

    block: Block | None
    """``None`` when no transaction could run."""
    refused: tuple[tuple[Transaction, str], ...]


class Chain:
    """One network's blocks. ``head`` moves only after a block is on disk."""

    def __init__(self, network: Network | Genesis, store: Store, key: PrivateKey | None) -> None:
        """Open the chain in a store, writing the genesis block into an empty one.

        Args:
            key: the authority's key, or ``None`` for a node that only imports.

        Raises:
            SetupError: network file, key and database don't belong together.
            StoreError: the last blocks are damaged.
        """
        self.network = network
        self.rules = rules_of(network)
        self.store = store
        self._key = key
        self._coinbase = key.public_key.to_canonical_address() if key else bytes(20)
        self._writing = threading.Lock()
        if key and self._coinbase not in _sealers(network):
            raise SetupError(f"The key's address 0x{self._coinbase.hex()} is no authority of this network")
        self.alarm: str | None = None
        """Why the head may not be the network's last block; only a replica has reason to say so."""
        self.head = self._open()

    @property
    def latest(self) -> Header:
        """The head, for whoever asks about now.

        Raises:
            Diverged: there is an alarm.
        """
        if self.alarm is not None:
            raise Diverged(self.alarm)
        return self.head

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self.rules.chain_id

    def header(self, number: int) -> Header:
        """The header of a block that exists (``StoreError`` if it doesn't)."""
        header = self.store.header(number)
        if header is None:
            raise StoreError(f"block {number} is missing from the database")
        return header

    def context_of(self, header: Header) -> BlockContext:
        """What contracts saw in a sealed block, or will see in one with this header."""
        merged = header.difficulty == 0
        fork = self.rules.schedule.fork_at(header.block_number, header.timestamp, merged)
        return BlockContext(
            number=header.block_number,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            coinbase=header.coinbase,
            previous_randao=header.mix_hash,
            chain_id=self.chain_id,
            previous_hashes=lambda: self._hashes_before(header.block_number),
            base_fee=header.base_fee,
            fork=fork,
            difficulty=header.difficulty,
            excess_blob_gas=header.excess_blob_gas or 0,
            blobs=self.rules.schedule.blob_rules(fork),
        )

    def next_header(self) -> Header:
        """The header of the next block if it is made now, before results and seal (``Diverged``)."""
        return self.rules.next_header(self.latest, int(time.time()), self._coinbase)

    def next_context(self) -> BlockContext:
        """What contracts will see in the next block if it is made now."""
        return self.context_of(self.next_header())

    def state_at(self, header: Header, context: BlockContext) -> State:
        """The state after a block, to run calls in ``context``; what they write is thrown away.

        Raises:
            StateUnavailable: this node keeps it no longer.
        """
        self.store.require_state(header.block_number)
        return open_state(StateView(self.store).database(), header.state_root, context)

    def account_at_head(self, address: bytes) -> Account:
        """Nonce and balance after the last block (``Diverged`` as in ``latest``)."""
        head = self.latest
        state = self.state_at(head, self.context_of(head))
        return Account(state.get_nonce(address), state.get_balance(address))

    def make_block(self, candidates: Iterable[Transaction], *, even_if_empty: bool = False) -> Made:
        """Run transactions in order, seal what ran and store it; one that can't run is refused, not included.

        Raises:
            StoreError: the block couldn't be stored; the chain is as before.
        """
        if self._key is None:
            raise InvalidBlock("this node has no authority key and makes no blocks")
        with self._writing:
            view, draft = StateView(self.store), self.next_header()
            self._validate_turn(draft)
            state = open_state(view.database(), self.head.state_root, self.context_of(draft))
            transactions, receipts, refused = _run_candidates(state, candidates)
            if not transactions and not even_if_empty:
                return Made(None, tuple(refused))
            state.persist()
            draft = with_results(draft.copy(state_root=state.state_root), transactions, receipts)
            header = seal_header(draft, self._key)
            block = Block(header, tuple(transactions), tuple(receipts), withdrawals=())
            self._append(block, view)
            return Made(block, tuple(refused))

    def _validate_turn(self, draft: Header) -> None:
        if isinstance(self.network, Network):
            now = self.network.authorities_at(draft.block_number)
            if self._coinbase not in now:
                raise InvalidBlock(f"0x{self._coinbase.hex()} is no authority of block {draft.block_number}")

    def import_block(self, block: UncheckedBlock) -> Block:
        """Check a block that was made elsewhere by running it again, and append it.

        Raises:
            InvalidBlock: header, seal or any result differs from what the rules give; the message names the
                block and what differs. The chain is as before.
        """
        with self._writing:
            checked, view = self.run_block(block)
            self._append(checked, view)
            return checked

    def run_block(self, block: UncheckedBlock) -> tuple[Block, StateView]:
        """Run a block that should follow the head; what it does and what it writes (``InvalidBlock``)."""
        header, parent = block.header, self.head
        if header.parent_hash != parent.hash or header.block_number != parent.block_number + 1:
            raise WrongParent(f"{block.name} doesn't follow block {parent.block_number}")
        self.rules.validate_header(header, parent)
        _check_body(block)
        view, context = StateView(self.store), self.context_of(header)
        state = open_state(view.database(), parent.state_root, context)
        self.rules.begin_block(state, header)
        transactions = _decoded(block, self.chain_id)
        receipts = _run_all(state, transactions, block)
        ended = self.rules.end_block(state, block, transactions, receipts)
        state.persist()
        _compare(block, with_results(ended, transactions, receipts).copy(state_root=state.state_root))
        done = Block(header, tuple(transactions), tuple(receipts), block.uncles, block.withdrawals)
        return done, view

    def _append(self, block: Block, view: StateView) -> None:
        self.store.commit_block(block, view.writes)
        self.head = block.header

    def _hashes_before(self, number: int) -> Iterator[bytes]:
        for previous in range(number - 1, max(-1, number - 1 - PREVIOUS_HASHES_MAX), -1):
            yield self.header(previous).hash

    def _open(self) -> Header:
        genesis, view = _genesis(self.rules, self.store)
        if self.store.head_number() is None:
            self.store.commit_block(Block(genesis, (), ()), view.writes)
        if self.header(0).hash != genesis.hash:
            raise SetupError(
                "network.json or genesis.json isn't the one this database was made with; restore the original"
            )
        head_number = self.store.head_number() or 0
        self._validate_tail(head_number)
        self.head = self.header(head_number)
        self._catch_up()
        return self.head

    def _catch_up(self) -> None:
        """Run again what the journal has and the database lacks."""
        told = time.monotonic()
        for block in self.store.unapplied():
            self.import_block(block)
            if time.monotonic() - told > PROGRESS_SECONDS:
                log.info("%s is run again", block.name)
                told = time.monotonic()

    def _validate_tail(self, head_number: int) -> None:
        """Seals and links of the last blocks, and that the head's state is there."""
        for number in range(max(1, head_number - SEALS_CHECKED_AT_OPEN + 1), head_number + 1):
            header = self.header(number)
            self.rules.validate_stored(header)
            if header.parent_hash != self.header(number - 1).hash:
                raise StoreError(f"block {number} doesn't follow block {number - 1}: the database is damaged")
        root = self.header(head_number).state_root
        if root != EMPTY_ROOT and not self.store.has_state_value(root):
            raise StoreError(f"the state of block {head_number} is missing: the database is damaged")


def rules_of(network: Network | Genesis) -> Rules:
    """The rules of our own network, or of an imported one."""
    return AuthorityRules(network) if isinstance(network, Network) else StandardRules(network)


def open_chain(directory: Path, network: Network | Genesis, key: PrivateKey | None) -> Chain:
    """The chain of a data directory (errors as in ``Chain``)."""
    store = Store(directory / DATABASE_NAME)
    try:
        return Chain(network, store, key)
    except BaseException:  # an interrupt too: nobody else would close it
        store.close()
        raise


def _sealers(network: Network | Genesis) -> frozenset[bytes]:
    return network.authority_addresses if isinstance(network, Network) else frozenset()


def _genesis(rules: Rules, store: Store) -> tuple[Header, StateView]:
    view = StateView(store)
    context = BlockContext(0, 0, 0, bytes(20), bytes(32), rules.chain_id, tuple)
    state = open_state(view.database(), EMPTY_ROOT, context)
    for address, account in rules.genesis_accounts.items():
        state.set_balance(address, account.balance)
        state.set_nonce(address, account.nonce)
        state.set_code(address, account.code)
        for slot, content in account.storage.items():
            state.set_storage(address, slot, content)
    state.persist()
    return rules.genesis_header(state.state_root), view


def _run_candidates(
    state: State, candidates: Iterable[Transaction]
) -> tuple[list[Transaction], list[Receipt], list[tuple[Transaction, str]]]:
    included: list[Transaction] = []
    receipts: list[Receipt] = []
    refused: list[tuple[Transaction, str]] = []
    context: BlockContext = state.block
    deadline = time.monotonic() + BLOCK_SECONDS_MAX
    for transaction in candidates:
        gas_left = context.gas_limit - (receipts[-1].cumulative_gas_used if receipts else 0)
        full = transaction.gas > gas_left or len(included) == BLOCK_TRANSACTIONS_MAX
        if included and (full or time.monotonic() > deadline):
            break
        try:
            validate_form(transaction, context.gas_limit, context.fork)
            validate_fees(transaction, context)
            validate_sender(transaction, state)
        except TransactionRefused as exc:
            refused.append((transaction, exc.message))
            continue
        receipts.append(make_receipt(transaction, process_transaction(state, transaction), receipts))
        included.append(transaction)
    return included, receipts, refused


def _run_all(state: State, transactions: Sequence[Transaction], block: UncheckedBlock) -> list[Receipt]:
    """Receipts of all transactions of a block (``InvalidBlock`` names the first that may not run)."""
    context: BlockContext = state.block
    receipts: list[Receipt] = []
    for transaction in transactions:
        gas_left = context.gas_limit - (receipts[-1].cumulative_gas_used if receipts else 0)
        try:
            validate_form(transaction, gas_left, context.fork)
            validate_fees(transaction, context)
            validate_sender(transaction, state)
            outcome = process_transaction(state, transaction)
        except (TransactionRefused, ExecutionFault) as exc:
            raise InvalidBlock(
                f"{block.name}: transaction 0x{transaction.hash.hex()} may not run: {exc}"
            ) from exc
        post_state = state.make_state_root() if context.fork < Fork.BYZANTIUM else b""
        receipts.append(make_receipt(transaction, outcome, receipts, post_state))
    return receipts


def _decoded(block: UncheckedBlock, chain_id: int) -> list[Transaction]:
    try:
        return [included_transaction(raw, chain_id) for raw in block.raw_transactions]
    except InvalidBlock as exc:
        raise InvalidBlock(f"{block.name}: {exc}") from exc


def _check_body(block: UncheckedBlock) -> None:
    """Whether the transactions are those the header names, before any of them runs."""
    expected = block.header.copy(transaction_root=trie_root(block.raw_transactions))
    if differences := block.header.differences(expected):
        raise WrongFields(f"{block.name} doesn't have the transactions of its header", differences)


def _compare(block: UncheckedBlock, expected: Header) -> None:
    """Whether a header says what running the block gave."""
    if differences := block.header.differences(expected):
        raise WrongFields(f"{block.name} doesn't follow from its transactions", differences)
