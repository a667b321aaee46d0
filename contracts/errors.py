"""Errors of the package `contracts`.

ContractsError
├── RowsInvalid       rows that cannot be committed
├── RefusalUnknown    revert data that none of our contracts makes
└── AgreementInvalid  an agreement file that cannot be used; carries every fault found
"""

from dataclasses import dataclass

__all__ = ["AgreementInvalid", "ContractsError", "Fault", "RefusalUnknown", "RowsInvalid"]


class ContractsError(Exception):
    """Base of every error this package raises on purpose."""

    code = "contracts-error"


class RowsInvalid(ContractsError):
    """Rows out of bounds, out of order or too many."""

    code = "rows-invalid"


class RefusalUnknown(ContractsError):
    """Revert data that is neither a refusal nor a reason string."""

    code = "refusal-unknown"


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a file: where (`clauses[2].any[0].amount`), a stable code, and what to do."""

    where: str
    code: str
    message: str


class AgreementInvalid(ContractsError):
    """An agreement file that cannot be used."""

    code = "agreement-invalid"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{f.where}: {f.message}" for f in faults))
        self.faults = faults
