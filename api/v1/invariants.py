"""What must always hold (I1 …), checked on demand."""

from typing import Any

from fastapi import APIRouter

from api.auth import EVERYONE, roles
from api.context import ThePlatform
from bridge.services import invariants

__all__ = ["router"]

router = APIRouter(tags=["invariants"])


@router.get("/invariants", **roles(*EVERYONE))
def check(platform: ThePlatform) -> dict[str, Any]:
    """Each invariant: whether it holds, and what was found."""
    return dict(invariants.check(platform))
