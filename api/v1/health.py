"""Whether the process lives, and whether it can work. Open to anybody; says nothing about money or people."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any

from fastapi import APIRouter, Response

from api.context import ThePlatform, TheWorker
from bridge.capture import BANK_CURSOR
from bridge.errors import BridgeError
from bridge.platform import Platform
from bridge.store import bank as store
from bridge.store import projections
from bridge.worker import Worker

__all__ = ["router"]

router = APIRouter(tags=["health"])

CHECK_SECONDS = 2.0

# A check that hangs keeps its thread; the others still answer, and say so.
_checks = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")


@router.get("/livez")
def live() -> dict[str, str]:
    """That the process answers; touches nothing."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready; says why."}})
def ready(platform: ThePlatform, worker: TheWorker, response: Response) -> dict[str, Any]:
    """Whether database, chain and worker work, and how far each got; a bank that is away, and logs that the
    database does not take, are only named."""
    asked = {
        "database": lambda: _database(platform),
        "chain": lambda: _chain(platform),
        "logs": lambda: _logs(platform),
    }
    running = {name: _checks.submit(_checked, check) for name, check in asked.items()}
    checks: dict[str, dict[str, Any]] = {"worker": _worker(worker), "bank": _bank(platform)}
    for name, future in running.items():
        try:
            checks[name] = future.result(timeout=CHECK_SECONDS)
        except TooLate:
            checks[name] = {"ok": False, "code": "too-slow"}
    # Without the bank money waits, but whoever asks is answered: another instance would not help. Nor would
    # it where a log is kept apart, which one key of one bank might cause.
    is_ready = all(check["ok"] for name, check in checks.items() if name not in ("bank", "logs"))
    response.status_code = 200 if is_ready else 503
    return {"ready": is_ready, "checks": checks}


def _checked(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"ok": True, **check()}
    except BridgeError as error:
        return {"ok": False, "code": error.code}
    except Exception as error:  # noqa: BLE001 - whatever it is, this part does not work
        return {"ok": False, "code": type(error).__name__}


def _database(platform: Platform) -> dict[str, Any]:
    with platform.database.read() as session:
        cursor = store.setting(session, BANK_CURSOR)
    return {"indexed_block": platform.indexer.indexed(), "bank_cursor": cursor}


def _logs(platform: Platform) -> dict[str, Any]:
    """Whether every log of the chain has a place in the database."""
    with platform.database.read() as session:
        unstored = projections.count_unstored(session)
    return {"ok": False, "code": "logs-unstored", "unstored": unstored} if unstored else {}


def _chain(platform: Platform) -> dict[str, Any]:
    return {"head": platform.chain.head()}


def _bank(platform: Platform) -> dict[str, Any]:
    code = platform.bank_away
    return {"ok": True} if code is None else {"ok": False, "code": code}


def _worker(worker: Worker) -> dict[str, Any]:
    if worker.halted is not None:
        return {"ok": False, "code": worker.halted.code}
    if not worker.alive:
        return {"ok": False, "code": "worker-stopped"}
    return {"ok": False, "code": "worker-failing"} if worker.failing else {"ok": True}
