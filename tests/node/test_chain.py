"""The chain without a network: seals, imports, the store, hostile transactions."""

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey

from node import chain as chain_module
from node.block import Block, UncheckedBlock
from node.chain import Chain, open_chain
from node.errors import (
    InvalidBlock,
    InvalidSeal,
    NodeError,
    SetupError,
    StoreError,
    TransactionRefused,
    WrongFields,
)
from node.genesis import Network
from node.seal import seal_hash, seal_header, validate_seal
from node.store import StateView
from node.transaction import Transaction, decode_transaction

KEY = PrivateKey(b"\x01" * 32)
OTHER_KEY = PrivateKey(b"\x02" * 32)
SENDER = Account.from_key("0x" + "03" * 32)
CHAIN_ID = 31_707


def network(*keys: PrivateKey, **fields: Any) -> Network:
    values = {"genesis_timestamp": 1_700_000_000, "gas_limit": 30_000_000}
    addresses = [key.public_key.to_checksum_address() for key in keys or (KEY,)]
    return Network(chain_id=CHAIN_ID, authorities=addresses, **(values | fields))


def transaction(
    nonce: int, data: bytes = b"", to: str | None = "0x" + "00" * 19 + "11", **fields: Any
) -> Transaction:
    values = {"nonce": nonce, "gas": 100_000, "gasPrice": 0, "value": 0, "data": data, "chainId": CHAIN_ID}
    receiver = {} if to is None else {"to": to}
    return decode_transaction(
        bytes(SENDER.sign_transaction(values | receiver | fields).raw_transaction), CHAIN_ID
    )


def resealed(block: Block, **changes: Any) -> UncheckedBlock:
    """What the authority signs when it changes its mind."""
    return replace(block.unchecked(), header=seal_header(block.header.copy(**changes), KEY))


@dataclass
class Opener:
    """Opens chains in directories and closes what is still open at the end."""

    opened: list[Chain]

    def __call__(self, directory: Path, key: PrivateKey | None = KEY, rules: Network | None = None) -> Chain:
        directory.mkdir(exist_ok=True)
        self.opened.append(open_chain(directory, rules or network(), key))
        return self.opened[-1]


@pytest.fixture
def opener() -> Iterator[Opener]:
    opener = Opener([])
    yield opener
    for chain in opener.opened:
        chain.store.close()


@pytest.fixture
def chain(tmp_path: Path, opener: Opener) -> Chain:
    return opener(tmp_path / "made")


def test_header_is_what_every_tool_expects(chain: Chain) -> None:
    header = chain.make_block([transaction(0)]).block.header
    assert len(header.extra_data) == 32
    assert header.nonce == bytes(8)
    assert header.difficulty == header.base_fee_per_gas == 0
    assert header.coinbase == KEY.public_key.to_canonical_address()
    assert header.mix_hash == header.parent_hash
    validate_seal(header, chain.network.authority_addresses)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state_root", b"\x01" * 32),
        ("timestamp", 2_000_000_000),
        ("gas_used", 1),
        ("coinbase", OTHER_KEY.public_key.to_canonical_address()),
        ("extra_data", bytes(32)),
        ("extra_data", b""),
        ("extra_data", b"\xff" * 32),
        ("parent_beacon_block_root", b"\xff" * 32),
        ("parent_beacon_block_root", bytes(32)),
    ],
)
def test_a_tampered_header_is_refused(chain: Chain, field: str, value: object) -> None:
    header = chain.make_block([transaction(0)]).block.header
    with pytest.raises(InvalidSeal):
        validate_seal(header.copy(**{field: value}), chain.network.authority_addresses)


def test_only_authorities_seal(chain: Chain) -> None:
    header = chain.make_block([transaction(0)]).block.header
    forged = seal_header(header.copy(coinbase=OTHER_KEY.public_key.to_canonical_address()), OTHER_KEY)
    with pytest.raises(InvalidSeal, match="no authority"):
        validate_seal(forged, chain.network.authority_addresses)
    assert seal_hash(forged) != seal_hash(header)


def test_another_node_imports_and_agrees(chain: Chain, tmp_path: Path, opener: Opener) -> None:
    replica = opener(tmp_path / "replica", key=None)
    for first in (0, 3):
        block = chain.make_block([transaction(nonce) for nonce in range(first, first + 3)]).block
        replica.import_block(block.unchecked())
    assert replica.head.hash == chain.head.hash
    with pytest.raises(InvalidBlock, match="no authority key"):
        replica.make_block([transaction(6)])


@pytest.mark.parametrize("field", ["state_root", "receipt_root", "gas_used", "bloom", "transaction_root"])
def test_an_authority_cannot_lie_about_results(
    chain: Chain, tmp_path: Path, opener: Opener, field: str
) -> None:
    replica = opener(tmp_path / "replica", key=None)
    block = chain.make_block([transaction(0)]).block
    lie: object = b"\x01" * 32 if field.endswith("root") else 7
    with pytest.raises(WrongFields) as refused:
        replica.import_block(resealed(block, **{field: lie}))
    (difference,) = refused.value.differences
    assert difference.field == field
    assert difference.claimed == (f"0x{lie.hex()}" if isinstance(lie, bytes) else str(lie))
    assert replica.head.block_number == 0
    replica.import_block(block.unchecked())


@pytest.mark.parametrize(
    ("field", "value"),
    [("gas_limit", 31_000_000), ("mix_hash", bytes(32)), ("nonce", b"\x01" * 8), ("base_fee_per_gas", 1)],
)
def test_header_rules_bind_authorities(
    chain: Chain, tmp_path: Path, opener: Opener, field: str, value: object
) -> None:
    block = chain.make_block([transaction(0)]).block
    with pytest.raises(InvalidBlock, match="header rule"):
        opener(tmp_path / "replica", key=None).import_block(resealed(block, **{field: value}))


def test_time_never_goes_back_and_never_runs_ahead(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1_800_000_000.9, 1_800_000_000.9, 1_799_999_000.0, 1_800_000_002.0])
    monkeypatch.setattr(chain_module.time, "time", lambda: next(clock))
    times = [chain.make_block([transaction(nonce)]).block.header.timestamp for nonce in range(4)]
    assert times == [1_800_000_000, 1_800_000_000, 1_800_000_000, 1_800_000_002]


def test_an_older_block_is_refused(chain: Chain, tmp_path: Path, opener: Opener) -> None:
    block = chain.make_block([transaction(0)]).block
    old = resealed(block, timestamp=1_600_000_000)
    with pytest.raises(InvalidBlock, match="older than its parent"):
        opener(tmp_path / "replica", key=None).import_block(old)


def test_what_cannot_run_is_refused_and_the_rest_runs(chain: Chain) -> None:
    made = chain.make_block([transaction(1), transaction(0), transaction(0, data=b"\x01"), transaction(1)])
    assert [entry.nonce for entry in made.block.transactions] == [0, 1]
    assert [reason.split(":")[0] for _, reason in made.refused] == ["nonce too high", "nonce too low"]
    assert chain.make_block([transaction(9)]).block is None
    assert chain.head.block_number == 1


def test_a_block_is_full_at_its_gas_limit(tmp_path: Path, opener: Opener) -> None:
    chain = opener(tmp_path / "made", rules=network(gas_limit=1_000_000))
    spender = bytes.fromhex("5b600056")  # jumps to its start until the gas is gone
    transactions = [transaction(nonce, spender, to=None, gas=400_000) for nonce in range(3)]
    block = chain.make_block(transactions).block
    assert len(block.transactions) == 2
    assert not any(receipt.succeeded for receipt in block.receipts)
    assert block.header.gas_used == 800_000


@pytest.mark.parametrize(
    "code",
    ["6000495f5260205ff3", "5f4a5f5260205ff3", "30ff", "fe", "60016000fd", "5f5f5f5f5f5f5af1", "ef00"],
)
def test_rare_opcodes_do_not_break_the_node(chain: Chain, code: str) -> None:
    made = chain.make_block([transaction(0, bytes.fromhex(code), to=None, gas=200_000)])
    assert len(made.block.transactions) == 1


def test_a_broken_evm_is_reported_and_leaves_the_chain_alone(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("node.vm.Executor.build_evm_message", broken)
    with pytest.raises(NodeError, match="the EVM broke on transaction"):
        chain.make_block([transaction(0)])
    monkeypatch.undo()
    assert chain.make_block([transaction(0)]).block.header.block_number == 1


def test_reopening_gives_the_same_chain(tmp_path: Path, opener: Opener) -> None:
    first = opener(tmp_path / "made")
    made = first.make_block([transaction(0), transaction(1)]).block
    first.store.close()
    again = opener(tmp_path / "made")
    assert again.head.hash == made.header.hash
    assert again.store.transactions(1, CHAIN_ID) == list(made.transactions)
    assert again.store.receipts(1) == list(made.receipts)
    assert again.store.position_of(made.transactions[1].hash) == (1, 1)
    assert again.account_at_head(made.transactions[0].sender).nonce == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"gas_limit": 31_000_000},
        {"genesis_timestamp": 1_700_000_001},
        {"alloc": {SENDER.address: 1}},
        {"authorities": [OTHER_KEY.public_key.to_checksum_address(), KEY.public_key.to_checksum_address()]},
        {"chain_id": 5},
    ],
)
def test_another_network_file_is_refused(tmp_path: Path, opener: Opener, fields: dict[str, Any]) -> None:
    opener(tmp_path / "made").store.close()
    changed = Network.model_validate(network().model_dump() | fields)
    with pytest.raises(SetupError, match=r"network\.json"):
        opener(tmp_path / "made", rules=changed)


def test_the_allowlist_may_change(tmp_path: Path, opener: Opener) -> None:
    opener(tmp_path / "made").store.close()
    assert opener(tmp_path / "made", rules=network(allow=[SENDER.address])).head.block_number == 0


def test_a_key_that_is_no_authority_is_refused(tmp_path: Path, opener: Opener) -> None:
    with pytest.raises(SetupError, match="no authority"):
        opener(tmp_path / "made", key=OTHER_KEY)


@pytest.mark.parametrize("damage", ["seal", "link", "state"])
def test_damage_is_found_when_opening(tmp_path: Path, opener: Opener, damage: str) -> None:
    chain = opener(tmp_path / "made")
    for nonce in range(2):
        chain.make_block([transaction(nonce)])
    head = chain.head
    broken = {
        "seal": head.copy(state_root=b"\x05" * 32),
        "link": seal_header(head.copy(parent_hash=b"\x05" * 32), KEY),
        "state": seal_header(head.copy(state_root=b"\x05" * 32), KEY),
    }[damage]
    chain.store.commit_block(chain_module.Block(broken, (), ()), {})
    chain.store.close()
    with pytest.raises((StoreError, InvalidSeal)):
        opener(tmp_path / "made")


def test_nothing_is_written_before_the_commit(chain: Chain) -> None:
    view = StateView(chain.store)
    view[b"\x01" * 32] = b"node"
    assert b"\x01" * 32 in view
    assert not chain.store.has_state_value(b"\x01" * 32)
    with pytest.raises(KeyError):
        chain.store.state_value(b"\x01" * 32)


def fill(chain: Chain) -> None:
    for nonce in range(1_000):
        chain.make_block([transaction(nonce)])


def test_a_full_disk_stops_the_chain_at_a_whole_block(tmp_path: Path, opener: Opener) -> None:
    chain = opener(tmp_path / "made")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(StoreError, match="File too large"):
            fill(chain)
        with pytest.raises(StoreError, match="File too large"):
            fill(chain)
        chain.store.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    again = opener(tmp_path / "made")
    nonce = again.account_at_head(transaction(0).sender).nonce
    assert again.head.block_number - chain.head.block_number in (0, 1), (
        "what the journal took may come to life"
    )
    assert again.header(chain.head.block_number) == chain.head
    assert again.head.block_number == nonce > 0
    assert again.make_block([transaction(nonce)]).block.header.block_number == nonce + 1


def test_a_heartbeat_is_an_empty_block(chain: Chain) -> None:
    assert chain.make_block([]).block is None
    beat = chain.make_block([], even_if_empty=True).block
    assert beat.transactions == ()
    assert chain.head.hash == beat.header.hash


def malleable(raw: bytes) -> bytes:
    import rlp

    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    fields = rlp.decode(raw)
    parity = int.from_bytes(fields[6]) - 35 - 2 * CHAIN_ID
    high = order - int.from_bytes(fields[8])
    v = 35 + 2 * CHAIN_ID + 1 - parity
    return bytes(rlp.encode([*fields[:6], v.to_bytes(3).lstrip(b"\0"), fields[7], high.to_bytes(32)]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (malleable, "invalid transaction v, r, s"),
        (lambda raw: raw + b"\x00", "rlp"),
        (lambda raw: raw[:-1], "rlp"),
        (lambda raw: b"\xc0", "rlp"),
        (lambda raw: b"\x02\xc0", "rlp"),
        (lambda raw: b"\x00" * (3 * 1024 * 1024), "oversized data"),
    ],
)
def test_malformed_transactions(change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(TransactionRefused, match=f"^{reason}"):
        decode_transaction(change(transaction(0).raw), CHAIN_ID)
