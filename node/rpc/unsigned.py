"""The encoding of a transaction nobody signed: it names a simulated transaction, nothing more."""

from typing import Any

from rlp.codec import encode_raw

from node.encoding import number
from node.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE, Authorization, Transaction

NO_SIGNATURE = [b"", b"", b""]


def encode_unsigned(transaction: Transaction) -> bytes:
    """The encoding of its type (EIP-2718, 2930, 1559, 4844, 7702) with an empty signature."""
    encoded: bytes = encode_raw([*_payload(transaction), *NO_SIGNATURE])
    return bytes([transaction.type_id]) + encoded if transaction.type_id else encoded


def _payload(transaction: Transaction) -> list[Any]:
    """Everything before the signature, in order."""
    fees = [number(transaction.max_fee_per_gas)]
    if transaction.type_id >= DYNAMIC_FEE:
        fees.insert(0, number(transaction.max_priority_fee_per_gas))
    payload: list[Any] = [
        number(transaction.nonce),
        *fees,
        number(transaction.gas),
        transaction.to,
        number(transaction.value),
        transaction.data,
    ]
    if transaction.type_id == LEGACY:
        return payload
    payload.insert(0, number(transaction.chain_id or 0))
    return payload + _extras(transaction)


def _extras(transaction: Transaction) -> list[Any]:
    """What later types added, behind the data."""
    extras: list[Any] = []
    if transaction.type_id >= ACCESS_LIST:
        slots = [
            [address, [slot.to_bytes(32, "big") for slot in slots]]
            for address, slots in transaction.access_list
        ]
        extras.append(slots)
    if transaction.type_id == BLOB:
        extras += [number(transaction.max_fee_per_blob_gas), list(transaction.blob_versioned_hashes)]
    if transaction.type_id == SET_CODE:
        extras.append([_authorization(entry) for entry in transaction.authorization_list])
    return extras


def _authorization(authorization: Authorization) -> list[bytes]:
    signature = (authorization.y_parity, authorization.r, authorization.s)
    head = [number(authorization.chain_id), authorization.address, number(authorization.nonce)]
    return [*head, *(number(part) for part in signature)]
