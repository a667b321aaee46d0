"""The published JSON Schema: current, complete, and of one mind with the reader about every example."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agreement import _fields, json_schema, values
from contracts.agreement._yaml import parsed

Draft = Any
Schema = Mapping[str, Any]
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
SCHEMA = json_schema()
SAYS_NOTHING = {"title", "description", "default", "examples", "$schema", "$id", "$defs"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def mistakes(value: object, schema: Schema = SCHEMA, where: str = "") -> Iterator[str]:
    """Where a value is not what a schema asks for; it knows the words that ours uses."""
    for word, asked in schema.items():
        if word not in SAYS_NOTHING:
            yield from _CHECKS[word](value, asked, schema, where)


def check_type(value: object, name: str, _: Schema, where: str) -> Iterator[str]:
    wrong = isinstance(value, bool) and name != "boolean"
    if wrong or not isinstance(value, TYPES[name]):
        yield f"{where}: not of type {name}"


def check_reference(value: object, name: str, _: Schema, where: str) -> Iterator[str]:
    yield from mistakes(value, SCHEMA["$defs"][name.removeprefix("#/$defs/")], where)


def check_choice(number: Callable[[int], bool]) -> Callable[..., Iterator[str]]:
    def check(value: object, choices: list[Schema], _: Schema, where: str) -> Iterator[str]:
        found = [list(mistakes(value, choice, where)) for choice in choices]
        if not number(sum(not each for each in found)):
            yield f"{where}: {[each[0] for each in found if each]}"

    return check


def check_properties(value: object, shapes: Mapping[str, Schema], _: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in value.keys() & shapes.keys():
            yield from mistakes(value[key], shapes[key], f"{where}.{key}")


def check_further(value: object, shape: Schema | bool, schema: Schema, where: str) -> Iterator[str]:
    shapes = "|".join(schema.get("patternProperties", {}))
    keys = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else set()
    further = {key for key in keys if not shapes or not re.search(shapes, key)}
    for key in further:
        if shape is False:
            yield f"{where}: no key {key}"
        elif isinstance(shape, Mapping) and isinstance(value, dict):
            yield from mistakes(value[key], shape, f"{where}.{key}")


def check_shaped(value: object, shapes: Mapping[str, Schema], _: Schema, where: str) -> Iterator[str]:
    for shape, asked in shapes.items():
        for key in value if isinstance(value, dict) else ():
            if re.search(shape, key):
                yield from mistakes(value[key], asked, f"{where}.{key}")


def check_names(value: object, shape: Schema, _: Schema, where: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        yield from mistakes(key, shape, f"{where}.{key}")


def check_items(value: object, shape: Schema, _: Schema, where: str) -> Iterator[str]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        yield from mistakes(each, shape, f"{where}[{number}]")


def check_that(holds: Callable[[Any, Any], bool], *kinds: type) -> Callable[..., Iterator[str]]:
    def check(value: object, asked: object, _: Schema, where: str) -> Iterator[str]:
        if (isinstance(value, kinds) or not kinds) and not holds(value, asked):
            yield f"{where}: {value!r} is not {asked!r}"

    return check


_CHECKS: dict[str, Callable[..., Iterator[str]]] = {
    "type": check_type,
    "$ref": check_reference,
    "oneOf": check_choice(lambda number: number == 1),
    "anyOf": check_choice(lambda number: number > 0),
    "properties": check_properties,
    "patternProperties": check_shaped,
    "additionalProperties": check_further,
    "propertyNames": check_names,
    "items": check_items,
    "required": check_that(lambda value, keys: value.keys() >= set(keys), dict),
    "const": check_that(lambda value, word: bool(value == word)),
    "enum": check_that(lambda value, words: value in words),
    "pattern": check_that(lambda value, pattern: re.search(pattern, value) is not None, str),
    "maxLength": check_that(lambda value, most: len(value) <= most, str),
    "minItems": check_that(lambda value, least: len(value) >= least, list),
    "maxItems": check_that(lambda value, most: len(value) <= most, list),
    "minProperties": check_that(lambda value, least: len(value) >= least, dict),
    "maxProperties": check_that(lambda value, most: len(value) <= most, dict),
    "minimum": check_that(lambda value, least: bool(value >= least), int),
    "maximum": check_that(lambda value, most: bool(value <= most), int),
}


def test_published_schema_is_current() -> None:
    published = files("contracts.agreement").joinpath("schema.json").read_text(encoding="utf-8")
    assert published == json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def test_it_has_a_name_of_its_own() -> None:
    assert SCHEMA["$id"].startswith("urn:dyetrace:schema:")


def test_every_key_is_described() -> None:
    shapes = {"": SCHEMA, **SCHEMA["$defs"]}
    bare = [
        f"{name}.{key}"
        for name, shape in shapes.items()
        for key, held in shape["properties"].items()
        if not held.get("description")
    ]
    assert bare == []


@pytest.mark.parametrize("name", NAMES)
def test_every_example_names_it_and_is_what_it_asks_for(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    marked, _, schema = text.splitlines()[0].partition("$schema=")
    assert marked == "# yaml-language-server: "
    assert (path.parent / schema).resolve() == Path(_fields.__file__).with_name("schema.json").resolve()
    assert list(mistakes(json.loads(json.dumps(parsed(text)[0])))) == []


def told(clause: str, **operands: object) -> Callable[[Draft], None]:
    return lambda draft: draft.guard(clause).update(operands)


@pytest.mark.parametrize(
    "change",
    [
        told("daily cap", every="fortnight"),
        told("daily cap", every="2h"),
        told("daily cap", timezone="Asia/Shanghai"),
        told("daily cap", amount=500_000),
        told("daily cap", amount="500,000.00"),
        told("term", daily="9-17"),
        told("term", until="31.12.2036"),
        told("term", days=["monday"]),
        told("delivery report", fresh_for="30 days"),
        told("approval", at_least=1),
        told("payout cap", kind="payout_limit"),
        told("payout cap", note="a key too many"),
        lambda draft: draft.document["expected"][1]["given"].update(at="2030-01-01"),
        lambda draft: draft.document["parties"].update({"The Payer": "north-bank"}),
        lambda draft: draft.document.pop("title"),
    ],
)
def test_a_mistake_is_marked(payouts: Draft, change: Callable[[Draft], None]) -> None:
    assert list(mistakes(payouts.document)) == []
    change(payouts)
    assert list(mistakes(payouts.document)) != []


@pytest.mark.parametrize(
    ("name", "section", "key", "value"),
    [
        ("bike-order", "escrow", "dispute_timeout", "a month"),
        ("bike-order", "escrow", "timeout", "2030-07-31"),
        ("depot-guarantee", "guarantee", "claim_grace", "14"),
        ("river-invoice", "receivable", "grace", "30 d"),
        ("river-invoice", "receivable", "document", "0xabc"),
        ("battery-receipt", "delivery", "price", "-1.00"),
    ],
)
def test_a_mistake_in_a_section_is_marked(
    draft: Callable[[str], Draft], name: str, section: str, key: str, value: str
) -> None:
    written = draft(name)
    written.document[section][key] = value
    assert any(f".{section}" in each and value in each for each in mistakes(written.document))


READERS: dict[str, tuple[Any, Callable[[str], object]]] = {
    "amount": (_fields.Amount, values.minor_units),
    "day": (_fields.Day, values.day_seconds),
    "hours": (_fields.Hours, values.daily_seconds),
    "offset": (_fields.Offset, values.offset_seconds),
    "duration": (_fields.Duration, values.duration_seconds),
    "window": (_fields.Window, values.window_seconds),
    "payee window": (_fields.PayeeWindow, values.payee_window_seconds),
    "percent": (_fields.Percent, values.basis_points),
    "moment": (_fields.Moment, values.unix_seconds),
    "name": (_fields.Name, _fields.readable),
}
LETTERS = st.text("0123456789:+-.%TZsmhdouraywek ever", max_size=26)
SHAPES = (
    r"[0-9]{1,4}(\.[0-9]{1,3})?%?|2[0-9]{3}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:"
    r"[0-6][0-9]))?|[+-][0-2][0-9]:[0-6][0-9]|[0-2][0-9]:[0-6][0-9]-[0-2][0-9]:[0-6][0-9]|[0-9]{1,9}[smhd]|hour|ever"
)


@pytest.mark.parametrize("which", READERS)
@given(data=st.data())
def test_what_the_reader_takes_is_not_marked(which: str, data: st.DataObject) -> None:
    field, read = READERS[which]
    text = data.draw(st.from_regex(SHAPES, fullmatch=True) | LETTERS)
    pattern = field.__metadata__[-1].json_schema_extra["pattern"]
    try:
        read(text)
    except ValueError:
        return
    assert re.search(pattern, text)
