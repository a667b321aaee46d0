"""The mutants of a source: one small change each, as a span of bytes and what replaces it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.vyper_source import VyperSource

__all__ = ["Mutant", "mutants"]

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.FloorDiv: ("//", "%"),
    ast.Mod: ("%", "//"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one source."""

    source: str
    """Path below `contracts/`, without the ending."""
    function: str
    """The function it is in; empty for a constant."""
    line: int
    kind: str
    before: str
    """The statement, on one line."""
    after: str
    start: int
    end: int
    replacement: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names it, wherever the lines move to."""
        return self.source, self.function, self.before, self.after

    def applied(self, text: str) -> str:
        """The source with the change made."""
        data = text.encode()
        return (data[: self.start] + self.replacement.encode() + data[self.end :]).decode()


def mutants(source: VyperSource) -> list[Mutant]:
    """Every mutant of a source, each key once."""
    found = {mutant.key: mutant for mutant in _Finder(source).all()}
    return sorted(found.values(), key=lambda mutant: (mutant.start, mutant.end, mutant.replacement))


@dataclass(frozen=True)
class _Change:
    kind: str
    start: int
    end: int
    replacement: str


class _Finder:
    """Walks one source."""

    def __init__(self, source: VyperSource) -> None:
        self._source = source
        self._data = source.text.encode()

    def all(self) -> Iterator[Mutant]:
        """The mutants, as found."""
        for node in self._source.tree.body:
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                for change in self._constant(node, node.value):
                    yield self._mutant("", node, change)
        for function in self._source.functions:
            for statement in _statements(function.body):
                for change in self._changes(statement):
                    yield self._mutant(function.name, statement, change)

    def _mutant(self, function: str, statement: ast.stmt, change: _Change) -> Mutant:
        start, end = self._header(statement)
        changed = (
            self._data[start : change.start] + change.replacement.encode() + self._data[change.end : end]
        )
        before, after = (" ".join(text.decode().split()) for text in (self._data[start:end], changed))
        at = statement.lineno + self._data[start : change.start].count(b"\n")
        return Mutant(
            self._source.name,
            function,
            at,
            change.kind,
            before,
            after,
            change.start,
            change.end,
            change.replacement,
        )

    def _header(self, statement: ast.stmt) -> tuple[int, int]:
        """The bytes of a statement without the statements in it."""
        start, end = self._source.span(statement)
        body = getattr(statement, "body", None)
        if body:
            text = self._data[start : self._source.span(body[0])[0]].decode()
            end = start + len(re.sub(r"(\s*#[^\n]*\n)*\s*\Z", "", text).encode())
        return start, end

    def _constant(self, node: ast.AnnAssign, value: ast.expr) -> Iterator[_Change]:
        """A named number, one more and one less."""
        if self._source.text_of(node.annotation) == "constant(uint256)":
            start, end = self._source.span(value)
            text = self._data[start:end].decode()
            yield _Change("constant", start, end, f"({text}) + 1")
            yield _Change("constant", start, end, f"({text}) - 1")

    def _changes(self, statement: ast.stmt) -> Iterator[_Change]:
        """What may change in one statement, its own expressions only."""
        if self._may_be_dropped(statement):
            yield _Change("dropped", *self._source.span(statement), "pass")
        if isinstance(statement, ast.Assert):
            yield from self._within(statement.test)
            return
        if isinstance(statement, ast.Raise):
            return
        if isinstance(statement, ast.AugAssign):
            yield from self._swapped(statement.target, statement.op, statement.value)
        if isinstance(statement, ast.If) and isinstance(
            statement.test, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Await
        ):
            start, end = self._source.span(statement.test)
            yield _Change("condition", start, end, f"not ({self._data[start:end].decode()})")
        for name, value in ast.iter_fields(statement):
            if name in ("body", "orelse", "annotation"):
                continue
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.expr) and not self._is_docstring(statement):
                    yield from self._within(part)

    def _may_be_dropped(self, statement: ast.stmt) -> bool:
        """Checks, calls, logs and writes can go; definitions can't."""
        if isinstance(statement, ast.Assign | ast.AugAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            return not (isinstance(target, ast.Name) and target.id.strip("_").isupper())
        if isinstance(statement, ast.Expr):
            return not self._is_docstring(statement)
        return isinstance(statement, ast.Assert | ast.Raise | ast.Continue)

    def _is_docstring(self, statement: ast.stmt) -> bool:
        return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)

    def _within(self, expression: ast.expr) -> Iterator[_Change]:
        """What may change in an expression."""
        for node in ast.walk(expression):
            if isinstance(node, ast.Compare):
                yield from self._comparison(node)
            elif isinstance(node, ast.BoolOp):
                yield from self._without_each(node)
            elif isinstance(node, ast.BinOp):
                yield from self._swapped(node.left, node.op, node.right)
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                yield from self._without_not(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
                yield _Change("boolean", *self._source.span(node), str(not node.value))

    def _comparison(self, node: ast.Compare) -> Iterator[_Change]:
        (operator,) = node.ops
        (right,) = node.comparators
        yield self._operator("comparison", node.left, *_COMPARISONS[type(operator)], right)
        for side in (node.left, right):
            if isinstance(side, ast.Constant) and type(side.value) is int and side.value > 1:
                start, end = self._source.span(side)
                yield _Change("constant", start, end, str(side.value + 1))
                yield _Change("constant", start, end, str(side.value - 1))

    def _without_each(self, node: ast.BoolOp) -> Iterator[_Change]:
        """`a and b` without `a`, and without `b`."""
        neutral = "True" if isinstance(node.op, ast.And) else "False"
        for value in node.values:
            start, end = self._source.span(value)
            yield _Change("operand", start, end, neutral)

    def _without_not(self, node: ast.UnaryOp) -> Iterator[_Change]:
        start, _ = self._source.span(node)
        inner, _ = self._source.span(node.operand)
        text = self._data[start:inner].decode()
        if text.startswith("not"):
            yield _Change("not", start, start + len("not"), "")

    def _swapped(self, left: ast.expr, operator: ast.operator, right: ast.expr) -> Iterator[_Change]:
        if type(operator) in _OPERATORS:
            yield self._operator("operator", left, *_OPERATORS[type(operator)], right)

    def _operator(self, kind: str, left: ast.expr, before: str, after: str, right: ast.expr) -> _Change:
        """Change the operator between two operands."""
        start, end = self._source.span(left)[1], self._source.span(right)[0]
        at = self._data[start:end].decode().index(before) + start
        return _Change(kind, at, at + len(before), after)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements and those in them."""
    for statement in body:
        yield statement
        for name in ("body", "orelse"):
            yield from _statements(getattr(statement, name, []))
