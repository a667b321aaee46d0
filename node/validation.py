"""When a transaction may run: the rules, in geth's words where it has them, so callers' parsers fit."""

from eth.constants import EMPTY_SHA3

from node.errors import TransactionRefused
from node.transaction import CREATE, INITCODE_SIZE_MAX_BYTES, Transaction
from node.vm import State


def validate_form(transaction: Transaction, block_gas_limit: int) -> None:
    """Rules that need no state.

    Raises:
        TransactionRefused: gas limit or init code out of bounds.
    """
    if transaction.gas > block_gas_limit:
        raise TransactionRefused(
            f"exceeds block gas limit: tx gas {transaction.gas}, limit {block_gas_limit}"
        )
    if transaction.gas < transaction.gas_floor:
        raise TransactionRefused(
            f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.gas_floor}"
        )
    if transaction.to == CREATE and len(transaction.data) > INITCODE_SIZE_MAX_BYTES:
        raise TransactionRefused(
            f"max initcode size exceeded: code size {len(transaction.data)}, limit {INITCODE_SIZE_MAX_BYTES}"
        )


def validate_sender(transaction: Transaction, state: State) -> None:
    """Rules about the sender's account at the moment of execution.

    Raises:
        TransactionRefused: wrong nonce, a contract as sender (EIP-3607), or too little money.
    """
    validate_nonce(transaction, state.get_nonce(transaction.sender))
    if state.get_code_hash(transaction.sender) != EMPTY_SHA3:
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
