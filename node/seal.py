"""Authority seals: a header signed by who made it, in fields every Ethereum tool reads.

The signature is EIP-2098's compact form, 64 bytes in two 32-byte header fields: ``r`` in
parentBeaconBlockRoot, ``yParity << 255 | s`` in extraData, which stays at 32 bytes. Nonce and difficulty keep
their post-merge zeros, and mixHash stays what the EVM saw as PREVRANDAO, so any other client that re-executes
a block from its header alone gets the same result. The coinbase is the signer.
"""

from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_keys.exceptions import ValidationError as KeyValidationError
from eth_utils.crypto import keccak

from node.errors import InvalidSeal
from node.header import Header
from node.transaction import SECP256K1_HALF_ORDER

SEAL_DOMAIN = b"\x19Dyetrace block seal v1\n"
"""Keeps a seal from ever being a transaction's or a message's signature (as in EIP-191)."""


def seal_hash(header: Header) -> bytes:
    """What an authority signs: the header without its two seal fields."""
    return keccak(SEAL_DOMAIN + header.copy(extra_data=b"", parent_beacon_block_root=bytes(32)).encode())


def seal_header(header: Header, key: PrivateKey) -> Header:
    """Sign a header whose coinbase is the key's address."""
    signature = key.sign_msg_hash(seal_hash(header))
    compact = signature.v << 255 | signature.s
    return header.copy(
        parent_beacon_block_root=signature.r.to_bytes(32, "big"), extra_data=compact.to_bytes(32, "big")
    )


def recover_sealer(header: Header) -> bytes:
    """The address that signed a header.

    Raises:
        InvalidSeal: no valid, low-s signature is there.
    """
    compact = int.from_bytes(header.extra_data, "big")
    parity, s = compact >> 255, compact & (2**255 - 1)
    if len(header.extra_data) != 32 or not 0 < s <= SECP256K1_HALF_ORDER:
        raise InvalidSeal(f"block {header.block_number} carries no seal")
    r = int.from_bytes(header.parent_beacon_block_root or b"", "big")
    try:
        signature = Signature(vrs=(parity, r, s))
        return bytes(signature.recover_public_key_from_msg_hash(seal_hash(header)).to_canonical_address())
    except (BadSignature, KeyValidationError) as exc:
        raise InvalidSeal(f"block {header.block_number} carries a broken seal") from exc


def validate_seal(header: Header, authorities: frozenset[bytes]) -> None:
    """Check that an authority of the network signed the header, and is its coinbase.

    Raises:
        InvalidSeal: it isn't so.
    """
    sealer = recover_sealer(header)
    if sealer != header.coinbase:
        raise InvalidSeal(f"block {header.block_number} is sealed by another than its coinbase")
    if sealer not in authorities:
        raise InvalidSeal(f"block {header.block_number} is sealed by 0x{sealer.hex()}, who is no authority")
