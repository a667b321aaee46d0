"""What the benches work on: people, payout rows, and the plain token our payouts are compared with."""

import sys
from collections.abc import Sequence
from pathlib import Path

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from vyper.compiler import compile_code
from vyper.compiler.settings import Settings

from contracts.ids import name_id
from contracts.rows import CHUNK_ROWS, Row, RowTree

__all__ = [
    "AGENCY",
    "AUDITOR",
    "BANK",
    "ENTERPRISE",
    "PAYOUT_ROWS",
    "PROJECT",
    "QUORUM",
    "TREE",
    "WAGES",
    "ZERO",
    "BenchFailed",
    "Figure",
    "actor",
    "batch_of",
    "erc20_creation",
    "erc20_transfer",
    "erc1155_creation",
    "erc1155_transfer",
    "note",
]

ZERO = bytes(32)
BANK, AGENCY, ENTERPRISE, AUDITOR = (name_id(name) for name in ("bank", "agency", "enterprise", "auditor"))
QUORUM, TREE, PROJECT, WAGES = (name_id(name) for name in ("quorum", "tree", "project", "wages"))

PAYOUT_ROWS = 128 * CHUNK_ROWS
"""Of the batch whose payout is timed."""

Figure = dict[str, object]
"""One result line: `bench`, `value`, `unit`, and what one needs to read the value."""

PEERS = Path(__file__).parent / "peers"


class BenchFailed(Exception):
    """What was to be measured did not happen."""


def note(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


def actor(name: str) -> LocalAccount:
    """The account of a role, the same in every run."""
    held: LocalAccount = Account.from_key(keccak(name.encode()))
    return held


def batch_of(count: int) -> RowTree:
    """Rows as they come: rising roster index, amounts around five thousand yuan, hashes as information."""
    return RowTree([Row(i, 500_000 + 7 * i, keccak(b"%d" % i)) for i in range(count)])


def erc20_creation(first: str, second: str, evm_version: str = "cancun") -> bytes:
    """Creation code of the plain token, which two addresses hold."""
    return _peer("token", evm_version) + encode(["address", "address"], [first, second])


def erc20_transfer(receiver: str, amount: int) -> bytes:
    """Calldata of one transfer of the plain token."""
    return keccak(b"transfer(address,uint256)")[:4] + encode(["address", "uint256"], [receiver, amount])


def erc1155_creation(first: str, second: str, number: int, evm_version: str = "cancun") -> bytes:
    """Creation code of the plain multi-token: so many tokens, which two addresses hold."""
    holders = encode(["address", "address", "uint256"], [first, second, number])
    return _peer("multi_token", evm_version) + holders


def erc1155_transfer(sender: str, receiver: str, amounts: Sequence[int]) -> bytes:
    """Calldata of one batch transfer of the plain multi-token, one amount a token."""
    types = ["address", "address", "uint256[]", "uint256[]", "bytes"]
    selector = keccak(f"safeBatchTransferFrom({','.join(types)})".encode())[:4]
    return selector + encode(types, [sender, receiver, list(range(len(amounts))), list(amounts), b""])


def _peer(name: str, evm_version: str) -> bytes:
    """Creation code of a contract to compare with."""
    source = (PEERS / f"{name}.vy").read_text("utf-8")
    made: dict[str, str] = compile_code(
        source, output_formats=["bytecode"], settings=Settings(evm_version=evm_version)
    )
    return bytes.fromhex(made["bytecode"][2:])
