"""The agreement language: a file people read, checked and turned into terms on chain.

`load` reads a file, `compile_terms` checks it against the directory and makes what the chain takes,
`check_together` checks the files of a workflow, `explain` says one in sentences; `cases` and `judge`,
`trials` and `judge_course` serve its simulation. `docs/agreement.md` is the reference.
"""

from contracts.agreement.codes import Code
from contracts.agreement.compile import CompiledAgreement, check_together, compile_terms
from contracts.agreement.courses import Ran, RefusedAt, Runner, Trial, judge_course, trials
from contracts.agreement.directory import AccountFacts, AgreementFacts, DirectoryFacts, QuorumFacts
from contracts.agreement.expect import (
    Case,
    CaseResult,
    GivenDocument,
    GivenEvidence,
    Paid,
    RefusedBy,
    cases,
    judge,
)
from contracts.agreement.explain import Explanation, explain
from contracts.agreement.model import AgreementFile, load
from contracts.agreement.roster import RosterEntry
from contracts.agreement.schema import json_schema
from contracts.agreement.texts import Text
from contracts.agreement.workflow import agreement_facts

__all__ = [
    "AccountFacts",
    "AgreementFacts",
    "AgreementFile",
    "Case",
    "CaseResult",
    "Code",
    "CompiledAgreement",
    "DirectoryFacts",
    "Explanation",
    "GivenDocument",
    "GivenEvidence",
    "Paid",
    "QuorumFacts",
    "Ran",
    "RefusedAt",
    "RefusedBy",
    "RosterEntry",
    "Runner",
    "Text",
    "Trial",
    "agreement_facts",
    "cases",
    "check_together",
    "compile_terms",
    "explain",
    "json_schema",
    "judge",
    "judge_course",
    "load",
    "trials",
]
