"""A template that does what a test tells it: what the factory and the registry must withstand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple, function_abi_to_4byte_selector
from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle

from contracts.artifacts import artifact
from contracts.ids import template_id
from tests.contracts.chain import Contract, deploy_code
from tests.contracts.world import World, agency_one_governor, bank_governor, consents

SOURCE = """
# pragma version 0.4.3
from interfaces import IAgreement

account: public(immutable(bytes32))
_AT_FIRST: immutable(DynArray[bytes32, 17])
_LATER: immutable(DynArray[bytes32, 17])
_TURNS_AT: immutable(uint256)
terms_hash: public(bytes32)


@deploy
def __init__(
    account_: bytes32, at_first: DynArray[bytes32, 17], later: DynArray[bytes32, 17], turns_at: uint256
):
    account = account_
    _AT_FIRST = at_first
    _LATER = later
    _TURNS_AT = turns_at


@external
def act(target: address, data: Bytes[4096]):
    raw_call(target, data)


@external
def adopt(arguments: Bytes[16384]):
    target: address = empty(address)
    data: Bytes[4096] = b""
    salt: uint256 = 0
    target, data, salt = abi_decode(arguments, (address, Bytes[4096], uint256))
    self.terms_hash = keccak256(arguments)
    if target != empty(address):
        raw_call(target, data)


@view
@external
def accounts() -> DynArray[bytes32, 17]:
    if block.timestamp < _TURNS_AT:
        return _AT_FIRST
    return _LATER


@pure
@external
def holds_deposits() -> bool:
    return False


@view
@external
def terms() -> DynArray[IAgreement.Guard, 24]:
    return []


@view
@external
def state() -> uint256:
    return 1
"""
VERSION = "0.0.1"
NEVER = 2**256 - 1


@cache
def _compiled() -> tuple[list[dict[str, Any]], bytes]:
    bundle = FilesystemInputBundle([Path(__file__).parents[2] / "contracts"])
    output = compile_code(
        SOURCE, contract_path="Puppet.vy", input_bundle=bundle, output_formats=["abi", "bytecode"]
    )
    return output["abi"], bytes.fromhex(output["bytecode"][2:])


def calldata(contract: Contract, function: str, *arguments: Any) -> bytes:
    """The data of a call."""
    (entry,) = (held for held in artifact(contract.name).abi if held.get("name") == function)
    types = [collapse_if_tuple(field) for field in entry["inputs"]]
    return bytes(function_abi_to_4byte_selector(entry)) + encode(types, arguments)


class Puppet(Contract):
    """A deployed puppet."""

    def __getattr__(self, function: str) -> Callable[..., Any]:
        entry = next((held for held in _compiled()[0] if held.get("name") == function), None)
        if entry is None:
            raise AttributeError(function)

        def call(*arguments: Any, sender: Any = None) -> Any:
            return self._call(entry, arguments, sender)

        return call

    def make(self, contract: Contract, function: str, *arguments: Any) -> None:
        """Have it call a contract."""
        self.act(contract.address, calldata(contract, function, *arguments))


def register_puppet(world: World) -> None:
    """Register the template, as governors who did not look would."""
    body = b"\xfe\x71\x00" + _compiled()[1]
    blueprint = deploy_code(b"\x61" + len(body).to_bytes(2) + b"\x3d\x81\x60\x0a\x3d\x39\xf3" + body)
    template = template_id("puppet", VERSION)
    values = {"template": template, "blueprint": blueprint, "codeHash": keccak(body)}
    given = consents((bank_governor, agency_one_governor), "Template", world.factory, **values)
    world.factory.register_template(template, blueprint, given)


def puppet(
    world: World,
    at_first: Sequence[bytes],
    later: Sequence[bytes] = (),
    turns_at: int = NEVER,
    account: bytes | None = None,
) -> Puppet:
    """A puppet that says it draws on some accounts, and on others from some time on; not active yet."""
    first = account if account is not None else at_first[0]
    arguments = encode(
        ["bytes32", "bytes32[]", "bytes32[]", "uint256"], [first, list(at_first), list(later), turns_at]
    )
    address = world.factory.deploy(template_id("puppet", VERSION), arguments, bytes(32), bytes(32))
    made = Puppet(address, "Puppet")
    made.events = world.factory.events
    return made


def adoption(address: Any = None, data: bytes = b"", salt: int = 0) -> bytes:
    """Terms for a puppet: whom to call while it adopts them."""
    return encode(["address", "bytes", "uint256"], [address or "0x" + "00" * 20, data, salt])
