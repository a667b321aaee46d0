"""The rules of imported networks: Ethereum's own, from Frontier to Prague, but for who may make a block.

Seals are not checked: a proof of work's nonce and difficulty, and who proposed a block after the merge, are
other clients' business. Everything a block says of its execution is.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice

from eth.vm.forks.homestead.headers import dao_drain_list, dao_refund_contract
from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.block import Receipt, UncheckedBlock, Withdrawal
from node.errors import ExecutionFault, InvalidBlock
from node.forks import Fork, Schedule, transaction_types
from node.geth import DIFFICULTY_DEFAULT, GAS_LIMIT_DEFAULT, Genesis
from node.header import EMPTY_LIST_HASH, Header
from node.rules import GenesisAccount
from node.transaction import BLOB, GAS_PER_BLOB, Transaction
from node.trie import EMPTY_ROOT, trie_root
from node.vm import State, call_as_system

log = logging.getLogger(__name__)

EXTRA_DATA_MAX_BYTES = 32
GAS_LIMIT_LEAST = 5_000
GAS_LIMIT_QUOTIENT = 1_024
UNCLES_MAX = 2
UNCLE_GENERATIONS = 6
ELASTICITY = 2
BASE_FEE_QUOTIENT = 8
INITIAL_BASE_FEE = 10**9
"""wei (EIP-1559)."""
GWEI = 10**9

BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
"""EIP-4788."""
HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935."""
WITHDRAWAL_REQUESTS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")
"""EIP-7002."""
CONSOLIDATION_REQUESTS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")
"""EIP-7251."""
DEPOSIT_TOPIC = keccak(b"DepositEvent(bytes,bytes,bytes,bytes,bytes)")
DEPOSIT_PARTS = ((192, 48), (288, 32), (352, 8), (416, 96), (544, 8))
"""Offset and length of key, credentials, amount, signature and index in a deposit event (EIP-6110)."""
DEPOSIT_EVENT_BYTES = 576
DEPOSIT_LAYOUT = (
    *((0, 160), (32, 256), (64, 320), (96, 384), (128, 512)),
    *((160, 48), (256, 32), (320, 8), (384, 96), (512, 8)),
)
"""Offset of a word of a deposit event, and what it must hold: where each part begins, and its length."""
DAO_EXTRA_DATA = b"dao-hard-fork"
DAO_EXTRA_DATA_BLOCKS = 10
"""How many blocks from the fork on must bear it (EIP-779)."""


@dataclass(frozen=True)
class StandardRules:
    """See ``node.rules.Rules``."""

    genesis: Genesis

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self.genesis.config.chain_id

    @cached_property
    def schedule(self) -> Schedule:
        """As the genesis file says."""
        return self.genesis.schedule

    @property
    def transaction_types(self) -> Sequence[int]:
        """All but blobs, whose proofs this node doesn't check."""
        return tuple(entry for entry in transaction_types(Fork.PRAGUE) if entry != BLOB)

    @property
    def genesis_accounts(self) -> Mapping[bytes, GenesisAccount]:
        """As the genesis file says."""
        return self.genesis.accounts

    def genesis_header(self, state_root: bytes) -> Header:
        """As geth makes it: fields of forks that hold from the start, the given values or the usual ones."""
        genesis = self.genesis
        header = Header(
            parent_hash=genesis.parent_hash,
            coinbase=genesis.coinbase,
            state_root=state_root,
            difficulty=_first_difficulty(genesis),
            gas_limit=genesis.gas_limit or GAS_LIMIT_DEFAULT,
            gas_used=genesis.gas_used,
            timestamp=genesis.timestamp,
            extra_data=genesis.extra_data,
            mix_hash=genesis.mix_hash,
            nonce=genesis.nonce.to_bytes(8, "big"),
        )
        return header.copy(**_first_fields(genesis, self.schedule))

    def fork_of(self, header: Header) -> Fork:
        """The rules of a block."""
        return self.schedule.fork_at(header.block_number, header.timestamp, header.difficulty == 0)

    def next_header(self, parent: Header, timestamp: int, coinbase: bytes) -> Header:
        """A block of proof of stake, with the parent's gas limit."""
        draft = Header(
            parent_hash=parent.hash,
            block_number=parent.block_number + 1,
            timestamp=max(parent.timestamp + 1, timestamp),
            gas_limit=parent.gas_limit,
            coinbase=coinbase,
            difficulty=parent.difficulty,
        )
        return draft.copy(**self._fields_after(parent, self.fork_of(draft)))

    def validate_header(self, header: Header, parent: Header) -> None:
        """Time, gas limit, base fee, blobs, and which fields there are (Yellow Paper §4.3.4 and the EIPs)."""
        fork, name = self.fork_of(header), f"block {header.block_number}"
        if header.timestamp <= parent.timestamp:
            raise InvalidBlock(f"{name}: timestamp {header.timestamp} isn't after its parent's")
        if len(header.extra_data) > EXTRA_DATA_MAX_BYTES:
            raise InvalidBlock(f"{name}: extraData of {len(header.extra_data)} bytes")
        if self._is_dao_fork(header) and header.extra_data != DAO_EXTRA_DATA:
            raise InvalidBlock(f"{name}: extraData isn't that of the DAO's fork")
        if header.gas_used > header.gas_limit:
            raise InvalidBlock(f"{name}: gasUsed {header.gas_used} above gasLimit {header.gas_limit}")
        self._validate_gas_limit(header, parent, fork)
        if fork >= Fork.PARIS and (header.uncles_hash != EMPTY_LIST_HASH or any(header.nonce)):
            raise InvalidBlock(f"{name}: uncles or a nonce after the merge")
        expected = self._fields_after(parent, fork)
        for field in ("base_fee_per_gas", "excess_blob_gas"):
            given, wanted = getattr(header, field), expected.get(field)
            if given != wanted:
                raise InvalidBlock(f"{name}: {field} is {given}, not {wanted!r} as its parent wants")
        for field in ("withdrawals_root", "blob_gas_used", "parent_beacon_block_root", "requests_hash"):
            if (getattr(header, field) is None) != (field not in expected):
                what = "has no" if field in expected else "has a"
                raise InvalidBlock(f"{name} {what} {field}, unlike a block of {fork.label}")
        self._warn_of_later_fork(header, parent)

    def validate_stored(self, header: Header) -> None:
        """Nothing: nobody signs these headers."""

    def begin_block(self, state: State, header: Header) -> None:
        """The DAO's money at its fork; the parent's beacon root and hash for contracts to read."""
        if header.block_number == self.schedule.dao_block:
            _move_dao_money(state)
        if header.parent_beacon_block_root is not None:
            _tell(state, BEACON_ROOTS, header.parent_beacon_block_root)
        if header.requests_hash is not None:
            _tell(state, HISTORY, header.parent_hash)

    def end_block(
        self,
        state: State,
        block: UncheckedBlock,
        transactions: Sequence[Transaction],
        receipts: Sequence[Receipt],
    ) -> Header:
        """Rewards before the merge; withdrawals and requests after it."""
        header, fork = block.header, self.fork_of(block.header)
        changes: dict[str, object] = {"uncles_hash": _uncles_hash(block.uncles)}
        if fork < Fork.PARIS:
            _reward(state, block, fork)
        if fork >= Fork.SHANGHAI:
            if block.withdrawals is None:
                raise InvalidBlock(f"{block.name} has no withdrawals, unlike a block of {fork.label}")
            changes["withdrawals_root"] = _withdraw(state, block.withdrawals)
        elif block.withdrawals is not None:
            raise InvalidBlock(f"{block.name} has withdrawals, unlike a block of {fork.label}")
        if rules := self.schedule.blob_rules(fork):
            changes["blob_gas_used"] = used = sum(transaction.blob_gas for transaction in transactions)
            if used > rules.maximum * GAS_PER_BLOB:
                raise InvalidBlock(f"{block.name} has more than {rules.maximum} blobs")
        if fork >= Fork.PRAGUE:
            changes["requests_hash"] = _requests_hash(state, header, self.schedule, receipts)
        return header.copy(**changes)

    def _fields_after(self, parent: Header, fork: Fork) -> dict[str, int | bytes]:
        """The fields that came with later forks, in a block of this one with nothing in it."""
        fields: dict[str, int | bytes] = {}
        if fork >= Fork.LONDON:
            fields["base_fee_per_gas"] = next_base_fee(parent)
        if fork >= Fork.SHANGHAI:
            fields["withdrawals_root"] = EMPTY_ROOT
        if rules := self.schedule.blob_rules(fork):
            fields["blob_gas_used"] = 0
            total = (parent.excess_blob_gas or 0) + (parent.blob_gas_used or 0)
            fields["excess_blob_gas"] = max(0, total - rules.target * GAS_PER_BLOB)
            fields["parent_beacon_block_root"] = bytes(32)
        if fork >= Fork.PRAGUE:
            fields["requests_hash"] = sha256().digest()
        return fields

    def _is_dao_fork(self, header: Header) -> bool:
        """Whether it is one of the blocks that show their side (EIP-779)."""
        first = self.schedule.dao_block
        return first is not None and 0 <= header.block_number - first < DAO_EXTRA_DATA_BLOCKS

    def _validate_gas_limit(self, header: Header, parent: Header, fork: Fork) -> None:
        starts = fork >= Fork.LONDON and parent.base_fee_per_gas is None
        before = parent.gas_limit * (ELASTICITY if starts else 1)
        if abs(header.gas_limit - before) >= max(1, before // GAS_LIMIT_QUOTIENT):
            raise InvalidBlock(
                f"block {header.block_number}: gasLimit {header.gas_limit} is too far from {before} before it"
            )
        if not GAS_LIMIT_LEAST <= header.gas_limit < 2**63:
            raise InvalidBlock(f"block {header.block_number}: gasLimit {header.gas_limit} is out of range")

    def _warn_of_later_fork(self, header: Header, parent: Header) -> None:
        if self.schedule.later_fork is None:
            return
        name, begins = self.schedule.later_fork
        if header.timestamp >= begins > parent.timestamp:
            log.warning(
                "from block %d on the chain is in %s, which this node runs under Prague's rules",
                header.block_number,
                name,
            )


def next_base_fee(parent: Header) -> int:
    """wei a unit of gas in the block after ``parent`` (EIP-1559)."""
    if parent.base_fee_per_gas is None:
        return INITIAL_BASE_FEE
    fee, target = parent.base_fee_per_gas, parent.gas_limit // ELASTICITY
    change = fee * abs(parent.gas_used - target) // target // BASE_FEE_QUOTIENT
    return fee + max(change, 1) if parent.gas_used > target else fee - change


def _first_difficulty(genesis: Genesis) -> int:
    if genesis.difficulty is not None:
        return genesis.difficulty
    if genesis.config.ethash is None:
        return 0
    return 0 if any(genesis.mix_hash) else DIFFICULTY_DEFAULT


def _first_fields(genesis: Genesis, schedule: Schedule) -> dict[str, object]:
    """Fields of later forks in the first block; for them geth takes the chain as merged from the start."""
    fork = schedule.fork_at(0, genesis.timestamp, merged=True)
    fields: dict[str, object] = {}
    if fork >= Fork.LONDON:
        given = genesis.base_fee_per_gas
        fields["base_fee_per_gas"] = INITIAL_BASE_FEE if given is None else given
    if fork >= Fork.SHANGHAI:
        fields["withdrawals_root"] = EMPTY_ROOT
    if fork >= Fork.CANCUN:
        fields["parent_beacon_block_root"] = bytes(32)
        fields["blob_gas_used"] = genesis.blob_gas_used or 0
        fields["excess_blob_gas"] = genesis.excess_blob_gas or 0
    if fork >= Fork.PRAGUE:
        fields["requests_hash"] = sha256().digest()
    return fields


def _tell(state: State, contract: bytes, data: bytes) -> None:
    """Have a contract note something; that it fails is its own affair (EIP-4788, EIP-2935)."""
    with suppress(ExecutionFault):
        call_as_system(state, contract, data)


def _call(state: State, contract: bytes, data: bytes, header: Header) -> bytes:
    try:
        return call_as_system(state, contract, data)
    except ExecutionFault as exc:
        raise InvalidBlock(f"block {header.block_number}: contract 0x{contract.hex()} fails") from exc


def _move_dao_money(state: State) -> None:
    """EIP-779."""
    for entry in dao_drain_list:
        address = bytes.fromhex(entry.removeprefix("0x"))
        state.delta_balance(dao_refund_contract, state.get_balance(address))
        state.set_balance(address, 0)


def _reward(state: State, block: UncheckedBlock, fork: Fork) -> None:
    """The miner's coin, and that of who made the uncles (Yellow Paper §11.3; EIP-649, EIP-1234)."""
    header = block.header
    if block.uncles:
        _validate_uncles(block, list(islice(state.block.previous_hashes(), UNCLE_GENERATIONS + 1)))
    coins = 2 if fork >= Fork.CONSTANTINOPLE else 3 if fork >= Fork.BYZANTIUM else 5
    reward = coins * 10**18
    for uncle in block.uncles:
        age = header.block_number - uncle.block_number
        state.delta_balance(uncle.coinbase, (8 - age) * reward // 8)
    state.delta_balance(header.coinbase, reward + len(block.uncles) * (reward // 32))


def _validate_uncles(block: UncheckedBlock, ancestors: Sequence[bytes]) -> None:
    """Few, recent, different, and each a sister of an ancestor (Yellow Paper §11.1).

    Args:
        ancestors: hashes of the blocks before, newest first.
    """
    header = block.header
    ages = [header.block_number - uncle.block_number for uncle in block.uncles]
    if len(ages) > UNCLES_MAX or not all(1 <= age <= UNCLE_GENERATIONS for age in ages):
        raise InvalidBlock(f"{block.name} has too many or too old uncles")
    if len({uncle.hash for uncle in block.uncles}) != len(ages):
        raise InvalidBlock(f"{block.name} has the same uncle twice")
    for uncle, age in zip(block.uncles, ages, strict=True):
        if uncle.hash == ancestors[age - 1] or uncle.parent_hash not in ancestors[age : age + 1]:
            raise InvalidBlock(f"{block.name} has an uncle that is no sister of an ancestor")


def _uncles_hash(uncles: Sequence[Header]) -> bytes:
    return keccak(encode_raw([uncle.raw() for uncle in uncles]))


def _withdraw(state: State, withdrawals: Sequence[Withdrawal]) -> bytes:
    """Credit withdrawals; their root (EIP-4895)."""
    for withdrawal in withdrawals:
        state.delta_balance(withdrawal.address, withdrawal.amount * GWEI)
        if state.account_exists(withdrawal.address) and state.account_is_empty(withdrawal.address):
            state.delete_account(withdrawal.address)
    return trie_root([encode_raw(withdrawal.raw()) for withdrawal in withdrawals])


def _requests_hash(state: State, header: Header, schedule: Schedule, receipts: Sequence[Receipt]) -> bytes:
    """Requests to the consensus layer (EIP-7685); a network without a contract has none of its kind."""
    kinds = (
        _deposits(header, schedule.deposit_contract, receipts),
        _call(state, WITHDRAWAL_REQUESTS, b"", header),
        _call(state, CONSOLIDATION_REQUESTS, b"", header),
    )
    digests = [sha256(bytes([kind]) + data).digest() for kind, data in enumerate(kinds) if data]
    return sha256(b"".join(digests)).digest()


def _deposits(header: Header, contract: bytes, receipts: Sequence[Receipt]) -> bytes:
    """Deposit requests, from the events of their contract (EIP-6110)."""
    found: list[bytes] = []
    for entry in (entry for receipt in receipts for entry in receipt.logs):
        if entry.address != contract or entry.topics[:1] != (DEPOSIT_TOPIC,):
            continue
        words = [int.from_bytes(entry.data[place : place + 32], "big") for place, _ in DEPOSIT_LAYOUT]
        if len(entry.data) != DEPOSIT_EVENT_BYTES or words != [word for _, word in DEPOSIT_LAYOUT]:
            raise InvalidBlock(f"block {header.block_number}: a deposit event of another form")
        found.extend(entry.data[start : start + length] for start, length in DEPOSIT_PARTS)
    return b"".join(found)
