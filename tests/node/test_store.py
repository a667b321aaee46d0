"""The store alone: what each of its halves loses the other gives back, and damage is named."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from typer.testing import CliRunner

from node import engine as engine_module
from node import prune as prune_module
from node.chain import Chain, open_chain
from node.check import Checked, check_chain
from node.cli import app
from node.engine import Engine
from node.errors import CheckFailed, DamagedStore, NodeError, StateUnavailable, StoreError
from node.genesis import Network
from node.journal import Journal
from node.keys import load_key
from node.prune import prune
from node.service import open_directory
from node.store import Store
from node.tables import BODIES, HEADERS, LOG_TOPICS, META, NUMBER, RECEIPTS, STATE, TRANSACTIONS
from node.transaction import decode_transaction
from tests.node import forks

CHAIN_ID = 31_707
SENDER = Account.from_key("0x" + "03" * 32)
LOGGER = bytes.fromhex("6001600052602060006000a1600060005560016000f3")
"""Init code: logs 1 under topic 0 (LOG1) and leaves one byte of code."""


KEEPER = bytes.fromhex("66 60003560005500 600052 60076019f3")
"""Init code of a contract that stores its input's first word."""


def sign(nonce: int, **fields: Any) -> Any:
    """A transaction of the one sender."""
    values = {"nonce": nonce, "gas": 200_000, "gasPrice": 0, "value": 0, "chainId": CHAIN_ID}
    return decode_transaction(bytes(SENDER.sign_transaction(values | fields).raw_transaction), CHAIN_ID)


def send(nonce: int) -> Any:
    """A transaction that logs, on every third nonce; else a transfer of nothing to a new address."""
    if nonce % 3 == 0:
        return sign(nonce, data=LOGGER)
    return sign(nonce, to=(nonce + 1_000).to_bytes(20, "big"))


def grow(chain: Chain, blocks: int) -> None:
    nonce = chain.account_at_head(bytes.fromhex(SENDER.address[2:])).nonce
    for number in range(blocks):
        chain.make_block([send(nonce + 2 * number), send(nonce + 2 * number + 1)])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory with a network and nothing but genesis."""
    key = PrivateKey(b"\x01" * 32)
    made = tmp_path / "data"
    made.mkdir()
    Network.new(CHAIN_ID, [key.public_key.to_checksum_address()]).save(made)
    (made / "authority.key").write_text(key.to_bytes().hex())
    return made


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Chain]]:
    """Opens chains; all are closed with the test."""
    chains: list[Chain] = []

    def open_(directory: Path) -> Chain:
        chains.append(open_chain(directory, Network.load(directory), load_key(directory, None)))
        return chains[-1]

    yield open_
    for chain in chains:
        chain.store.close()


@pytest.fixture
def grown(directory: Path, tmp_path: Path, opened: Any) -> Path:
    """A data directory with 12 blocks in several files, as after kill -9: the last ones are in the log."""
    for _ in range(3):
        chain = opened(directory)
        grow(chain, 3)
        chain.store.close()
    grow(opened(directory), 3)
    killed = tmp_path / "killed"
    shutil.copytree(directory, killed)
    return killed


def files_of(directory: Path) -> list[Path]:
    """All files of the store that hold something, but RocksDB's own diary."""
    return sorted(
        path
        for path in (directory / "chain").rglob("*")
        if path.is_file() and path.stat().st_size and not path.name.startswith("LOG")
    )


def head_hash(directory: Path, opened: Any) -> bytes:
    chain = opened(directory)
    digest: bytes = chain.head.hash
    chain.store.close()
    return digest


def check_directory(directory: Path) -> Checked:
    """What ``dyetrace node check`` does."""
    with open_directory(directory) as chain:
        return check_chain(chain, directory)


def fault_of(directory: Path) -> str:
    """What ``check`` says is wrong; empty if all of the 12 blocks are right."""
    try:
        assert check_directory(directory).head == 12
    except StoreError as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize("cut", [1, 90, 400, 5_000])
def test_any_file_cut_short_costs_no_block(grown: Path, tmp_path: Path, opened: Any, cut: int) -> None:
    expected = head_hash(grown, opened)
    for file in files_of(grown):
        copy = tmp_path / "copy"
        shutil.copytree(grown, copy)
        damaged = copy / file.relative_to(grown)
        raw = damaged.read_bytes()
        damaged.write_bytes(raw[: max(0, len(raw) - cut)])
        assert head_hash(copy, opened) == expected, file.name
        assert check_directory(copy).head == 12, file.name
        shutil.rmtree(copy)


def test_a_shorter_list_of_files_leaves_no_hole(
    directory: Path, tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RocksDB opens without a word when the entry of a flushed file is cut off and a later log is there."""
    monkeypatch.setattr(engine_module, "MEMTABLE_BYTES", 64 << 10)
    chain = opened(directory)
    tables = directory / "chain" / "database"
    while len(list(tables.glob("*.sst"))) < 2:
        grow(chain, 1)
    head = chain.head.block_number
    grow(chain, 2)
    for cut in range(1, 200, 6):
        copy = tmp_path / "copy"
        shutil.copytree(directory, copy)
        manifest = next((copy / "chain" / "database").glob("MANIFEST-*"))
        manifest.write_bytes(manifest.read_bytes()[:-cut])
        again = opened(copy)
        assert again.head == chain.head
        assert [again.header(number).block_number for number in range(head + 3)] == list(range(head + 3)), cut
        again.store.close()
        shutil.rmtree(copy)


def test_any_file_gone_costs_no_block(grown: Path, tmp_path: Path, opened: Any) -> None:
    expected = head_hash(grown, opened)
    for file in files_of(grown):
        copy = tmp_path / "copy"
        shutil.copytree(grown, copy)
        (copy / file.relative_to(grown)).unlink()
        assert head_hash(copy, opened) == expected, file.name
        assert check_directory(copy).head == 12, file.name
        shutil.rmtree(copy)


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_is_mended_or_named(grown: Path, tmp_path: Path, opened: Any, seed: int) -> None:
    generator, expected = random.Random(seed), head_hash(grown, opened)
    for file in files_of(grown):
        copy = tmp_path / "copy"
        shutil.copytree(grown, copy)
        damaged = copy / file.relative_to(grown)
        raw = bytearray(damaged.read_bytes())
        bit = generator.randrange(8 * len(raw))
        raw[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(raw)
        told = f"{file.name}, bit {bit}, seed {seed}"
        fault = fault_of(copy)
        if fault:
            assert file.name in fault, told
        else:
            assert head_hash(copy, opened) == expected, told
        shutil.rmtree(copy)


def test_a_power_cut_costs_no_block(directory: Path, tmp_path: Path, opened: Any) -> None:
    """The journal is on disk, the database is as it was any time before."""
    chain = opened(directory)
    grow(chain, 2)
    chain.store.close()
    before = tmp_path / "before"
    shutil.copytree(directory / "chain" / "database", before)
    chain = opened(directory)
    grow(chain, 5)
    expected = chain.head.hash
    chain.store.close()
    shutil.rmtree(directory / "chain" / "database")
    shutil.copytree(before, directory / "chain" / "database")
    assert head_hash(directory, opened) == expected
    assert check_directory(directory).head == 7


def test_an_unfinished_append_is_dropped(grown: Path, opened: Any, caplog: pytest.LogCaptureFixture) -> None:
    expected = head_hash(grown, opened)
    journal = grown / "chain" / "blocks.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[:100])
    assert head_hash(grown, opened) == expected
    assert "100 bytes of an unfinished block 13" in caplog.text
    assert journal.read_bytes() == whole


def test_damage_to_both_halves_is_named(grown: Path, opened: Any) -> None:
    manifest = next((grown / "chain" / "database").glob("MANIFEST-*"))
    manifest.write_bytes(b"")
    journal = grown / "chain" / "blocks.journal"
    raw = bytearray(journal.read_bytes())
    raw[len(raw) // 2] ^= 1
    journal.write_bytes(raw)
    with pytest.raises(StoreError, match=r"blocks\.journal is damaged at block \d+ .*restore a backup"):
        opened(grown)
    assert journal.read_bytes() == bytes(raw), "nothing of what is left is thrown away"
    assert manifest.exists()


def test_a_journal_of_another_chain_is_refused(grown: Path, tmp_path: Path, opened: Any) -> None:
    other = tmp_path / "other"
    other.mkdir()
    network = Network.load(grown)
    network.model_copy(update={"gas_limit": network.gas_limit + 1}).save(other)
    (other / "authority.key").write_text((grown / "authority.key").read_text())
    (other / "chain").mkdir()
    shutil.copy(grown / "chain" / "blocks.journal", other / "chain")
    with pytest.raises(NodeError, match="another chain"):
        opened(other)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (HEADERS, "block 5"),
        (BODIES, "block 1"),
        (RECEIPTS, "receipt 0 of block 1"),
        (TRANSACTIONS, "transaction position"),
        (LOG_TOPICS, "log index"),
        (STATE, "state"),
    ],
)
@pytest.mark.parametrize("fault", ["changed", "missing", "added"])
def test_check_finds_every_wrong_entry(grown: Path, table: bytes, word: str, fault: str) -> None:
    database = Engine.open(grown / "chain" / "database")
    key, value = list(database.scan(table))[5 if table == HEADERS else 0]
    if fault == "added":
        database.write([(key[:-1] + bytes([key[-1] ^ 0x80]), value)])
    elif fault == "missing":
        database.write([], [key])
    else:
        database.write([(key, value[:-1] + bytes([value[-1] ^ 1]))] if value else [])
    database.close()
    with pytest.raises(NodeError) as caught:
        check_directory(grown)
    if table != HEADERS and fault != "added":
        assert isinstance(caught.value, CheckFailed)
        assert word in str(caught.value)


def test_check_by_command(grown: Path) -> None:
    done = CliRunner().invoke(app, ["check", "--data", str(grown), "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["ok"], result["head"], result["transactions"]) == (True, 12, 24)
    database = Engine.open(grown / "chain" / "database")
    key, value = next(database.scan(RECEIPTS + NUMBER.pack(7)))
    database.write([(key, value + b"\x00")])
    database.close()
    done = CliRunner().invoke(app, ["check", "--data", str(grown), "--json"])
    assert done.exit_code == 1
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {
        "ok": False,
        "block": 7,
        "fault": "the receipt 0 of block 7 differs",
    }


def test_pruned_states_are_gone_and_the_rest_is_whole(grown: Path, opened: Any) -> None:
    chain = opened(grown)
    before = sum(1 for _ in chain.store.database.scan(STATE))
    swept = prune(chain.store, 3)
    assert 0 < swept == before - sum(1 for _ in chain.store.database.scan(STATE))
    sender = bytes.fromhex(SENDER.address[2:])
    for number in (0, 10, 11, 12):
        header = chain.header(number)
        assert chain.state_at(header, chain.context_of(header)).get_nonce(sender) == 2 * number
    header = chain.header(9)
    with pytest.raises(StateUnavailable, match=r"block 9 is pruned; .* block 0 and blocks from 10 on"):
        chain.state_at(header, chain.context_of(header))
    assert len(chain.store.receipts(3)) == 2
    grow(chain, 3)
    chain.store.close()
    checked = check_directory(grown)
    assert (checked.head, checked.floor) == (15, 10)


def test_what_comes_back_while_pruning_is_kept(
    directory: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each pause a block is made, and every other one makes a storage trie that was garbage till then."""
    chain = opened(directory)
    made = chain.make_block([sign(0, data=KEEPER)]).block
    keeper = made.receipts[0].contract_address

    def keep(value: int) -> None:
        number = chain.head.block_number
        chain.make_block([sign(number, to=keeper, data=value.to_bytes(32, "big"))])

    for value in (1, 2, 3, 9, 9):
        keep(value)

    def make_block() -> bool:
        if chain.head.block_number < 30:
            keep(chain.head.block_number % 4)
        return False

    monkeypatch.setattr(prune_module, "SLICE_ENTRIES", 1)
    assert prune(chain.store, 2, make_block) > 0
    assert chain.head.block_number == 30
    chain.store.close()
    assert check_directory(directory).floor == 5


def test_a_cut_off_prune_is_finished_by_the_next(grown: Path, opened: Any) -> None:
    chain = opened(grown)
    calls = iter([False] * 14 + [True])
    prune(chain.store, 1, lambda: next(calls))
    chain.store.close()
    assert check_directory(grown).head == 12
    chain = opened(grown)
    prune(chain.store, 1)
    chain.store.close()
    assert check_directory(grown).floor == 12


def test_an_imported_chain_is_checked_pruned_and_made_again(tmp_path: Path) -> None:
    (tmp_path / "genesis.json").write_text(json.dumps(forks.genesis()))
    (tmp_path / "chain.rlp").write_bytes(b"".join(forks.blocks()))
    data = tmp_path / "data"

    def run(*arguments: object) -> dict[str, Any]:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout.splitlines()[-1]))

    run("init", "--genesis", tmp_path / "genesis.json", "--data", data)
    run("import", "--data", data, tmp_path / "chain.rlp")
    whole = run("check", "--data", data)
    assert (whole["head"], whole["floor"]) == (forks.HEAD, 0)
    assert run("prune", "--data", data, "--keep-states", 2)["floor"] == forks.HEAD - 1
    assert run("check", "--data", data)["state_entries"] < whole["state_entries"]
    shutil.rmtree(data / "chain" / "database")
    assert run("check", "--data", data)["state_entries"] == whole["state_entries"]
    run("backup", "--data", data, "--to", tmp_path / "copy")
    assert run("check", "--data", tmp_path / "copy")["head"] == forks.HEAD


def test_journal_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for number in range(3):
        journal.append(number, bytes(number))
    assert [(record.number, len(record.payload)) for record in journal.records()] == [(0, 0), (1, 1), (2, 2)]
    assert journal.damage_at(journal.end, 3) is None
    journal.close()


def test_a_damaged_block_of_the_database_is_named_not_skipped(tmp_path: Path) -> None:
    database = Engine.open(tmp_path / "d")
    entries = [(META + NUMBER.pack(number), bytes(500)) for number in range(1_000)]
    database.write(entries)
    database.close()
    table = next((tmp_path / "d").glob("*.sst"))
    raw = bytearray(table.read_bytes())
    raw[len(raw) // 3] ^= 1
    table.write_bytes(raw)
    database = Engine.open(tmp_path / "d")
    with pytest.raises(DamagedStore, match=table.name):
        list(database.scan(META))
    with pytest.raises(DamagedStore, match=table.name):
        assert [database.get(key) for key, _ in entries] == []
    database.close()


def test_a_store_that_failed_takes_no_more(grown: Path, opened: Any) -> None:
    chain = opened(grown)
    head = chain.head
    chain.store.journal.close()
    chain.store.journal = Journal(Path("/dev/full"))
    with pytest.raises(StoreError):
        grow(chain, 1)
    with pytest.raises(StoreError):
        grow(chain, 1)
    assert chain.head == head


def test_only_one_process_opens_a_store(grown: Path) -> None:
    store = Store(grown / "chain")
    with pytest.raises(StoreError, match="in use by another process"):
        Store(grown / "chain")
    store.close()
