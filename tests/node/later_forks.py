"""A chain from London to Prague, one block a fork, made by the node's own rules.

It holds what ``tests.node.forks`` can't: an uncle, withdrawals, a blob transaction, an account's delegation.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eth_account import Account

from node.block import Receipt, UncheckedBlock, Withdrawal, make_receipt, with_results
from node.chain import Chain, open_chain
from node.geth import Genesis
from node.store import StateView
from node.transaction import included_transaction
from node.vm import open_state, process_transaction

CHAIN_ID = 78
SENDER = Account.from_key("0x" + "08" * 32)
DELEGATOR = Account.from_key("0x" + "09" * 32)
PAYEE = "0x" + "00" * 18 + "1111"
MINER = b"\x0d" * 20
SHANGHAI, CANCUN, PRAGUE = 100, 200, 300
LONDON_BLOCK, UNCLE_BLOCK, PARIS_BLOCK, SHANGHAI_BLOCK, CANCUN_BLOCK, PRAGUE_BLOCK = range(1, 7)
WITHDRAWAL = Withdrawal(index=3, validator_index=4, address=b"\x0e" * 20, amount=5)
BLOB_HASH = "0x01" + "22" * 31
EARLY = (
    *("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg"),
    *("istanbul", "berlin", "london"),
)


def genesis() -> dict[str, Any]:
    """The genesis.json of that chain."""
    config = {
        "chainId": CHAIN_ID,
        "ethash": {},
        **{f"{name}Block": 0 for name in EARLY},
        "shanghaiTime": SHANGHAI,
        "cancunTime": CANCUN,
        "pragueTime": PRAGUE,
    }
    return {
        "config": config,
        "difficulty": hex(131_072),
        "gasLimit": hex(30_000_000),
        "timestamp": "0x0",
        "alloc": {SENDER.address[2:]: {"balance": str(10**24)}},
    }


def blocks(directory: Path) -> Iterator[bytes]:
    """Its blocks from 1 on, in RLP; the directory is for the database they are made with."""
    chain = open_chain(directory, Genesis.parse(json.dumps(genesis()), "genesis.json"), None)
    times = (10, 20, 30, SHANGHAI, CANCUN, PRAGUE)
    for number, timestamp in enumerate(times, start=1):
        uncles = (chain.header(1).copy(coinbase=b"\x0f" * 20),) if number == UNCLE_BLOCK else ()
        withdrawals = (WITHDRAWAL,) if number >= SHANGHAI_BLOCK else None
        header = chain.rules.next_header(chain.head, timestamp, MINER)
        if number >= PARIS_BLOCK:
            header = header.copy(difficulty=0)
        block = _run(chain, UncheckedBlock(header, _transactions(number), uncles, withdrawals))
        chain.import_block(block)
        yield block.encode()
    chain.store.close()


def _run(chain: Chain, draft: UncheckedBlock) -> UncheckedBlock:
    """The block with the header that follows from running it."""
    database = StateView(chain.store).database()
    state = open_state(database, chain.head.state_root, chain.context_of(draft.header))
    chain.rules.begin_block(state, draft.header)
    transactions = [included_transaction(raw, CHAIN_ID) for raw in draft.raw_transactions]
    receipts: list[Receipt] = []
    for transaction in transactions:
        receipts.append(make_receipt(transaction, process_transaction(state, transaction), receipts))
    header = chain.rules.end_block(state, draft, transactions, receipts)
    state.persist()
    header = with_results(header, transactions, receipts).copy(state_root=state.state_root)
    return UncheckedBlock(header, draft.raw_transactions, draft.uncles, draft.withdrawals)


def _transactions(number: int) -> tuple[bytes, ...]:
    """One a block, of the newest type its fork has."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": CHAIN_ID,
        "nonce": number - 1,
        "gas": 100_000,
        "maxFeePerGas": 2 * 10**9,
        "maxPriorityFeePerGas": 7,
        "to": PAYEE,
        "value": 1,
        "data": "0x",
        "accessList": [],
    }
    if number == CANCUN_BLOCK:
        fields |= {"type": 3, "maxFeePerBlobGas": 10, "blobVersionedHashes": [BLOB_HASH]}
    if number == PRAGUE_BLOCK:
        consent = {"chainId": CHAIN_ID, "address": PAYEE, "nonce": 0}
        fields |= {"type": 4, "authorizationList": [DELEGATOR.sign_authorization(consent)]}
    return (bytes(SENDER.sign_transaction(fields).raw_transaction),)
