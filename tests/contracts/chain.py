"""The artefacts on titanoboa's EVM: calls by ABI, decoded events, reverts read as the product reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boa
import pytest
from eth_abi import decode, encode
from eth_utils import to_checksum_address
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic, function_abi_to_4byte_selector

from contracts.artifacts import DEPLOYABLES, artifact
from contracts.terms import Refusal, decode_refusal

DEPLOYER = boa.env.generate_address()


class Reverted(Exception):
    """A call that reverted."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.refusal: Refusal = decode_refusal(data)
        super().__init__(self.refusal.reason)


@dataclass(frozen=True)
class Event:
    """One decoded log."""

    address: str
    name: str
    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def _types(fields: list[dict[str, Any]]) -> list[str]:
    return [collapse_if_tuple(field) for field in fields]


def _shaped(field: dict[str, Any], value: Any) -> Any:
    if field["type"] == "tuple":
        parts = zip(field["components"], value, strict=True)
        return SimpleNamespace(**{part["name"]: _shaped(part, held) for part, held in parts})
    if field["type"] == "tuple[]":
        return [_shaped({**field, "type": "tuple"}, held) for held in value]
    return to_checksum_address(value) if field["type"] == "address" else value


def _decoded(abi: dict[str, Any], log: tuple[bytes, list[int], bytes]) -> Event:
    address, topics, data = log
    indexed = [field for field in abi["inputs"] if field["indexed"]]
    plain = [field for field in abi["inputs"] if not field["indexed"]]
    words = [topic.to_bytes(32) for topic in topics[1:]]
    values = {
        field["name"]: _shaped(field, decode([field["type"]], word)[0])
        for field, word in zip(indexed, words, strict=True)
    }
    for field, value in zip(plain, decode(_types(plain), data), strict=True):
        values[field["name"]] = _shaped(field, value)
    return Event(to_checksum_address(address), abi["name"], values)


EVENTS = {
    int.from_bytes(event_abi_to_log_topic(entry)): entry
    for name in DEPLOYABLES
    for entry in artifact(name).abi
    if entry["type"] == "event"
}


@dataclass
class Contract:
    """A deployed contract: `contract.settle(batch, sender=bank)` calls, `events` holds the last logs."""

    address: str
    name: str

    def __post_init__(self) -> None:
        self.events: list[Event] = []
        self.gas_used = 0

    def __getattr__(self, function: str) -> Callable[..., Any]:
        entries = [
            entry
            for entry in artifact(self.name).abi
            if entry["type"] == "function" and entry["name"] == function
        ]
        if not entries:
            raise AttributeError(function)

        def call(*arguments: Any, sender: Any = None) -> Any:
            return self._call(entries[0], arguments, sender)

        return call

    def _call(self, entry: dict[str, Any], arguments: tuple[Any, ...], sender: Any) -> Any:
        data = function_abi_to_4byte_selector(entry) + encode(_types(entry["inputs"]), arguments)
        who = DEPLOYER if sender is None else getattr(sender, "address", sender)
        held = boa.env.execute_code(self.address, sender=who, data=data)
        self.gas_used = held.get_gas_used()
        if held.is_error:
            raise Reverted(bytes(held.output))
        self.events = [_decoded(EVENTS[log[1][0]], log) for log in held.get_log_entries()]
        values = [
            _shaped(field, value)
            for field, value in zip(
                entry["outputs"], decode(_types(entry["outputs"]), held.output), strict=True
            )
        ]
        return None if not values else values[0] if len(values) == 1 else tuple(values)


def deploy_code(code: bytes) -> str:
    """Address of newly deployed code. Raises Reverted."""
    address, held = boa.env.deploy(sender=DEPLOYER, bytecode=code)
    if held.is_error:
        raise Reverted(bytes(held.output))
    return str(address)


def deploy(name: str, types: list[str], *arguments: Any) -> Contract:
    """Deploy an artefact."""
    return Contract(deploy_code(artifact(name).bytecode + encode(types, arguments)), name)


@contextmanager
def reverts(*reasons: str) -> Iterator[None]:
    """The block's call reverts with exactly one of these reasons."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.refusal.reason in reasons


def refusal_of(call: Callable[[], Any]) -> Refusal:
    """What a call that must revert says."""
    with pytest.raises(Reverted) as caught:
        call()
    return caught.value.refusal
