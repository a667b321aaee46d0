"""The rules of our own networks: an authority signs, gas costs nothing, a block does nothing of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from eth_utils.address import to_canonical_address

from node.block import Receipt, UncheckedBlock
from node.errors import InvalidBlock, WrongFields
from node.forks import Fork, Schedule
from node.genesis import Network
from node.header import Header
from node.rules import GenesisAccount
from node.seal import validate_seal
from node.transaction import ACCESS_LIST, DYNAMIC_FEE, LEGACY, Transaction
from node.trie import EMPTY_ROOT
from node.vm import State

NO_REQUESTS = sha256().digest()
"""EIP-7685's hash of no request."""


@dataclass(frozen=True)
class AuthorityRules:
    """See ``node.rules.Rules``."""

    network: Network

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self.network.chain_id

    @cached_property
    def schedule(self) -> Schedule:
        """Cancun from the first block on, Prague when the network says."""
        times = [(Fork.SHANGHAI, 0), (Fork.CANCUN, 0)]
        if self.network.prague_timestamp is not None:
            times.append((Fork.PRAGUE, self.network.prague_timestamp))
        return Schedule(blocks=((Fork.LONDON, 0),), times=tuple(times))

    @property
    def transaction_types(self) -> Sequence[int]:
        """No blobs, which need a consensus layer, and no delegation of accounts."""
        return (LEGACY, ACCESS_LIST, DYNAMIC_FEE)

    @property
    def genesis_accounts(self) -> Mapping[bytes, GenesisAccount]:
        """Opening balances."""
        return {
            to_canonical_address(address): GenesisAccount(balance)
            for address, balance in self.network.alloc.items()
        }

    def genesis_header(self, state_root: bytes) -> Header:
        """Its extraData commits to what no header field holds."""
        return Header(
            gas_limit=self.network.gas_limit,
            timestamp=self.network.genesis_timestamp,
            state_root=state_root,
            extra_data=self.network.commitment,
            **_fixed_fields(self.schedule.fork_at(0, self.network.genesis_timestamp, merged=True)),
        )

    def next_header(self, parent: Header, timestamp: int, coinbase: bytes) -> Header:
        """Time may stand still but not go back; PREVRANDAO is the parent's hash, no secret."""
        time = max(parent.timestamp, timestamp)
        return Header(
            parent_hash=parent.hash,
            block_number=parent.block_number + 1,
            gas_limit=self.network.gas_limit,
            timestamp=time,
            coinbase=coinbase,
            mix_hash=parent.hash,
            **_fixed_fields(self.schedule.fork_at(parent.block_number + 1, time, merged=True)),
        )

    def validate_header(self, header: Header, parent: Header) -> None:
        """Everything but results and seal follows from the parent; an authority of the time signed."""
        if header.timestamp < parent.timestamp:
            raise InvalidBlock(f"block {header.block_number} is older than its parent")
        results = ("state_root", "transaction_root", "receipt_root", "bloom", "gas_used")
        seal = ("extra_data", "parent_beacon_block_root")
        free = {name: getattr(header, name) for name in (*results, *seal)}
        expected = self.next_header(parent, header.timestamp, header.coinbase).copy(**free)
        if expected != header:
            raise WrongFields(
                f"block {header.block_number} breaks a header rule", header.differences(expected)
            )
        self.validate_stored(header)

    def validate_stored(self, header: Header) -> None:
        """Its seal."""
        validate_seal(header, self.network.authorities_at(header.block_number))

    def begin_block(self, state: State, header: Header) -> None:
        """Nothing: there is no beacon chain to tell of."""

    def end_block(
        self,
        state: State,
        block: UncheckedBlock,
        transactions: Sequence[Transaction],
        receipts: Sequence[Receipt],
    ) -> Header:
        """No rewards, no withdrawals, no requests."""
        if block.uncles or block.withdrawals:
            raise InvalidBlock(f"{block.name} has uncles or withdrawals, which this network does not")
        return block.header


def _fixed_fields(fork: Fork) -> dict[str, Any]:
    """What later forks added and has always the same value here; the seal fills the beacon root."""
    fields: dict[str, Any] = {
        "base_fee_per_gas": 0,
        "withdrawals_root": EMPTY_ROOT,
        "blob_gas_used": 0,
        "excess_blob_gas": 0,
        "parent_beacon_block_root": bytes(32),
    }
    return {**fields, "requests_hash": NO_REQUESTS} if fork >= Fork.PRAGUE else fields
