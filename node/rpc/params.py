"""JSON-RPC parameters: from untrusted JSON to the node's own values, or ``InvalidParams``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from node.block import Withdrawal
from node.errors import InvalidParams
from node.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    AccessList,
    Authorization,
)

UINT64_MAX = 2**64 - 1
UINT256_MAX = 2**256 - 1
TAGS = ("latest", "safe", "finalized", "pending", "earliest")
ACCESS_LIST_ENTRIES_MAX = 10_000
STORAGE_KEYS_MAX = 1_024
BLOBS_MAX = 64
AUTHORIZATIONS_MAX = 1_024
WITHDRAWALS_MAX = 16
PERCENTILES_MAX = 100
BLOCK_NUMBER_MAX = 2**63 - 1
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class BlockReference:
    """A block as a caller names it: exactly one field is set."""

    tag: str | None = None
    number: int | None = None
    hash: bytes | None = None


LATEST = BlockReference(tag="latest")
PENDING = BlockReference(tag="pending")


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A storage slot as a caller writes it."""

    slot: int
    whole: bool
    """Whether it was written as all 32 bytes."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A transaction object as in eth_call; ``None`` where the caller left a default."""

    sender: bytes
    to: bytes
    """Receiver, or empty to create a contract."""
    data: bytes
    value: int
    """wei."""
    gas: int | None
    nonce: int | None
    fee: int
    """wei a unit of gas the caller offers at most."""
    priority_fee: int
    access_list: AccessList
    type_id: int
    """As the caller says, or as the fields given tell."""
    type_needed: int
    """The first transaction type that has all the fields given, whatever ``type`` says."""
    chain_id: int | None
    blob_fee: int
    """wei a unit of blob gas the caller offers at most."""
    blob_hashes: tuple[bytes, ...]
    authorizations: tuple[Authorization, ...]


@dataclass(frozen=True, slots=True)
class AccountOverride:
    """What a call should find at one address instead of what is there."""

    balance: int | None
    nonce: int | None
    code: bytes | None
    state: Mapping[int, int] | None
    """Replaces the whole storage."""
    state_difference: Mapping[int, int]
    """Replaces single slots."""
    precompile_to: bytes | None
    """Where the precompiled contract of this address is to be found instead."""


@dataclass(frozen=True, slots=True)
class BlockOverride:
    """What a call should find in the block instead of what is there."""

    number: int | None = None
    time: int | None = None
    """Unix seconds."""
    gas_limit: int | None = None
    fee_recipient: bytes | None = None
    previous_randao: bytes | None = None
    base_fee: int | None = None
    """wei."""
    blob_fee: int | None = None
    """wei a unit of blob gas."""
    withdrawals: tuple[Withdrawal, ...] = ()
    beacon_root: bytes | None = None


def quantity(value: object, name: str = "", maximum: int = UINT256_MAX) -> int:
    """A hex QUANTITY (EIP-1474); a JSON integer too, which web3.py sends in block overrides."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= maximum:
        return value
    digits = _hex_digits(value, name)
    if not digits:
        raise _refused(name, 'hex string "0x"')
    if digits[0] == "0" and len(digits) > 1:
        raise _refused(name, "hex number with leading zero digits")
    if not HEX_DIGITS.issuperset(digits):
        raise _refused(name, "invalid hex string")
    if len(digits) > 64 or int(digits, 16) > maximum:
        raise _refused(name, f"hex number > {maximum.bit_length()} bits")
    return int(digits, 16)


def data(value: object, name: str = "", size: int | None = None) -> bytes:
    """Hex DATA (EIP-1474), of ``size`` bytes if given."""
    digits = _hex_digits(value, name)
    if len(digits) % 2:
        raise _refused(name, "hex string of odd length")
    if size is not None and len(digits) != 2 * size:
        raise _refused(name, f"hex string has length {len(digits)}, want {2 * size}")
    if not HEX_DIGITS.issuperset(digits):
        raise _refused(name, "invalid hex string")
    return bytes.fromhex(digits)


def address(value: object, name: str = "") -> bytes:
    """20 bytes."""
    return data(value, name, 20)


def hash32(value: object, name: str = "") -> bytes:
    """32 bytes."""
    return data(value, name, 32)


def boolean(value: object, name: str = "") -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise _refused(name, "true or false expected")
    return value


def text(value: object) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise _refused("", "a string expected")
    return value


def mapping(value: object, name: str = "", known: frozenset[str] | None = None) -> dict[str, object]:
    """A JSON object; with ``known`` given, any other field is refused rather than silently ignored."""
    if not isinstance(value, dict):
        raise _refused(name, "an object expected")
    unknown = set(value) - known if known is not None else set()
    if unknown:
        raise _refused(name, f"unknown field {sorted(unknown)[0]!r}")
    return value


def sequence(value: object, name: str, maximum: int) -> list[object]:
    """A JSON array of at most ``maximum`` entries."""
    if not isinstance(value, list):
        raise _refused(name, "an array expected")
    if len(value) > maximum:
        raise _refused(name, f"{len(value)} entries, at most {maximum} are taken")
    return value


def _hex_digits(value: object, name: str) -> str:
    """What follows 0x; the words of every refusal about hex are geth's."""
    if not isinstance(value, str):
        raise _refused(name, "cannot unmarshal non-string")
    if not value:
        raise _refused(name, "empty hex string")
    if not value.startswith(("0x", "0X")):
        raise _refused(name, "hex string without 0x prefix")
    return value[2:]


def _refused(name: str, reason: str) -> InvalidParams:
    """A refusal of the field ``name``, or of the whole parameter if that is empty."""
    return InvalidParams(f"{name}: {reason}" if name else reason)


def optional(fields: Mapping[str, object], name: str, parse: Callable[[object, str], Value]) -> Value | None:
    """A field that may be missing or null."""
    value = fields.get(name)
    return None if value is None else parse(value, name)


def uint64(value: object, name: str = "") -> int:
    """A QUANTITY below 2^64."""
    return quantity(value, name, UINT64_MAX)


def block_number(value: object, name: str = "") -> int:
    """A QUANTITY below 2^63, as geth bounds block numbers."""
    number = uint64(value, name)
    if number > BLOCK_NUMBER_MAX:
        raise _refused(name, "block number larger than int64")
    return number


def block_by_number(value: object) -> BlockReference:
    """A number or a tag."""
    if isinstance(value, str) and value in TAGS:
        return BlockReference(tag=value)
    return BlockReference(number=block_number(value))


def storage_key(value: object) -> StorageKey:
    """A slot in hex of at most 32 bytes; as in geth the 0x may be missing and digits may be odd or few."""
    if not isinstance(value, str):
        raise _refused("", "cannot unmarshal non-string")
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    if len(digits) > 64:
        raise InvalidParams(f'storage key too long (want at most 32 bytes): "{value[:80]}"')
    if not HEX_DIGITS.issuperset(digits):
        raise InvalidParams(f'invalid hex in storage key: "{value}"')
    return StorageKey(int(digits or "0", 16), whole=len(digits) in (63, 64))


def block_reference(value: object) -> BlockReference:
    """A number, a tag, a hash, or an EIP-1898 object."""
    if isinstance(value, dict):
        fields = mapping(value, "", frozenset({"blockHash", "blockNumber", "requireCanonical"}))
        optional(fields, "requireCanonical", boolean)  # every block here is
        block_hash, number = fields.get("blockHash"), fields.get("blockNumber")
        if block_hash is not None and number is not None:
            raise InvalidParams("cannot specify both BlockHash and BlockNumber, choose one or the other")
        if block_hash is not None:
            return BlockReference(hash=hash32(block_hash, "blockHash"))
        if number is None:
            raise InvalidParams("blockHash or blockNumber expected")
        return block_by_number(number)
    if isinstance(value, str) and len(value) == 66:
        return BlockReference(hash=hash32(value))
    return block_by_number(value)


def storage_keys(value: object) -> list[StorageKey]:
    """The slots of eth_getProof."""
    if isinstance(value, list) and len(value) > STORAGE_KEYS_MAX:
        raise InvalidParams(f"too many storage keys requested (max {STORAGE_KEYS_MAX}, got {len(value)})")
    return [storage_key(entry) for entry in sequence(value, "", STORAGE_KEYS_MAX)]


def block_count(value: object) -> int:
    """A QUANTITY; a decimal string too, which older tools send (geth's HexOrDecimal64)."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return uint64(int(value[:20]))
    return uint64(value)


def percentiles(value: object) -> list[float]:
    """Numbers of a list; ``eth_feeHistory`` checks their range and order."""
    found = sequence(value, "", PERCENTILES_MAX)
    if not all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in found):
        raise _refused("", "numbers expected")
    return [float(entry) for entry in found if isinstance(entry, int | float)]


def call_request(value: object) -> CallRequest:
    """A transaction object; ``data`` and ``input`` mean the same and may not differ."""
    fields = mapping(value)
    payloads = {data(fields[name], name) for name in ("data", "input") if fields.get(name) is not None}
    if len(payloads) > 1:
        raise InvalidParams('both "data" and "input" are set and not equal')
    gas_price = optional(fields, "gasPrice", quantity)
    fee = optional(fields, "maxFeePerGas", quantity)
    if gas_price is not None and fee is not None:
        raise InvalidParams("both gasPrice and maxFeePerGas specified")
    offered = gas_price if gas_price is not None else fee or 0
    priority = gas_price if gas_price is not None else optional(fields, "maxPriorityFeePerGas", quantity)
    if fee is not None and priority is not None and fee < priority:
        raise InvalidParams(f"maxFeePerGas ({fee}) < maxPriorityFeePerGas ({priority})")
    to = fields.get("to")
    return CallRequest(
        sender=optional(fields, "from", address) or bytes(20),
        to=b"" if to in (None, "", "0x") else address(to, "to"),
        data=payloads.pop() if payloads else b"",
        value=optional(fields, "value", quantity) or 0,
        gas=optional(fields, "gas", uint64),
        nonce=optional(fields, "nonce", uint64),
        fee=offered,
        priority_fee=min(priority or 0, offered),
        access_list=_access_list(fields.get("accessList") or []),
        type_id=_type_id(fields),
        type_needed=_type_needed(fields),
        chain_id=optional(fields, "chainId", quantity),
        blob_fee=optional(fields, "maxFeePerBlobGas", quantity) or 0,
        blob_hashes=tuple(
            hash32(entry, "blobVersionedHashes")
            for entry in sequence(fields.get("blobVersionedHashes") or [], "blobVersionedHashes", BLOBS_MAX)
        ),
        authorizations=tuple(
            _authorization(entry)
            for entry in sequence(
                fields.get("authorizationList") or [], "authorizationList", AUTHORIZATIONS_MAX
            )
        ),
    )


def _type_id(fields: Mapping[str, object]) -> int:
    """The given type, else the least that has the given fields; dynamic fees if they tell nothing.

    It names the transaction and changes nothing in how it runs; a type there isn't is passed over, as geth
    passes over all.
    """
    given = optional(fields, "type", uint64)
    if given is not None and given <= SET_CODE:
        return given
    if fields.get("authorizationList") is not None:
        return SET_CODE
    if fields.get("blobVersionedHashes") is not None:
        return BLOB
    if fields.get("gasPrice") is not None:
        return LEGACY if fields.get("accessList") is None else ACCESS_LIST
    return DYNAMIC_FEE


def _type_needed(fields: Mapping[str, object]) -> int:
    given = [name for name, value in fields.items() if value is not None]
    return max([TYPE_OF_FIELD.get(name, LEGACY) for name in given], default=LEGACY)


def _authorization(value: object) -> Authorization:
    fields = mapping(value, "authorizationList")
    return Authorization(
        chain_id=quantity(fields.get("chainId"), "chainId"),
        address=address(fields.get("address"), "address"),
        nonce=uint64(fields.get("nonce"), "nonce"),
        y_parity=quantity(fields.get("yParity"), "yParity", 255),
        r=quantity(fields.get("r"), "r"),
        s=quantity(fields.get("s"), "s"),
    )


def _access_list(value: object) -> AccessList:
    found = []
    for entry in sequence(value, "accessList", ACCESS_LIST_ENTRIES_MAX):
        fields = mapping(entry, "accessList")
        keys = sequence(fields.get("storageKeys") or [], "storageKeys", ACCESS_LIST_ENTRIES_MAX)
        slots = tuple(int.from_bytes(hash32(key, "storageKeys"), "big") for key in keys)
        found.append((address(fields.get("address")), slots))
    return tuple(found)


def state_override(value: object) -> dict[bytes, AccountOverride]:
    """A set of account overrides by address."""
    return {
        address(key, "stateOverrides"): _account_override(entry)
        for key, entry in mapping(value, "stateOverrides").items()
    }


def _account_override(value: object) -> AccountOverride:
    fields = mapping(value, "stateOverrides", ACCOUNT_OVERRIDE_FIELDS)
    if fields.get("state") is not None and fields.get("stateDiff") is not None:
        raise InvalidParams("stateOverrides: state and stateDiff can't both be given")
    return AccountOverride(
        balance=optional(fields, "balance", quantity),
        nonce=optional(fields, "nonce", uint64),
        code=optional(fields, "code", data),
        state=optional(fields, "state", _slots),
        state_difference=optional(fields, "stateDiff", _slots) or {},
        precompile_to=optional(fields, "movePrecompileToAddress", address),
    )


def _slots(value: object, name: str) -> dict[int, int]:
    return {
        int.from_bytes(hash32(slot, name), "big"): int.from_bytes(hash32(content, name), "big")
        for slot, content in mapping(value, name).items()
    }


def block_override(value: object) -> BlockOverride:
    """Block overrides; both eth_simulateV1's names and geth's older ones for eth_call are taken."""
    fields = dict(mapping(value, "blockOverrides", BLOCK_OVERRIDE_FIELDS | OLDER_NAMES.keys()))
    for older, name in OLDER_NAMES.items():
        if older in fields:
            fields.setdefault(name, fields.pop(older))
    withdrawals = sequence(fields.get("withdrawals") or [], "withdrawals", WITHDRAWALS_MAX)
    return BlockOverride(
        number=optional(fields, "number", uint64),
        time=optional(fields, "time", uint64),
        gas_limit=optional(fields, "gasLimit", uint64),
        fee_recipient=optional(fields, "feeRecipient", address),
        previous_randao=optional(fields, "prevRandao", hash32),
        base_fee=optional(fields, "baseFeePerGas", quantity),
        blob_fee=optional(fields, "blobBaseFee", quantity),
        withdrawals=tuple(_withdrawal(entry) for entry in withdrawals),
        beacon_root=optional(fields, "beaconRoot", hash32),
    )


def _withdrawal(value: object) -> Withdrawal:
    fields = mapping(value, "withdrawals")
    return Withdrawal(
        index=uint64(fields.get("index"), "index"),
        validator_index=uint64(fields.get("validatorIndex"), "validatorIndex"),
        address=address(fields.get("address"), "address"),
        amount=uint64(fields.get("amount"), "amount"),
    )


TYPE_OF_FIELD = {
    "accessList": ACCESS_LIST,
    "maxFeePerGas": DYNAMIC_FEE,
    "maxPriorityFeePerGas": DYNAMIC_FEE,
    "maxFeePerBlobGas": BLOB,
    "blobVersionedHashes": BLOB,
    "authorizationList": SET_CODE,
}
"""Which transaction type brought a field of a transaction object."""
BLOCK_OVERRIDE_FIELDS = frozenset(
    {
        "number",
        "time",
        "gasLimit",
        "feeRecipient",
        "prevRandao",
        "baseFeePerGas",
        "blobBaseFee",
        "withdrawals",
        "beaconRoot",
    }
)
ACCOUNT_OVERRIDE_FIELDS = frozenset(
    {"balance", "nonce", "code", "state", "stateDiff", "movePrecompileToAddress"}
)
OLDER_NAMES = {"coinbase": "feeRecipient", "random": "prevRandao", "baseFee": "baseFeePerGas"}
