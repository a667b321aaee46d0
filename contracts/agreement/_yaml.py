"""YAML of unknown origin as plain data: no aliases, no tags, no repeated keys, bounded in size and depth.

Plain scalars are read as YAML 1.2 does: dates, times and `no` stay text.
"""

import re
from typing import cast

from yaml import AliasEvent, Event, MappingNode, Node, NodeEvent, ScalarNode, SequenceNode
from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from contracts.agreement.codes import Code
from contracts.errors import AgreementInvalid, Fault

__all__ = ["Data", "decoded", "parsed"]

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000

Data = dict[str, "Data"] | tuple["Data", ...] | str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
# Line breaks that editors do not show as such, and marks that show text in another order than it is read.
_HIDDEN = re.compile(r"\r(?!\n)|[\x85\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def decoded(text: bytes | str) -> tuple[bytes, str]:
    """The file's bytes and its text.

    Raises AgreementInvalid if too large, not UTF-8, or with characters that make people read another text.
    """
    try:
        source = text.encode() if isinstance(text, str) else text
        if len(source) > MAX_FILE_BYTES:
            message = f"the file has {len(source)} bytes; {MAX_FILE_BYTES} are allowed"
            raise AgreementInvalid((Fault("file", Code.FILE_TOO_LARGE, message),))
        shown = source.decode("utf-8-sig")
    except UnicodeError as exc:
        message = "the file is not UTF-8 text; save it as UTF-8"
        raise AgreementInvalid((Fault("file", Code.ENCODING_INVALID, message),)) from exc
    hidden = _HIDDEN.search(shown)
    if hidden:
        *before, last = shown[: hidden.start()].split("\n")
        where = f"line {len(before) + 1}, column {len(last) + 1}"
        message = f"remove the character U+{ord(hidden[0]):04X}: what people see is not what is read"
        raise AgreementInvalid((Fault(where, Code.CHARACTER_HIDDEN, message),))
    return source, shown


def parsed(text: str) -> tuple[Data, tuple[Fault, ...]]:
    """The only document in the text, sequences as tuples, and a fault for every repeated key.

    Raises AgreementInvalid for what is not YAML or uses a refused feature.
    """
    try:
        node = _NodeReader(text).get_single_node()
    except YAMLError as exc:
        mark = exc.problem_mark if isinstance(exc, MarkedYAMLError) else None
        reason = (exc.problem if isinstance(exc, MarkedYAMLError) else None) or str(exc).splitlines()[0]
        raise AgreementInvalid((Fault(_place(mark), Code.YAML_INVALID, f"not YAML: {reason}"),)) from exc
    faults: list[Fault] = []
    return (None if node is None else _data(node, faults)), tuple(faults)


class _NodeReader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to its nodes, refusing what the language leaves out before it is built."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML has no types
        mark = cast(Mark, event.start_mark)
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise _refused(mark, Code.YAML_ALIAS, "write the value out: no anchors, no aliases")
        if getattr(event, "tag", None) is not None:
            raise _refused(mark, Code.YAML_TAG, "leave out the tag: values are read by their form")
        if self._depth >= MAX_DEPTH:
            raise _refused(mark, Code.YAML_TOO_DEEP, f"nested more than {MAX_DEPTH} levels deep")
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _refused(mark, Code.FILE_TOO_LARGE, f"more than {MAX_NODES} keys and values")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_NodeReader.add_implicit_resolver(_TAG + "null", re.compile(r"(~|null|)$"), ["~", "n", ""])
_NodeReader.add_implicit_resolver(_TAG + "bool", re.compile(r"(true|false)$"), ["t", "f"])
_NodeReader.add_implicit_resolver(
    _TAG + "int", re.compile(r"[-+]?(0|[1-9][0-9]{0,17})$"), list("-+0123456789")
)
_NodeReader.add_implicit_resolver(
    _TAG + "float",
    re.compile(
        r"([-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


def _refused(mark: Mark, code: Code, message: str) -> AgreementInvalid:
    return AgreementInvalid((Fault(_place(mark), code, message),))


def _place(mark: Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"


def _data(node: Node, faults: list[Fault]) -> Data:
    if isinstance(node, SequenceNode):
        return tuple(_data(item, faults) for item in node.value)
    if isinstance(node, MappingNode):
        return _mapping(node, faults)
    return _scalar(node.tag.removeprefix(_TAG), node.value)


def _mapping(node: MappingNode, faults: list[Fault]) -> dict[str, Data]:
    found: dict[str, Data] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            faults.append(Fault(_place(key.start_mark), Code.TYPE_WRONG, "a key must be a word"))
            continue
        data = _data(value, faults)
        if key.value in found:
            message = f"the key {key.value!r} is written twice; keep one"
            faults.append(Fault(_place(key.start_mark), Code.KEY_DUPLICATE, message))
        found.setdefault(key.value, data)
    return found


def _scalar(kind: str, text: str) -> Data:
    if kind == "null":
        return None
    if kind == "bool":
        return text == "true"
    if kind == "int":
        return int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan")) if kind == "float" else text
