"""Files that commands are given."""

from pathlib import Path

from api.errors import Misused

__all__ = ["content"]


def content(path: Path) -> bytes:
    """What is in a file. Raises Misused."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misused("file-unreadable", f"{path.name} cannot be read: {error.strerror}.") from error
