"""The text of a run as it grows: lines, what the stack holds, the gas of a stretch, and the ways out."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

__all__ = ["Draft", "Item", "Place", "Truth"]

STACK_MAX = 1_024


class Truth(NamedTuple):
    """A comparison that isn't evaluated yet; what it compares never changes."""

    test: str


Item: TypeAlias = int | str | Truth
"""A stack item: a number known beforehand, a variable's name, or a comparison."""


class Place(NamedTuple):
    """Where an instruction is, and what a run must put back to be just before it."""

    at: int
    stack: Sequence[Item]
    taken: int
    gas: int
    """Of the stretch, up to here."""


class Draft:
    """Keeps in mind what is on the stack while a function is written that works on it."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._lines: list[str] = []
        self._totals: dict[str, int] = {}
        """Numbers known only later than the lines that need them, by the name in the line."""
        self._names = 0
        self._stack: list[Item] = []
        """Items above those of the real stack that weren't touched."""
        self._taken = 0
        """How many of the real stack's were touched; ``_stack`` is in their stead."""
        self._height_max = 0
        self._level: str | None = None
        """Name of the piece in which the real stack stays as it is; ``None`` between two."""
        self._stretch: str | None = None
        """Name of the piece whose gas is taken at once; ``None`` between two."""
        self._gas = 0
        """Of the stretch, so far."""
        self._place = Place(start, (), 0, 0)
        self._memory_min = 0
        """Bytes the memory surely has."""
        self._words: dict[int, Item] = {}
        """Words in memory whose value is known, by where they begin."""

    def _finished(self) -> str:
        """The function."""
        self._end_level()
        head = ["def run(computation, values, meter, memory, destinations=destinations):"]
        head += [" data = memory._bytes", " while True:"]
        return "\n".join([*head, *self._lines]).format_map(self._totals)

    # Pieces

    def _begin(self, at: int) -> None:
        """See to it that stack and gas are enough for what is written next."""
        if self._level is None:
            self._level = self._name("level")
            self._line(f"if not {{{self._level}_need}} <= len(values) <= {{{self._level}_most}}:")
            self._line(f"return {~at}", 2)
        if self._stretch is None:
            self._stretch = self._name("stretch")
            self._place = self._place._replace(gas=0)
            self._line(f"if meter.gas_remaining < {{{self._stretch}}}:")
            self._unwind(self._stack, self._taken, 2)
            self._line(f"return {~at}", 2)
            self._line(f"meter.gas_remaining -= {{{self._stretch}}}")

    def _end_stretch(self) -> None:
        """The gas taken is exactly what was used."""
        if self._stretch is not None:
            self._totals[self._stretch] = self._gas
        self._stretch, self._gas = None, 0

    def _end_level(self) -> None:
        """The real stack is what it should be."""
        self._end_stretch()
        if self._level is not None:
            self._totals[f"{self._level}_need"] = self._taken
            self._totals[f"{self._level}_most"] = STACK_MAX - self._height_max
        self._level, self._stack, self._taken, self._height_max = None, [], 0, 0

    # The stack

    def _want(self, count: int) -> None:
        """Have so many items at hand."""
        while len(self._stack) < count:
            self._taken += 1
            name = f"{self._level}_{self._taken}"
            self._line(f"{name} = values[-{self._taken}]")
            self._stack.insert(0, name)

    def _get(self) -> Item:
        self._want(1)
        return self._stack.pop()

    def _plain_item(self) -> int | str:
        """The topmost, evaluated: a comparison of comparisons would grow without end."""
        item = self._get()
        return self._named(self._value(item)) if isinstance(item, Truth) else item

    def _put(self, item: Item) -> bool:
        self._stack.append(item)
        self._height_max = max(self._height_max, len(self._stack) - self._taken)
        return True

    def _let(self, expression: str) -> bool:
        return self._put(self._named(expression))

    def _named(self, expression: str) -> str:
        name = self._name("v")
        self._line(f"{name} = {expression}")
        return name

    def _unwind(self, stack: Sequence[Item], taken: int, depth: int) -> None:
        """Write what makes the real stack right."""
        kept = 0
        while kept < min(len(stack), taken) and stack[kept] == f"{self._level}_{taken - kept}":
            kept += 1
        gone, items = taken - kept, [self._value(item) for item in stack[kept:]]
        if gone and items:
            self._line(f"values[-{gone}:] = ({', '.join(items)},)", depth)
        elif gone:
            self._line(f"del values[-{gone}:]", depth)
        elif items:
            self._line(f"values += ({', '.join(items)},)", depth)

    # Going elsewhere

    def _leave(self, target: int, depth: int = 1) -> None:
        """Go on at another place, in another run or again in this one."""
        self._unwind(self._stack, self._taken, depth)
        self._line("continue" if target == self._start else f"return {target}", depth)

    def _give_up(self) -> bool:
        """End the run just before the instruction; it is for the caller."""
        place = self._place
        self._gas = place.gas
        self._unwind(place.stack, place.taken, 1)
        self._line(f"return {~place.at}")
        return False

    def _back(self) -> None:
        """In a branch: to just before the instruction, for the caller."""
        place = self._place
        self._return_gas(place.gas)
        self._unwind(place.stack, place.taken, 2)
        self._line(f"return {~place.at}", 2)

    def _return_gas(self, used: int) -> None:
        self._line(f"meter.gas_remaining += {{{self._stretch}}} - {used}", 2)

    def _reach(self, place: Item, size: int) -> tuple[str, str]:
        """Texts of where ``size`` bytes of memory begin and end, which then are there."""
        if isinstance(place, int):
            start, end = str(place), str(place + size)
            if place + size <= self._memory_min:
                return start, end
            self._memory_min = place + size
        else:
            start = self._value(place)
            end = self._named(f"{start} + {size}")
        self._line(f"if {end} > len(data):")
        self._line(f"if not grow(memory, meter, {end}):", 2)
        self._line("# There is too little gas.", 3)
        for line in self._branch():
            self._lines.append(f" {line}")
        self._line("data = memory._bytes", 2)
        return start, end

    def _branch(self) -> list[str]:
        """The lines of ``_back``, apart."""
        lines, self._lines = self._lines, []
        self._back()
        lines, self._lines = self._lines, lines
        return lines

    # Text

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def _value(self, item: Item) -> str:
        if isinstance(item, Truth):
            return f"(1 if {item.test} else 0)"
        return hex(item) if isinstance(item, int) else item

    def _line(self, text: str, depth: int = 1) -> None:
        self._lines.append(" " * (depth + 1) + text)
