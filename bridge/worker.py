"""The platform's engine: each turn moves everything one step along bank → chain → bank.

The order within a turn matters once, after a crash: what the bank and the chain have said is read before
anything is sent to either.
"""

import threading

import structlog

from bridge import answers, capture, keep
from bridge.bank import BankError
from bridge.errors import ChainDiverged, ChainError
from bridge.platform import Platform

__all__ = ["Worker", "turn"]

log = structlog.get_logger(__name__)


def turn(platform: Platform) -> int:
    """One turn over every stage; returns how much was done. Chain and bank do not wait for each other."""
    done = 0
    try:
        done += capture.collect(platform.database, platform.bank, replay=not platform.replayed)
        platform.replayed = True
    except BankError as error:
        log.warning("bank-away", code=error.code)
    done += capture.read_stored(platform.database)
    done += _chain_side(platform)
    try:
        done += platform.payer.send_orders()
    except BankError as error:
        log.warning("bank-away", code=error.code)
    return done


def _chain_side(platform: Platform) -> int:
    try:
        done = platform.indexer.step()
        done += platform.applier.step()
        done += answers.send_rejects_back(platform.database, platform.chain, platform.sender)
        done += keep.apply_changes(platform)
        done += platform.sender.step()
        done += platform.indexer.step()
        done += platform.payer.make_orders()
        done += answers.settle_answered(platform.database, platform.chain, platform.sender)
    except ChainDiverged:
        raise
    except ChainError as error:
        log.warning("chain-away", code=error.code, reason=error.message)
        return 0
    return done


class Worker:
    """Turns the platform over in a thread until told to stop, or until chain and database disagree."""

    def __init__(self, platform: Platform, poll_seconds: float) -> None:
        self.platform = platform
        self.poll_seconds = poll_seconds
        self.halted: ChainDiverged | None = None
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
            try:
                done = turn(self.platform)
            except ChainDiverged as error:
                log.critical("halted", code=error.code, reason=error.message)
                self.halted = error
                return
            if not done:
                self.platform.wake.wait(self.poll_seconds)
