"""Keys of the API: shown once, kept as a hash."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from bridge.errors import Conflict, Forbidden, Invalid
from bridge.platform import Platform
from bridge.store import directory
from bridge.store.models import ApiKeyModel

__all__ = ["ROLES", "Caller", "create", "identify"]

ROLES = ("bank", "operator", "supervisor", "teller", "auditor")


@dataclass(frozen=True)
class Caller:
    """Who calls the API."""

    name: str
    institution: str
    role: str


def create(platform: Platform, name: str, institution: str, role: str) -> str:
    """Make a key; returns the secret, which is nowhere else. Raises Invalid, Conflict."""
    if role not in ROLES:
        raise Invalid("role-unknown", f"{role!r} is no role; choose one of {', '.join(ROLES)}.")
    secret = f"dt_{secrets.token_urlsafe(32)}"
    with platform.database.begin() as session:
        if session.get(ApiKeyModel, name) is not None:
            raise Conflict("key-exists", f"There is a key named {name} already; choose another name.")
        digest = sha256(secret.encode()).digest()
        session.add(ApiKeyModel(name=name, digest=digest, institution=institution, role=role))
    return secret


def identify(platform: Platform, secret: str) -> Caller:
    """Whose secret it is. Raises Forbidden."""
    with platform.database.read() as session:
        held = directory.api_key(session, secret)
        if held is None:
            raise Forbidden("key-unknown", "This key is not known; send a valid one as a bearer token.")
        return Caller(held.name, held.institution, held.role)
