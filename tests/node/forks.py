"""A chain of every fork up to London that py-evm's own miner makes: what another client would write."""

from collections.abc import Iterator
from typing import Any

import rlp
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks import (
    BerlinVM,
    ByzantiumVM,
    ConstantinopleVM,
    FrontierVM,
    HomesteadVM,
    IstanbulVM,
    LondonVM,
    PetersburgVM,
    SpuriousDragonVM,
    TangerineWhistleVM,
)
from eth_account import Account

CHAIN_ID = 77
BLOCKS_A_FORK = 2
SENDER = Account.from_key("0x" + "07" * 32)
MINER = b"\x0c" * 20
STARTED = 1_600_000_000
FORKS: dict[str, type] = {
    "": FrontierVM,
    "homesteadBlock": HomesteadVM.configure(support_dao_fork=False),
    "eip150Block": TangerineWhistleVM,
    "eip158Block": SpuriousDragonVM,
    "byzantiumBlock": ByzantiumVM,
    "constantinopleBlock": ConstantinopleVM,
    "petersburgBlock": PetersburgVM,
    "istanbulBlock": IstanbulVM,
    "berlinBlock": BerlinVM,
    "londonBlock": LondonVM,
}
HEAD = BLOCKS_A_FORK * len(FORKS) - 1
# Stores 42 in slot 0 and keeps no code; then one that ends itself in favour of address 0x1f.
STORES = bytes.fromhex("602a60005560005460005200")
ENDS = bytes.fromhex("601fff")


def genesis() -> dict[str, Any]:
    """The genesis.json of that chain."""
    begins = {name: place * BLOCKS_A_FORK for place, name in enumerate(FORKS) if name}
    config = {"chainId": CHAIN_ID, "ethash": {}, "eip155Block": begins["eip158Block"], **begins}
    return {
        "config": config,
        "difficulty": hex(131_072),
        "gasLimit": hex(30_000_000),
        "timestamp": hex(STARTED),
        "extraData": "0x68656c6c6f",
        "nonce": "0x0",
        "alloc": {SENDER.address[2:]: {"balance": str(10**24)}},
    }


def blocks() -> Iterator[bytes]:
    """Its blocks from 1 on, in RLP."""
    chain = _miner()
    nonce = 0
    for number in range(1, HEAD + 1):
        decode = chain.get_vm().get_transaction_builder().decode
        raws = list(_transactions(number, nonce))
        nonce += len(raws)
        timestamp = STARTED + 15 * number
        mined = chain.mine_all([decode(raw) for raw in raws], timestamp=timestamp, coinbase=MINER)
        yield rlp.encode(mined[0].imported_block)


def _miner() -> Any:
    forks = tuple(
        (place * BLOCKS_A_FORK, vm.configure(consensus_class=NoProofConsensus))
        for place, vm in enumerate(FORKS.values())
    )
    kind = MiningChain.configure("Miner", vm_configuration=forks, chain_id=CHAIN_ID)
    first = {
        "difficulty": 131_072,
        "gas_limit": 30_000_000,
        "timestamp": STARTED,
        "extra_data": b"hello",
        "nonce": bytes(8),
    }
    address = bytes.fromhex(SENDER.address[2:])
    state = {address: {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}}}
    return kind.from_genesis(AtomicDB(), first, state)


def _transactions(number: int, nonce: int) -> Iterator[bytes]:
    """Payments, a precompile, a contract, one that ends itself, one that fails; newer types when they are."""
    price = {"gasPrice": 2 * 10**9}
    payee = (0x1F << 152 | number).to_bytes(20)
    plans: list[dict[str, Any]] = [
        {**price, "to": payee, "value": 12_345},
        {**price, "to": bytes(19) + b"\x02", "data": b"\x01" * number},
        {**price, "data": STORES},
        {**price, "data": ENDS, "value": 1},
        {**price, "data": b"\xfe"},
        {**price, "to": payee[:-1] + b"\xff"},
    ]
    if number >= 8 * BLOCKS_A_FORK:
        listed = [{"address": f"0x{payee.hex()}", "storageKeys": ["0x" + "01" * 32]}]
        plans.append({**price, "type": 1, "to": payee, "value": 1, "accessList": listed})
    if number >= 9 * BLOCKS_A_FORK:
        plans.append({"type": 2, "maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**8, "to": payee})
    for place, plan in enumerate(plans):
        fields = {"nonce": nonce + place, "gas": 200_000, "value": 0, **plan}
        if "type" in fields or (number >= 3 * BLOCKS_A_FORK and number % 2):
            fields["chainId"] = CHAIN_ID
        yield bytes(SENDER.sign_transaction(fields).raw_transaction)
