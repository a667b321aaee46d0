"""Signing on this machine: what is signed is shown in full and checked before a key is opened."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from eth_account.signers.local import LocalAccount

from api.cli.output import note
from api.errors import Misused, VerificationFailed
from bridge.errors import Invalid
from bridge.keys import open_keystore
from contracts.typed_data import MESSAGE_FIELDS, TypedMessage, Value

__all__ = ["open_for_signing", "sign", "verified"]


def sign(
    prepared: Mapping[str, Any], keystores: Sequence[Path], yes: bool, expected: Mapping[str, object]
) -> list[str]:
    """Signatures over a prepared act, one a keystore.

    Raises VerificationFailed, Misused, NotFound, Invalid.
    """
    if not keystores:
        raise Misused("keystore-missing", "This needs a signature; name a keystore with --keystore.")
    message = verified(prepared)
    for name, value in expected.items():
        if message.values.get(name) != value:
            raise VerificationFailed(
                "message-mismatch",
                f"What the API gave to sign has another {name} than you asked for; find out why.",
            )
    _show(message)
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


def _show(message: TypedMessage) -> None:
    note(f"{message.kind} for contract {message.contract} on chain {message.chain_id}")
    for name, value in message.values.items():
        note(f"  {name:<12} {'0x' + value.hex() if isinstance(value, bytes) else value}")
    note(f"  digest       0x{message.digest.hex()}")


def open_for_signing(path: Path) -> LocalAccount:
    """A key, by the password beside it, else by asking. Raises NotFound, Invalid."""
    try:
        return open_keystore(path)
    except Invalid:
        if path.with_suffix(".password").exists() or not sys.stdin.isatty():
            raise
    return open_keystore(path, typer.prompt(f"Password of {path.name}", hide_input=True, err=True))
