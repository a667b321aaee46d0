"""EVM code as Python functions: a run of instructions becomes one function, made once and kept.

An interpreter in Python spends its time on the stack and on asking what comes next. A run starts anywhere,
goes straight on, follows jumps whose target it knows and takes every conditional jump as not taken; inside it
stack items are local variables and constants are literals. Gas of fixed size is taken for a whole stretch at
once.

A function never does anything by halves. Where the outcome could differ from running one instruction after
the other (too little gas for the stretch, a stack too low or too high, a jump that may be wrong, memory that
can't be paid), it puts gas and stack to where they are just before that instruction and gives the place back
with its bits inverted; the caller goes on from there with the plain functions of ``node.opcodes``. So what
raises, and when, is decided there and nowhere else. Rules: Yellow Paper, appendices G and H;
``tests/node/test_opcodes.py`` compares.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from eth.vm import opcode_values as op
from sha3 import keccak_256

from node import operations
from node.draft import Draft, Place, Truth

__all__ = ["Function", "Rules", "Run", "jump_destinations", "translate"]

Run: TypeAlias = Callable[[Any, list[int], Any, Any], int]
"""Of computation, stack values, gas meter and memory; gives where to go on, inverted if step by step."""
Function: TypeAlias = Callable[..., Any]

INSTRUCTIONS_MAX = 256
"""A run ends here at the latest: what one function costs to make stays small."""
VERY_LOW, LOW, MIDDLE, HIGH, BASE, HASH = 3, 5, 8, 10, 2, 30
"""Gas by the Yellow Paper's groups, appendix G; HASH is SHA3's fixed part."""


MASK, SIGN = hex(operations.WORD_MASK), hex(operations.SIGN)
ARITHMETIC: dict[int, tuple[int, str, Callable[[int, int], int]]] = {
    op.ADD: (VERY_LOW, "{0} + {1}", operations.add),
    op.SUB: (VERY_LOW, "{0} - {1}", operations.subtract),
    op.MUL: (LOW, "{0} * {1}", operations.multiply),
    op.DIV: (LOW, "{0} // {1} if {1} else 0", operations.divide),
    op.MOD: (LOW, "{0} % {1} if {1} else 0", operations.modulo),
    op.SDIV: (LOW, "signed_divide({0}, {1})", operations.signed_divide),
    op.SMOD: (LOW, "signed_modulo({0}, {1})", operations.signed_modulo),
    op.SIGNEXTEND: (LOW, "sign_extend({0}, {1})", operations.sign_extend),
    op.AND: (VERY_LOW, "{0} & {1}", operator.and_),
    op.OR: (VERY_LOW, "{0} | {1}", operator.or_),
    op.XOR: (VERY_LOW, "{0} ^ {1}", operator.xor),
    op.BYTE: (VERY_LOW, "byte_of({0}, {1})", operations.byte_of),
    op.SHL: (VERY_LOW, f"{{1}} << {{0}} & {MASK} if {{0}} < 256 else 0", operations.shift_left),
    op.SHR: (VERY_LOW, "{1} >> {0} if {0} < 256 else 0", operations.shift_right),
    op.SAR: (VERY_LOW, "shift_arithmetic({0}, {1})", operations.shift_arithmetic),
}
SHIFTS = {op.SHL: f"{{1}} << {{0}} & {MASK}", op.SHR: "{1} >> {0}"}
"""By a number known to be below 256."""
BEYOND = {op.ADD: f"> {MASK}", op.SUB: "< 0", op.MUL: f"> {MASK}"}
"""When a result must be cut to a word; it is rare, and asking is cheaper than cutting."""
COMPARISONS: dict[int, tuple[str, Callable[[int, int], bool]]] = {
    op.LT: ("{0} < {1}", operator.lt),
    op.GT: ("{0} > {1}", operator.gt),
    op.EQ: ("{0} == {1}", operator.eq),
    op.SLT: (f"{{0}} ^ {SIGN} < {{1}} ^ {SIGN}", operations.signed_less),
    op.SGT: (f"{{0}} ^ {SIGN} > {{1}} ^ {SIGN}", operations.signed_greater),
}
FACTS = {
    op.ADDRESS: "from_bytes(computation.msg.storage_address)",
    op.CALLER: "from_bytes(computation.msg.sender)",
    op.CALLVALUE: "computation.msg.value",
    op.CALLDATASIZE: "len(computation.msg.data)",
    op.RETURNDATASIZE: "len(computation.return_data)",
    op.CODESIZE: "len(computation.msg.code)",
    op.TIMESTAMP: "computation.state.timestamp",
    op.MSIZE: "len(data)",
}
"""What an instruction without arguments answers."""
COPIES = {
    op.CALLDATACOPY: "copy_calldata",
    op.CODECOPY: "copy_code",
    op.RETURNDATACOPY: "copy_return_data",
    op.MCOPY: "copy_memory",
}
ENDS = frozenset({op.STOP, op.RETURN, op.REVERT, op.SELFDESTRUCT})
HELPERS = (
    *("byte_of", "copy_calldata", "copy_code", "copy_memory", "copy_return_data", "grow", "hash_memory"),
    *("load_calldata", "shift_arithmetic", "sign_extend", "signed_divide", "signed_modulo"),
)
NAMES: dict[str, Any] = {
    **{name: getattr(operations, name) for name in HELPERS},
    "from_bytes": int.from_bytes,
    "keccak_256": keccak_256,
}


def jump_destinations(code: bytes) -> frozenset[int]:
    """Places of JUMPDEST that aren't data of a PUSH (Yellow Paper, §9.4.3)."""
    found, at = [], 0
    while at < len(code):
        opcode = code[at]
        if opcode == op.JUMPDEST:
            found.append(at)
        at += opcode - op.PUSH1 + 2 if op.PUSH1 <= opcode <= op.PUSH32 else 1
    return frozenset(found)


class Rules:
    """What the instructions of one fork do."""

    def __init__(self, opcodes: Mapping[int, Function], direct: Mapping[int, Function]) -> None:
        """``direct``: of instructions that pay for themselves, the function of computation and arguments."""
        self.opcodes, self.direct = opcodes, direct
        self.names = NAMES | {f"plain_{opcode}": function for opcode, function in opcodes.items()}
        """What the text of a run can name."""
        self.names |= {f"direct_{opcode}": function for opcode, function in direct.items()}


def translate(code: bytes, start: int, destinations: frozenset[int], rules: Rules) -> Run:
    """The run of ``code`` from ``start``; ``destinations`` are the code's ``jump_destinations``."""
    text = Writer(code, start, destinations, rules).text()
    made: dict[str, Any] = {"destinations": destinations}
    # The text is made of the templates here and of numbers: of a contract only its constants go into it.
    exec(compile(text, f"<run {start}>", "exec"), rules.names, made)  # noqa: S102
    run: Run = made["run"]
    return run


class Writer(Draft):
    """Goes through the instructions once and writes the function."""

    def __init__(self, code: bytes, start: int, destinations: frozenset[int], rules: Rules) -> None:
        super().__init__(start)
        self._code, self._at = code, start
        self._destinations, self._rules = destinations, rules

    def text(self) -> str:
        """The function."""
        visited: set[int] = set()
        while self._at not in visited and len(visited) < INSTRUCTIONS_MAX:
            visited.add(self._at)
            if not self._instruction():
                break
        else:
            self._leave(self._at)
        return self._finished()

    # Instructions: each answers whether the run goes on behind it

    def _instruction(self) -> bool:
        at = self._at
        opcode = self._code[at] if at < len(self._code) else op.STOP
        self._place = Place(at, tuple(self._stack), self._taken, self._gas)
        self._at = at + 1
        if opcode not in self._rules.opcodes:
            return self._give_up()
        writer = WRITERS.get(opcode)
        if writer is None or (opcode in PRICED and opcode not in self._rules.direct):
            return self._plain(opcode)
        self._begin(at)
        return writer(self, opcode)

    def _push(self, opcode: int) -> bool:
        size = opcode - op.PUSH0
        raw = self._code[self._at : self._at + size]
        self._at += size
        self._gas += VERY_LOW if size else BASE
        return self._put(int.from_bytes(raw, "big") << 8 * (size - len(raw)))

    def _dup(self, opcode: int) -> bool:
        position = opcode - op.DUP1 + 1
        self._want(position)
        self._gas += VERY_LOW
        return self._put(self._stack[-position])

    def _swap(self, opcode: int) -> bool:
        position = opcode - op.SWAP1 + 2
        self._want(position)
        self._gas += VERY_LOW
        stack = self._stack
        stack[-1], stack[-position] = stack[-position], stack[-1]
        return True

    def _pop(self, opcode: int) -> bool:
        self._gas += BASE
        self._get()
        return True

    def _jump_destination(self, opcode: int) -> bool:
        self._gas += 1
        return True

    def _arithmetic(self, opcode: int) -> bool:
        gas, template, function = ARITHMETIC[opcode]
        self._gas += gas
        left, right = self._get(), self._get()
        if isinstance(left, int) and isinstance(right, int):
            return self._put(function(left, right))
        if opcode in SHIFTS and isinstance(left, int) and left < 256:
            template = SHIFTS[opcode]
        self._let(template.format(self._value(left), self._value(right)))
        if opcode in BEYOND:
            name = self._stack[-1]
            self._line(f"if {name} {BEYOND[opcode]}: {name} &= {MASK}")
        return True

    def _comparison(self, opcode: int) -> bool:
        template, function = COMPARISONS[opcode]
        self._gas += VERY_LOW
        left, right = self._plain_item(), self._plain_item()
        if isinstance(left, int) and isinstance(right, int):
            return self._put(int(function(left, right)))
        return self._put(Truth(template.format(self._value(left), self._value(right))))

    def _is_zero(self, opcode: int) -> bool:
        self._gas += VERY_LOW
        item = self._get()
        if isinstance(item, int):
            return self._put(int(item == 0))
        return self._put(Truth(f"not ({item.test})" if isinstance(item, Truth) else f"{item} == 0"))

    def _not(self, opcode: int) -> bool:
        self._gas += VERY_LOW
        item = self._get()
        if isinstance(item, int):
            return self._put(item ^ operations.WORD_MASK)
        return self._let(f"{self._value(item)} ^ {MASK}")

    def _fact(self, opcode: int) -> bool:
        self._gas += BASE
        return self._let(FACTS[opcode])

    def _counter(self, opcode: int) -> bool:
        self._gas += BASE
        return self._put(self._place.at)

    def _gas_left(self, opcode: int) -> bool:
        self._gas += BASE
        self._end_stretch()
        return self._let("meter.gas_remaining")

    def _load_calldata(self, opcode: int) -> bool:
        self._gas += VERY_LOW
        return self._let(f"load_calldata(computation, {self._value(self._get())})")

    def _load_word(self, opcode: int) -> bool:
        self._gas += VERY_LOW
        place = self._get()
        if isinstance(place, int) and place in self._words:
            return self._put(self._words[place])
        start, end = self._reach(place, 32)
        self._let(f"from_bytes(data[{start}:{end}])")
        if isinstance(place, int):
            self._words[place] = self._stack[-1]
        return True

    def _store_word(self, opcode: int) -> bool:
        self._gas += VERY_LOW
        place, item = self._get(), self._plain_item()
        start, end = self._reach(place, 32)
        raw = repr(item.to_bytes(32)) if isinstance(item, int) else f"{item}.to_bytes(32)"
        self._line(f"data[{start}:{end}] = {raw.replace('{', '{{').replace('}', '}}')}")
        if isinstance(place, int):
            self._words = {at: word for at, word in self._words.items() if abs(at - place) >= 32}
            self._words[place] = item
        else:
            self._words = {}
        return True

    def _hash(self, opcode: int) -> bool:
        self._gas += HASH
        place, size = self._get(), self._get()
        if not isinstance(size, int) or size == 0 or size > 0xFFFF:
            self._end_stretch()
            self._let(f"hash_memory(computation, {self._value(place)}, {self._value(size)})")
            self._line("data = memory._bytes")
            return True
        self._gas += operations.GAS_SHA3_WORD * ((size + 31) // 32)
        start, end = self._reach(place, size)
        return self._let(f"from_bytes(keccak_256(data[{start}:{end}]).digest())")

    def _copy(self, opcode: int) -> bool:
        self._gas += VERY_LOW
        arguments = [self._value(self._get()) for _ in range(3)]
        self._end_stretch()
        self._line(f"{COPIES[opcode]}(computation, {', '.join(arguments)})")
        self._line("data = memory._bytes")
        self._words = {}
        return True

    def _load(self, opcode: int) -> bool:
        self._end_stretch()
        return self._let(f"direct_{opcode}(computation, {self._value(self._get())})")

    def _store(self, opcode: int) -> bool:
        arguments = [self._value(self._get()) for _ in range(2)]
        self._end_stretch()
        self._line(f"direct_{opcode}(computation, {', '.join(arguments)})")
        return True

    def _jump(self, opcode: int) -> bool:
        self._gas += MIDDLE
        target = self._get()
        if isinstance(target, int):
            if target not in self._destinations:
                return self._give_up()
            self._at = target
            return True
        name = self._value(target)
        self._line(f"if {name} not in destinations:")
        self._back()
        self._unwind(self._stack, self._taken, 1)
        self._line(f"return {name}", 1)
        return False

    def _jump_if(self, opcode: int) -> bool:
        self._gas += HIGH
        target, condition = self._get(), self._get()
        if not isinstance(target, int) or target not in self._destinations:
            return self._give_up()
        self._line(f"if {condition.test if isinstance(condition, Truth) else self._value(condition)}:")
        self._return_gas(self._gas)
        self._leave(target, 2)
        return True

    def _plain(self, opcode: int) -> bool:
        """Have the instruction's own function do it, on the real stack."""
        self._unwind(self._stack, self._taken, 1)
        self._end_level()
        self._line(f"plain_{opcode}(computation)")
        self._line("data = memory._bytes")
        self._words = {}
        return opcode not in ENDS


PRICED = frozenset({op.SLOAD, op.SSTORE, op.TLOAD, op.TSTORE})
"""Written only where ``direct`` has a function of the fork for them."""
WRITERS: dict[int, Callable[[Writer, int], bool]] = {
    **dict.fromkeys(range(op.PUSH0, op.PUSH32 + 1), Writer._push),
    **dict.fromkeys(range(op.DUP1, op.DUP16 + 1), Writer._dup),
    **dict.fromkeys(range(op.SWAP1, op.SWAP16 + 1), Writer._swap),
    **dict.fromkeys(ARITHMETIC, Writer._arithmetic),
    **dict.fromkeys(COMPARISONS, Writer._comparison),
    **dict.fromkeys(FACTS, Writer._fact),
    **dict.fromkeys(COPIES, Writer._copy),
    op.POP: Writer._pop,
    op.ISZERO: Writer._is_zero,
    op.NOT: Writer._not,
    op.PC: Writer._counter,
    op.GAS: Writer._gas_left,
    op.JUMPDEST: Writer._jump_destination,
    op.JUMP: Writer._jump,
    op.JUMPI: Writer._jump_if,
    op.CALLDATALOAD: Writer._load_calldata,
    op.MLOAD: Writer._load_word,
    op.MSTORE: Writer._store_word,
    op.SHA3: Writer._hash,
    op.SLOAD: Writer._load,
    op.TLOAD: Writer._load,
    op.SSTORE: Writer._store,
    op.TSTORE: Writer._store,
}
