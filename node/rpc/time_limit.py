"""A time limit for what a caller has the node compute, at no cost to the EVM.

Gas is no measure of time here: what a block may hold is more than anyone should make others wait for, and
less would refuse to estimate a large transaction. So one thread watches the clock, and stops a call that is
overdue with CPython's asynchronous exception; the interpreter has nothing to check on its way. What is
stopped is thrown away whole: the state of a call belongs to the call alone.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from node.errors import ExecutionFailed, LimitExceeded

CALL_SECONDS_MAX = 5.0
"""geth's usual limit."""
TRACE_SECONDS_MAX = 60.0
"""Opcode by opcode takes longer, and traces are for few."""
WATCH_SECONDS = 0.2
"""How often the watcher looks."""
AT_ONCE_MAX = 4
"""Computations at once: each may take hundreds of megabytes, and more of them are no quicker."""

Result = TypeVar("Result")


class _Overdue(BaseException):
    """Raised inside the thread of a call that took too long; no ``except Exception`` may hold it."""


@dataclass(slots=True)
class _Watched:
    """A call under way."""

    deadline: float
    """Monotonic seconds."""
    thread: int
    over: bool = False
    """It ended, or was told to."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """Have its thread stop, if it is still at it."""
        with self.lock:
            if not self.over:
                self.over = True
                _raise_in(self.thread, _Overdue)

    def end(self) -> None:
        """It is done: whatever was to stop it is taken back."""
        with self.lock:
            self.over = True
            _raise_in(self.thread, None)


class _Watcher:
    """The thread that watches, started with the first call."""

    def __init__(self) -> None:
        self._calls: dict[int, _Watched] = {}
        self._some = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def begin(self, seconds: float) -> _Watched:
        """Watch the calling thread."""
        watched = _Watched(time.monotonic() + seconds, threading.get_ident())
        self._calls[id(watched)] = watched
        self._some.set()
        if self._thread is None:
            self._start()
        return watched

    def end(self, watched: _Watched) -> None:
        """Watch it no more."""
        watched.end()
        self._calls.pop(id(watched), None)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="time-limit", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._calls:
                for key, watched in list(self._calls.items()):
                    if time.monotonic() > watched.deadline:
                        watched.stop()
                        self._calls.pop(key, None)
                # The watcher's own tick: it stops calls that run in other threads.
                time.sleep(WATCH_SECONDS)


_watcher = _Watcher()
_turns = threading.BoundedSemaphore(AT_ONCE_MAX)


def within(seconds: float, compute: Callable[[], Result]) -> Result:
    """What ``compute`` gives, if it does in time.

    Raises:
        ExecutionFailed: it didn't; in geth's words.
        LimitExceeded: others compute, and went on for as long.
    """
    if not _turns.acquire(timeout=seconds):
        raise LimitExceeded(f"{AT_ONCE_MAX} calls run already; ask again later")
    try:
        return _watched(seconds, compute)
    finally:
        _turns.release()


def _watched(seconds: float, compute: Callable[[], Result]) -> Result:
    try:
        watched = _watcher.begin(seconds)
        try:
            return compute()
        finally:
            _watcher.end(watched)
    except _Overdue:
        raise ExecutionFailed(f"execution aborted (timeout = {seconds:g}s)") from None


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if error is None else ctypes.py_object(error)
    )
