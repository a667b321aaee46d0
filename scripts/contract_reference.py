"""Writes what `docs/contracts.md` says of each contract's functions; `--check` only compares.

The page is written by hand but for the parts between `<!-- generated: NAME -->` and `<!-- end -->`. Who may
call a function is the heading of the section it stands in, and the roles that it, what it calls and the views
it asks name.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from scripts.vyper_source import VyperSource, sources

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).parent.parent / "docs" / "contracts.md"
ROLES = (
    "GOVERNOR",
    "MINTER",
    "SETTLER",
    "SUPERVISOR",
    "OPERATOR",
    "TELLER",
    "WITNESS",
    "AUDITOR",
    "ATTESTER",
)

_GENERATED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# A comment that stands alone is the heading of the functions below it.
_HEADING = re.compile(r"^\n# ([^\n]+)\n\n", re.MULTILINE)
_TAG = re.compile(r"\s*@([\w:]+)\s+")


def natspec(text: str | None) -> list[tuple[str, str]]:
    """Tags of a comment with their texts, each on one line."""
    parts = _TAG.split(text or "")[1:]
    return [(tag, " ".join(said.split())) for tag, said in zip(parts[::2], parts[1::2], strict=True)]


def said(text: str | None, tag: str) -> str:
    """What a comment says under a tag; empty when it says nothing."""
    return next((held for name, held in natspec(text) if name == tag), "")


@dataclass(frozen=True)
class Reach:
    """What a function and all it calls name."""

    roles: frozenset[str] = frozenset()
    events: tuple[str, ...] = ()


@dataclass
class Contract:
    """One source and the functions in it."""

    source: VyperSource
    all: "dict[str, Contract]" = field(repr=False)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.source.name.rpartition("/")[2]

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """Functions by name."""
        return {function.name: function for function in self.source.functions}

    @cached_property
    def doc(self) -> str:
        """The comment at the head of the file."""
        return ast.get_docstring(self.source.tree) or ""

    def who(self, function: ast.FunctionDef) -> str:
        """The heading a function stands under, and the roles asked for."""
        start, _ = self.source.span(function)
        before = self.source.text.encode()[:start].decode()
        headings = _HEADING.findall(before)
        heading = headings[-1] if headings else "Anyone"
        if heading.startswith(("Anyone", "Agreements")):
            return heading
        reached = self.reach(function.name, frozenset()).roles
        # What a heading names is who acts; other roles on the way are those of who did something before.
        named = {role for role in reached if role.lower() in heading.lower()}
        roles = [role for role in ROLES if role in (named or reached)]
        return heading + (": " + ", ".join(f"`{role}`" for role in roles) if roles else "")

    def reach(self, name: str, seen: frozenset[tuple[str, str]]) -> Reach:
        """Roles and events of a function, its callees and the views of ours that it asks."""
        here = (self.name, name)
        if name not in self.functions or here in seen:
            return Reach()
        roles: set[str] = set()
        events: dict[str, None] = {}
        for node in ast.walk(self.functions[name]):
            if isinstance(node, ast.Name | ast.Attribute):
                word = node.id if isinstance(node, ast.Name) else node.attr
                roles |= {word} & set(ROLES)
            if isinstance(node, ast.UnaryOp) and node.lineno in self.source.logs:
                events[self.source.text_of(node.operand).partition("(")[0].rpartition(".")[2]] = None
            if isinstance(node, ast.Call) and (called := self._called(node)) is not None:
                contract, function, is_view = called
                found = contract.reach(function, seen | {here})
                roles |= found.roles
                events |= dict.fromkeys(() if is_view else found.events)
        return Reach(frozenset(roles), tuple(events))

    def _called(self, call: ast.Call) -> "tuple[Contract, str, bool] | None":
        """The function of ours that a call runs: of this file, of a module, or a view of another contract."""
        if not isinstance(call.func, ast.Attribute):
            return None
        owner, name = call.func.value, call.func.attr
        if isinstance(owner, ast.Name):
            held = self if owner.id == "self" else self.all.get(owner.id)
            return None if held is None else (held, name, False)
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name):
            other = self.all.get(owner.func.id.removeprefix("I").replace("Factory", "AgreementFactory"))
            if other is not None and "view" in _decorators(other.functions.get(name)):
                return other, name, True
        return None

    def external(self) -> Iterator[ast.FunctionDef]:
        """Functions that can be called, in the order of the source."""
        return (function for function in self.functions.values() if "external" in _decorators(function))

    def getters(self) -> list[str]:
        """Variables anyone can read, and functions of modules that are exported."""
        found = []
        for node in self.source.tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                annotation = self.source.text_of(node.annotation)
                if annotation.startswith("public("):
                    found.append(node.target.id)
                elif node.target.id == "exports":
                    found += [part.rpartition(".")[2] for part in re.findall(r"[\w.]+", annotation)]
        return found

    def bounds(self) -> list[tuple[str, str]]:
        """Named maxima."""
        return [
            (node.target.id, self.source.text_of(node.value))
            for node in self.source.tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.value is not None
            and node.target.id.startswith("MAX_")
        ]


def _decorators(function: ast.FunctionDef | None) -> set[str]:
    """Names of a function's decorators."""
    held = [] if function is None else function.decorator_list
    return {node.id for node in held if isinstance(node, ast.Name)}


def contracts() -> dict[str, Contract]:
    """Every source by name."""
    found: dict[str, Contract] = {}
    for source in sources():
        contract = Contract(source, found)
        found[contract.name] = contract
    return found


def section(contract: Contract) -> str:
    """The generated part about one contract."""
    purpose = f"**{said(contract.doc, 'title')}.** {said(contract.doc, 'notice')}".strip()
    stop = f"What stops it: {said(contract.doc, 'custom:kill')}"
    rows = [
        _row(contract, function)
        for function in contract.external()
        if not _decorators(function) & {"view", "pure"}
    ]
    table = "| Function | Who | What it does | Events |\n|---|---|---|---|\n" + "".join(rows)
    views = [f.name for f in contract.external() if _decorators(f) & {"view", "pure"}]
    reads = "Reads: " + ", ".join(f"`{name}`" for name in sorted({*views, *contract.getters()})) + "."
    bounds = contract.bounds()
    limits = "Bounds: " + "; ".join(f"`{name}` {value}" for name, value in bounds) + "." if bounds else ""
    return "\n\n".join(part for part in (purpose, stop, table.rstrip(), reads, limits) if part) + "\n"


def _row(contract: Contract, function: ast.FunctionDef) -> str:
    """One function."""
    events = contract.reach(function.name, frozenset()).events
    what = said(ast.get_docstring(function), "notice").replace("|", "\\|")
    told = ", ".join(f"`{event}`" for event in events)
    return f"| `{function.name}` | {contract.who(function)} | {what} | {told} |\n"


def page(text: str) -> str:
    """The page with its generated parts as the sources give them. Raises KeyError for an unknown contract."""
    held = contracts()
    return _GENERATED.sub(lambda found: found[1] + "\n" + section(held[found[2]]) + "\n" + found[3], text)


def main() -> None:
    """Write the page, or say that it is stale."""
    text = PAGE.read_text("utf-8")
    if "--check" not in sys.argv:
        PAGE.write_text(page(text), "utf-8")
    elif page(text) != text:
        raise SystemExit("stale page, run `python -m scripts.contract_reference`")


if __name__ == "__main__":
    main()
