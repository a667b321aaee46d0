"""From the node's values to the JSON of ethereum/execution-apis."""

from collections.abc import Sequence
from typing import Any

from node.block import Header, Receipt
from node.transaction import Transaction
from node.vm import Log

Json = dict[str, Any]


def quantity(value: int) -> str:
    """A hex QUANTITY (EIP-1474)."""
    return hex(value)


def data(value: bytes) -> str:
    """Hex DATA (EIP-1474)."""
    return "0x" + value.hex()


def header_json(header: Header) -> Json:
    """The header's fields, those of its fork only; ``hash`` included."""
    fields = {
        "number": quantity(header.block_number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipt_root),
        "miner": data(header.coinbase),
        "difficulty": quantity(header.difficulty),
        "extraData": data(header.extra_data),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
    }
    later: dict[str, int | bytes | None] = {
        "baseFeePerGas": header.base_fee_per_gas,
        "withdrawalsRoot": header.withdrawals_root,
        "blobGasUsed": header.blob_gas_used,
        "excessBlobGas": header.excess_blob_gas,
        "parentBeaconBlockRoot": header.parent_beacon_block_root,
        "requestsHash": header.requests_hash,
    }
    for name, value in later.items():
        if value is not None:
            fields[name] = data(value) if isinstance(value, bytes) else quantity(value)
    return fields


def block_json(header: Header, raws: Sequence[bytes], transactions: Sequence[object]) -> Json:
    """A block; ``transactions`` are hashes or transaction objects, ``raws`` their encodings."""
    return header_json(header) | {
        "size": quantity(_block_size_bytes(header, raws)),
        "uncles": [],
        "withdrawals": [],
        "transactions": list(transactions),
    }


def transaction_json(transaction: Transaction, header: Header | None, index: int) -> Json:
    """A transaction; without a header it is still waiting."""
    placed = header is not None
    fields: Json = {
        "blockHash": data(header.hash) if header is not None else None,
        "blockNumber": quantity(header.block_number) if header is not None else None,
        "blockTimestamp": quantity(header.timestamp) if header is not None else None,
        "transactionIndex": quantity(index) if placed else None,
        "hash": data(transaction.hash),
        "type": quantity(transaction.type_id),
        "chainId": quantity(transaction.chain_id or 0),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "nonce": quantity(transaction.nonce),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(transaction.gas_price),
        "value": quantity(transaction.value),
        "input": data(transaction.data),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.type_id:
        fields["yParity"] = quantity(transaction.v)
        fields["accessList"] = [
            {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
            for address, slots in transaction.access_list
        ]
    if transaction.type_id == 2:
        fields["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        fields["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return fields


def receipt_json(receipt: Receipt, transaction: Transaction, header: Header, index: int) -> Json:
    """A receipt with its logs."""
    return {
        "transactionHash": data(transaction.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(header.hash),
        "blockNumber": quantity(header.block_number),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "type": quantity(receipt.type_id),
        "status": quantity(int(receipt.succeeded)),
        "gasUsed": quantity(receipt.gas_used),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(transaction.gas_price),
        "contractAddress": data(receipt.contract_address) if receipt.contract_address else None,
        "logsBloom": data(receipt.bloom.to_bytes(256, "big")),
        "logs": [
            log_json(log, header, transaction.hash, index, receipt.first_log_index + position)
            for position, log in enumerate(receipt.logs)
        ],
    }


def log_json(log: Log, header: Header, transaction_hash: bytes, index: int, log_index: int) -> Json:
    """One event with its place on the chain."""
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(header.block_number),
        "blockHash": data(header.hash),
        "blockTimestamp": quantity(header.timestamp),
        "transactionHash": data(transaction_hash),
        "transactionIndex": quantity(index),
        "logIndex": quantity(log_index),
        "removed": False,
    }


def _block_size_bytes(header: Header, raws: Sequence[bytes]) -> int:
    """Length of the block's RLP: header, transactions, no uncles, no withdrawals."""
    listed = sum(len(raw) if raw[0] >= 0xC0 else _string_size(len(raw)) for raw in raws)
    return _string_size(len(header.encode()) + _string_size(listed) + 2)


def _string_size(length_bytes: int) -> int:
    return length_bytes + (1 if length_bytes < 56 else 1 + (length_bytes.bit_length() + 7) // 8)
