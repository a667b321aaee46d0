"""What the JSON files beside it are about: transactions that show what changed from fork to fork."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth.vm import opcode_values
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.encoding import number
from node.standard import BEACON_ROOTS, CONSOLIDATION_REQUESTS, HISTORY, WITHDRAWAL_REQUESTS
from node.transaction import SECP256K1_ORDER

SENDER_KEY, OTHER_KEY = bytes([0x45]) * 32, bytes([0x46]) * 32
COINBASE = bytes.fromhex("2adc25665018aa1fe0e6bc666dac8fc2697ff9ba")
MAIN, HELPER, WRITER = (bytes([tag]) * 20 for tag in (0xC1, 0xC2, 0xC3))
EMPTY, FRESH = bytes([0xE1]) * 20, bytes([0xF1]) * 20
RICH = 10**24


def address_of(key: bytes) -> bytes:
    """The account of a key."""
    return bytes(PrivateKey(key).public_key.to_canonical_address())


SENDER, OTHER = address_of(SENDER_KEY), address_of(OTHER_KEY)
SYSTEM_CODES = {
    BEACON_ROOTS: (
        "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff8106908154"
        "14603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
    ),
    HISTORY: (
        "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff814303116042"
        "57611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
    ),
    WITHDRAWAL_REQUESTS: (
        "3373fffffffffffffffffffffffffffffffffffffffe1460cb5760115f54807fffffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffff146101f457600182026001905f5b5f82111560685781019083028483029004916001019190604d565b90"
        "9390049250505036603814608857366101f457346101f4575f5260205ff35b34106101f457600154600101600155600354806003026"
        "004013381556001015f35815560010160203590553360601b5f5260385f601437604c5fa0600101600355005b600354600254808203"
        "8060101160df575060105b5f5b8181146101835782810160030260040181604c02815460601b8152601401816001015481526020019"
        "060020154807fffffffffffffffffffffffffffffffff00000000000000000000000000000000168252906010019060401c90816038"
        "1c81600701538160301c81600601538160281c81600501538160201c81600401538160181c81600301538160101c81600201538160"
        "081c81600101535360010160e1565b910180921461019557906002556101a0565b90505f6002555f6003555b5f54807ffffffffffff"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffff14156101cd57505f5b6001546002828201116101e25750505f6101"
        "e8565b01600290035b5f555f600155604c025ff35b5f5ffd"
    ),
    CONSOLIDATION_REQUESTS: (
        "3373fffffffffffffffffffffffffffffffffffffffe1460d35760115f54807fffffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffff1461019a57600182026001905f5b5f82111560685781019083028483029004916001019190604d565b90"
        "93900492505050366060146088573661019a573461019a575f5260205ff35b341061019a57600154600101600155600354806004026"
        "004013381556001015f358155600101602035815560010160403590553360601b5f5260605f60143760745fa0600101600355005b60"
        "03546002548082038060021160e7575060025b5f5b8181146101295782810160040260040181607402815460601b815260140181600"
        "101548152602001816002015481526020019060030154905260010160e9565b910180921461013b5790600255610146565b90505f60"
        "02555f6003555b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff141561017357505f5b600"
        "1546001828201116101885750505f61018e565b01600190035b5f555f6001556074025ff35b5f5ffd"
    ),
}
"""The contracts of EIP-4788, 2935, 7002 and 7251, as they stand on the public networks."""


def code(*parts: str | int | bytes) -> bytes:
    """Assemble: names are opcodes, numbers and bytes are pushed."""
    done = b""
    for part in parts:
        if isinstance(part, str):
            done += bytes([getattr(opcode_values, part)])
        else:
            pushed = (
                part
                if isinstance(part, bytes)
                else part.to_bytes(max(1, (part.bit_length() + 7) // 8), "big")
            )
            done += bytes([opcode_values.PUSH1 + len(pushed) - 1]) + pushed
    return done


def in_memory(program: bytes) -> bytes:
    """Code that writes a program to memory, from 0 on."""
    words = [program[place : place + 32].ljust(32, b"\0") for place in range(0, len(program), 32)]
    return b"".join(code(word, 32 * place, "MSTORE") for place, word in enumerate(words))


def call(to: bytes, *, gas: int = 60_000, value: int = 0, size: int = 0, opcode: str = "CALL") -> bytes:
    """Code that calls with the first ``size`` bytes of memory; success stays on the stack."""
    worth = (value,) if opcode in ("CALL", "CALLCODE") else ()
    return code(0, 0, size, 0, *worth, to, gas, opcode)


def keep(slot: int) -> bytes:
    """Code that stores what is on the stack, plus one."""
    return code(1, "ADD", slot, "SSTORE")


def account(
    balance: int = 0, program: bytes = b"", nonce: int = 0, storage: Mapping[int, int] | None = None
) -> Any:
    """An account as the files have it."""
    slots = {f"0x{slot:02x}": hex(content) for slot, content in (storage or {}).items()}
    return {"balance": hex(balance), "nonce": hex(nonce), "code": "0x" + program.hex(), "storage": slots}


@dataclass(frozen=True)
class Unsigned:
    """What a transaction says; its type follows from what it has."""

    to: bytes = MAIN
    data: bytes = b""
    value: int = 0
    gas: int = 2_000_000
    price: int = 1_000
    tip: int | None = None
    access: Sequence[tuple[bytes, Sequence[int]]] | None = None
    blobs: int = 0
    authorizations: Sequence[tuple[int, bytes, int, bytes]] = ()
    """Chain, address, nonce, and the key that signs."""
    protected: bool = False
    key: bytes = SENDER_KEY
    high_s: bool = False

    @property
    def type_id(self) -> int:
        """EIP-2718."""
        if self.authorizations:
            return 4
        if self.blobs:
            return 3
        return 2 if self.tip is not None else int(self.access is not None)

    def sign(self, nonce: int) -> bytes:
        """The signed encoding."""
        numbers = [number(nonce), number(self.price), number(self.gas)]
        body: list[Any] = [*numbers, self.to, number(self.value), self.data]
        if not self.type_id:
            marks = [number(1), b"", b""] if self.protected else []
            v, r, s = self._signature(encode_raw([*body, *marks]))
            return bytes(
                encode_raw([*body, number(v + (37 if self.protected else 27)), number(r), number(s)])
            )
        if self.type_id > 1:
            body.insert(1, number(self.tip or 0))
        listed = [
            [address, [slot.to_bytes(32, "big") for slot in slots]] for address, slots in self.access or ()
        ]
        body = [number(1), *body, listed, *self._extras()]
        v, r, s = self._signature(bytes([self.type_id]) + encode_raw(body))
        return bytes([self.type_id]) + bytes(encode_raw([*body, number(v), number(r), number(s)]))

    def _extras(self) -> list[Any]:
        if self.type_id == 3:
            return [number(10**6), [b"\x01" + bytes([blob]) * 31 for blob in range(self.blobs)]]
        return [[_authorize(*entry) for entry in self.authorizations]] if self.type_id == 4 else []

    def _signature(self, message: bytes) -> tuple[int, int, int]:
        v, r, s = PrivateKey(self.key).sign_msg(message).vrs
        return (1 - v, r, SECP256K1_ORDER - s) if self.high_s else (v, r, s)


def _authorize(chain_id: int, address: bytes, nonce: int, key: bytes) -> list[bytes]:
    fields = [number(chain_id), address, number(nonce)]
    v, r, s = PrivateKey(key).sign_msg(b"\x05" + encode_raw(fields)).vrs
    return [*fields, number(v), number(r), number(s)]


@dataclass(frozen=True)
class Scenario:
    """A transaction on a state, for all forks."""

    main: bytes = b""
    transaction: Unsigned = field(default_factory=Unsigned)
    accounts: Mapping[bytes, Any] = field(default_factory=dict)
    gas_limit: int = 30_000_000


def _probes() -> Iterator[bytes]:
    """Programs that work from some fork on; each leaves a word in slot 0 of whoever calls."""
    for name in (
        "CHAINID",
        "SELFBALANCE",
        "BASEFEE",
        "BLOBBASEFEE",
        "RETURNDATASIZE",
        "PREVRANDAO",
        "GASLIMIT",
    ):
        yield code(name if hasattr(opcode_values, name) else "DIFFICULTY", 0, "SSTORE")
    yield code(0xFF, 4, "SHL", 1, "SHR", 0, "SAR", 0, "SSTORE")
    yield bytes([0x5F]) + code(7, "ADD", 0, "SSTORE")  # PUSH0
    yield code(HELPER, "EXTCODEHASH", 0, "SSTORE")
    yield code(7, 1, "TSTORE", 1, "TLOAD", 0, "SSTORE")
    yield code(7, 0, "MSTORE", 32, 0, 32, "MCOPY", 32, "MLOAD", 0, "SSTORE")
    yield code(0, "BLOBHASH", 0, "SSTORE")
    yield code(99, "BLOCKHASH", 0, "SSTORE")
    yield code(0, 0, "REVERT")
    yield bytes([0x1E])  # CLZ, of a later fork


def _probe_scenario() -> Scenario:
    programs = list(_probes())
    places = {bytes([0xD0, place]) + bytes(18): program for place, program in enumerate(programs)}
    main = b"".join(call(place, gas=80_000) + keep(slot) for slot, place in enumerate(places))
    return Scenario(main, accounts={place: account(5, program, 1) for place, program in places.items()})


def _precompile_scenario() -> Scenario:
    """All addresses of precompiles with something to work on; what they return is hashed."""
    data = in_memory((27).to_bytes(32, "big") * 3 + bytes(160))
    main = data
    for place in range(1, 0x13):
        size = {9: 213, 10: 192, 16: 64, 17: 128, 15: 384, 12: 160, 14: 288, 11: 256, 13: 512}.get(place, 96)
        main += data + call(bytes(19) + bytes([place]), gas=400_000, size=size) + keep(2 * place)
        main += code(bytes(19) + bytes([place]), "EXTCODESIZE", "GAS", "ADD", 2 * place + 1, "SSTORE")
    return Scenario(main, Unsigned(gas=12_000_000))


def scenarios() -> dict[str, Scenario]:
    """What changed from fork to fork, by name."""
    init = code(0x60, 0, "MSTORE8", 1, 0, "RETURN")
    stores = code(
        1, 0, "SSTORE", 0, 0, "SSTORE", 2, 1, "SSTORE", 1, 1, "SSTORE", 0, 2, "SSTORE", 5, 2, "SSTORE"
    )
    ends = code(EMPTY, "SELFDESTRUCT")
    create = in_memory(init) + code(len(init), 0, 0, "CREATE", "DUP1") + keep(0)
    create += code(0, 0, 0, 0, 0, "DUP6", 50_000, "CALL") + keep(1)
    salted = in_memory(init) + code(3, len(init), 0, 0, "CREATE2") + keep(0)
    new_address = keccak(encode_raw([MAIN, number(1)]))[12:]
    kinds = b"".join(
        call(WRITER, opcode=name) + keep(slot)
        for slot, name in enumerate(("CALL", "CALLCODE", "DELEGATECALL"))
    )
    short_lived = (
        in_memory(ends) + code(len(ends), 0, 9, "CREATE") + keep(0) + code(EMPTY, "BALANCE") + keep(1)
    )
    authorized = [
        (1, WRITER, 0, OTHER_KEY),
        (0, HELPER, 1, OTHER_KEY),
        (5, MAIN, 2, OTHER_KEY),
        (1, MAIN, 9, OTHER_KEY),
        (1, OTHER, 1, SENDER_KEY),
    ]
    many_words = in_memory(init) + code(1_000, 0, 0, "CREATE") + keep(0)
    nothing_to_nothing = in_memory(bytes(64) + (1).to_bytes(32, "big") + b"\x05")
    power = nothing_to_nothing + code(1, 200, 97, 0, 0, bytes(19) + b"\x05", 90_000, "CALL") + keep(0)
    power += code(200, "MLOAD", 1, "SSTORE")
    transient = Unsigned(tip=1, price=1_000, data=b"\x01\x00\x02")
    return {
        "storage": Scenario(stores),
        "storage_clears": Scenario(code(0, 0, "SSTORE"), accounts={MAIN: account(0, b"", 1, {0: 5})}),
        "opcodes": _probe_scenario(),
        "precompiles": _precompile_scenario(),
        "kinds_of_calls": Scenario(kinds),
        "static_call_writes": Scenario(
            call(WRITER, opcode="STATICCALL") + keep(0) + code("RETURNDATASIZE", 1, "SSTORE")
        ),
        "call_with_all_gas": Scenario(call(WRITER, gas=2**64) + keep(0)),
        "call_with_value": Scenario(call(FRESH, value=3) + keep(0), Unsigned(value=10)),
        "call_touches_empty": Scenario(call(EMPTY) + keep(0)),
        "create": Scenario(create),
        "create2": Scenario(salted),
        "create_on_storage": Scenario(create, accounts={new_address: account(1, b"", 0, {1: 1})}),
        "create_with_many_words": Scenario(many_words),
        "create_too_large": Scenario(
            in_memory(code(24_577, 0, "RETURN")) + code(6, 0, 0, "CREATE") + keep(0), Unsigned(gas=9_000_000)
        ),
        "create_with_reserved_byte": Scenario(
            in_memory(code(0xEF, 0, "MSTORE8", 1, 0, "RETURN")) + code(10, 0, 0, "CREATE") + keep(0)
        ),
        "init_code_too_large": Scenario(code(49_153, 0, 0, "CREATE") + keep(0)),
        "creation": Scenario(transaction=Unsigned(to=b"", data=init, value=1)),
        "creation_without_gas_for_code": Scenario(transaction=Unsigned(to=b"", data=init, gas=53_220)),
        "selfdestruct": Scenario(ends, accounts={MAIN: account(7, b"", 1, {1: 1})}),
        "selfdestruct_of_new": Scenario(short_lived, Unsigned(value=20)),
        "coinbase_is_warm": Scenario(code("COINBASE", "BALANCE", 0, "SSTORE")),
        "access_list": Scenario(
            code(0, "SLOAD", 1, "SLOAD", HELPER, "BALANCE", "ADD", "ADD", 2, "SSTORE"),
            Unsigned(access=[(MAIN, [0]), (HELPER, [])]),
        ),
        "dynamic_fee": Scenario(code("GASPRICE", 0, "SSTORE"), Unsigned(tip=1)),
        "tip_above_fee": Scenario(transaction=Unsigned(tip=2_000)),
        "fee_below_base_fee": Scenario(transaction=Unsigned(price=9)),
        "blobs": Scenario(
            code(1, "BLOBHASH", 0, "SSTORE", 2, "BLOBHASH", 1, "SSTORE"), Unsigned(tip=1, blobs=2)
        ),
        "too_many_blobs": Scenario(transaction=Unsigned(tip=1, blobs=10)),
        "set_code": Scenario(
            call(OTHER, gas=200_000)
            + keep(0)
            + code(OTHER, "EXTCODESIZE", 1, "SSTORE", OTHER, "EXTCODEHASH", 2, "SSTORE"),
            Unsigned(tip=1, authorizations=authorized),
        ),
        "set_code_loop": Scenario(
            transaction=Unsigned(
                to=OTHER, tip=1, authorizations=[(1, SENDER, 0, OTHER_KEY), (1, OTHER, 1, SENDER_KEY)]
            )
        ),
        "delegated_sender_creates": Scenario(
            many_words, Unsigned(to=SENDER, tip=1, authorizations=[(1, MAIN, 1, SENDER_KEY)])
        ),
        "delegation_to_precompile": Scenario(
            call(OTHER, size=32) + keep(0),
            Unsigned(tip=1, authorizations=[(1, bytes(19) + b"\x02", 0, OTHER_KEY)]),
        ),
        "data_floor": Scenario(transaction=Unsigned(data=bytes(100) + b"\x01" * 100, gas=100_000)),
        "too_little_for_data_floor": Scenario(transaction=Unsigned(data=b"\x01" * 200, gas=28_000)),
        "type_2_with_data": Scenario(code("CALLDATASIZE", 0, "SSTORE"), transient),
        "zero_to_the_power_of_zero": Scenario(power),
        "protected": Scenario(code("ORIGIN", 0, "SSTORE"), Unsigned(protected=True)),
        "high_s": Scenario(code("ORIGIN", 0, "SSTORE"), Unsigned(high_s=True)),
        "sender_with_code": Scenario(accounts={SENDER: account(RICH, code("STOP"))}),
        "too_little_money": Scenario(accounts={SENDER: account(1_000)}),
        "gas_above_limit": Scenario(gas_limit=1_999_999),
        "logs": Scenario(code(1, 0, "MSTORE", 4, 3, 2, 1, 32, 0, "LOG4", 0, 0, "LOG0", 9, 5, 3, "LOG1")),
        "out_of_gas": Scenario(code(1, 0, "SSTORE", 2**40, "MLOAD")),
    }
