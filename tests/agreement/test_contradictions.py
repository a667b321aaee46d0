"""Clauses that nothing could satisfy together, and those that look alike and something can."""

from typing import Any

import pytest

from contracts.agreement import Code, load
from contracts.agreement._check_clauses import clause_faults

Draft = Any
Written = dict[str, object]

CAP: Written = {"kind": "lifetime_cap", "amount": "10.00"}


def paper(kind: str, by: str = "witness") -> Written:
    return {"kind": "document", "document": kind, "by": by}


def state(agreement: str, state: str) -> Written:
    return {"kind": "agreement_state", "agreement": agreement, "state": state}


def contradictions(draft: Draft, *clauses: list[Written]) -> list[tuple[str, str]]:
    """Faults of clauses of documents and states: code and place."""
    draft.document["clauses"] = [
        {"name": f"clause {number}", "any": guards} for number, guards in enumerate(clauses)
    ]
    ours = (Code.DOCUMENTS_DISJOINT, Code.AGREEMENT_STATES_DISJOINT)
    faults = clause_faults(load(draft.text).content)
    return [(str(fault.code), fault.where) for fault in faults if fault.code in ours]


@pytest.mark.parametrize(
    "clauses",
    [
        [[paper("invoice")]],
        [[paper("invoice"), paper("contract")]],
        [[paper("invoice"), paper("invoice", "river-supplies")]],
        [[paper("invoice")], [paper("contract"), CAP]],
    ],
)
def test_documents_that_one_batch_can_name(payouts: Draft, clauses: list[list[Written]]) -> None:
    assert contradictions(payouts, *clauses) == []


@pytest.mark.parametrize(
    ("clauses", "where"),
    [
        ([[paper("invoice")], [paper("contract")]], "clauses[1]"),
        ([[paper("invoice")], [paper("invoice", "river-supplies")]], "clauses[1].any[0]"),
        ([[paper("invoice")], [CAP, paper("invoice")]], "clauses[1].any[1]"),
        ([[paper("invoice"), paper("order")], [paper("contract")]], "clauses[1]"),
    ],
)
def test_documents_that_no_batch_can_name(payouts: Draft, clauses: list[list[Written]], where: str) -> None:
    assert contradictions(payouts, *clauses) == [("documents-disjoint", where)]


@pytest.mark.parametrize(
    "clauses",
    [
        [[state("bike-order", "released")], [state("bike-order", "released"), state("x", "open")]],
        [[state("bike-order", "released")], [state("x", "refunded")]],
        [[state("bike-order", "released"), state("x", "open")], [state("bike-order", "refunded")]],
        [[state("bike-order", "released")], [state("bike-order", "refunded"), CAP]],
    ],
)
def test_states_that_agreements_can_be_in(payouts: Draft, clauses: list[list[Written]]) -> None:
    assert contradictions(payouts, *clauses) == []


@pytest.mark.parametrize(
    ("clauses", "where"),
    [
        ([[state("bike-order", "released")], [state("bike-order", "refunded")]], "clauses[1]"),
        (
            [
                [state("bike-order", "released"), state("x", "open")],
                [state("bike-order", "refunded")],
                [state("x", "released")],
            ],
            "clauses[2]",
        ),
    ],
)
def test_states_that_no_agreement_is_in_at_once(
    payouts: Draft, clauses: list[list[Written]], where: str
) -> None:
    assert contradictions(payouts, *clauses) == [("agreement-states-disjoint", where)]
