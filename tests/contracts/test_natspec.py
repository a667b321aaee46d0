"""NatSpec: each external function says what it does, takes and gives; each interface what its parts mean."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from vyper.ast import nodes
from vyper.ast.parse import parse_to_ast

CONTRACTS = Path(__file__).parents[2] / "contracts"
DEPLOYABLES = sorted(CONTRACTS.glob("*.vy"))
INTERFACES = sorted((CONTRACTS / "interfaces").glob("*.vyi"))
DECLARED = re.compile(r"(event|struct|def) (\w+)")
# What a line of a comment may take, as in the sources around it.
WIDTH = 120


def external(path: Path) -> Iterator[nodes.FunctionDef]:
    """The constructor and what anyone can call."""
    for function in parse_to_ast(path.read_text("utf-8"), 0, str(path)).get_children(nodes.FunctionDef):
        named = {
            held.id
            for held in (getattr(d, "func", d) for d in function.decorator_list)
            if hasattr(held, "id")
        }
        if named & {"external", "deploy"}:
            yield function


def missing(function: nodes.FunctionDef) -> list[str]:
    """The tags that a function lacks: one a parameter, in order, with a text."""
    text = function.doc_string.value if function.doc_string else ""
    parameters = [argument.arg for argument in function.args.args]
    told = re.findall(r"@param (\w+) +\S", text)
    lacking = [f"@param {name}" for name in parameters if name not in told]
    lacking += [f"no parameter: {name}" for name in told if name not in parameters]
    if not lacking and told != parameters:
        lacking.append("@param in another order")
    if function.name != "__init__" and not re.search(r"@notice \S", text):
        lacking.append("@notice")
    if (function.returns is not None) != bool(re.search(r"@return \S", text)):
        lacking.append("@return")
    return lacking


@pytest.mark.parametrize("path", DEPLOYABLES, ids=lambda path: path.stem)
def test_every_external_function_is_documented(path: Path) -> None:
    held = {function.name: missing(function) for function in external(path)}
    assert held
    assert {name: lacking for name, lacking in held.items() if lacking} == {}


@pytest.mark.parametrize("path", DEPLOYABLES, ids=lambda path: path.stem)
def test_every_contract_says_what_it_is_and_what_stops_it(path: Path) -> None:
    text = path.read_text("utf-8")
    for tag in ("@title", "@license", "@notice", "@custom:kill"):
        assert re.search(rf"^{tag} \S", text, re.MULTILINE), tag


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_every_event_struct_and_function_of_an_interface_has_a_comment(path: Path) -> None:
    """Right above it, or above its decorators."""
    lines = path.read_text("utf-8").splitlines()
    bare = []
    for number, line in enumerate(lines):
        if found := DECLARED.match(line):
            above = number - 1
            while lines[above].startswith("@"):
                above -= 1
            if not lines[above].startswith("# "):
                bare.append(found[2])
    assert bare == []


@pytest.mark.parametrize("path", [*DEPLOYABLES, *INTERFACES], ids=lambda path: path.name)
def test_comments_keep_to_the_width_of_the_page(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH and line.lstrip().startswith(("#", "@"))] == []


NOTICE, TO, AMOUNT, BACK = (
    "@notice Pay.",
    "@param to Whom.",
    "@param amount Minor units.",
    "@return bool Done.",
)


@pytest.mark.parametrize(
    ("tags", "lacking"),
    [
        ([NOTICE, TO, AMOUNT, BACK], []),
        ([NOTICE], ["@param to", "@param amount", "@return"]),
        ([TO, "@param amount", BACK], ["@param amount", "@notice"]),
        ([NOTICE, AMOUNT, TO, BACK], ["@param in another order"]),
        ([NOTICE, TO, AMOUNT, "@param by Who.", BACK], ["no parameter: by"]),
        (["@notice", TO, AMOUNT, "@return"], ["@notice", "@return"]),
    ],
)
def test_what_is_missing_is_found(tags: list[str], lacking: list[str]) -> None:
    doc = "".join(f"    {tag}\n" for tag in tags)
    text = (
        f'@external\ndef pay(to: address, amount: uint256) -> bool:\n    """\n{doc}    """\n    return True\n'
    )
    (function,) = parse_to_ast(text).get_children(nodes.FunctionDef)
    assert missing(function) == lacking
