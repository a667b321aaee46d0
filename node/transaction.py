"""Signed transactions: decoding, the fields the EVM reads, and their cost before execution."""

from dataclasses import dataclass
from typing import Any

import rlp
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth_keys.exceptions import BadSignature
from eth_keys.exceptions import ValidationError as KeyValidationError
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from node.errors import TransactionRefused

SECP256K1_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
TRANSACTION_SIZE_MAX_BYTES = 2 * 1024 * 1024
INITCODE_SIZE_MAX_BYTES = 49_152
"""EIP-3860."""
CREATE = b""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the EVM sees it; the attribute names are the ones py-evm's executor reads."""

    hash: bytes
    """Keccak-256 of ``raw``; for an unsigned call, any 32 bytes."""
    raw: bytes
    """The signed encoding (EIP-2718); empty for an unsigned call."""
    type_id: int
    """0 legacy, 1 access list (EIP-2930), 2 dynamic fee (EIP-1559)."""
    chain_id: int
    sender: bytes
    nonce: int
    gas: int
    """Gas limit."""
    max_fee_per_gas: int
    """wei a unit of gas; the gas price of types 0 and 1."""
    max_priority_fee_per_gas: int
    """wei a unit of gas; the gas price of types 0 and 1."""
    to: bytes
    """Receiver, or ``CREATE`` (empty)."""
    value: int
    """wei."""
    data: bytes
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    v: int = 0
    r: int = 0
    s: int = 0

    @property
    def gas_price(self) -> int:
        """wei a unit of gas paid under a zero base fee."""
        return (
            min(self.max_fee_per_gas, self.max_priority_fee_per_gas)
            if self.type_id == 2
            else self.max_fee_per_gas
        )

    @property
    def intrinsic_gas(self) -> int:
        """Gas taken before execution (EIP-2028, EIP-2930), without the init code's words."""
        zero_bytes = self.data.count(0)
        gas = 21_000 + 4 * zero_bytes + 16 * (len(self.data) - zero_bytes)
        if self.to == CREATE:
            gas += 32_000
        for _, slots in self.access_list:
            gas += 2_400 + 1_900 * len(slots)
        return gas

    @property
    def gas_floor(self) -> int:
        """The least gas limit with which the transaction is valid (adds EIP-3860's init code words)."""
        words = (len(self.data) + 31) // 32 if self.to == CREATE else 0
        return self.intrinsic_gas + 2 * words

    @property
    def cost_max(self) -> int:
        """The most wei the sender can lose."""
        return self.value + self.gas * self.max_fee_per_gas


def decode_transaction(raw: bytes, chain_id: int) -> Transaction:
    """Decode and check a signed transaction, recovering its sender once.

    Raises:
        TransactionRefused: malformed, of an unsupported type, for another chain, or badly signed.
    """
    if len(raw) > TRANSACTION_SIZE_MAX_BYTES:
        raise TransactionRefused(
            f"oversized data: transaction size {len(raw)}, limit {TRANSACTION_SIZE_MAX_BYTES}"
        )
    if raw and raw[0] < 0x80 and raw[0] not in (1, 2):
        raise TransactionRefused(f"transaction type not supported: {raw[0]}")
    try:
        decoded = CancunTransactionBuilder().decode(raw)
    except (rlp.exceptions.RLPException, ValidationError, ValueError, TypeError, IndexError) as exc:
        raise TransactionRefused(f"rlp: transaction can't be decoded: {exc}") from exc
    return _checked(decoded, raw, chain_id)


def _checked(decoded: Any, raw: bytes, chain_id: int) -> Transaction:
    type_id = raw[0] if raw[0] < 0x80 else 0
    _validate_chain(decoded, type_id, chain_id)
    _validate_fields(decoded)
    access_list = (
        tuple((bytes(address), tuple(slots)) for address, slots in decoded.access_list) if type_id else ()
    )
    return Transaction(
        hash=keccak(raw),
        raw=raw,
        type_id=type_id,
        chain_id=chain_id,
        sender=_sender(decoded),
        nonce=decoded.nonce,
        gas=decoded.gas,
        max_fee_per_gas=decoded.max_fee_per_gas,
        max_priority_fee_per_gas=decoded.max_priority_fee_per_gas,
        to=decoded.to,
        value=decoded.value,
        data=decoded.data,
        access_list=access_list,
        v=decoded.y_parity if type_id else decoded.v,
        r=decoded.r,
        s=decoded.s,
    )


def _validate_chain(decoded: Any, type_id: int, chain_id: int) -> None:
    if type_id == 0 and decoded.v in (27, 28):
        raise TransactionRefused("only replay-protected (EIP-155) transactions allowed over RPC")
    if decoded.chain_id != chain_id:
        raise TransactionRefused(f"invalid chain id for signer: have {decoded.chain_id} want {chain_id}")


def _validate_fields(decoded: Any) -> None:
    if len(decoded.to) not in (0, 20):
        raise TransactionRefused("rlp: the receiver isn't 20 bytes")
    small, large = (decoded.nonce, decoded.gas), (decoded.value, decoded.max_fee_per_gas)
    if max(small) >= 2**64 - 1 or max(large) >= 2**256:
        raise TransactionRefused("rlp: a number is out of range")
    if decoded.max_priority_fee_per_gas > decoded.max_fee_per_gas:
        raise TransactionRefused("max priority fee per gas higher than max fee per gas")
    if not 0 < decoded.s <= SECP256K1_HALF_ORDER or decoded.r <= 0:
        raise TransactionRefused("invalid transaction v, r, s values")


def _sender(decoded: Any) -> bytes:
    try:
        return bytes(decoded.sender)
    except (BadSignature, ValidationError, KeyValidationError, ValueError) as exc:
        raise TransactionRefused("invalid transaction v, r, s values") from exc


def stored_transaction(raw: bytes, sender: bytes, chain_id: int) -> Transaction:
    """Rebuild a transaction that was checked when it was stored, without recovering the sender again."""
    decoded = CancunTransactionBuilder().decode(raw)
    decoded.__dict__["sender"] = sender
    return _checked(decoded, raw, chain_id)
