"""Ids and commitments: how names, lines, templates and payouts are hashed."""

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256

from eth_abi.abi import encode
from eth_hash.auto import keccak

__all__ = [
    "account_line",
    "commitment",
    "custody_line",
    "end_to_end_id",
    "keyed_reference",
    "lot_line",
    "name_id",
    "pieces_hash",
    "remainder_lot",
    "reversed_line",
    "template_id",
    "written_off_line",
]

_LOT = keccak(b"dyetrace.line.lot")
_ACCOUNT = keccak(b"dyetrace.line.account")
_CUSTODY = keccak(b"dyetrace.line.custody")
_WRITTEN_OFF = keccak(b"dyetrace.line.written-off")
_REVERSED = keccak(b"dyetrace.line.reversed")
_REMAINDER = keccak(b"dyetrace.lot.remainder")


def name_id(name: str) -> bytes:
    """Id (32 bytes) of what has a public name: an institution, account, quorum, class, evidence kind."""
    return keccak(name.encode())


def template_id(name: str, version: str) -> bytes:
    """Id (32 bytes) of one version of a template."""
    return keccak(f"{name}@{version}".encode())


def lot_line(lot: bytes) -> bytes:
    """Line of a lot, given its reference (`modules/lines.vy`)."""
    return keccak(encode(["bytes32", "bytes32"], [_LOT, lot]))


def account_line(account: bytes, dye_class: bytes) -> bytes:
    """Line of an account for one dye class (`modules/lines.vy`)."""
    return keccak(encode(["bytes32", "bytes32", "bytes32"], [_ACCOUNT, account, dye_class]))


def written_off_line(tree: bytes) -> bytes:
    """Where a tree's written-off money rests (`modules/lines.vy`)."""
    return keccak(encode(["bytes32", "bytes32"], [_WRITTEN_OFF, tree]))


def reversed_line(tree: bytes) -> bytes:
    """Where a tree's money rests that the bank took back (`modules/lines.vy`)."""
    return keccak(encode(["bytes32", "bytes32"], [_REVERSED, tree]))


def custody_line(source: bytes, number: int) -> bytes:
    """Line of the `number`-th custody, of money carved from `source` (`modules/lines.vy`)."""
    return keccak(encode(["bytes32", "bytes32", "uint256"], [_CUSTODY, source, number]))


def remainder_lot(reference: bytes, info: bytes) -> bytes:
    """Id of the lot that a return set leaves, closed with `info` (`Ledger.close_returns`)."""
    return keccak(encode(["bytes32", "bytes32", "bytes32"], [_REMAINDER, reference, info]))


def pieces_hash(pieces: Sequence[tuple[int, int]]) -> bytes:
    """Hash of the pieces of a line, `[start, end)` each, that a carving names (`Supervision.carve`)."""
    return keccak(encode(["(uint256,uint256)[]"], [list(pieces)]))


def end_to_end_id(chain_id: int, ledger: str, batch: bytes, row: int) -> str:
    """The payout's end-to-end id at the bank: 34 characters `A-Z2-7`, the same at every derivation."""
    digest = keccak(
        encode(["uint256", "address", "bytes32", "uint256"], [chain_id, ledger, batch, row]),
    )
    return "DT" + base64.b32encode(digest[:20]).decode()


def keyed_reference(key: bytes, *parts: str) -> bytes:
    """Hash (32 bytes) of what must be unique on chain without being readable there (DESIGN §2.4).

    The key is the registry's, always the same: a fresh salt would hide a repeat.
    """
    return hmac.new(key, "\x1f".join(parts).encode(), sha256).digest()


def commitment(salt: bytes, content: bytes) -> bytes:
    """keccak(salt ‖ content), the commitment to data kept off chain. The salt has 16 bytes or more."""
    if len(salt) < 16:
        raise ValueError("a commitment needs a salt of at least 16 bytes")
    return keccak(salt + content)
