"""Signed transactions of types 0 to 4: decoding, the fields the EVM reads, and who signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_keys.exceptions import ValidationError as KeyValidationError
from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.encoding import Encoded, decode, expect_list, fixed, number, uint
from node.errors import InvalidBlock, MalformedBlock, TransactionRefused

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECP256K1_HALF_ORDER = SECP256K1_ORDER // 2
TRANSACTION_SIZE_MAX_BYTES = 2 * 1024 * 1024
INITCODE_SIZE_MAX_BYTES = 49_152
"""EIP-3860."""
GAS_PER_BLOB = 2**17
"""EIP-4844."""
AUTHORIZATION_GAS = 25_000
"""EIP-7702's PER_EMPTY_ACCOUNT_COST."""
CREATE = b""
LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE = range(5)
UINT64_MAX = 2**64 - 1

AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]
"""Addresses with the storage slots of each (EIP-2930)."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """An account's consent that the code of ``address`` runs in its place (EIP-7702)."""

    chain_id: int
    """Zero: on any chain."""
    address: bytes
    nonce: int
    y_parity: int
    r: int
    s: int

    def validate(self, chain_id: int) -> None:
        """Whether it may apply at all, as py-evm asks before it applies one.

        Raises:
            TransactionRefused: for another chain, a nonce that can't grow, or a high s.
        """
        if self.chain_id not in (0, chain_id) or self.nonce >= UINT64_MAX or self.s > SECP256K1_HALF_ORDER:
            raise TransactionRefused("authorization does not apply")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the EVM sees it; the attribute names are the ones py-evm's executor reads."""

    hash: bytes
    """Keccak-256 of ``raw``; for an unsigned call, any 32 bytes."""
    raw: bytes
    """The signed encoding (EIP-2718); empty for an unsigned call."""
    type_id: int
    """0 legacy, 1 access list (EIP-2930), 2 dynamic fee (EIP-1559), 3 blobs (EIP-4844), 4 code (EIP-7702)."""
    chain_id: int | None
    """``None``: type 0 without replay protection (EIP-155)."""
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
    access_list: AccessList = ()
    max_fee_per_blob_gas: int = 0
    """wei a unit of blob gas."""
    blob_versioned_hashes: tuple[bytes, ...] = ()
    authorization_list: tuple[Authorization, ...] = ()
    v: int = 0
    """As signed: 27, 28 or EIP-155's for type 0, the parity of y for the others."""
    r: int = 0
    s: int = 0

    @property
    def y_parity(self) -> int:
        """0 or 1."""
        return self.v if self.type_id else (self.v - 27 if self.v < 35 else self.v - 35) % 2

    @property
    def gas_price(self) -> int:
        """wei a unit of gas paid under a zero base fee."""
        return self.gas_price_at(0)

    @property
    def blob_gas(self) -> int:
        """Units of blob gas."""
        return GAS_PER_BLOB * len(self.blob_versioned_hashes)

    @property
    def intrinsic_gas(self) -> int:
        """Gas taken before execution since Berlin (EIP-2028, 2930, 7702), without the init code's words."""
        zero_bytes = self.data.count(0)
        gas = 21_000 + 4 * zero_bytes + 16 * (len(self.data) - zero_bytes)
        if self.to == CREATE:
            gas += 32_000
        for _, slots in self.access_list:
            gas += 2_400 + 1_900 * len(slots)
        return gas + AUTHORIZATION_GAS * len(self.authorization_list)

    @property
    def cost_max(self) -> int:
        """The most wei the sender can lose."""
        return self.value + self.gas * self.max_fee_per_gas + self.blob_gas * self.max_fee_per_blob_gas

    def gas_price_at(self, base_fee: int) -> int:
        """wei a unit of gas paid in a block with this base fee (EIP-1559)."""
        return min(self.max_fee_per_gas, self.max_priority_fee_per_gas + base_fee)


def decode_transaction(
    raw: bytes, chain_id: int, types: Sequence[int] = (LEGACY, ACCESS_LIST, DYNAMIC_FEE)
) -> Transaction:
    """Decode and check a transaction that somebody sends, recovering its sender once.

    Raises:
        TransactionRefused: malformed, of another type, for another chain, unprotected, or badly signed.
    """
    if len(raw) > TRANSACTION_SIZE_MAX_BYTES:
        raise TransactionRefused(
            f"oversized data: transaction size {len(raw)}, limit {TRANSACTION_SIZE_MAX_BYTES}"
        )
    if raw and raw[0] < 0x80 and raw[0] not in types:
        raise TransactionRefused(f"transaction type not supported: {raw[0]}")
    transaction = _decode(raw, chain_id, None)
    if transaction.chain_id is None:
        raise TransactionRefused("only replay-protected (EIP-155) transactions allowed over RPC")
    if not 0 < transaction.s <= SECP256K1_HALF_ORDER:
        raise TransactionRefused("invalid transaction v, r, s values")
    return transaction


def included_transaction(raw: bytes, chain_id: int, sender: bytes | None = None) -> Transaction:
    """A transaction of a block; whether the block's fork knows its type is for the caller to check.

    Args:
        sender: who signed, if that was found out before.

    Raises:
        InvalidBlock: malformed, for another chain, or badly signed.
    """
    try:
        return _decode(raw, chain_id, sender)
    except TransactionRefused as exc:
        raise InvalidBlock(f"a transaction can't be: {exc.message}") from exc


def _decode(raw: bytes, chain_id: int, sender: bytes | None) -> Transaction:
    if not raw:
        raise TransactionRefused("rlp: no transaction")
    if raw[0] < 0xC0 and raw[0] not in PAYLOADS:
        raise TransactionRefused(f"transaction type not supported: {raw[0]}")
    type_id = raw[0] if raw[0] < 0xC0 else LEGACY
    try:
        values = expect_list(decode(raw[1:] if type_id else raw, "transaction"), "transaction")
        fields = _typed_fields(type_id, values) if type_id else _legacy_fields(values)
    except MalformedBlock as exc:
        raise TransactionRefused(f"rlp: transaction can't be decoded: {exc}") from exc
    if fields["chain_id"] not in (None, chain_id):
        raise TransactionRefused(f"invalid chain id for signer: have {fields['chain_id']} want {chain_id}")
    if fields["max_priority_fee_per_gas"] > fields["max_fee_per_gas"]:
        raise TransactionRefused("max priority fee per gas higher than max fee per gas")
    signer = sender or _recover(type_id, values, fields)
    return Transaction(hash=keccak(raw), raw=raw, type_id=type_id, sender=signer, **fields)


def _legacy_fields(values: Sequence[Encoded]) -> dict[str, Any]:
    if len(values) != 9:
        raise MalformedBlock(f"9 fields expected, {len(values)} given")
    nonce, price, gas, to, value, data, v, r, s = values
    price_wei, signed_v = uint(price, "gasPrice"), uint(v, "v")
    return {
        "chain_id": (signed_v - 35) // 2 if signed_v >= 35 else None,
        "nonce": uint(nonce, "nonce", UINT64_MAX - 1),
        "gas": uint(gas, "gas", UINT64_MAX - 1),
        "max_fee_per_gas": price_wei,
        "max_priority_fee_per_gas": price_wei,
        "to": _receiver(to),
        "value": uint(value, "value"),
        "data": fixed(data, "data", None),
        "v": signed_v,
        "r": uint(r, "r"),
        "s": uint(s, "s"),
    }


PAYLOADS: dict[int, tuple[str, ...]] = {
    ACCESS_LIST: ("chainId", "nonce", "gasPrice", "gas", "to", "value", "data", "accessList"),
    DYNAMIC_FEE: ("chainId", "nonce", "tip", "fee", "gas", "to", "value", "data", "accessList"),
    BLOB: (
        *("chainId", "nonce", "tip", "fee", "gas", "to", "value", "data", "accessList"),
        *("blobFee", "blobHashes"),
    ),
    SET_CODE: (
        *("chainId", "nonce", "tip", "fee", "gas", "to", "value", "data", "accessList"),
        "authorizations",
    ),
}
"""What a typed transaction holds before its signature, in order."""


def _typed_fields(type_id: int, values: Sequence[Encoded]) -> dict[str, Any]:
    names = (*PAYLOADS[type_id], "v", "r", "s")
    if len(values) != len(names):
        raise MalformedBlock(f"{len(names)} fields expected, {len(values)} given")
    given = dict(zip(names, values, strict=True))
    fee = uint(given["gasPrice" if type_id == ACCESS_LIST else "fee"], "maxFeePerGas")
    fields = {
        "chain_id": uint(given["chainId"], "chainId"),
        "nonce": uint(given["nonce"], "nonce", UINT64_MAX - 1),
        "gas": uint(given["gas"], "gas", UINT64_MAX - 1),
        "max_fee_per_gas": fee,
        "max_priority_fee_per_gas": uint(given["tip"], "maxPriorityFeePerGas") if "tip" in given else fee,
        "to": _receiver(given["to"]),
        "value": uint(given["value"], "value"),
        "data": fixed(given["data"], "data", None),
        "access_list": _access_list(given["accessList"]),
        "v": uint(given["v"], "yParity", 1),
        "r": uint(given["r"], "r"),
        "s": uint(given["s"], "s"),
    }
    if type_id == BLOB:
        fields["max_fee_per_blob_gas"] = uint(given["blobFee"], "maxFeePerBlobGas")
        hashes = expect_list(given["blobHashes"], "blobVersionedHashes")
        fields["blob_versioned_hashes"] = tuple(fixed(entry, "blobVersionedHashes", 32) for entry in hashes)
    if type_id == SET_CODE:
        entries = expect_list(given["authorizations"], "authorizationList")
        fields["authorization_list"] = tuple(_authorization(entry) for entry in entries)
    if type_id in (BLOB, SET_CODE) and fields["to"] == CREATE:
        raise MalformedBlock(f"a transaction of type {type_id} needs a receiver")
    return fields


def _receiver(raw: Encoded) -> bytes:
    to = fixed(raw, "to", None)
    if len(to) not in (0, 20):
        raise MalformedBlock("the receiver isn't 20 bytes")
    return to


def _access_list(raw: Encoded) -> AccessList:
    found = []
    for entry in expect_list(raw, "accessList"):
        pair = expect_list(entry, "accessList")
        if len(pair) != 2:
            raise MalformedBlock("accessList: an address and its slots expected")
        slots = expect_list(pair[1], "storageKeys")
        keys = tuple(int.from_bytes(fixed(slot, "storageKeys", 32), "big") for slot in slots)
        found.append((fixed(pair[0], "address", 20), keys))
    return tuple(found)


def _authorization(raw: Encoded) -> Authorization:
    values = expect_list(raw, "authorizationList")
    if len(values) != 6:
        raise MalformedBlock("authorizationList: 6 fields expected")
    chain_id, address, nonce, y_parity, r, s = values
    return Authorization(
        uint(chain_id, "chainId"),
        fixed(address, "address", 20),
        uint(nonce, "nonce", UINT64_MAX),
        uint(y_parity, "yParity", 255),
        uint(r, "r"),
        uint(s, "s"),
    )


def _recover(type_id: int, values: Sequence[Encoded], fields: dict[str, Any]) -> bytes:
    """Who signed (EIP-155, EIP-2718)."""
    v, r, s = fields["v"], fields["r"], fields["s"]
    if type_id:
        signed = bytes([type_id]) + encode_raw(values[:-3])
    elif v in (27, 28):
        signed, v = encode_raw(values[:6]), v - 27
    elif v >= 35:
        signed = encode_raw([*values[:6], number(fields["chain_id"]), b"", b""])
        v = (v - 35) % 2
    else:
        raise TransactionRefused("invalid transaction v, r, s values")
    try:
        key = Signature(vrs=(v, r, s)).recover_public_key_from_msg_hash(keccak(signed))
    except (BadSignature, KeyValidationError, ValueError) as exc:
        raise TransactionRefused("invalid transaction v, r, s values") from exc
    return bytes(key.to_canonical_address())
