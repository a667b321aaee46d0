"""What the caller knows of the directory and the ledger when it compiles an agreement."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.terms import InstitutionKind

__all__ = ["AccountFacts", "DirectoryFacts", "QuorumFacts"]


@dataclass(frozen=True)
class QuorumFacts:
    """A quorum: institution ids, and how many of them it takes to act."""

    members: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class AccountFacts:
    """A ledger account: the institution that controls it, the root of its tree, its ISO 4217 currency."""

    controller: str
    tree: str
    currency: str


@dataclass(frozen=True)
class DirectoryFacts:
    """Institutions by id, quorums and accounts by name."""

    institutions: Mapping[str, InstitutionKind]
    quorums: Mapping[str, QuorumFacts]
    accounts: Mapping[str, AccountFacts]
