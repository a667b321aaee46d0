"""Reconciliation for people: texts that stay within a terminal of 100 columns."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.money import decimal_text

__all__ = ["break_text", "run_text"]

WIDTH = 96
LISTS = {"breaks": "Breaks", "in_transit": "In transit", "explained": "Explained"}


def run_text(run: Mapping[str, Any]) -> str:
    """One reconciliation run: what matched, the balance equation term by term, and what differs."""
    matched = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in run["matched"].items())
    parts = [
        f"Run {run['run']} of {run['account']} at block {run['block']}\nMatched: {matched}",
        "\n".join(_equation(run["equation"])),
    ]
    for name, title in LISTS.items():
        parts.append(f"{title}: {len(run[name])}")
        parts += [break_text(each) for each in run[name]]
    return "\n\n".join(parts)


def _equation(equation: Mapping[str, Any]) -> Iterator[str]:
    """`bank = Σ terms + difference`, a line each, minor units."""
    yield "Balance equation, minor units"
    yield _line("", equation["bank_minor"], "at the bank")
    for number, term in enumerate(equation["terms"]):
        yield _line("+" if number else "=", term["amount_minor"], term["name"])
        yield from _wrapped(term["id"], 28)
    yield _line("+" if equation["terms"] else "=", equation["difference_minor"], "not explained")


def _line(sign: str, amount_minor: int, what: str) -> str:
    return f"  {sign:1} {amount_minor:>20,}  {what}"


def break_text(row: Mapping[str, Any]) -> str:
    """One break, a fact a line."""
    amount = f"{decimal_text(row['amount_minor'], row['currency'])} {row['currency']}"
    lines = ["  ".join(each for each in (row["kind"], amount, row["severity"], row.get("state")) if each)]
    lines += _wrapped(f"break    {row['fingerprint']}", 2)
    lines += _wrapped(f"subject  {row['subject']}", 2)
    lines += _wrapped(row["message"], 2)
    if "times_seen" in row:
        lines.append(f"  seen {row['times_seen']} times, in runs {row['first_run']} to {row['last_run']}")
    people = [f"{act} by {row[f'{act}_by']}" for act in ("proposed", "confirmed") if row.get(f"{act}_by")]
    if people:
        lines += _wrapped(", ".join(people), 2)
    if row.get("resolution"):
        lines += _wrapped(f"resolution: {_flat(row['resolution'])}", 2)
    return "\n".join(lines)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return str(value)


def _wrapped(text: str, indent: int) -> list[str]:
    blank = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=blank, subsequent_indent=blank)
