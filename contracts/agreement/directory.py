"""What the caller knows of the directory and the ledger when it compiles an agreement."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.terms import InstitutionKind

__all__ = ["AccountFacts", "AgreementFacts", "DirectoryFacts", "QuorumFacts"]


@dataclass(frozen=True)
class QuorumFacts:
    """A quorum: institution ids, and how many of them it takes to act."""

    members: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class AccountFacts:
    """A ledger account: the institution that controls it, the root of its tree, its ISO 4217 currency.

    `parent` is the account above it, None for a root or where it is not known.
    """

    controller: str
    tree: str
    currency: str
    parent: str | None = None


@dataclass(frozen=True)
class AgreementFacts:
    """A deployed agreement: its address (20 bytes), template (`name` without version) and account.

    `clears_to` are the accounts to which it moves money without anybody deciding, `gives_back_to` those to
    which money goes back; `draws_on` the accounts beside its own from which it takes money; `waits_for` the
    agreements whose state or balance its terms ask for.
    """

    address: bytes
    template: str
    account: str
    clears_to: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    gives_back_to: tuple[str, ...] = ()
    draws_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class DirectoryFacts:
    """Institutions by id, quorums and accounts by name, active agreements by name (`courier-payouts`)."""

    institutions: Mapping[str, InstitutionKind]
    quorums: Mapping[str, QuorumFacts]
    accounts: Mapping[str, AccountFacts]
    agreements: Mapping[str, AgreementFacts] = field(default_factory=dict)
