"""Keys of the API: shown once, kept as a hash."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select

from bridge.errors import Conflict, Forbidden, Invalid, NotFound
from bridge.platform import Platform
from bridge.store import directory
from bridge.store.models import ApiKeyModel
from contracts.ids import name_id

__all__ = ["REVOKED", "ROLES", "Caller", "create", "identify", "listing", "revoke"]

ROLES = ("bank", "operator", "supervisor", "teller", "auditor")
REVOKED = "revoked"
"""The role of a key that opens nothing any more. Its name stays taken: records name people by it."""


@dataclass(frozen=True)
class Caller:
    """Who calls the API."""

    name: str
    institution: str
    role: str


def create(platform: Platform, name: str, institution: str, role: str) -> str:
    """Make a key; returns the secret, which is nowhere else. Raises Invalid, NotFound, Conflict."""
    if role not in ROLES:
        raise Invalid("role-unknown", f"{role!r} is no role; choose one of {', '.join(ROLES)}.")
    secret = f"dt_{secrets.token_urlsafe(32)}"
    with platform.database.begin() as session:
        if directory.names(session).get(name_id(institution)) != institution:
            raise NotFound(
                "institution-unknown",
                f"There is no institution {institution!r}; correct the name, or onboard it first.",
            )
        if session.get(ApiKeyModel, name) is not None:
            raise Conflict("key-exists", f"There is a key named {name} already; choose another name.")
        digest = sha256(secret.encode()).digest()
        session.add(ApiKeyModel(name=name, digest=digest, institution=institution, role=role))
    return secret


def listing(platform: Platform) -> list[dict[str, object]]:
    """Every key by name, without the secret."""
    with platform.database.read() as session:
        rows = session.scalars(select(ApiKeyModel).order_by(ApiKeyModel.name))
        return [
            {
                "name": row.name,
                "institution": row.institution,
                "role": row.role,
                "created_at": row.created_at.isoformat(),
            }
            for row in rows
        ]


def revoke(platform: Platform, name: str) -> None:
    """Make a key open nothing from now on; again changes nothing. Raises NotFound."""
    with platform.database.begin() as session:
        held = session.get(ApiKeyModel, name)
        if held is None:
            raise NotFound("key-name-unknown", f"There is no key named {name}; list them with: key list.")
        held.role = REVOKED


def identify(platform: Platform, secret: str) -> Caller:
    """Whose secret it is. Raises Forbidden."""
    with platform.database.read() as session:
        held = directory.api_key(session, secret)
        if held is None or held.role == REVOKED:
            raise Forbidden("key-unknown", "This key is not known; send a valid one as a bearer token.")
        return Caller(held.name, held.institution, held.role)
