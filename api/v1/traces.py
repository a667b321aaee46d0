"""Traces: a payout back to the credits it came from, a credit forward to all it paid."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from api.auth import EVERYONE, roles
from api.context import ThePlatform
from bridge.services import tracing

__all__ = ["router"]

router = APIRouter(tags=["traces"])


@router.get("/traces/payouts/{end_to_end_id:path}", **roles(*EVERYONE))
def trace_payout(
    platform: ThePlatform,
    end_to_end_id: Annotated[
        str,
        Path(max_length=64, description="That of the bank, or your own reference if only one payout has it."),
    ],
) -> dict[str, Any]:
    """Where a payout's money came from, with serials."""
    return tracing.trace_payout(platform, tracing.end_to_end_id(platform, end_to_end_id))


@router.get("/traces/credits/{reference:path}", **roles(*EVERYONE))
def trace_credit(
    platform: ThePlatform,
    reference: Annotated[str, Path(max_length=140, description="The bank's reference, or a lot's id.")],
) -> dict[str, Any]:
    """Where a credit's money is now: payouts, and what still rests."""
    return tracing.trace_credit(platform, reference)
