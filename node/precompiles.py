"""Precompiled contracts where py-evm's differ from what the other clients do."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Precompile: TypeAlias = Callable[[Any], Any]
"""Takes a computation, charges its gas and sets its output."""

MODULAR_EXPONENTIATION = bytes(19) + b"\x05"
"""EIP-198."""


def corrected(precompiles: Mapping[bytes, Precompile]) -> dict[bytes, Precompile]:
    """A fork's precompiles by address, those corrected that need it."""
    table = dict(precompiles)
    if original := table.get(MODULAR_EXPONENTIATION):
        table[MODULAR_EXPONENTIATION] = _modular_exponentiation(original)
    return table


def _modular_exponentiation(original: Precompile) -> Precompile:
    """EIP-198 says 0**0 is one; py-evm answers zero to every base of no bytes."""

    def run(computation: Any) -> Any:
        done = original(computation)
        data = computation.msg.data_as_bytes
        base, exponent, modulus = (_number(data[start : start + 32]) for start in (0, 32, 64))
        if base == 0 and modulus and not any(data[96 : 96 + exponent]):
            divisor = data[96 + exponent : 96 + exponent + modulus].ljust(modulus, b"\0")
            computation.output = (1 if any(divisor[:-1]) or divisor[-1] > 1 else 0).to_bytes(modulus, "big")
        return done

    return run


def _number(word: bytes) -> int:
    return int.from_bytes(word.ljust(32, b"\0"), "big")
