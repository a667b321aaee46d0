"""Precompiled contracts where py-evm's differ from what the other clients do."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from eth.precompiles.modexp import _compute_modexp_gas_fee_eip_198
from gmpy2 import context, get_context, powmod

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
    """EIP-198 with py-evm's gas of the fork, computed by GMP.

    CPython's own ``pow`` takes half a minute for what a block's gas pays, and holds the interpreter;
    py-evm also answers zero to every base of no bytes, where 0**0 is one.
    """
    gas_of = original.keywords.get("gas_calculator", _compute_modexp_gas_fee_eip_198)  # type: ignore[attr-defined]  # py-evm has no types

    def run(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        computation.consume_gas(gas_of(data), reason="MODEXP")
        base, exponent, modulus = (_padded(data[start : start + 32], 32) for start in (0, 32, 64))
        if not modulus:
            computation.output = b""
            return computation
        ends = (96, 96 + base, 96 + base + exponent, 96 + base + exponent + modulus)
        values = [_padded(data[start:end], end - start) for start, end in pairwise(ends)]
        result = _power(*values) if values[2] else 0
        computation.output = result.to_bytes(modulus, "big")
        return computation

    return run


def _power(base: int, exponent: int, modulus: int) -> int:
    """``base ** exponent % modulus``; other threads run meanwhile."""
    with context(get_context(), allow_release_gil=True):
        return int(powmod(base, exponent, modulus))


def _padded(data: bytes, size: int) -> int:
    """The number that ``size`` bytes of call data hold, which ends in endless zeros."""
    return int.from_bytes(data, "big") << 8 * (size - len(data))
