"""The agreement language: a file people read, checked and turned into terms on chain.

`load` reads a file, `compile_terms` checks it against the directory and makes what the chain takes, `explain`
says it in sentences, `cases` and `judge` serve its simulation. `docs/agreement.md` is the reference.
"""

from contracts.agreement.codes import Code
from contracts.agreement.compile import CompiledAgreement, compile_terms
from contracts.agreement.directory import AccountFacts, DirectoryFacts, QuorumFacts
from contracts.agreement.expect import Case, CaseResult, Paid, RefusedBy, cases, judge
from contracts.agreement.explain import Explanation, explain
from contracts.agreement.model import AgreementFile, json_schema, load
from contracts.agreement.roster import RosterEntry
from contracts.agreement.texts import Text

__all__ = [
    "AccountFacts",
    "AgreementFile",
    "Case",
    "CaseResult",
    "Code",
    "CompiledAgreement",
    "DirectoryFacts",
    "Explanation",
    "Paid",
    "QuorumFacts",
    "RefusedBy",
    "RosterEntry",
    "Text",
    "cases",
    "compile_terms",
    "explain",
    "json_schema",
    "judge",
    "load",
]
