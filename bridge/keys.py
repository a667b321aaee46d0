"""Keys of people and of the bridge: encrypted keystores (Web3 Secret Storage), never in the repository."""

import json
import os
import secrets
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from bridge.errors import Invalid, NotFound

__all__ = ["create_keystore", "open_keystore", "read_secret"]

# Enough against guessing a random password; a person's own password deserves the library's default.
RANDOM_PASSWORD_ITERATIONS = 4096


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def create_keystore(path: Path, password: str | None = None) -> LocalAccount:
    """Make a key. Without a password a random one is written beside it (`.password`, mode 0600).

    Raises FileExistsError: an existing key is never overwritten.
    """
    key: LocalAccount = Account.create()
    path.parent.mkdir(parents=True, exist_ok=True)
    iterations = None
    if password is None:
        password = secrets.token_urlsafe(24)
        iterations = RANDOM_PASSWORD_ITERATIONS
        _write_private(path.with_suffix(".password"), password)
    keystore = Account.encrypt(key.key, password, kdf="pbkdf2", iterations=iterations)
    _write_private(path, json.dumps(keystore))
    return key


def open_keystore(path: Path, password: str | None = None) -> LocalAccount:
    """Open a key; without a password the file `.password` beside it is read.

    Raises NotFound, Invalid.
    """
    if not path.exists():
        raise NotFound("keystore-unknown", f"There is no keystore {path.name}; check the path.")
    if password is None:
        beside = path.with_suffix(".password")
        if not beside.exists():
            raise Invalid(
                "keystore-password", f"{path.name} needs a password; give it or put it in {beside.name}."
            )
        password = beside.read_text().strip()
    try:
        key: LocalAccount = Account.from_key(Account.decrypt(path.read_text(), password))
    except ValueError as error:
        raise Invalid(
            "keystore-password", f"{path.name} does not open with this password; check both."
        ) from error
    return key


def read_secret(path: Path) -> bytes:
    """A 32-byte secret in a private file, made at the first use."""
    if not path.exists():
        _write_private(path, secrets.token_hex(32))
    return bytes.fromhex(path.read_text())
