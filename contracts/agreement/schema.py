"""The JSON Schema of the agreement file, made from its models, for editors."""

from collections.abc import Iterator
from typing import Any

from contracts.agreement.model import Agreement

__all__ = ["json_schema"]

SCHEMA_ID = "urn:dyetrace:schema:agreement"
# Keys whose only value names the model, so that its description is theirs.
_SAYS_WHICH = {"kind", "mode"}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file; `schema.json` beside this module holds it."""
    schema = Agreement.model_json_schema(by_alias=True)
    for shape in schema["$defs"].values():
        for word in _SAYS_WHICH & shape["properties"].keys():
            shape["properties"][word].setdefault("description", shape["description"])
    for shape in _mappings(schema):
        if "patternProperties" in shape:
            shape["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def _mappings(at: object) -> Iterator[dict[str, Any]]:
    """Every mapping in plain data, itself included."""
    if isinstance(at, dict):
        yield at
    for each in at.values() if isinstance(at, dict) else at if isinstance(at, list) else ():
        yield from _mappings(each)
