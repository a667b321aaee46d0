"""The authority's signing key, on disk.

Two forms: ``authority.json``, an encrypted keystore (Web3 Secret Storage v3) that needs a password at every
start; or ``authority.key``, 64 hex digits in a file only its owner reads. The second is the embedded default:
whoever can read the data directory's files as that user can seal blocks.
"""

import json
import os
import secrets
from pathlib import Path

from eth_keyfile.keyfile import decode_keyfile_json
from eth_keys.datatypes import PrivateKey

from node.errors import SetupError

KEYSTORE_NAME = "authority.json"
PLAIN_KEY_NAME = "authority.key"
PRIVATE_MODE = 0o600


def create_plain_key(directory: Path) -> PrivateKey:
    """A fresh key, kept in ``authority.key`` with mode 0600; an existing one is never overwritten."""
    key = PrivateKey(secrets.token_bytes(32))
    _write_private(directory / PLAIN_KEY_NAME, key.to_bytes().hex() + "\n")
    return key


def adopt_keystore(source: Path, directory: Path) -> bytes:
    """Copy an encrypted keystore into the data directory; returns the 20-byte address it names.

    Raises:
        SetupError: the file isn't a keystore that states its address.
    """
    try:
        text = source.read_text(encoding="utf-8")
        address = bytes.fromhex(json.loads(text)["address"].removeprefix("0x"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise SetupError(f"{source} is no encrypted keystore with an address in it: {exc}") from exc
    if len(address) != 20:
        raise SetupError(f"{source} names an address of {len(address)} bytes")
    _write_private(directory / KEYSTORE_NAME, text)
    return address


def load_key(directory: Path, password: str | None) -> PrivateKey:
    """The authority's key.

    Raises:
        SetupError: no key, a keystore without its password, or a wrong one.
    """
    keystore, plain = directory / KEYSTORE_NAME, directory / PLAIN_KEY_NAME
    if keystore.exists():
        return _open_keystore(keystore, password)
    try:
        return PrivateKey(bytes.fromhex(plain.read_text(encoding="ascii").strip()))
    except FileNotFoundError as exc:
        raise SetupError(f"{directory} holds no authority key ({KEYSTORE_NAME} or {PLAIN_KEY_NAME})") from exc
    except (OSError, ValueError) as exc:
        raise SetupError(f"{plain} holds no usable key: {exc}") from exc


def _open_keystore(path: Path, password: str | None) -> PrivateKey:
    if password is None:
        raise SetupError(
            f"{path.name} is encrypted: give --authority-password-file, or set DYETRACE_AUTHORITY_PASSWORD"
        )
    try:
        return PrivateKey(decode_keyfile_json(json.loads(path.read_bytes()), password.encode()))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SetupError(f"{path.name} can't be opened: {exc}") from exc


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
