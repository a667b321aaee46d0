"""Keeping: acts whose time has come and that anyone may do, such as applying announced changes."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from bridge.platform import Platform
from bridge.setup import Change
from bridge.store import directory

__all__ = ["apply_changes", "change_content", "change_key"]


def change_content(changes: list[Change]) -> bytes:
    """The hash of directory changes that governors sign."""
    return keccak(encode(["(uint256,bytes32,bytes32,address,uint256)[]"], [changes]))


def change_key(nonce: int) -> str:
    """The key of the transaction that applies announced changes."""
    return f"directory-apply:{nonce}"


def apply_changes(platform: Platform) -> int:
    """Queue announced directory changes whose delay is over by chain time; returns how many."""
    queued = 0
    with platform.database.begin() as session:
        for waiting in directory.unapplied_changes(session):
            changes = directory.decoded(waiting)
            identity = keccak(encode(["bytes32", "uint256"], [change_content(changes), waiting.nonce]))
            ready_at = platform.chain.read("Directory", "ready_at", identity)
            if 0 < ready_at <= platform.chain.now():
                call = platform.chain.call("Directory", "apply", changes, waiting.nonce)
                platform.queue(session, change_key(waiting.nonce), call)
                waiting.queued = True
                queued += 1
    return queued
