"""From the node's values to the JSON of ethereum/execution-apis."""

from collections.abc import Iterable, Sequence
from typing import Any

from rlp.codec import encode_raw

from node.block import Header, Receipt, UncheckedBlock, Withdrawal
from node.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    SET_CODE,
    AccessList,
    Authorization,
    Transaction,
)
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


def block_json(block: UncheckedBlock, transactions: Sequence[object]) -> Json:
    """A block; ``transactions`` are the hashes or objects of its transactions."""
    fields = header_json(block.header) | {
        "size": quantity(_block_size_bytes(block)),
        "transactions": list(transactions),
        "uncles": [data(uncle.hash) for uncle in block.uncles],
    }
    if block.withdrawals is not None:
        fields["withdrawals"] = [_withdrawal_json(withdrawal) for withdrawal in block.withdrawals]
    return fields


def uncle_json(header: Header) -> Json:
    """An uncle: a block that has only a header."""
    size = _block_size_bytes(UncheckedBlock(header, ()))
    return header_json(header) | {"size": quantity(size), "uncles": []}


def transaction_json(transaction: Transaction, header: Header | None, index: int) -> Json:
    """A transaction, with the fields of its type; without a header it is still waiting."""
    return _place_json(header, index) | _common_json(transaction, header) | _typed_json(transaction)


def _place_json(header: Header | None, index: int) -> Json:
    if header is None:
        return dict.fromkeys(("blockHash", "blockNumber", "blockTimestamp", "transactionIndex"))
    return {
        "blockHash": data(header.hash),
        "blockNumber": quantity(header.block_number),
        "blockTimestamp": quantity(header.timestamp),
        "transactionIndex": quantity(index),
    }


def _common_json(transaction: Transaction, header: Header | None) -> Json:
    """What every type has; ``gasPrice`` is what was paid, or the most that will be."""
    price = transaction.max_fee_per_gas if header is None else transaction.gas_price_at(header.base_fee)
    fields: Json = {
        "hash": data(transaction.hash),
        "type": quantity(transaction.type_id),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "nonce": quantity(transaction.nonce),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(price),
        "value": quantity(transaction.value),
        "input": data(transaction.data),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.chain_id is not None:
        fields["chainId"] = quantity(transaction.chain_id)
    return fields


def _typed_json(transaction: Transaction) -> Json:
    fields: Json = {}
    if transaction.type_id >= ACCESS_LIST:
        fields["yParity"] = quantity(transaction.y_parity)
        fields["accessList"] = access_list_json(transaction.access_list)
    if transaction.type_id >= DYNAMIC_FEE:
        fields["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        fields["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    if transaction.type_id == BLOB:
        fields["maxFeePerBlobGas"] = quantity(transaction.max_fee_per_blob_gas)
        fields["blobVersionedHashes"] = [data(entry) for entry in transaction.blob_versioned_hashes]
    if transaction.type_id == SET_CODE:
        fields["authorizationList"] = [_authorization_json(entry) for entry in transaction.authorization_list]
    return fields


def access_list_json(access_list: AccessList) -> list[Json]:
    """An access list (EIP-2930)."""
    return [
        {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
        for address, slots in access_list
    ]


def receipt_json(
    receipt: Receipt, transaction: Transaction, header: Header, index: int, blob_fee: int = 0
) -> Json:
    """A receipt with its logs.

    Args:
        blob_fee: wei a unit of blob gas in this block; told of blob transactions only.
    """
    fields: Json = {
        "transactionHash": data(transaction.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(header.hash),
        "blockNumber": quantity(header.block_number),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "type": quantity(receipt.type_id),
        "gasUsed": quantity(receipt.gas_used),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(transaction.gas_price_at(header.base_fee)),
        "contractAddress": data(receipt.contract_address) if receipt.contract_address else None,
        "logsBloom": data(receipt.bloom.to_bytes(256, "big")),
        "logs": logs_json(enumerate(receipt.logs, receipt.first_log_index), header, transaction.hash, index),
    }
    if receipt.post_state:  # before Byzantium (EIP-658)
        fields["root"] = data(receipt.post_state)
    else:
        fields["status"] = quantity(int(receipt.succeeded))
    if transaction.type_id == BLOB:
        fields["blobGasUsed"] = quantity(transaction.blob_gas)
        fields["blobGasPrice"] = quantity(blob_fee)
    return fields


def log_json(log: Log, header: Header, transaction_hash: bytes, index: int, log_index: int) -> Json:
    """One event with its place on the chain."""
    return logs_json([(log_index, log)], header, transaction_hash, index)[0]


def logs_json(
    logs: Iterable[tuple[int, Log]], header: Header, transaction_hash: bytes, index: int
) -> list[Json]:
    """Events of one transaction, each with its number in the block; what they share is written once."""
    place = {
        "blockNumber": quantity(header.block_number),
        "blockHash": data(header.hash),
        "blockTimestamp": quantity(header.timestamp),
        "transactionHash": data(transaction_hash),
        "transactionIndex": quantity(index),
        "removed": False,
    }
    return [
        {
            "address": data(log.address),
            "topics": [data(topic) for topic in log.topics],
            "data": data(log.data),
            "logIndex": quantity(log_index),
            **place,
        }
        for log_index, log in logs
    ]


def _withdrawal_json(withdrawal: Withdrawal) -> Json:
    return {
        "index": quantity(withdrawal.index),
        "validatorIndex": quantity(withdrawal.validator_index),
        "address": data(withdrawal.address),
        "amount": quantity(withdrawal.amount),
    }


def _authorization_json(authorization: Authorization) -> Json:
    return {
        "chainId": quantity(authorization.chain_id),
        "address": data(authorization.address),
        "nonce": quantity(authorization.nonce),
        "yParity": quantity(authorization.y_parity),
        "r": quantity(authorization.r),
        "s": quantity(authorization.s),
    }


def _block_size_bytes(block: UncheckedBlock) -> int:
    """Length of the block's RLP, without encoding its transactions again."""
    raws = block.raw_transactions
    listed = sum(len(raw) if raw[0] >= 0xC0 else _with_prefix(len(raw)) for raw in raws)
    size = len(block.header.encode()) + _with_prefix(listed)
    size += len(encode_raw([uncle.raw() for uncle in block.uncles]))
    if block.withdrawals is not None:
        size += len(encode_raw([withdrawal.raw() for withdrawal in block.withdrawals]))
    return _with_prefix(size)


def _with_prefix(length_bytes: int) -> int:
    """Length of a string or list in RLP; one byte alone doesn't occur here."""
    return length_bytes + (1 if length_bytes < 56 else 1 + (length_bytes.bit_length() + 7) // 8)
