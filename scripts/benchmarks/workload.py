"""What the benches work on: people, payout rows, and the plain token our payouts are compared with."""

import sys

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from vyper.compiler import compile_code

from contracts.ids import name_id
from contracts.rows import Row, RowTree

__all__ = [
    "AGENCY",
    "AUDITOR",
    "BANK",
    "ENTERPRISE",
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
    "note",
]

ZERO = bytes(32)
BANK, AGENCY, ENTERPRISE, AUDITOR = (name_id(name) for name in ("bank", "agency", "enterprise", "auditor"))
QUORUM, TREE, PROJECT, WAGES = (name_id(name) for name in ("quorum", "tree", "project", "wages"))

Figure = dict[str, object]
"""One result line: `bench`, `value`, `unit`, and what one needs to read the value."""

ERC20_SOURCE = """
# pragma version 0.4.3
event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

balanceOf: public(HashMap[address, uint256])

@deploy
def __init__(first: address, second: address):
    self.balanceOf[first] = 10**18
    self.balanceOf[second] = 10**18

@external
def transfer(receiver: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)
    return True
"""


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


def erc20_creation(first: str, second: str) -> bytes:
    """Creation code of the plain token, which two addresses hold."""
    made: str = compile_code(ERC20_SOURCE, output_formats=["bytecode"])["bytecode"]
    return bytes.fromhex(made[2:]) + encode(["address", "address"], [first, second])


def erc20_transfer(receiver: str, amount: int) -> bytes:
    """Calldata of one transfer of the plain token."""
    return keccak(b"transfer(address,uint256)")[:4] + encode(["address", "uint256"], [receiver, amount])
