"""Vyper sources as Python syntax trees, with positions that fit the source byte for byte.

Vyper is Python's grammar but for a few words. Each is replaced here by a Python word of the same length, so
that Python's own parser gives exact positions; Vyper's own end too early after `staticcall` and `extcall`.
"""

import ast
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CONTRACTS", "VyperSource", "sources"]

CONTRACTS = Path(__file__).parent.parent / "contracts"

_WORDS = {
    "staticcall": "await     ",
    "extcall": "await  ",
}
_STATEMENTS = {
    "log": "not",
    "struct": "class ",
    "event": "class",
    "interface": "class    ",
    "flag": "with",
}


@dataclass(frozen=True)
class VyperSource:
    """One source file and its tree."""

    name: str
    """Path below `contracts/`, without the ending: `Ledger`, `modules/lines`."""
    text: str
    tree: ast.Module
    logs: frozenset[int]
    """Lines on which a `log` statement starts; the tree shows it as `not`."""

    @classmethod
    def parse(cls, name: str, text: str) -> "VyperSource":
        """Read a source. Raises SyntaxError."""
        python, logs = _as_python(text)
        return cls(name, text, ast.parse(python), logs)

    @property
    def functions(self) -> list[ast.FunctionDef]:
        """The functions, as they stand."""
        return [node for node in self.tree.body if isinstance(node, ast.FunctionDef)]

    def text_of(self, node: ast.AST) -> str:
        """The source of a node."""
        start, end = self.span(node)
        return self.text.encode()[start:end].decode()

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First byte of a node, and the one behind its last."""
        if not isinstance(node, ast.expr | ast.stmt | ast.arg) or node.end_lineno is None:
            raise TypeError(f"{type(node).__name__} has no place in the source")
        end_column = node.end_col_offset or 0
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, end_column)

    def offset(self, line: int, column: int) -> int:
        """Bytes before a line (from 1) and column (from 0)."""
        before = self.text.encode().split(b"\n")[: line - 1]
        return sum(len(each) + 1 for each in before) + column


def sources() -> list[VyperSource]:
    """Every source with code of ours: deployables first, then modules."""
    paths = [*sorted(CONTRACTS.glob("*.vy")), *sorted(CONTRACTS.glob("modules/*.vy"))]
    return [
        VyperSource.parse(path.relative_to(CONTRACTS).with_suffix("").as_posix(), path.read_text("utf-8"))
        for path in paths
    ]


def _as_python(text: str) -> tuple[str, frozenset[int]]:
    """The same text with Python's words, and the lines on which it logs."""
    lines = text.splitlines(keepends=True)
    logs = set()
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    starts = True
    for place, token in enumerate(tokens):
        word = _WORDS.get(token.string) if token.type == tokenize.NAME else None
        if starts and token.type == tokenize.NAME:
            word = _STATEMENTS.get(token.string, word)
            if token.string == "log":
                logs.add(token.start[0])
            if token.string == "for":
                _blank(lines, tokens, place)
        if token.string == "x" and tokens[place + 1].type == tokenize.STRING:
            word = "b"
        if word is not None:
            _put(lines, token.start, word)
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            starts = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    return "".join(lines), frozenset(logs)


def _put(lines: list[str], start: tuple[int, int], word: str) -> None:
    """Write a word over a line."""
    row, column = start
    line = lines[row - 1]
    lines[row - 1] = line[:column] + word + line[column + len(word) :]


def _blank(lines: list[str], tokens: list[tokenize.TokenInfo], place: int) -> None:
    """Take the type off a loop variable: `for i: uint256 in` becomes `for i          in`."""
    start = tokens[place + 2].start
    end = next(token.start for token in tokens[place:] if token.string == "in")
    _put(lines, start, " " * (end[1] - start[1]))
