"""Modular exponentiation by GMP: the numbers Python computes, and nobody else has to wait for it."""

import random
import threading
import time
from typing import Any

import httpx
import pytest
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB

from node.forks import Fork
from node.transaction import Transaction
from node.vm import BlockContext, open_state, process_transaction

SENDER, MODEXP = b"\x0a" * 20, bytes(19) + b"\x05"
LENGTHS = (0, 1, 3, 31, 32, 33, 64, 200)


def asked(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    lengths = (len(base), len(exponent), len(modulus))
    return b"".join(length.to_bytes(32) for length in lengths) + base + exponent + modulus


def answered(data: bytes, fork: Fork) -> Any:
    context = BlockContext(1, 1_700_000_000, 30_000_000, bytes(20), bytes(32), 1, tuple, fork=fork)
    state = open_state(AtomicDB(), BLANK_ROOT_HASH, context)
    return process_transaction(
        state, Transaction(bytes(32), b"", 0, 1, SENDER, 0, 20_000_000, 0, 0, MODEXP, 0, data)
    )


@pytest.mark.parametrize("fork", [Fork.BYZANTIUM, Fork.BERLIN, Fork.PRAGUE])
def test_powers_are_those_of_python(fork: Fork) -> None:
    seed = random.Random(fork)
    for _ in range(60):
        base, exponent, modulus = (seed.randbytes(seed.choice(LENGTHS)) for _ in range(3))
        divisor = int.from_bytes(modulus)
        wanted = pow(int.from_bytes(base), int.from_bytes(exponent), divisor) if divisor else 0
        assert answered(asked(base, exponent, modulus), fork).output == wanted.to_bytes(len(modulus))


def test_what_is_missing_of_the_data_is_zeros() -> None:
    data = asked(b"\x03", b"\x02", b"\x00\x07")
    assert answered(data, Fork.PRAGUE).output == b"\x00\x02"
    assert answered(data[:-1], Fork.PRAGUE).output == b"\x00\x00"
    assert answered(asked(b"\x03", b"", b"\x05")[:97] + b"\x05", Fork.PRAGUE).output == b"\x01"
    assert answered(b"", Fork.PRAGUE).output == b""


def test_others_are_answered_meanwhile(node: Any) -> None:
    heavy = asked(b"\xff" * 4_096, b"\xff" * 1_100, b"\xff" * 4_095 + b"\xfd")
    call = {"to": "0x" + MODEXP.hex(), "data": "0x" + heavy.hex(), "gas": hex(10**9)}
    slow: list[float] = []

    def ask() -> None:
        started = time.monotonic()
        with httpx.Client(timeout=60) as client:
            message = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call]}
            answer = client.post(node.url, json=message).json()
        slow.append(time.monotonic() - started)
        assert len(answer["result"]) == 2 + 2 * 4_096

    asking = threading.Thread(target=ask)
    asking.start()
    answers = 0
    while asking.is_alive():
        node.rpc("eth_blockNumber")
        answers += 1
    asking.join()
    assert slow
    assert answers >= 10
