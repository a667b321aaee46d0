"""The chain: opening it, making blocks, importing blocks, and the state at any of them."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth.constants import BLANK_ROOT_HASH
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address

from node.block import Block, Header, Receipt, make_receipt, with_results
from node.errors import InvalidBlock, SetupError, StoreError, TransactionRefused
from node.genesis import Network, genesis_header
from node.mempool import Account
from node.seal import seal_header, validate_seal
from node.store import StateView, Store
from node.transaction import Transaction
from node.validation import validate_form, validate_sender
from node.vm import PREVIOUS_HASHES_MAX, BlockContext, State, open_state, process_transaction

DATABASE_NAME = "chain"
BLOCK_TRANSACTIONS_MAX = 4_096
BLOCK_SECONDS_MAX = 2.0
"""A block under construction takes no further transaction after this long."""
SEALS_CHECKED_AT_OPEN = 256

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """A sealed block, and the transactions it had to refuse with the reason."""

    block: Block | None
    """``None`` when no transaction could run."""
    refused: tuple[tuple[Transaction, str], ...]


class Chain:
    """One network's blocks. ``head`` moves only after a block is on disk."""

    def __init__(self, network: Network, store: Store, key: PrivateKey | None) -> None:
        """Open the chain in a store, writing the genesis block into an empty one.

        Args:
            key: the authority's key, or ``None`` for a node that only imports.

        Raises:
            SetupError: network file, key and database don't belong together.
            StoreError: the last blocks are damaged.
        """
        self.network = network
        self.store = store
        self._key = key
        self._coinbase = key.public_key.to_canonical_address() if key else bytes(20)
        self._writing = threading.Lock()
        if key and self._coinbase not in network.authority_addresses:
            raise SetupError(f"The key's address 0x{self._coinbase.hex()} is no authority of this network")
        self.head = self._open()

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self.network.chain_id

    def header(self, number: int) -> Header:
        """The header of a block that exists (``StoreError`` if it doesn't)."""
        header = self.store.header(number)
        if header is None:
            raise StoreError(f"block {number} is missing from the database")
        return header

    def context_of(self, header: Header) -> BlockContext:
        """What contracts saw in a sealed block."""
        return BlockContext(
            number=header.block_number,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            coinbase=header.coinbase,
            previous_randao=header.mix_hash,
            chain_id=self.chain_id,
            previous_hashes=lambda: self._hashes_before(header.block_number),
        )

    def next_context(self) -> BlockContext:
        """What contracts will see in the next block if it is made now."""
        return self._context_after(self.head)

    def state_at(self, header: Header, context: BlockContext) -> State:
        """The state after a block, to run calls in ``context``; what they write is thrown away."""
        return open_state(StateView(self.store).database(), header.state_root, context)

    def account_at_head(self, address: bytes) -> Account:
        """Nonce and balance after the last block."""
        head = self.head
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
            parent, view = self.head, StateView(self.store)
            context = self._context_after(parent)
            state = open_state(view.database(), parent.state_root, context)
            transactions, receipts, refused = _run_candidates(state, candidates, context.gas_limit)
            if not transactions and not even_if_empty:
                return Made(None, tuple(refused))
            state.persist()
            draft = self._draft_header(parent, context).copy(state_root=state.state_root)
            header = seal_header(with_results(draft, transactions, receipts), self._key)
            block = Block(header, tuple(transactions), tuple(receipts))
            self._append(block, view)
            return Made(block, tuple(refused))

    def import_block(self, header: Header, transactions: Sequence[Transaction]) -> Block:
        """Check another authority's block by running it again, and append it.

        Raises:
            InvalidBlock: header, seal or any result differs from what the rules give.
        """
        with self._writing:
            self._validate_header(header)
            view = StateView(self.store)
            state = open_state(view.database(), self.head.state_root, self.context_of(header))
            receipts = _run_all(state, transactions, header.gas_limit)
            state.persist()
            expected = with_results(header, transactions, receipts).copy(state_root=state.state_root)
            if expected.hash != header.hash:
                raise InvalidBlock(f"block {header.block_number} doesn't follow from its transactions")
            block = Block(header, tuple(transactions), tuple(receipts))
            self._append(block, view)
            return block

    def _append(self, block: Block, view: StateView) -> None:
        self.store.commit_block(block, view.writes)
        self.head = block.header

    def _validate_header(self, header: Header) -> None:
        parent = self.head
        if header.parent_hash != parent.hash or header.block_number != parent.block_number + 1:
            raise InvalidBlock(f"block {header.block_number} doesn't follow block {parent.block_number}")
        if header.timestamp < parent.timestamp:
            raise InvalidBlock(f"block {header.block_number} is older than its parent")
        context = self.context_of(header)
        results = ("state_root", "transaction_root", "receipt_root", "bloom", "gas_used")
        seal = ("extra_data", "parent_beacon_block_root")
        free = {name: getattr(header, name) for name in (*results, *seal)}
        if self._draft_header(parent, context).copy(**free).hash != header.hash:
            raise InvalidBlock(f"block {header.block_number} breaks a header rule")
        validate_seal(header, self.network.authority_addresses)

    def _context_after(self, parent: Header) -> BlockContext:
        """The next block's: its time is the wall clock's, never ahead of it, never before the parent's."""
        return BlockContext(
            number=parent.block_number + 1,
            timestamp=max(parent.timestamp, int(time.time())),
            gas_limit=self.network.gas_limit,
            coinbase=self._coinbase,
            previous_randao=parent.hash,
            chain_id=self.chain_id,
            previous_hashes=lambda: self._hashes_before(parent.block_number + 1),
        )

    def _draft_header(self, parent: Header, context: BlockContext) -> Header:
        """A header by the rules, before results and seal; PREVRANDAO is the parent's hash, no secret."""
        return CancunBlockHeader(
            difficulty=0,
            block_number=parent.block_number + 1,
            gas_limit=self.network.gas_limit,
            timestamp=context.timestamp,
            coinbase=context.coinbase,
            parent_hash=parent.hash,
            mix_hash=parent.hash,
            nonce=bytes(8),
            base_fee_per_gas=0,
        )

    def _hashes_before(self, number: int) -> Iterator[bytes]:
        for previous in range(number - 1, max(-1, number - 1 - PREVIOUS_HASHES_MAX), -1):
            yield self.header(previous).hash

    def _open(self) -> Header:
        genesis, view = _genesis(self.network, self.store)
        head_number = self.store.head_number()
        if head_number is None:
            self.store.commit_block(Block(genesis, (), ()), view.writes)
            return genesis
        if self.header(0).hash != genesis.hash:
            raise SetupError("network.json isn't the one this database was made with; restore the original")
        self._validate_tail(head_number)
        return self.header(head_number)

    def _validate_tail(self, head_number: int) -> None:
        """Seals and links of the last blocks, and that the head's state is there."""
        for number in range(max(1, head_number - SEALS_CHECKED_AT_OPEN + 1), head_number + 1):
            header = self.header(number)
            validate_seal(header, self.network.authority_addresses)
            if header.parent_hash != self.header(number - 1).hash:
                raise StoreError(f"block {number} doesn't follow block {number - 1}: the database is damaged")
        root = self.header(head_number).state_root
        if root != BLANK_ROOT_HASH and not self.store.has_state_value(root):
            raise StoreError(f"the state of block {head_number} is missing: the database is damaged")


def open_chain(directory: Path, network: Network, key: PrivateKey | None) -> Chain:
    """The chain of a data directory (errors as in ``Chain``)."""
    store = Store(directory / DATABASE_NAME)
    try:
        return Chain(network, store, key)
    except BaseException:
        store.close()
        raise


def _genesis(network: Network, store: Store) -> tuple[Header, StateView]:
    view = StateView(store)
    context = BlockContext(
        0, network.genesis_timestamp, network.gas_limit, bytes(20), bytes(32), network.chain_id, tuple
    )
    state = open_state(view.database(), BLANK_ROOT_HASH, context)
    for address, balance in network.alloc.items():
        state.set_balance(to_canonical_address(address), balance)
    state.persist()
    return genesis_header(network, state.state_root), view


def _run_candidates(
    state: State, candidates: Iterable[Transaction], gas_limit: int
) -> tuple[list[Transaction], list[Receipt], list[tuple[Transaction, str]]]:
    included: list[Transaction] = []
    receipts: list[Receipt] = []
    refused: list[tuple[Transaction, str]] = []
    deadline = time.monotonic() + BLOCK_SECONDS_MAX
    for transaction in candidates:
        gas_left = gas_limit - (receipts[-1].cumulative_gas_used if receipts else 0)
        full = transaction.gas > gas_left or len(included) == BLOCK_TRANSACTIONS_MAX
        if included and (full or time.monotonic() > deadline):
            break
        try:
            validate_form(transaction, gas_limit)
            validate_sender(transaction, state)
        except TransactionRefused as exc:
            refused.append((transaction, exc.message))
            continue
        receipts.append(make_receipt(transaction, process_transaction(state, transaction), receipts))
        included.append(transaction)
    return included, receipts, refused


def _run_all(state: State, transactions: Sequence[Transaction], gas_limit: int) -> list[Receipt]:
    receipts: list[Receipt] = []
    for transaction in transactions:
        try:
            validate_form(transaction, gas_limit - (receipts[-1].cumulative_gas_used if receipts else 0))
            validate_sender(transaction, state)
        except TransactionRefused as exc:
            raise InvalidBlock(f"transaction 0x{transaction.hash.hex()} may not run: {exc.message}") from exc
        receipts.append(make_receipt(transaction, process_transaction(state, transaction), receipts))
    return receipts
