"""The trial: an agreement run against its expected results by `eth_simulateV1`, before anybody activates it.

It is the same code on the current state of the chain. Inside the simulation, and nowhere else, throwaway
signers belong to every institution of the directory.
"""

from bridge.platform import Platform
from bridge.services.trials.cases import outcome
from bridge.services.trials.courses import seen
from bridge.services.trials.stage import make_stage
from contracts.agreement import CaseResult, CompiledAgreement, cases, judge, judge_course, trials

__all__ = ["run"]


def run(platform: Platform, compiled: CompiledAgreement) -> tuple[CaseResult, ...]:
    """Run every case of the file. Raises ChainError if the node cannot simulate."""
    stage = make_stage(platform, compiled)
    file = compiled.file
    payments = tuple(judge(case, outcome(stage, case)) for case in cases(file))
    return payments + tuple(judge_course(trial, seen(stage, trial)) for trial in trials(file))
