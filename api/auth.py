"""Who calls, by bearer key, and which roles a route is for."""

from typing import Annotated, Any, TypedDict

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.context import ThePlatform
from bridge.errors import Forbidden
from bridge.services import keys
from bridge.services.keys import Caller

__all__ = ["EVERYONE", "CallerOf", "Permission", "roles"]

EVERYONE = keys.ROLES

_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key of `dyetrace key new`: dt_…", bearerFormat="dt_…"
)


def caller(
    request: Request,
    platform: ThePlatform,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Who calls. Raises Forbidden `key-missing` or `key-unknown`."""
    if credentials is None:
        raise Forbidden("key-missing", "This needs a key; send it as Authorization: Bearer dt_….")
    found = keys.identify(platform, credentials.credentials)
    request.state.caller = found.name
    return found


CallerOf = Annotated[Caller, Depends(caller)]


class Permission(TypedDict):
    """What `roles` adds to a route."""

    dependencies: list[Dependency]
    openapi_extra: dict[str, Any]


def roles(*allowed: str) -> Permission:
    """Let only these roles use a route, and say so in the OpenAPI document: `@router.get(…, **roles(…))`."""
    unknown = set(allowed) - set(keys.ROLES)
    if unknown or not allowed:
        raise ValueError(f"no such roles: {sorted(unknown)}")

    def check(found: CallerOf) -> None:
        if found.role not in allowed:
            raise Forbidden(
                "role-forbidden", f"This is not for the role {found.role}; use a key of {', '.join(allowed)}."
            )

    return {"dependencies": [Depends(check)], "openapi_extra": {"x-roles": list(allowed)}}
