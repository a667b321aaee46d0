"""Courses of events of templates without clauses, and of rules: brought about act by act."""

from web3 import Web3

from bridge.chain import Call
from bridge.services.trials.stage import Schedule, Stage, activation, mint
from contracts.agreement import Ran, RefusedAt, Trial
from contracts.agreement.courses import Done, Passed
from contracts.agreement.steps import Consent, step
from contracts.artifacts import TEMPLATES
from contracts.ids import name_id
from contracts.terms import Refusal

__all__ = ["seen"]

SET_UP = -1
"""The place of what is refused before the first event."""


def seen(stage: Stage, trial: Trial) -> Ran | RefusedAt:
    """What the chain does in one course of events."""
    gained = trial.expect.gained_minor if isinstance(trial.expect, Ran) else {}
    accounts = tuple(dict.fromkeys((*trial.holds_minor, *gained)))
    moment = stage.chain.now() + 1
    schedule = Schedule()
    set_up = [*mint(stage, _lacking(stage, trial)), *activation(stage)]
    reads = [_balance(stage, account) for account in accounts]
    schedule.add(moment, *set_up, *reads)
    places, end = _schedule_events(stage, trial, moment + 1, schedule)
    schedule.add(end, *reads, stage.chain.call(_contract(stage), "state", at=stage.agreement))
    results = stage.results(schedule)
    order = [*(SET_UP for _ in (*set_up, *reads)), *places, *(len(trial.events) for _ in (*reads, None))]
    for place, result in zip(order, results, strict=True):
        if isinstance(result, Refusal):
            return RefusedAt(place, result.code)
    numbers = [int.from_bytes(result) for result in results if isinstance(result, bytes)]
    before = numbers[len(set_up) : len(set_up) + len(accounts)]
    after, state = numbers[-1 - len(accounts) : -1], numbers[-1]
    gains = (later - earlier for earlier, later in zip(before, after, strict=True))
    return Ran(dict(zip(accounts, gains, strict=True)), state)


def _contract(stage: Stage) -> str:
    return TEMPLATES[stage.compiled.file.content.template_name]


def _balance(stage: Stage, account: str) -> Call:
    return stage.chain.call("Ledger", "account_balance", name_id(account), stage.compiled.dye_class_id)


def _lacking(stage: Stage, trial: Trial) -> list[tuple[bytes, bytes, int]]:
    """What accounts lack of what the course says they hold."""
    dye_class = stage.compiled.dye_class_id
    return [
        (
            account,
            dye_class,
            max(amount - stage.chain.read("Ledger", "account_balance", account, dye_class), 0),
        )
        for account, amount in ((name_id(name), amount) for name, amount in trial.holds_minor.items())
    ]


def _schedule_events(stage: Stage, trial: Trial, start: int, schedule: Schedule) -> tuple[list[int], int]:
    """Schedule the acts in order; the place of each, and when the last one is."""
    moment, done, places = start, list[Done](), list[int]()
    for place, event in enumerate(trial.events):
        if isinstance(event, Passed):
            moment += event.seconds
            continue
        made = step(stage.compiled.file.content, done, event, moment)
        arguments = [_signed(stage, argument) for argument in made.arguments]
        call = stage.chain.call(_contract(stage), made.function, *arguments, at=stage.agreement)
        schedule.add(moment, call)
        done.append(event)
        places.append(place)
    return places, moment


def _signed(stage: Stage, argument: object) -> object:
    if not isinstance(argument, Consent):
        return argument
    address = Web3.to_checksum_address(stage.agreement)
    message = stage.chain.message(argument.kind, address, **argument.values)
    return message.sign(stage.cast.of(argument.institution, argument.role))
