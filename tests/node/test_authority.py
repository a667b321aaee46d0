"""Our own networks over time: authorities that change, and the step from Cancun's rules to Prague's."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey

from node import chain as chain_module
from node.authority import NO_REQUESTS
from node.block import UncheckedBlock
from node.chain import Chain, open_chain
from node.errors import InvalidBlock, InvalidSeal, SetupError
from node.forks import Fork
from node.genesis import Network
from node.seal import seal_header
from node.transaction import Transaction, decode_transaction

FIRST, SECOND = PrivateKey(b"\x01" * 32), PrivateKey(b"\x02" * 32)
SENDER = Account.from_key("0x" + "03" * 32)
CHAIN_ID = 31_707
STARTED = 1_700_000_000


def address(key: PrivateKey) -> str:
    return key.public_key.to_checksum_address()


def network(**fields: Any) -> Network:
    values = {"authorities": [address(FIRST)], "genesis_timestamp": STARTED, "gas_limit": 30_000_000}
    return Network(chain_id=CHAIN_ID, **(values | fields))


def payment(nonce: int, data: bytes = b"", gas: int = 100_000) -> Transaction:
    fields = {"nonce": nonce, "gas": gas, "gasPrice": 0, "value": 0, "chainId": CHAIN_ID, "data": data}
    raw = SENDER.sign_transaction(fields | {"to": "0x" + "11" * 20}).raw_transaction
    return decode_transaction(bytes(raw), CHAIN_ID)


@pytest.fixture
def opener(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Chain]:
    """Opens chains by name, and closes them with the test."""

    def open_one(name: str, rules: Network, key: PrivateKey | None) -> Chain:
        (tmp_path / name).mkdir(exist_ok=True)
        chain = open_chain(tmp_path / name, rules, key)
        request.addfinalizer(chain.store.close)
        return chain

    return open_one


def rotated() -> Network:
    """From block 2 on the second authority seals."""
    return network(rotations=[{"block": 2, "authorities": [address(SECOND)]}])


def test_authorities_take_turns_at_the_stated_block(opener: Callable[..., Chain]) -> None:
    replica = opener("replica", rotated(), None)
    early = opener("early", rotated(), FIRST)
    replica.import_block(early.make_block([payment(0)]).block.unchecked())
    early.store.close()
    late = opener("early", rotated(), SECOND)
    block = late.make_block([payment(1)]).block
    replica.import_block(block.unchecked())
    assert replica.head.hash == late.head.hash
    assert late.head.coinbase == SECOND.public_key.to_canonical_address()


def test_an_authority_whose_time_is_over_is_refused(opener: Callable[..., Chain]) -> None:
    replica, old = opener("replica", rotated(), None), opener("old", network(), FIRST)
    replica.import_block(old.make_block([payment(0)]).block.unchecked())
    with pytest.raises(InvalidSeal, match="who is no authority"):
        replica.import_block(old.make_block([payment(1)]).block.unchecked())


def test_nobody_seals_what_is_not_theirs_yet(opener: Callable[..., Chain]) -> None:
    early = opener("early", rotated(), SECOND)
    with pytest.raises(InvalidBlock, match="is no authority of block 1"):
        early.make_block([payment(0)])
    assert early.head.block_number == 0


@pytest.mark.parametrize("blocks", [(5, 5), (6, 5)])
def test_rotations_ascend(blocks: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="each block above the one before"):
        network(rotations=[{"block": block, "authorities": [address(SECOND)]} for block in blocks])


def test_a_key_that_is_never_an_authority_is_refused(opener: Callable[..., Chain]) -> None:
    with pytest.raises(SetupError, match="no authority"):
        opener("made", rotated(), PrivateKey(b"\x05" * 32))


def test_prague_begins_at_its_time(opener: Callable[..., Chain], monkeypatch: pytest.MonkeyPatch) -> None:
    rules = network(prague_timestamp=STARTED + 100)
    clock = iter([STARTED + 99, STARTED + 100, STARTED + 101])
    monkeypatch.setattr(chain_module.time, "time", lambda: next(clock))
    chain, replica = opener("made", rules, FIRST), opener("replica", rules, None)
    data = b"\x01" * 100
    blocks = [chain.make_block([payment(nonce, data)]).block for nonce in range(3)]
    assert [block.header.requests_hash for block in blocks] == [None, NO_REQUESTS, NO_REQUESTS]
    assert [chain.context_of(block.header).fork for block in blocks] == [
        Fork.CANCUN,
        Fork.PRAGUE,
        Fork.PRAGUE,
    ]
    # EIP-7623: a byte that isn't zero costs 16 before, at least 40 after.
    assert [block.header.gas_used for block in blocks] == [22_600, 25_000, 25_000]
    for block in blocks:
        replica.import_block(UncheckedBlock.decode(block.unchecked().encode()))
    assert replica.head.hash == chain.head.hash


def test_a_block_of_cancun_is_refused_after_prague(opener: Callable[..., Chain]) -> None:
    old, replica = opener("old", network(), FIRST), opener("new", network(prague_timestamp=0), None)
    assert old.header(0).hash != replica.header(0).hash
    block = old.make_block([payment(0)]).block.unchecked()
    header = seal_header(block.header.copy(parent_hash=replica.head.hash, mix_hash=replica.head.hash), FIRST)
    with pytest.raises(InvalidBlock, match="header rule: requests_hash"):
        replica.import_block(replace(block, header=header))


def test_blocks_here_have_neither_uncles_nor_withdrawals(opener: Callable[..., Chain]) -> None:
    chain, replica = opener("made", network(), FIRST), opener("replica", network(), None)
    block = chain.make_block([payment(0)]).block.unchecked()
    assert block.withdrawals == ()
    with pytest.raises(InvalidBlock, match="uncles or withdrawals"):
        replica.import_block(replace(block, uncles=(chain.header(0),)))
