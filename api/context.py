"""What an endpoint works with: the platform, and the worker that must turn for anything to happen."""

from typing import Annotated

from fastapi import Depends, Request

from bridge.errors import ChainUnreachable
from bridge.platform import Platform
from bridge.worker import Worker

__all__ = ["RunningPlatform", "ThePlatform", "TheWorker"]


def _platform(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


def _worker(request: Request) -> Worker:
    worker: Worker = request.app.state.worker
    return worker


ThePlatform = Annotated[Platform, Depends(_platform)]
TheWorker = Annotated[Worker, Depends(_worker)]


def _running(platform: ThePlatform, worker: TheWorker) -> Platform:
    """The platform, if its worker turns: without it nothing is ever mined, so nothing is queued."""
    if worker.halted is not None:
        raise worker.halted
    if not worker.alive:
        raise ChainUnreachable(
            "worker-stopped", "The platform's worker has ended, so nothing was done; restart the platform."
        )
    return platform


RunningPlatform = Annotated[Platform, Depends(_running)]
