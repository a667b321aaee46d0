"""What the commands print: data to standard output, everything else to standard error."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from api.errors import ApiError, Refused

__all__ = ["emit", "note", "printable", "report"]

_FAULTS_SHOWN = 20
_WIDTH = 500


def emit(data: Any, as_json: bool) -> None:
    """Print what a command found: JSON, or tables for people."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False))  # noqa: T201 - the command's result
        return
    console = _console()
    if isinstance(data, str):
        console.print(Text(printable(data, keep_lines=True)), soft_wrap=True)
    else:
        _print(console, data)


def _console() -> Console:
    """Standard output: as wide as the terminal, or as wide as it takes where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH)


def note(text: str) -> None:
    """Say something to whoever watches."""
    Console(stderr=True, highlight=False).print(Text(printable(text, keep_lines=True)), soft_wrap=True)


def report(code: str, message: str, error: Exception, as_json: bool) -> None:
    """Say why a command failed."""
    if as_json:
        problem = error.problem if isinstance(error, Refused) else {"code": code, "detail": message}
        print(json.dumps(problem, ensure_ascii=False), file=_stderr())
        return
    note(f"error: {code}: {message}")
    for fault in _faults(error)[:_FAULTS_SHOWN]:
        note(f"  {fault}")
    hidden = len(_faults(error)) - _FAULTS_SHOWN
    if hidden > 0:
        note(f"  … and {hidden} more; --json names them all")


def _stderr() -> Any:
    return Console(stderr=True).file


def _faults(error: Exception) -> list[str]:
    if not isinstance(error, ApiError) or not isinstance(error, Refused):
        return []
    faults = error.problem.get("errors") or []
    return [f"{_place(fault)}: {fault.get('code')}: {fault.get('detail')}" for fault in faults]


def _place(fault: Mapping[str, Any]) -> str:
    if fault.get("row") is not None:
        return f"row {fault['row']}" + (f", {fault['column']}" if fault.get("column") else "")
    return str(fault.get("pointer") or fault.get("location") or "file")


def printable(value: str, keep_lines: bool = False) -> str:
    """`value` without what a terminal would obey."""
    return "".join(
        character
        if unicodedata.category(character)[0] not in "CZ" or character in (" \n" if keep_lines else " ")
        else f"\\u{ord(character):04x}"
        for character in value
    )


def _print(console: Console, data: Any) -> None:
    if isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        console.print(_rows(data))
    elif isinstance(data, Mapping):
        _print_mapping(console, data)
    elif data == []:
        note("nothing to show")
    else:
        console.print(_cell(data))


def _print_mapping(console: Console, data: Mapping[str, Any]) -> None:
    """Plain values as one table, lists of rows each as a table of their own."""
    grid = Table(show_header=False, box=None, pad_edge=False)
    lists = {key: value for key, value in data.items() if _is_rows(value)}
    for key, value in data.items():
        if key not in lists:
            grid.add_row(Text(key), _cell(value))
    if grid.row_count:
        console.print(grid)
    for key, value in lists.items():
        console.print(Text(f"\n{key}", style="bold"))
        console.print(_rows(value))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*(Column(escape(column), overflow="fold") for column in columns))
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return table


def _cell(value: Any) -> Text:
    return Text(printable(_plain(value), keep_lines=True), overflow="fold")


def _plain(value: Any) -> str:
    """A value in one cell: what is nested is written out, lines apart where it has lines of its own."""
    if value is None or value == [] or value == {}:
        return "—"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        parts = [f"{key}: {_plain(each)}" for key, each in value.items()]
    elif isinstance(value, list):
        parts = [_plain(each) for each in value]
    else:
        return str(value)
    return ("\n" if any("\n" in part for part in parts) else ", ").join(parts)
