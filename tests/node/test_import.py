"""Chains as other clients write them: genesis.json, RLP files, every fork, and how bad ones are named."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from node.block import UncheckedBlock
from node.chain import Chain, open_chain
from node.cli import app
from node.errors import InvalidBlock, MalformedBlock
from node.forks import Fork
from node.geth import Genesis
from node.header import Header
from node.standard import next_base_fee
from node.trie import trie_root
from tests.node import forks
from tests.node.conftest import RunningNode

EMPTY_CODE_GENESIS = {
    "config": {
        "chainId": 9,
        **{
            f"{name}Block": 0
            for name in (
                *("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg"),
                *("istanbul", "berlin", "london"),
            )
        },
        "shanghaiTime": 0,
        "cancunTime": 0,
        "pragueTime": 0,
        "blobSchedule": {"cancun": {"target": 1, "max": 2, "baseFeeUpdateFraction": 3338477}},
        "somethingNew": {"is": "ignored"},
    },
    "gasLimit": "0x1c9c380",
    "difficulty": "0x0",
    "alloc": {},
}


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def theirs() -> list[bytes]:
    """Blocks of every fork from Frontier to London."""
    return list(forks.blocks())


@pytest.fixture(scope="module")
def genesis_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("theirs") / "genesis.json"
    path.write_text(json.dumps(forks.genesis()))
    return path


@pytest.fixture
def data(tmp_path: Path, genesis_file: Path) -> Path:
    """A data directory at the first block."""
    made = command("init", "--genesis", genesis_file, "--data", tmp_path / "data")
    assert made.exit_code == 0, made.stderr
    return tmp_path / "data"


@pytest.fixture
def chain(data: Path, genesis_file: Path) -> Iterator[Chain]:
    opened = open_chain(data, Genesis.load(data), None)
    yield opened
    opened.store.close()


def rlp_file(tmp_path: Path, *parts: bytes) -> Path:
    path = tmp_path / "chain.rlp"
    path.write_bytes(b"".join(parts))
    return path


def test_every_fork_is_imported_and_written_again_byte_by_byte(
    data: Path, tmp_path: Path, theirs: list[bytes]
) -> None:
    done = command("import", "--data", data, rlp_file(tmp_path, *theirs))
    assert json.loads(done.stdout) == {"added": forks.HEAD, "known": 0, "head": forks.HEAD}, done.stderr
    written = command("export", "--data", data, tmp_path / "again.rlp")
    assert written.exit_code == 0, written.stderr
    assert (tmp_path / "again.rlp").read_bytes() == b"".join(theirs)
    again = command("import", "--data", data, tmp_path / "again.rlp")
    assert json.loads(again.stdout) == {"added": 0, "known": forks.HEAD, "head": forks.HEAD}


def test_an_imported_chain_is_served(
    data: Path, tmp_path: Path, theirs: list[bytes], running: Callable[..., RunningNode]
) -> None:
    command("import", "--data", data, rlp_file(tmp_path, *theirs))
    node = running(data).start()
    last = UncheckedBlock.decode(theirs[-1])
    head = node.rpc("eth_getBlockByNumber", "latest", False)["result"]
    assert head["hash"] == f"0x{last.header.hash.hex()}"
    assert "baseFeePerGas" in head
    first = node.rpc("eth_getBlockByNumber", "0x1", True)["result"]
    assert "baseFeePerGas" not in first
    assert [entry["type"] for entry in first["transactions"]] == ["0x0"] * 6
    assert int(node.rpc("eth_getBalance", f"0x{forks.MINER.hex()}", "0x1")["result"], 16) > 5 * 10**18


def test_a_bad_block_is_named_and_the_good_ones_before_it_stay(
    data: Path, tmp_path: Path, theirs: list[bytes]
) -> None:
    third = UncheckedBlock.decode(theirs[2])
    lie = replace(third, header=third.header.copy(state_root=b"\x01" * 32))
    done = command("import", "--data", data, rlp_file(tmp_path, *theirs[:2], lie.encode(), *theirs[3:]))
    assert done.exit_code == 1
    assert f"block 3 (0x{lie.header.hash.hex()})" in done.stderr
    assert "state_root is 0x0101" in done.stderr
    more = command("import", "--data", data, rlp_file(tmp_path, *theirs))
    assert json.loads(more.stdout) == {"added": forks.HEAD - 2, "known": 2, "head": forks.HEAD}


@pytest.mark.parametrize("cut", [1, 100, 600])
def test_a_file_that_ends_within_a_block(data: Path, tmp_path: Path, theirs: list[bytes], cut: int) -> None:
    done = command("import", "--data", data, rlp_file(tmp_path, theirs[0], theirs[1][:-cut]))
    assert done.exit_code == 1
    assert "ends within its entry 2" in done.stderr
    assert json.loads(command("import", "--data", data, rlp_file(tmp_path, theirs[0])).stdout)["known"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "entry 1 of the file is no block: it is no list"),
        (b"\xc0", "3 or 4 parts"),
        (b"\xff" * 20, "too large"),
        (b"\xc3\xc0\xc0\xc0", "fields"),
        (b"\xf8", "cut off"),
    ],
)
def test_files_that_hold_no_blocks(data: Path, tmp_path: Path, content: bytes, reason: str) -> None:
    done = command("import", "--data", data, rlp_file(tmp_path, content))
    assert done.exit_code == 1
    assert reason in done.stderr


def test_blocks_of_another_chain(data: Path, tmp_path: Path, theirs: list[bytes]) -> None:
    done = command("import", "--data", data, rlp_file(tmp_path, theirs[1]))
    assert done.exit_code == 1
    assert "doesn't follow block 0" in done.stderr


LIES: list[tuple[str, Any, str]] = [
    ("timestamp", forks.STARTED, "isn't after its parent's"),
    ("extra_data", bytes(33), "extraData of 33 bytes"),
    ("gas_limit", 31_000_000, "too far"),
    ("gas_used", 31_000_000, "above gasLimit"),
    ("base_fee_per_gas", 7, "base_fee_per_gas is 7, not None"),
    ("receipt_root", b"\x01" * 32, "receipt_root is 0x01"),
    ("transaction_root", b"\x01" * 32, "transaction_root is 0x01"),
    ("uncles_hash", b"\x01" * 32, "uncles_hash is 0x01"),
    ("bloom", 1, "bloom is 1"),
    ("gas_used", 7, "gas_used is 7"),
    ("coinbase", bytes(20), "state_root is"),
]


@pytest.mark.parametrize(("field", "value", "reason"), LIES)
def test_each_field_is_checked(
    chain: Chain, theirs: list[bytes], field: str, value: object, reason: str
) -> None:
    block = UncheckedBlock.decode(theirs[0])
    with pytest.raises(InvalidBlock, match=reason):
        chain.import_block(replace(block, header=block.header.copy(**{field: value})))
    assert chain.head.block_number == 0
    chain.import_block(block)


def test_a_transaction_of_a_later_fork_is_refused(chain: Chain, theirs: list[bytes]) -> None:
    newer = UncheckedBlock.decode(theirs[-1]).raw_transactions[-1]
    first = UncheckedBlock.decode(theirs[0])
    header = first.header.copy(transaction_root=trie_root([newer]))
    with pytest.raises(InvalidBlock, match="transaction type not supported: 2"):
        chain.import_block(replace(first, header=header, raw_transactions=(newer,)))


def test_uncles_are_paid_and_checked(chain: Chain, theirs: list[bytes]) -> None:
    for raw in theirs[:2]:
        chain.import_block(UncheckedBlock.decode(raw))
    block = UncheckedBlock.decode(theirs[2])
    uncle = chain.header(2).copy(coinbase=b"\x0d" * 20)
    for uncles in ((uncle, uncle), (uncle.copy(block_number=3),), (uncle,) * 3):
        with pytest.raises(InvalidBlock, match="uncle"):
            chain.import_block(replace(block, uncles=uncles))
    with pytest.raises(InvalidBlock, match="uncles_hash"):
        chain.import_block(replace(block, uncles=(uncle,)))


def test_headers_of_every_fork_are_read_as_written() -> None:
    later: dict[str, Any] = {
        "base_fee_per_gas": 7,
        "withdrawals_root": b"\x02" * 32,
        "blob_gas_used": 131_072,
        "excess_blob_gas": 0,
        "parent_beacon_block_root": b"\x03" * 32,
        "requests_hash": b"\x04" * 32,
    }
    for count in (0, 1, 2, 5, 6):
        header = Header(block_number=5, bloom=1 << 2_047, **dict(list(later.items())[:count]))
        assert Header.from_raw(header.raw()) == header
    for count in (3, 4):
        with pytest.raises(MalformedBlock, match="fields"):
            Header.from_raw(Header(**dict(list(later.items())[:count])).raw())


@pytest.mark.parametrize(
    ("gas_used", "fee"), [(15_000_000, 1_000), (30_000_000, 1_125), (0, 875), (15_000_001, 1_001)]
)
def test_the_base_fee_follows_demand(gas_used: int, fee: int) -> None:
    """EIP-1559, by hand: an eighth up when full, an eighth down when empty, at least one wei up."""
    parent = Header(gas_limit=30_000_000, gas_used=gas_used, base_fee_per_gas=1_000)
    assert next_base_fee(parent) == fee


def test_a_genesis_of_prague_has_all_its_fields() -> None:
    genesis = Genesis.parse(json.dumps(EMPTY_CODE_GENESIS), "genesis.json")
    assert genesis.schedule.fork_at(0, 0, merged=True) == Fork.PRAGUE
    assert genesis.schedule.blob_rules(Fork.CANCUN).maximum == 2
    assert genesis.schedule.blob_rules(Fork.PRAGUE).maximum == 9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"config": None}, "config"),
        ({"gasLimit": "many"}, "gasLimit: Value error, 'many' is no number"),
        ({"alloc": {"0x12": {}}}, "is no address"),
        ({"number": 5}, "number 5, not 0"),
        ({"mixHash": "0x00"}, "mixHash: Value error, 32 bytes expected"),
    ],
)
def test_bad_genesis_files(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    path = tmp_path / "genesis.json"
    path.write_text(json.dumps({**EMPTY_CODE_GENESIS, **change}))
    done = command("init", "--genesis", path, "--data", tmp_path / "data")
    assert done.exit_code == 1
    assert reason in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"byzantiumBlock": 5}, "Constantinople at block 0 comes before Byzantium at 5"),
        ({"eip155Block": 1}, "eip155Block and eip158Block differ"),
        ({"cancunTime": 9, "pragueTime": 8}, "Prague at time 8 comes before Cancun at 9"),
    ],
)
def test_schedules_that_cannot_be(tmp_path: Path, change: dict[str, int], reason: str) -> None:
    path = tmp_path / "genesis.json"
    config = {**EMPTY_CODE_GENESIS["config"], **change}
    path.write_text(json.dumps({**EMPTY_CODE_GENESIS, "config": config}))
    done = command("init", "--genesis", path, "--data", tmp_path / "data")
    assert done.exit_code == 1
    assert reason in done.stderr


def test_either_a_genesis_or_a_chain_id(tmp_path: Path, genesis_file: Path) -> None:
    for options in ([], ["--chain-id", 5, "--genesis", genesis_file]):
        done = command("init", "--data", tmp_path / "data", *options)
        assert done.exit_code == 1
        assert "either --chain-id" in done.stderr


def test_export_names_what_is_not_there(data: Path, tmp_path: Path) -> None:
    done = command("export", "--data", data, tmp_path / "out.rlp", "--last", 5)
    assert done.exit_code == 1
    assert "this chain has 0 to 0" in done.stderr
