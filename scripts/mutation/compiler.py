"""The compiler, made quick: what its optimizer has found to be final is not walked again.

Vyper 0.4.3 optimizes each expression again whenever a larger one contains it, which takes half of its time.
The code is the same: what becomes of an expression depends on it and on the operator above it alone, so that
one that was final below an operator is so again. Every run over a whole source first compares it with the
committed artefact, which comes from the compiler as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vyper.ir.optimizer
from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import Settings

__all__ = ["bytecode", "quick", "without_metadata"]

_FINAL = "_final_below"


@contextmanager
def quick() -> Iterator[None]:
    """Here this process remembers, of each node of the IR, below which operators it is final."""
    thorough = vyper.ir.optimizer._optimize

    def remembering(node: Any, parent: Any) -> Any:
        if not node.args:
            return False, node
        final = node.__dict__.setdefault(_FINAL, set())
        above = None if parent is None else str(parent.value)
        if above in final:
            return False, node
        changed, result = thorough(node, parent)
        if not changed:
            final.add(above)
        return changed, result

    vyper.ir.optimizer._optimize = remembering
    try:
        yield
    finally:
        vyper.ir.optimizer._optimize = thorough


def bytecode(contracts: Path, name: str, evm_version: str) -> str:
    """Creation code of a deployable. Raises what the compiler raises."""
    with quick():
        made: dict[str, str] = compile_code(
            (contracts / f"{name}.vy").read_text("utf-8"),
            contract_path=f"{name}.vy",
            input_bundle=FilesystemInputBundle([contracts]),
            output_formats=["bytecode"],
            settings=Settings(evm_version=evm_version),
        )
    return made["bytecode"]


def without_metadata(code: str) -> str:
    """Creation code without the CBOR behind it, whose length its last two bytes give: it holds a hash of the
    sources, which another comment changes as well."""
    return code[: -2 * int(code[-4:], 16)]
