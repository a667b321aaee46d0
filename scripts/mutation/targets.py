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


@dataclass(frozen=True)
class Target:
    """How the mutants of one source are tried."""

    tests: tuple[str, ...]
    """Patterns of test files below `tests/contracts`, without the ending, the quickest and closest first."""
    hosts: tuple[str, ...] = ()
    """Deployables that contain a module and that these tests deploy; a deployable's host is itself."""


TARGETS: dict[str, Target] = {
    "AgreementFactory": Target(("test_factory*", "test_end_to_end*")),
    "Allocation": Target(("test_allocation*",)),
    "Directory": Target(("test_directory*", "test_factory*")),
    "Disbursement": Target(("test_disbursement*", "test_guards*", "test_end_to_end*")),
    "Ledger": Target(("test_ledger*", "test_end_to_end*", "test_merkle*", "test_money*")),
    "modules/guards": Target(
        ("test_guards*", "test_disbursement*", "test_allocation*"), ("Disbursement", "Allocation")
    ),
    "modules/lines": Target(("test_ledger*", "test_money*"), ("Ledger",)),
    "modules/merkle": Target(("test_merkle*", "test_ledger*", "test_guards*"), ("Ledger", "Disbursement")),
    "modules/signatures": Target(("test_signatures*", "test_directory*"), ("Ledger", "Directory")),
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
    return list(found)


def hosts(source: str) -> tuple[str, ...]:
    """Deployables to compile again for a source."""
    return TARGETS[source].hosts or (source,)
