"""Which tests judge a source's mutants, and which deployables are compiled again for them."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["NOT_JUDGES", "TARGETS", "Target", "judges"]

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "contracts"

# What looks at sources or artefacts rather than at what contracts do would fail for every change.
NOT_JUDGES = frozenset(
    {"test_advice", "test_artifacts", "test_docs", "test_evm_versions", "test_gas_ceiling"}
)

# State machines and the like take longest, and are asked last.
SLOW = ("stateful", "model")


@dataclass(frozen=True)
class Target:
    """How the mutants of one source are tried."""

    tests: tuple[str, ...]
    """Patterns of test files below `tests/contracts`, without the ending, the quickest and closest first."""
    hosts: tuple[str, ...] = ()
    """Deployables that contain a module and that these tests deploy; a deployable's host is itself."""


# What the factory asks of every template.
_ACTIVATION = "test_factory_activate*"

TARGETS: dict[str, Target] = {
    "Accounts": Target(("test_accounts*",)),
    "AgreementFactory": Target(("test_factory*",)),
    "Allocation": Target(("test_allocation*", _ACTIVATION)),
    "Clauses": Target(("test_guards*", "test_disbursement*")),
    "DeliveryVersusPayment": Target(("test_delivery*", _ACTIVATION)),
    "Directory": Target(("test_directory*",)),
    "Disbursement": Target(("test_disbursement*", "test_guards*", _ACTIVATION)),
    "Escrow": Target(("test_escrow*", _ACTIVATION)),
    "Guarantee": Target(("test_guarantee*", _ACTIVATION)),
    "Ledger": Target(("test_ledger*", "test_merkle*", "test_money*")),
    "Receivable": Target(("test_receivable*", _ACTIVATION)),
    "Registry": Target(("test_registry*",)),
    "Split": Target(("test_split*", _ACTIVATION)),
    "Supervision": Target(("test_supervision*", "test_signatures*", "test_money*")),
    "modules/caps": Target(
        ("test_disbursement*", "test_guards*", "test_allocation*"), ("Disbursement", "Allocation")
    ),
    "modules/given": Target(("test_disbursement*", "test_guards*"), ("Clauses",)),
    "modules/guards": Target(
        ("test_guards*", "test_disbursement*", "test_allocation*"), ("Clauses", "Disbursement")
    ),
    "modules/lines": Target(("test_ledger*", "test_money*"), ("Ledger",)),
    "modules/merkle": Target(("test_merkle*", "test_ledger*"), ("Ledger",)),
    "modules/parties": Target(
        ("test_escrow*", "test_split*", "test_receivable*"), ("Escrow", "Split", "Receivable")
    ),
    "modules/payees": Target(("test_disbursement*", "test_guards*"), ("Disbursement",)),
    "modules/proportion": Target(("test_split*", "test_receivable*"), ("Split", "Receivable")),
    "modules/signatures": Target(("test_signatures*", "test_directory*"), ("Supervision", "Directory")),
}


def judges(source: str) -> list[str]:
    """Paths of the test files for a source, those of its own survivors included. Raises KeyError."""
    stem = source.rpartition("/")[2].lower()
    patterns = (*TARGETS[source].tests, f"test_mutants_{stem}*")
    found: dict[str, None] = {}
    for pattern in patterns:
        for path in sorted(TESTS.rglob(f"{pattern}.py")):
            if path.stem not in NOT_JUDGES:
                found.setdefault(path.relative_to(ROOT).as_posix())
    return sorted(found, key=lambda path: any(word in path for word in SLOW))


def hosts(source: str) -> tuple[str, ...]:
    """Deployables to compile again for a source."""
    return TARGETS[source].hosts or (source,)
