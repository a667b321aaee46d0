"""Signing on this machine: what is signed is shown in full and checked before a key is opened."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from eth_account.signers.local import LocalAccount

from api.cli.output import note
from api.errors import Misused, VerificationFailed
from bridge.errors import Invalid
from bridge.keys import open_keystore
from bridge.money import decimal_text
from contracts.ids import name_id
from contracts.typed_data import MESSAGE_FIELDS, TypedMessage, Value

__all__ = ["names_in", "open_for_signing", "sign", "verified"]

DIGEST_TO_SIGN = "digest to sign"
LABELS = {("Evidence", "digest"): "document commitment"}
"""Fields whose own name would be taken for another thing."""
AMOUNTS = ("amount", "total", "toPayee", "toPayer", "price")
MOMENTS = ("deadline", "dueAt", "expiresAt", "observedAt")
ONE_SIGNER = {
    "Allocation",
    "Approval",
    "Cancellation",
    "Countersignature",
    "Document",
    "Evidence",
    "Opening",
    "Reservation",
    "Revocation",
}
"""Acts that take one signature: a second would be dropped without a word."""


def sign(
    prepared: Mapping[str, Any],
    keystores: Sequence[Path],
    yes: bool,
    expected: Mapping[str, object],
    names: Mapping[bytes, str] | None = None,
    currency: str | None = None,
    about: tuple[str, str] | None = None,
) -> list[str]:
    """Signatures over a prepared act, one a keystore.

    `names`: names by their id, computed here, and `currency` of the amounts, both to show beside the message;
    `about`: the kind of message and the address of the contract it must be for. Raises VerificationFailed,
    Misused, NotFound, Invalid.
    """
    if not keystores:
        raise Misused("keystore-missing", "This needs a signature; name a keystore with --keystore.")
    message = verified(prepared)
    if message.kind in ONE_SIGNER and len(keystores) > 1:
        raise Misused("keystores-too-many", "One signs this at a time; give it once for each keystore.")
    if about not in (None, (message.kind, message.contract)):
        raise VerificationFailed(
            "message-mismatch", "What the API gave to sign is another act than you asked for; find out why."
        )
    for name, value in expected.items():
        if message.values.get(name) != value:
            raise VerificationFailed(
                "message-mismatch",
                f"What the API gave to sign has another {name} than you asked for; find out why.",
            )
    _show(message, names or {}, currency)
    if not yes:
        if not sys.stdin.isatty():
            raise Misused("confirmation-missing", "Nobody can be asked here; add --yes to sign.")
        typer.confirm("Sign this?", abort=True, err=True)
    return ["0x" + message.sign(open_for_signing(each)).hex() for each in keystores]


def verified(prepared: Mapping[str, Any]) -> TypedMessage:
    """The message, if its digest is what this machine computes from it. Raises VerificationFailed."""
    typed = prepared["typed_data"]
    try:
        kind = typed["primaryType"]
        values: dict[str, Value] = {
            name: bytes.fromhex(typed["message"][name][2:])
            if solidity == "bytes32"
            else typed["message"][name]
            for name, solidity in MESSAGE_FIELDS[kind]
        }
        domain = typed["domain"]
        message = TypedMessage(kind, domain["chainId"], domain["verifyingContract"], values)
        matches = message.as_json() == typed and "0x" + message.digest.hex() == prepared["digest"]
    except (KeyError, TypeError, ValueError) as error:
        raise _mismatch() from error
    if not matches:
        raise _mismatch()
    return message


def _mismatch() -> VerificationFailed:
    return VerificationFailed(
        "digest-mismatch",
        "The digest the API gave is not that of the message it shows; do not sign, and report it.",
    )


def names_in(*documents: object) -> dict[bytes, str]:
    """Every text in these documents by the id it has on chain if it is a name."""
    return {name_id(text): text for document in documents for text in _texts(document)}


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        yield from _texts(list(document.values()))
    elif isinstance(document, list | tuple):
        for each in document:
            yield from _texts(each)


def _show(message: TypedMessage, names: Mapping[bytes, str], currency: str | None) -> None:
    note(f"{message.kind} for contract {message.contract} on chain {message.chain_id}")
    for name, value in message.values.items():
        shown = "0x" + value.hex() if isinstance(value, bytes) else str(value)
        meaning = _meaning(name, value, names, currency)
        label = LABELS.get((message.kind, name), name)
        note(f"  {label:<20} {shown}" + (f"  ({meaning})" if meaning else ""))
    note(f"  {DIGEST_TO_SIGN:<20} 0x{message.digest.hex()}")


def _meaning(name: str, value: Value, names: Mapping[bytes, str], currency: str | None) -> str | None:
    """What a value of a message says to people, where this machine can tell."""
    if isinstance(value, bytes):
        return names.get(value)
    if name in AMOUNTS and isinstance(value, int) and currency is not None:
        return f"{decimal_text(value, currency)} {currency}"
    if name in MOMENTS and isinstance(value, int):
        return _moment(value)
    return None


def _moment(seconds: int) -> str | None:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, OSError, ValueError):
        return None


def open_for_signing(path: Path) -> LocalAccount:
    """A key, by the password beside it, else by asking. Raises NotFound, Invalid."""
    if path.exists() and not _is_keystore(path):
        raise Invalid("keystore-invalid", f"{path.name} is not a keystore.")
    try:
        return open_keystore(path)
    except Invalid:
        if path.with_suffix(".password").exists() or not sys.stdin.isatty():
            raise
    return open_keystore(path, typer.prompt(f"Password of {path.name}", hide_input=True, err=True))


def _is_keystore(path: Path) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("version") == 3 and isinstance(found.get("crypto"), dict)
