"""The trial: an agreement run against its expected results by `eth_simulateV1`, before anybody activates it.

It is the same code on the current state of the chain. Inside the simulation, and nowhere else, throwaway
signers belong to every institution of the directory.
"""

from bridge.platform import Platform
from bridge.services.trials.cases import outcome
from bridge.services.trials.stage import make_stage
from contracts.agreement import CaseResult, CompiledAgreement, cases, judge

__all__ = ["run"]


def run(platform: Platform, compiled: CompiledAgreement) -> tuple[CaseResult, ...]:
    """Run every case of the file. Raises ChainError if the node cannot simulate."""
    stage = make_stage(platform, compiled)
    return tuple(judge(case, outcome(stage, case)) for case in cases(compiled.file))
