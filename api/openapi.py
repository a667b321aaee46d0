"""The OpenAPI document: what FastAPI finds, with every error documented as the problem it is."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.kinds import KINDS
from api.problems import MEDIA_TYPE, Problem

__all__ = ["document"]

_ALWAYS = (500,)
_WITH_KEY = (401, 403, 404, 409, 413, 422, 502, 503)


def document(app: FastAPI) -> dict[str, Any]:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made["components"]["schemas"]
        shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= shape.pop("$defs") | {"Problem": shape}
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path in made["paths"].values():
            for operation in path.values():
                _document_problems(operation)
        app.openapi_schema = made
    return app.openapi_schema


def _document_problems(operation: dict[str, Any]) -> None:
    statuses = (*_ALWAYS, *(_WITH_KEY if "x-roles" in operation else ()))
    for status in sorted(statuses):
        titles = sorted({kind.title for kind in KINDS.values() if kind.status == status})
        operation["responses"][str(status)] = {
            "description": " / ".join(titles),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
