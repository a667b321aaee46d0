"""Compiles deployables, all or those named, into `contracts/artifacts/`; `--check` only compares."""

import json
import sys
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak
from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import Settings

from contracts.artifacts import DEPLOYABLES

SOURCES = Path(__file__).parent.parent / "contracts"
EIP_170_BYTES = 24_576


def compiled(name: str, evm_version: str = "cancun") -> dict[str, object]:
    """ABI, bytecode, runtime size and compiler settings of one deployable."""
    bundle = FilesystemInputBundle([SOURCES])
    output = compile_code(
        (SOURCES / f"{name}.vy").read_text(),
        contract_path=f"{name}.vy",
        input_bundle=bundle,
        output_formats=["abi", "bytecode", "bytecode_runtime", "layout"],
        settings=Settings(evm_version=evm_version),
    )
    runtime_bytes = len(output["bytecode_runtime"]) // 2 - 1
    if runtime_bytes > EIP_170_BYTES:
        raise SystemExit(f"{name} has {runtime_bytes} bytes; the limit is {EIP_170_BYTES}")
    return {
        "compiler": "vyper 0.4.3",
        "evm_version": evm_version,
        "runtime_bytes": runtime_bytes,
        "runtime_hash": "0x" + keccak(bytes.fromhex(output["bytecode_runtime"][2:])).hex(),
        "storage": _slots(output["layout"].get("storage_layout", {})),
        "abi": output["abi"],
        "bytecode": output["bytecode"],
    }


def _slots(layout: dict[str, Any], prefix: str = "") -> dict[str, int]:
    """Slot of every storage variable, those of modules under the module's name."""
    slots: dict[str, int] = {}
    for name, entry in layout.items():
        if "slot" in entry:
            slots[prefix + name] = entry["slot"]
        else:
            slots |= _slots(entry, f"{prefix}{name}.")
    return slots


def main() -> None:
    """Write the artefacts, or say which are not what the sources give."""
    stale = []
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for name in named or DEPLOYABLES:
        path = SOURCES / "artifacts" / f"{name}.json"
        text = json.dumps(compiled(name), indent=1, sort_keys=True) + "\n"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.write_text(text)
    if stale:
        raise SystemExit(f"stale artefacts, run `python scripts/compile.py`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
