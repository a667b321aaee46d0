"""The examples, the directory they are written for, and shorthands to compile a changed copy."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contracts.agreement import (
    AccountFacts,
    AgreementFacts,
    CompiledAgreement,
    DirectoryFacts,
    QuorumFacts,
    compile_terms,
    load,
)
from contracts.agreement._yaml import parsed
from contracts.terms import InstitutionKind

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SUPERVISORS = ("north-bank", "labour-bureau", "transport-bureau")

Document = dict[str, Any]


def salt_for(account: str) -> bytes:
    """A salt that is its own for every account."""
    return account.encode().rjust(34, b"\0")


@dataclass
class Draft:
    """An agreement being written: change any part, then compile."""

    document: Document
    facts: DirectoryFacts
    rosters: dict[str, bytes] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return json.dumps(self.document, ensure_ascii=False)

    def compiled(self) -> CompiledAgreement:
        return compile_terms(load(self.text), self.facts, self.rosters, salt_for)

    def guard(self, clause: str) -> Document:
        return self.clause(clause)["any"][0]

    def clause(self, name: str) -> Document:
        return next(clause for clause in self.document["clauses"] if clause["name"] == name)

    def add_clause(self, name: str, code: str, *guards: Mapping[str, object]) -> None:
        """A clause of guards and the case that it refuses."""
        self.document["clauses"].append({"name": name, "any": list(guards)})
        case = deepcopy(self.document["expected"][0])
        case.update(name=f"refused by {name}", then={"refused_by": name, "code": code})
        self.document["expected"].append(case)

    def quorum(self, members: tuple[str, ...], threshold: int) -> None:
        quorums = {"supervisors": QuorumFacts(members, threshold)}
        self.facts = replace(self.facts, quorums=quorums)
        self.document["parties"]["supervisors"] = list(members)

    def account(
        self, name: str, controller: str, tree: str, currency: str, parent: str | None = None
    ) -> None:
        accounts = {**self.facts.accounts, name: AccountFacts(controller, tree, currency, parent)}
        self.facts = replace(self.facts, accounts=accounts)


@pytest.fixture(scope="session")
def facts() -> DirectoryFacts:
    kinds = InstitutionKind
    institutions = {
        "north-bank": kinds.BANK,
        "labour-bureau": kinds.AGENCY,
        "transport-bureau": kinds.AGENCY,
        "swift-courier": kinds.ENTERPRISE,
        "swift-courier-east": kinds.ENTERPRISE,
        "clear-audit": kinds.AUDITOR,
        "river-supplies": kinds.ENTERPRISE,
    }
    controllers = {
        "swift-courier": "swift-courier",
        "swift-courier/east": "swift-courier-east",
        "swift-courier/suppliers": "river-supplies",
        "swift-courier/financing": "north-bank",
        "swift-courier/warehouse": "swift-courier",
    }
    for name in ("deposit", "collateral", "sales", "platform", "tax", "customers", "repayments", "works"):
        controllers[f"swift-courier/{name}"] = "swift-courier"
    accounts = {
        name: AccountFacts(controller, "swift-courier", "CNY", "swift-courier" if "/" in name else None)
        for name, controller in controllers.items()
    }
    quorums = {
        "supervisors": QuorumFacts(SUPERVISORS, 2),
        "inspectors": QuorumFacts(("clear-audit", "transport-bureau"), 2),
    }
    agreements = {"bike-order": AgreementFacts(b"\x0b" * 20, "escrow", "swift-courier/deposit")}
    return DirectoryFacts(institutions, quorums, accounts, agreements)


@pytest.fixture(scope="session")
def example() -> Callable[[str], bytes]:
    return lambda name: (EXAMPLES / name).read_bytes()


@pytest.fixture(scope="session")
def draft(facts: DirectoryFacts, example: Callable[[str], bytes]) -> Callable[[str], Draft]:
    def make(name: str) -> Draft:
        document = json.loads(json.dumps(parsed(example(f"{name}.yaml").decode())[0]))
        return Draft(document, facts, {"couriers.csv": example("couriers.csv")})

    return make


@pytest.fixture
def payouts(draft: Callable[[str], Draft]) -> Draft:
    """A fresh copy of the disbursement example."""
    return draft("courier-payouts")


@pytest.fixture
def funding(draft: Callable[[str], Draft]) -> Draft:
    """A fresh copy of the allocation example."""
    return draft("fund-east")
