"""JSON-RPC parameters: from untrusted JSON to the node's own values, or ``InvalidParams``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from node.errors import InvalidParams

UINT64_MAX = 2**64 - 1
UINT256_MAX = 2**256 - 1
TAGS = ("latest", "safe", "finalized", "pending", "earliest")
ACCESS_LIST_ENTRIES_MAX = 10_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class BlockReference:
    """A block as a caller names it: exactly one field is set."""

    tag: str | None = None
    number: int | None = None
    hash: bytes | None = None


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
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...]


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


def quantity(value: object, name: str, maximum: int = UINT256_MAX) -> int:
    """A hex QUANTITY (EIP-1474); a JSON integer too, which web3.py sends in block overrides."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= maximum:
        return value
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:
        raise InvalidParams(f"{name}: a number is a string of 0x and hex digits")
    try:
        number = int(value[2:] or "x", 16)
    except ValueError as exc:
        raise InvalidParams(f"{name}: {value!r} is no hex number") from exc
    if number < 0 or number > maximum:
        raise InvalidParams(f"{name}: {value} is out of range")
    return number


def data(value: object, name: str, size: int | None = None) -> bytes:
    """Hex DATA (EIP-1474), of ``size`` bytes if given."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidParams(f"{name}: bytes are a string of 0x and hex digits")
    try:
        decoded = bytes.fromhex(value[2:])
    except ValueError as exc:
        raise InvalidParams(f"{name}: not an even number of hex digits") from exc
    if size is not None and (len(decoded) != size or len(value) != 2 + 2 * size):
        raise InvalidParams(f"{name}: {size} bytes expected, {len(decoded)} given")
    return decoded


def address(value: object, name: str = "address") -> bytes:
    """20 bytes."""
    return data(value, name, 20)


def hash32(value: object, name: str = "hash") -> bytes:
    """32 bytes."""
    return data(value, name, 32)


def boolean(value: object, name: str) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise InvalidParams(f"{name}: true or false expected")
    return value


def mapping(value: object, name: str, known: frozenset[str] | None = None) -> dict[str, object]:
    """A JSON object; with ``known`` given, any other field is refused rather than silently ignored."""
    if not isinstance(value, dict):
        raise InvalidParams(f"{name}: an object expected")
    unknown = set(value) - known if known is not None else set()
    if unknown:
        raise InvalidParams(f"{name}: unknown field {sorted(unknown)[0]!r}")
    return value


def sequence(value: object, name: str, maximum: int) -> list[object]:
    """A JSON array of at most ``maximum`` entries."""
    if not isinstance(value, list):
        raise InvalidParams(f"{name}: an array expected")
    if len(value) > maximum:
        raise InvalidParams(f"{name}: {len(value)} entries, at most {maximum} are taken")
    return value


def optional(fields: Mapping[str, object], name: str, parse: Callable[[object, str], Value]) -> Value | None:
    """A field that may be missing or null."""
    value = fields.get(name)
    return None if value is None else parse(value, name)


def uint64(value: object, name: str) -> int:
    """A QUANTITY below 2^64."""
    return quantity(value, name, UINT64_MAX)


def block_reference(value: object) -> BlockReference:
    """A number, a tag, or an EIP-1898 object."""
    if isinstance(value, dict):
        fields = mapping(value, "block", frozenset({"blockHash", "blockNumber", "requireCanonical"}))
        if "blockHash" in fields:
            return BlockReference(hash=hash32(fields["blockHash"], "blockHash"))
        return BlockReference(number=uint64(fields.get("blockNumber"), "blockNumber"))
    if isinstance(value, str) and value in TAGS:
        return BlockReference(tag=value)
    if isinstance(value, str) and len(value) == 66:
        return BlockReference(hash=hash32(value, "block"))
    return BlockReference(number=uint64(value, "block"))


def call_request(value: object) -> CallRequest:
    """A transaction object; ``data`` and ``input`` mean the same and may not differ."""
    fields = mapping(value, "transaction")
    payloads = {data(fields[name], name) for name in ("data", "input") if fields.get(name) is not None}
    if len(payloads) > 1:
        raise InvalidParams('transaction: both "data" and "input" are set and not equal')
    gas_price = optional(fields, "gasPrice", quantity)
    fee = optional(fields, "maxFeePerGas", quantity)
    if gas_price is not None and fee is not None:
        raise InvalidParams("transaction: both gasPrice and maxFeePerGas specified")
    offered = gas_price if gas_price is not None else fee or 0
    priority = gas_price if gas_price is not None else optional(fields, "maxPriorityFeePerGas", quantity)
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
    )


def _access_list(value: object) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    found = []
    for entry in sequence(value, "accessList", ACCESS_LIST_ENTRIES_MAX):
        fields = mapping(entry, "accessList")
        keys = sequence(fields.get("storageKeys") or [], "storageKeys", ACCESS_LIST_ENTRIES_MAX)
        slots = tuple(int.from_bytes(hash32(key, "storageKeys"), "big") for key in keys)
        found.append((address(fields.get("address")), slots))
    return tuple(found)


def state_override(value: object) -> dict[bytes, AccountOverride]:
    """A set of account overrides by address."""
    return {address(key): _account_override(entry) for key, entry in mapping(value, "stateOverrides").items()}


def _account_override(value: object) -> AccountOverride:
    fields = mapping(value, "stateOverrides", frozenset({"balance", "nonce", "code", "state", "stateDiff"}))
    if fields.get("state") is not None and fields.get("stateDiff") is not None:
        raise InvalidParams("stateOverrides: state and stateDiff can't both be given")
    return AccountOverride(
        balance=optional(fields, "balance", quantity),
        nonce=optional(fields, "nonce", uint64),
        code=optional(fields, "code", data),
        state=optional(fields, "state", _slots),
        state_difference=optional(fields, "stateDiff", _slots) or {},
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
    if fields.get("withdrawals") or optional(fields, "blobBaseFee", quantity):
        raise InvalidParams("blockOverrides: this chain has neither withdrawals nor blobs")
    return BlockOverride(
        number=optional(fields, "number", uint64),
        time=optional(fields, "time", uint64),
        gas_limit=optional(fields, "gasLimit", uint64),
        fee_recipient=optional(fields, "feeRecipient", address),
        previous_randao=optional(fields, "prevRandao", hash32),
        base_fee=optional(fields, "baseFeePerGas", quantity),
    )


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
    }
)
OLDER_NAMES = {"coinbase": "feeRecipient", "random": "prevRandao", "baseFee": "baseFeePerGas"}
