"""The API as an ASGI application."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from api import openapi, problems, reference
from api.middleware import BodyLimit, RequestContext
from api.v1 import (
    accounts,
    agreements,
    batches,
    custody,
    health,
    institutions,
    invariants,
    reconciliation,
    supervision,
    traces,
)
from bridge.platform import Platform
from bridge.worker import Worker

__all__ = ["create_app"]

MAX_BODY_BYTES = 2**20
"""Of a request, where its route does not say otherwise."""

_NOUNS = (
    institutions,
    accounts,
    supervision,
    custody,
    agreements,
    batches,
    reconciliation,
    traces,
    invariants,
)


class _Api(FastAPI):
    """FastAPI with our OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """See `api.openapi`."""
        return openapi.document(self)


def create_app(platform: Platform, worker: Worker) -> FastAPI:
    """The API over a platform whose worker somebody else starts and stops."""
    app = _Api(
        title="Dyetrace",
        version=version("dyetrace"),
        description="Supervised money you can trace to the cent.",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        # A redirect would name whatever host the request names.
        redirect_slashes=False,
    )
    app.state.platform = platform
    app.state.worker = worker
    problems.install(app)
    limits = {**agreements.BODY_LIMITS, **batches.BODY_LIMITS}
    app.add_middleware(BodyLimit, default_bytes=MAX_BODY_BYTES, limits=limits)
    app.add_middleware(RequestContext)
    app.include_router(health.router)
    app.include_router(reference.router)
    for noun in _NOUNS:
        app.include_router(noun.router, prefix="/v1")
    return app
