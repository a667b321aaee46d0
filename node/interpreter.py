"""Any fork's computation, quicker: the same rules as py-evm's, without its loop.

Code that was run often from some place is translated from there (``node.translation``); the rest goes one
instruction after the other. What a frame is and how it ends (gas burnt, output, children) stays py-evm's.
"""

from itertools import count
from typing import Any

from eth.exceptions import Halt
from eth.vm import opcode_values as op
from eth.vm.computation import NO_RESULT
from eth.vm.logic.invalid import InvalidOpcode
from lru import LRU

from node.opcodes import direct, quick
from node.translation import Rules, Run, jump_destinations, translate

__all__ = ["quick_computation"]

HOT = 24
"""Times a run is stepped through before it is translated; making one costs about as much as 50 times."""
CODES_MAX = 1_024
"""Codes whose visits are counted, the least recently run first to go."""
CODE_RUNS_MAX = 512
"""Runs of one code: jumps to everywhere shall not keep the translator busy."""
RUNS_MAX = 8_192
"""Runs of all codes, at about 15 kB; then all are forgotten."""


class Translations:
    """One code's runs, made as they are needed. Threads may share it: at worst two make the same."""

    def __init__(self, code: bytes) -> None:
        self.code = code
        self.destinations = jump_destinations(code)
        self.runs: dict[int, Run] = {}
        self.visits: dict[int, int] = {}


def quick_computation(base: type[Any]) -> type[Any]:
    """A computation class with the rules of ``base``, one of py-evm's."""
    opcodes = quick(base.opcodes)
    rules = Rules(opcodes, direct(base.opcodes))
    translations: LRU[bytes, Translations] = LRU(CODES_MAX)
    made = count(1)

    class Quick(base):  # type: ignore[misc]  # py-evm has no types
        """Shorter opcodes, and runs instead of a loop."""

        hot = HOT

        @classmethod
        def apply_computation(
            cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
        ) -> Any:
            """Run a message's code; failures stay in the computation, as in py-evm."""
            with cls(state, message, transaction_context) as computation:
                _prepare(computation, parent_computation)
                precompile = computation.precompiles.get(message.code_address, NO_RESULT)
                if precompile is not NO_RESULT:
                    if not message.is_delegation:
                        precompile(computation)
                    return computation
                try:
                    if message.is_create or cls.opcodes is not opcodes:
                        # Runs once; or a subclass has opcodes of its own, which no run would ask.
                        _step_through(computation, cls.opcodes)
                    else:
                        _run(computation, _translations(message.code), cls.hot)
                except Halt:
                    pass
            return computation

    Quick.opcodes = opcodes
    Quick.__name__ = Quick.__qualname__ = f"Quick{base.__name__}"

    def _translations(code: bytes) -> Translations:
        held = translations.get(code)
        if held is None:
            held = translations[code] = Translations(code)
        return held

    def _run(computation: Any, held: Translations, hot: int) -> None:
        values, meter, memory = computation._stack.values, computation._gas_meter, computation._memory
        runs, at = held.runs, 0
        while True:
            run = runs.get(at)
            if run is not None:
                at = run(computation, values, meter, memory)
                if at >= 0:
                    continue
                at = ~at
            elif _is_hot(held, at, hot):
                runs[at] = translate(held.code, at, held.destinations, rules)
                if next(made) % RUNS_MAX == 0:
                    translations.clear()
                continue
            at = _step(computation, opcodes, at)

    return Quick


def _is_hot(held: Translations, at: int, hot: int) -> bool:
    """Whether a run that isn't there is worth making."""
    visits = held.visits[at] = held.visits.get(at, 0) + 1
    return visits > hot and at < len(held.code) and len(held.runs) < CODE_RUNS_MAX


def _prepare(computation: Any, parent: Any) -> None:
    """What py-evm does with a computation before it runs."""
    message = computation.msg
    if computation.is_origin_computation:
        computation.contracts_created = []
        if message.is_create:
            computation.consume_initcode_gas_cost(computation)
    if parent is not None:
        computation.contracts_created = parent.contracts_created
    if message.is_create:
        computation.contracts_created.append(message.storage_address)


def _step(computation: Any, opcodes: dict[int, Any], at: int) -> int:
    """One instruction after the other up to the next jump; where it went."""
    code, raw = computation.code, computation.msg.code
    length = len(raw)
    code.program_counter = at
    while True:
        at = code.program_counter
        opcode = raw[at] if at < length else op.STOP
        code.program_counter = at + 1
        function = opcodes.get(opcode)
        if function is None:
            InvalidOpcode(opcode)(computation)
        else:
            function(computation)
            if opcode == op.JUMP or opcode == op.JUMPI:
                place: int = code.program_counter
                return place


def _step_through(computation: Any, opcodes: dict[int, Any]) -> None:
    at = 0
    while True:
        at = _step(computation, opcodes, at)
