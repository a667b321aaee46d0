"""Our blocks through py-evm's own chain, all its rules included: they are ordinary Cancun blocks."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth.chains.base import Chain as ReferenceChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.blocks import CancunBlock, CancunBlockHeader
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from web3 import Web3

from node import chain as chain_module
from node.block import Header
from node.chain import Chain, open_chain
from node.genesis import Network
from node.transaction import Transaction, decode_transaction

CHAIN_ID = 31_707
KEY = PrivateKey(b"\x01" * 32)
SENDERS = [Account.from_key(bytes([number]) * 32) for number in (5, 6, 7)]


def signed(number: int, nonce: int, **fields: Any) -> Transaction:
    values = {"nonce": nonce, "gas": 3_000_000, "value": 0, "chainId": CHAIN_ID}
    fees = {} if "maxFeePerGas" in fields else {"gasPrice": 0}
    raw = bytes(SENDERS[number].sign_transaction(values | fees | fields).raw_transaction)
    return decode_transaction(raw, CHAIN_ID)


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A chain whose clock goes a second a block, as py-evm wants it."""
    clock = itertools.count(1_700_000_001)
    monkeypatch.setattr(chain_module.time, "time", lambda: next(clock))
    network = Network(
        chain_id=CHAIN_ID,
        authorities=[KEY.public_key.to_checksum_address()],
        genesis_timestamp=1_700_000_000,
        gas_limit=100_000_000,
    )
    chain = open_chain(tmp_path, network, KEY)
    yield chain
    chain.store.close()


def workload(chain: Chain, code: dict[str, Any]) -> list[list[Transaction]]:
    """A deployment, payments of every transaction type, refunds that clear slots, and failures."""
    ledger = Web3().eth.contract(abi=code["abi"])
    deploy = bytes.fromhex(code["bytecode"][2:]) + (2**40).to_bytes(32)
    created = chain.make_block([signed(0, 0, data=deploy)]).block
    target = Web3.to_checksum_address(created.receipts[0].contract_address)

    def call(number: int, nonce: int, name: str, *arguments: object, **fields: Any) -> Transaction:
        data = ledger.encode_abi(name, args=list(arguments))
        return signed(number, nonce, to=target, data=data, **fields)

    payee, purpose = "0x" + "00" * 19 + "33", b"\x01" * 32
    dynamic = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    listed = [{"address": target, "storageKeys": ["0x" + "00" * 32]}]
    return [
        [call(number, 1 - (number > 0), "pay", payee, purpose, 5 + number) for number in range(3)],
        [
            call(0, 2, "pay", payee, purpose, 1, **dynamic),
            call(1, 1, "pay", payee, purpose, 2, type=1, accessList=listed),
            call(2, 1, "pay", payee, purpose, 0),
            call(0, 3, "refund", payee),
            call(1, 2, "forward", 20),
            call(2, 2, "burn", 300, gas=40_000),
        ],
        [signed(0, 4, to=payee), signed(1, 3, data=b"\xfe"), call(2, 3, "refuse_raw")],
    ]


def as_theirs(header: Header) -> CancunBlockHeader:
    """Our header, read by py-evm."""
    return rlp.decode(header.encode(), sedes=CancunBlockHeader)


def test_py_evm_accepts_every_block(chain: Chain, ledger_code: dict[str, Any]) -> None:
    for transactions in workload(chain, ledger_code):
        made = chain.make_block(transactions)
        assert not made.refused
    reference_class = ReferenceChain.configure(
        "Reference", vm_configuration=((0, CancunVM),), chain_id=CHAIN_ID
    )
    reference = reference_class.from_genesis_header(AtomicDB(), as_theirs(chain.header(0)))
    failed = 0
    for number in range(1, chain.head.block_number + 1):
        raws = chain.store.raw_transactions(number)
        decoded = [CancunTransactionBuilder().decode(raw) for raw in raws]
        block = CancunBlock(as_theirs(chain.header(number)), transactions=decoded, uncles=[], withdrawals=[])
        imported = reference.import_block(block).imported_block
        assert imported.header.hash == chain.header(number).hash
        failed += sum(not receipt.succeeded for receipt in chain.store.receipts(number))
    assert failed == 4
