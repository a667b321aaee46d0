"""Numbered places where a crash is tried: the process kills itself, as a power cut would.

Off unless DYETRACE_CRASH_AT names a point; tests and the demo set it for a child process.
"""

import os
import signal

__all__ = ["crash_point"]


def crash_point(name: str) -> None:
    """Die here if told to, without a word or a clean-up."""
    if os.environ.get("DYETRACE_CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
