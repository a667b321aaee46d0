"""Which role may use which route: generated from the OpenAPI document, tried with every key."""

import re
from collections.abc import Callable

import httpx

from tests.api.network import ROLES

OPEN = {("GET", "/livez"), ("GET", "/readyz")}

ALLOWED = {
    "bank": {"POST /v1/accounts/supervised"},
    "operator": {"POST /v1/allocations", "POST /v1/batches", "POST /v1/batches/{batch}/reservations"},
    "supervisor": {"POST /v1/batches/{batch}/approvals", "POST /v1/suspensions"},
    "teller": {"POST /v1/accounts/identifications", "POST /v1/breaks/{fingerprint}/confirmations"},
    "auditor": {"POST /v1/reconciliations", "GET /v1/traces/payouts/{end_to_end_id}"},
}
FORBIDDEN = {
    "bank": {"POST /v1/allocations"},
    "operator": {"POST /v1/batches/{batch}/approvals", "POST /v1/breaks/{fingerprint}/confirmations"},
    "supervisor": {"POST /v1/batches", "POST /v1/allocations", "POST /v1/accounts/supervised"},
    "teller": {"POST /v1/batches/{batch}/approvals", "POST /v1/agreements", "POST /v1/batches"},
    "auditor": {
        "POST /v1/batches/{batch}/executions",
        "PUT /v1/accounts/{account}/rules",
        "POST /v1/batches",
    },
}
"""Written by hand: what the document says of itself is not enough."""


def operations(http: Callable[..., httpx.Client]) -> dict[tuple[str, str], set[str]]:
    document = http(None).get("/v1/openapi.json").json()
    return {
        (method.upper(), path): set(operation.get("x-roles", ()))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_every_route_names_its_roles_and_keeps_to_them(http: Callable[..., httpx.Client]) -> None:
    clients = {role: http(role) for role in ROLES} | {None: http(None)}
    for (method, path), allowed in operations(http).items():
        if (method, path) in OPEN:
            assert not allowed
            continue
        assert allowed, path
        url = re.sub(r"\{[a-z_]+\}", "nothing", path)
        for role, client in clients.items():
            status = client.request(method, url).status_code
            if role is None:
                assert status == 401, (method, path)
            elif role not in allowed:
                assert status == 403, (method, path, role)
            else:
                assert status in (200, 404, 422), (method, path, role, status)


def test_the_roles_are_those_that_are_meant(http: Callable[..., httpx.Client]) -> None:
    found = {f"{method} {path}": allowed for (method, path), allowed in operations(http).items()}
    for role in ROLES:
        for operation in ALLOWED[role]:
            assert role in found[operation], (role, operation)
        for operation in FORBIDDEN[role]:
            assert role not in found[operation], (role, operation)


def test_prepare_is_for_those_who_may_perform(http: Callable[..., httpx.Client]) -> None:
    found = operations(http)
    acts = [path for _, path in found if path.endswith("/prepare")]
    assert len(acts) >= 10
    for path in acts:
        assert found["POST", path] == found["POST", path.removesuffix("/prepare")]
