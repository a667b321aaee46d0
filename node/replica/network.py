"""What a replica trusts: a network file that its operator was given, never one from the node it follows."""

import json
from pathlib import Path

from pydantic import ValidationError

from node.errors import SetupError
from node.genesis import NETWORK_FILE_NAME, Network, readable
from node.geth import GENESIS_FILE_NAME, Genesis, read_file


def adopt_network(directory: Path, source: Path | None) -> None:
    """Put a network file into a new data directory, or see that it is the one that is there.

    Args:
        source: network.json or genesis.json; ``None`` to use what is there.

    Raises:
        SetupError: there is none, it can't be used, or the directory is of another network.
    """
    present = next(
        (path for name in (GENESIS_FILE_NAME, NETWORK_FILE_NAME) if (path := directory / name).exists()), None
    )
    if source is None:
        if present is None:
            raise SetupError(
                f"{directory} has no network file: give --network FILE, the network.json or genesis.json "
                "that the network's operators gave you. Don't take it from the node to be followed: it is "
                "what that node is checked against"
            )
        return
    text = read_file(source)
    name = _kind(text, source)
    if present is not None:
        if present.name != name or present.read_bytes() != text:
            raise SetupError(
                f"{source} isn't what {present} says; leave --network away, or edit that file by hand if the "
                "network's operators announced a change"
            )
        return
    if directory.exists() and any(directory.iterdir()):
        raise SetupError(f"{directory} isn't empty; a replica begins in a new or empty directory")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(text)


def _kind(text: bytes, source: Path) -> str:
    """The name under which a network file is kept (``SetupError`` if it is none)."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise SetupError(f"{source} is no JSON: {exc}") from exc
    if isinstance(content, dict) and "config" in content:
        Genesis.parse(text, str(source))
        return GENESIS_FILE_NAME
    try:
        Network.model_validate_json(text)
    except ValidationError as exc:
        raise SetupError(f"{source} is invalid: {readable(exc)}") from exc
    return NETWORK_FILE_NAME
