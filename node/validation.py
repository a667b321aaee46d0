"""When a transaction may run: the rules, in geth's words where it has them, so callers' parsers fit."""

from eth.constants import EMPTY_SHA3

from node.errors import TransactionRefused
from node.forks import Fork, gas_floor, transaction_types
from node.transaction import (
    BLOB,
    CREATE,
    INITCODE_SIZE_MAX_BYTES,
    LEGACY,
    SECP256K1_HALF_ORDER,
    SET_CODE,
    Transaction,
)
from node.vm import BlockContext, State

BLOB_HASH_VERSION = b"\x01"
DELEGATION = b"\xef\x01\x00"
"""How the code of an account begins that runs another's (EIP-7702)."""


def validate_form(transaction: Transaction, gas_available: int, fork: Fork) -> None:
    """Rules that need no state.

    Args:
        gas_available: what the block has left.

    Raises:
        TransactionRefused: type, gas limit, init code, blobs or signature out of bounds.
    """
    if transaction.type_id not in transaction_types(fork):
        raise TransactionRefused(f"transaction type not supported: {transaction.type_id}")
    if transaction.type_id == LEGACY and transaction.chain_id is not None and fork < Fork.SPURIOUS_DRAGON:
        raise TransactionRefused("replay-protected (EIP-155) transaction before its fork")
    if fork >= Fork.HOMESTEAD and transaction.s > SECP256K1_HALF_ORDER:
        raise TransactionRefused("invalid transaction v, r, s values")
    if transaction.gas > gas_available:
        raise TransactionRefused(f"exceeds block gas limit: tx gas {transaction.gas}, limit {gas_available}")
    least = gas_floor(transaction, fork)
    if transaction.gas < least:
        raise TransactionRefused(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {least}")
    size = len(transaction.data)
    if fork >= Fork.SHANGHAI and transaction.to == CREATE and size > INITCODE_SIZE_MAX_BYTES:
        raise TransactionRefused(
            f"max initcode size exceeded: code size {size}, limit {INITCODE_SIZE_MAX_BYTES}"
        )
    _validate_extras(transaction)


def _validate_extras(transaction: Transaction) -> None:
    """What blob and set-code transactions must carry (EIP-4844, EIP-7702)."""
    hashes = transaction.blob_versioned_hashes
    if transaction.type_id == BLOB and not hashes:
        raise TransactionRefused("blob transaction missing blob hashes")
    if any(entry[:1] != BLOB_HASH_VERSION for entry in hashes):
        raise TransactionRefused("blob transaction with a hash of an unknown version")
    if transaction.type_id == SET_CODE and not transaction.authorization_list:
        raise TransactionRefused("EIP-7702 transaction with empty auth list")


def validate_fees(transaction: Transaction, context: BlockContext) -> None:
    """The offered fees must cover the block's (EIP-1559, EIP-4844).

    Raises:
        TransactionRefused: they don't.
    """
    if transaction.max_fee_per_gas < context.base_fee:
        raise TransactionRefused(
            f"max fee per gas less than block base fee: address 0x{transaction.sender.hex()}, "
            f"maxFeePerGas: {transaction.max_fee_per_gas}, baseFee: {context.base_fee}"
        )
    if transaction.type_id == BLOB and transaction.max_fee_per_blob_gas < context.blob_base_fee:
        raise TransactionRefused(
            f"max fee per blob gas less than block blob gas fee: address 0x{transaction.sender.hex()}, "
            f"blobGasFeeCap: {transaction.max_fee_per_blob_gas}, blobBaseFee: {context.blob_base_fee}"
        )


def validate_sender(transaction: Transaction, state: State) -> None:
    """Rules about the sender's account at the moment of execution.

    Raises:
        TransactionRefused: wrong nonce, a contract as sender (EIP-3607), or too little money.
    """
    validate_nonce(transaction, state.get_nonce(transaction.sender))
    if state.get_code_hash(transaction.sender) != EMPTY_SHA3:
        delegated = state.block.fork >= Fork.PRAGUE and state.get_code(transaction.sender)[:3] == DELEGATION
        if not delegated:
            raise TransactionRefused(f"sender not an eoa: address 0x{transaction.sender.hex()}")
    validate_funds(transaction, state.get_balance(transaction.sender))


def validate_nonce(transaction: Transaction, next_nonce: int) -> None:
    """The nonce must be the sender's next one."""
    if transaction.nonce < next_nonce:
        raise TransactionRefused(f"nonce too low: next nonce {next_nonce}, tx nonce {transaction.nonce}")
    if transaction.nonce > next_nonce:
        raise TransactionRefused(f"nonce too high: next nonce {next_nonce}, tx nonce {transaction.nonce}")


def validate_funds(transaction: Transaction, balance: int) -> None:
    """Value and the most the gas can cost, in wei, must be there."""
    if transaction.cost_max > balance:
        raise TransactionRefused(
            "insufficient funds for gas * price + value: "
            f"address 0x{transaction.sender.hex()} have {balance} want {transaction.cost_max}"
        )
