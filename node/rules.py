"""What every kind of network must say: its first block, its header rules, and a block's own acts.

Our own networks (``node.authority``) and those read from a genesis.json (``node.standard``) both do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from node.block import Receipt, UncheckedBlock
from node.forks import Schedule
from node.header import Header
from node.transaction import Transaction
from node.vm import State


@dataclass(frozen=True, slots=True)
class GenesisAccount:
    """What an address holds before the first block."""

    balance: int = 0
    """wei."""
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[int, int] = field(default_factory=dict)


class Rules(Protocol):
    """The rules of one network."""

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""

    @property
    def schedule(self) -> Schedule:
        """Its forks."""

    @property
    def transaction_types(self) -> Sequence[int]:
        """The types of transactions the pool takes."""

    @property
    def genesis_accounts(self) -> Mapping[bytes, GenesisAccount]:
        """The state before the first block."""

    def genesis_header(self, state_root: bytes) -> Header:
        """Block 0 over the state of ``genesis_accounts``."""

    def next_header(self, parent: Header, timestamp: int, coinbase: bytes) -> Header:
        """The header of a block after ``parent``, before results and seal.

        Args:
            timestamp: Unix seconds; taken as it is if the rules allow it after the parent's.
        """

    def validate_header(self, header: Header, parent: Header) -> None:
        """Whether a header may follow its parent.

        Raises:
            InvalidBlock: it breaks a rule.
        """

    def validate_stored(self, header: Header) -> None:
        """Whether a header of the own database is one this network can have (``InvalidBlock``)."""

    def begin_block(self, state: State, header: Header) -> None:
        """Write what a block writes before its transactions."""

    def end_block(
        self,
        state: State,
        block: UncheckedBlock,
        transactions: Sequence[Transaction],
        receipts: Sequence[Receipt],
    ) -> Header:
        """Write what a block writes after its transactions; the header with what follows from that.

        Raises:
            InvalidBlock: uncles, withdrawals or blobs that may not be.
        """
