"""Signatures: only one form counts, and one digest serves contract, wallet and tests."""

import re
from pathlib import Path

import pytest
from eth_abi import encode
from eth_account import Account
from eth_hash.auto import keccak

import contracts
from contracts.typed_data import MESSAGE_FIELDS, TypedMessage, Value, in_signer_order
from tests.contracts.chain import reverts
from tests.contracts.world import (
    ENTERPRISE,
    PROJECT,
    TREE,
    World,
    agency_one_supervisor,
    agency_two_supervisor,
    consents,
    message,
    operator,
    signed,
)

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OPENING: dict[str, Value] = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}


def hand_in(world: World, signature: bytes) -> None:
    world.supervision.open_account(PROJECT, TREE, ENTERPRISE, signature)


def parts(signature: bytes) -> tuple[bytes, int, int]:
    return signature[:32], int.from_bytes(signature[32:64]), signature[64]


def test_the_malleated_twin_is_refused(world: World) -> None:
    r, s, v = parts(signed(operator, "Opening", world.supervision, **OPENING))
    with reverts("signatures: high s"):
        hand_in(world, r + (CURVE_ORDER - s).to_bytes(32) + bytes([55 - v]))
    with reverts("signatures: high s"):
        hand_in(world, r + (CURVE_ORDER // 2 + 1).to_bytes(32) + bytes([v]))


def test_half_the_order_is_not_high(world: World) -> None:
    """It recovers to somebody, whom nobody knows."""
    r, _, v = parts(signed(operator, "Opening", world.supervision, **OPENING))
    with reverts("supervision: not the controller's operator"):
        hand_in(world, r + (CURVE_ORDER // 2).to_bytes(32) + bytes([v]))


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_v_is_27_or_28(world: World, v: int) -> None:
    given = signed(operator, "Opening", world.supervision, **OPENING)
    with reverts("signatures: v is not 27 or 28"):
        hand_in(world, given[:64] + bytes([v]))


def test_what_recovers_to_nobody_is_refused(world: World) -> None:
    for r, s in ((0, 1), (5, 0), (CURVE_ORDER, 1), (5, 1)):
        with reverts("signatures: recovers to nobody"):
            hand_in(world, r.to_bytes(32) + s.to_bytes(32) + b"\x1b")


def test_the_length_is_65(world: World) -> None:
    given = signed(operator, "Opening", world.supervision, **OPENING)
    for wrong in (b"", given[:64]):
        with reverts("signatures: length is not 65"):
            hand_in(world, wrong)
    hand_in(world, given)


def test_consents_come_in_rising_order(world: World) -> None:
    by = (agency_one_supervisor, agency_two_supervisor)
    values = {"account": TREE, "frozen": True, "nonce": 0}
    given = consents(by, "Freeze", world.supervision, **values)
    for wrong in (given[::-1], [given[0], given[0]]):
        with reverts("signatures: not in rising order of signer"):
            world.supervision.freeze(TREE, True, wrong)
    assert in_signer_order(message("Freeze", world.supervision, **values), given[::-1] + given) == given


def sample(kind: str) -> TypedMessage:
    values: dict[str, Value] = {}
    for number, (name, type_name) in enumerate(MESSAGE_FIELDS[kind], start=1):
        by_type: dict[str, Value] = {
            "bytes32": keccak(b"%d" % number),
            "uint256": number,
            "address": operator.address,
            "bool": True,
        }
        values[name] = by_type[type_name]
    return TypedMessage(kind, 1, agency_one_supervisor.address, values)


@pytest.mark.parametrize("kind", MESSAGE_FIELDS)
def test_the_digest_is_that_of_eip_712(kind: str) -> None:
    """Computed by hand from the standard's definition, as `modules/signatures.vy` does."""
    held = sample(kind)
    fields = MESSAGE_FIELDS[kind]
    type_hash = keccak(f"{kind}({','.join(f'{t} {n}' for n, t in fields)})".encode())
    encoded = [held.values[name] for name, _ in fields]
    struct = keccak(encode(["bytes32", *(t for _, t in fields)], [type_hash, *encoded]))
    domain_type = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [keccak(domain_type.encode()), keccak(b"Dyetrace"), keccak(b"1"), 1, held.contract],
        )
    )
    assert held.digest == keccak(b"\x19\x01" + domain + struct)
    assert held.sign(operator) == Account.unsafe_sign_hash(held.digest, operator.key).signature
    assert held.signer(held.sign(operator)) == operator.address


def test_the_contracts_know_exactly_these_messages() -> None:
    """Every kind is handed to its contract, and accepted, in the tests of that contract's functions."""
    sources = Path(contracts.__file__).parent.glob("*.vy")
    found = {
        text
        for source in sources
        for text in re.findall(
            r'_TYPEHASH: constant\(bytes32\) = keccak256\(\s*"([^"]+)"', source.read_text()
        )
    }
    expected = {
        f"{kind}({','.join(f'{type_name} {name}' for name, type_name in fields)})"
        for kind, fields in MESSAGE_FIELDS.items()
    }
    assert found == expected
