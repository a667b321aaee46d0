"""What the rules of imported networks refuse beside altered fields: uncles, marks, contracts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from node.block import UncheckedBlock
from node.chain import Chain, open_chain
from node.errors import InvalidBlock
from node.forks import MAINNET_DEPOSIT_CONTRACT
from node.header import Header
from node.standard import BEACON_ROOTS, HISTORY, WITHDRAWAL_REQUESTS
from tests.node.state_tests.loader import genesis_of, read_tests
from tests.node.state_tests.scenarios import code

CHAINS = dict(read_tests(Path(__file__).parent / "state_tests" / "chains.json"))
Opener = Callable[..., tuple[Chain, UncheckedBlock]]


@pytest.fixture
def at_block(tmp_path: Path) -> Iterator[Opener]:
    """A chain of chains.json before a block, with other programs in its genesis if wished, and that block."""
    opened: list[Chain] = []

    def run(name: str, number: int, **programs: bytes) -> tuple[Chain, UncheckedBlock]:
        test: dict[str, Any] = CHAINS[name]
        changed = {
            address: test["pre"][address] | {"code": "0x" + to.hex()} for address, to in programs.items()
        }
        chain = open_chain(tmp_path, genesis_of(test | {"pre": test["pre"] | changed}), None)
        opened.append(chain)
        good = (block for block in test["blocks"] if "expectException" not in block)
        blocks = [UncheckedBlock.decode(bytes.fromhex(block["rlp"][2:])) for block in good]
        for block in blocks[: number - 1]:
            chain.import_block(block)
        block = blocks[number - 1]
        return chain, replace(block, header=block.header.copy(parent_hash=chain.head.hash))

    yield run
    for chain in opened:
        chain.store.close()


def no_child(uncle: Header, chain: Chain) -> Header:
    return uncle.copy(parent_hash=b"\x01" * 32)


def of_another_generation(uncle: Header, chain: Chain) -> Header:
    return uncle.copy(parent_hash=chain.head.hash)


def ancestor(uncle: Header, chain: Chain) -> Header:
    return chain.header(uncle.block_number)


@pytest.mark.parametrize("alter", [no_child, of_another_generation, ancestor])
def test_uncles_are_sisters_of_ancestors(at_block: Opener, alter: Callable[[Header, Chain], Header]) -> None:
    chain, block = at_block("chain_Istanbul", 3)
    with pytest.raises(InvalidBlock, match="an uncle that is no sister of an ancestor"):
        chain.import_block(replace(block, uncles=(block.uncles[0], alter(block.uncles[1], chain))))
    assert chain.import_block(block).uncles == block.uncles


def test_the_dao_fork_bears_its_mark(at_block: Opener) -> None:
    chain, block = at_block("chain_HomesteadToDaoAt5", 5)
    with pytest.raises(InvalidBlock, match="extraData isn't that of the DAO's fork"):
        chain.import_block(replace(block, header=block.header.copy(extra_data=b"")))
    chain.import_block(block)


def test_a_deposit_event_has_its_layout(at_block: Opener) -> None:
    event = keccak(b"DepositEvent(bytes,bytes,bytes,bytes,bytes)")
    program = code("CALLDATASIZE", 0, 0, "CALLDATACOPY", 1, 0, "MSTORE", event, "CALLDATASIZE", 0, "LOG1")
    chain, block = at_block("chain_Prague", 1, **{"0x" + MAINNET_DEPOSIT_CONTRACT.hex(): program})
    with pytest.raises(InvalidBlock, match="a deposit event of another form"):
        chain.import_block(block)


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (BEACON_ROOTS, "doesn't follow from its transactions"),
        (HISTORY, "doesn't follow from its transactions"),
        (WITHDRAWAL_REQUESTS, "contract 0x00000961ef480eb55e80d19ad83579a64c007002 fails"),
    ],
)
def test_contracts_that_a_block_calls_may_fail_or_not(at_block: Opener, contract: bytes, reason: str) -> None:
    """Those that are told something may (EIP-4788, EIP-2935), those that are asked may not (EIP-7002)."""
    chain, block = at_block("chain_Prague", 1, **{"0x" + contract.hex(): b"\xfe"})
    with pytest.raises(InvalidBlock, match=reason):
        chain.import_block(block)
