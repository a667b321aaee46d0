"""The platform's engine: each turn moves everything one step along bank → chain → bank.

The order within a turn matters once, after a crash: what the bank and the chain have said is read before
anything is sent to either. A stage that fails stops neither the others nor the worker: it is tried again.
"""

import threading
from collections.abc import Callable, Sequence
from traceback import extract_tb

import structlog

from bridge import answers, caps, capture, keep
from bridge.bank import BankError, BankUnreachable
from bridge.errors import ChainDiverged, ChainError, ChainUnreachable
from bridge.platform import Platform

__all__ = ["Worker", "turn"]

Stage = Callable[[Platform], int]

log = structlog.get_logger(__name__)


def turn(platform: Platform) -> int:
    """One turn over every stage; returns how much was done. Chain and bank do not wait for each other.

    Raises ChainDiverged at once, and after the turn an ExceptionGroup of what no stage should meet.
    """
    failures: list[Exception] = []
    done, is_bank_there = _stages(platform, "bank", _FROM_BANK, failures)
    done += _stages(platform, "chain", _CHAIN, failures)[0]
    if is_bank_there:
        done += _stages(platform, "bank", _TO_BANK, failures)[0]
    if failures:
        raise ExceptionGroup("stages failed", failures)
    return done


def _stages(
    platform: Platform, side: str, stages: Sequence[Stage], failures: list[Exception]
) -> tuple[int, bool]:
    """Run stages that speak with one side; returns what was done, and whether that side answered."""
    done = 0
    for stage in stages:
        try:
            done += stage(platform)
        except ChainDiverged:
            raise
        except (BankUnreachable, ChainUnreachable) as error:
            if platform.away.get(side) != error.code:
                log.warning("away", side=side, code=error.code, reason=error.message)
            platform.away[side] = error.code
            return done, False
        except (BankError, ChainError) as error:
            log.error("refused", code=error.code, reason=error.message)
        except Exception as error:  # noqa: BLE001 - raised at the end of the turn
            # Never the message: it may quote a row.
            frames = [
                f"{each.filename}:{each.lineno} {each.name}" for each in extract_tb(error.__traceback__)
            ]
            log.error("stage-failed", error=type(error).__name__, frames=frames)
            failures.append(error)
    if platform.away.pop(side, None) is not None:
        log.info("back", side=side)
    return done, True


def _collect(platform: Platform) -> int:
    done = capture.collect(platform.database, platform.bank, replay=not platform.replayed)
    platform.replayed = True
    return done


_FROM_BANK: Sequence[Stage] = (_collect,)
_CHAIN: Sequence[Stage] = (
    # What the bank says is about orders, so those that the chain asks for are made first.
    lambda platform: platform.indexer.step(),
    lambda platform: platform.payer.make_orders(),
    lambda platform: capture.read_stored(platform.database, platform.chain, platform.sender),
    lambda platform: platform.applier.step(),
    keep.apply_changes,
    keep.release_expired,
    keep.release_stranded,
    keep.sweep_closed,
    keep.clear,
    caps.restore,
    lambda platform: platform.sender.step(),
    lambda platform: platform.indexer.step(),
    lambda platform: platform.payer.make_orders(),
    lambda platform: answers.settle_answered(platform.database, platform.chain, platform.sender),
)
_TO_BANK: Sequence[Stage] = (lambda platform: platform.payer.send_orders(),)


class Worker:
    """Turns the platform over in a thread until told to stop, or until chain and database disagree."""

    def __init__(self, platform: Platform, poll_seconds: float) -> None:
        self.platform = platform
        self.poll_seconds = poll_seconds
        self.halted: ChainDiverged | None = None
        self.failing = False
        """Whether a stage failed in the last turn in a way nobody foresaw."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker")

    def start(self) -> None:
        """Start turning."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the turn under way and end."""
        self._stopping.set()
        self.platform.wake.set()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether it still turns."""
        return self._thread.is_alive() and self.halted is None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.platform.wake.clear()
            done = 0
            try:
                done = turn(self.platform)
                self.failing = False
            except ChainDiverged as error:
                log.critical("halted", code=error.code, reason=error.message)
                self.halted = error
                return
            except ExceptionGroup:
                self.failing = True
            if not done:
                self.platform.wake.wait(self.poll_seconds)
