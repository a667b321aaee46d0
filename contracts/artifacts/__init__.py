"""Compiled contracts: ABI and bytecode as `scripts/compile` writes them; a test recompiles and compares."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from eth_hash.auto import keccak

__all__ = ["DEPLOYABLES", "TEMPLATES", "Artifact", "artifact"]

DEPLOYABLES = (
    "Directory",
    "Accounts",
    "Ledger",
    "Supervision",
    "Registry",
    "AgreementFactory",
    "Clauses",
    "Disbursement",
    "Allocation",
    "Escrow",
    "Guarantee",
    "Split",
    "DeliveryVersusPayment",
    "Receivable",
)
# Template name -> contract; the version is that of the sources.
TEMPLATES = {
    "disbursement": "Disbursement",
    "allocation": "Allocation",
    "escrow": "Escrow",
    "guarantee": "Guarantee",
    "split": "Split",
    "delivery-versus-payment": "DeliveryVersusPayment",
    "receivable": "Receivable",
}
TEMPLATE_VERSION = "1.0.0"


@dataclass(frozen=True)
class Artifact:
    """One deployable: ABI, creation code and runtime size."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime_bytes: int
    runtime_hash: bytes
    """keccak of the runtime code; immutables stand behind it on chain."""
    storage: dict[str, int]
    """Slot of every storage variable."""

    @property
    def blueprint(self) -> bytes:
        """Creation code that deploys this contract as a blueprint (ERC-5202: 0xFE7100 before the code)."""
        body = b"\xfe\x71\x00" + self.bytecode
        return b"\x61" + len(body).to_bytes(2) + b"\x3d\x81\x60\x0a\x3d\x39\xf3" + body

    @property
    def blueprint_code_hash(self) -> bytes:
        """keccak of a blueprint's deployed code."""
        return keccak(b"\xfe\x71\x00" + self.bytecode)


@cache
def artifact(name: str) -> Artifact:
    """A deployable by its contract name. Raises FileNotFoundError for another name."""
    held = json.loads(files(__package__).joinpath(f"{name}.json").read_text())
    return Artifact(
        name,
        held["abi"],
        bytes.fromhex(held["bytecode"][2:]),
        held["runtime_bytes"],
        bytes.fromhex(held["runtime_hash"][2:]),
        held["storage"],
    )
