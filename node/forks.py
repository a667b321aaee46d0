"""The forks of Ethereum's rules that the node knows, and when a chain changes from one to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from node.transaction import ACCESS_LIST, BLOB, CREATE, DYNAMIC_FEE, LEGACY, SET_CODE, Transaction

__all__ = [
    "BLOB_RULES",
    "BlobRules",
    "Fork",
    "Schedule",
    "gas_floor",
    "intrinsic_gas",
    "transaction_types",
]


class Fork(IntEnum):
    """Named rules, in the order they came; a later one holds all of an earlier one but what it changed."""

    FRONTIER = 0
    HOMESTEAD = 1
    TANGERINE_WHISTLE = 2
    SPURIOUS_DRAGON = 3
    BYZANTIUM = 4
    CONSTANTINOPLE = 5
    PETERSBURG = 6
    ISTANBUL = 7
    BERLIN = 8
    LONDON = 9
    PARIS = 10
    SHANGHAI = 11
    CANCUN = 12
    PRAGUE = 13

    @property
    def label(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ").title()


@dataclass(frozen=True, slots=True)
class BlobRules:
    """How many blobs a block has, and how their price moves (EIP-4844, EIP-7840)."""

    target: int
    maximum: int
    fraction: int
    """Update fraction of the blob base fee."""


BLOB_RULES: Mapping[Fork, BlobRules] = {
    Fork.CANCUN: BlobRules(3, 6, 3_338_477),
    Fork.PRAGUE: BlobRules(6, 9, 5_007_716),
}
"""Those of the public networks."""

MAINNET_DEPOSIT_CONTRACT = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When which fork begins; blocks before the first entry follow Frontier's rules."""

    blocks: tuple[tuple[Fork, int], ...]
    """Forks up to London by block number, earliest first."""
    times: tuple[tuple[Fork, int], ...]
    """Forks from Shanghai on by Unix seconds, earliest first; they need a merged chain."""
    blobs: Mapping[Fork, BlobRules] = field(default_factory=lambda: BLOB_RULES)
    deposit_contract: bytes = MAINNET_DEPOSIT_CONTRACT
    """Whose events are deposit requests (EIP-6110)."""
    dao_block: int | None = None
    """Where the money of the DAO is moved (EIP-779)."""
    later_fork: tuple[str, int] | None = None
    """The first fork this node doesn't know, and its Unix seconds; it runs under the last known rules."""

    def fork_at(self, number: int, timestamp: int, merged: bool) -> Fork:
        """The rules of a block.

        Args:
            merged: whether the block comes from proof of stake, which its zero difficulty tells.
        """
        fork = Fork.FRONTIER
        for candidate, first in self.blocks:
            if number >= first:
                fork = candidate
        if not merged or fork < Fork.LONDON:
            return fork
        fork = Fork.PARIS
        for candidate, begins in self.times:
            if timestamp >= begins:
                fork = candidate
        return fork

    def blob_rules(self, fork: Fork) -> BlobRules | None:
        """Those of a fork; ``None`` before Cancun."""
        known = [rules for entry, rules in sorted(self.blobs.items()) if entry <= fork]
        return known[-1] if known else None


def transaction_types(fork: Fork) -> tuple[int, ...]:
    """The types a block may hold (EIP-2718 and those that use it)."""
    since = {
        ACCESS_LIST: Fork.BERLIN,
        DYNAMIC_FEE: Fork.LONDON,
        BLOB: Fork.CANCUN,
        SET_CODE: Fork.PRAGUE,
    }
    return (LEGACY, *(type_id for type_id, first in since.items() if fork >= first))


def intrinsic_gas(transaction: Transaction, fork: Fork) -> int:
    """Gas taken before execution under a fork's rules, without the init code's words."""
    gas = transaction.intrinsic_gas
    if fork < Fork.ISTANBUL:  # EIP-2028: 68 a byte that isn't zero became 16
        gas += (68 - 16) * (len(transaction.data) - transaction.data.count(0))
    if fork < Fork.HOMESTEAD and transaction.to == CREATE:  # EIP-2
        gas -= 32_000
    return gas


def gas_floor(transaction: Transaction, fork: Fork) -> int:
    """The least gas limit with which a transaction is valid under a fork's rules."""
    gas = intrinsic_gas(transaction, fork)
    if fork >= Fork.SHANGHAI and transaction.to == CREATE:  # EIP-3860
        gas += 2 * ((len(transaction.data) + 31) // 32)
    if fork >= Fork.PRAGUE:  # EIP-7623
        tokens = 4 * len(transaction.data) - 3 * transaction.data.count(0)
        gas = max(gas, 21_000 + 10 * tokens)
    return gas
