"""An act somebody decides: what they sign, and the call their signatures make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from bridge.chain import Call
from bridge.errors import Invalid
from bridge.platform import Mined, Platform
from contracts.typed_data import TypedMessage, in_signer_order

__all__ = ["Act", "only", "perform"]


@dataclass(frozen=True)
class Act:
    """One act. `build` makes the call from signatures in rising order of signer."""

    message: TypedMessage
    build: Callable[[list[bytes]], Call]
    on_queue: Callable[[Session], None] | None = None
    """Written in the same transaction as the queued call."""
    key: str | None = None
    """What makes the act unique where that is not its exact call, such as a reference."""
    check: Callable[[], None] | None = None
    """Raises Conflict when another act has taken the key meanwhile."""

    def to_sign(self) -> dict[str, object]:
        """What a signer is shown: the typed message and its full digest."""
        return {"typed_data": self.message.as_json(), "digest": "0x" + self.message.digest.hex()}


def only(signatures: Sequence[bytes]) -> bytes:
    """The signature of an act that one person decides. Raises Invalid for several: the rest would be lost."""
    if len(signatures) != 1:
        raise Invalid("signature-not-one", "This takes one signature at a time; hand each in by itself.")
    return signatures[0]


def perform(platform: Platform, act: Act, signatures: Sequence[bytes]) -> Mined:
    """Do an act once. The same act with the same signatures again answers as it did the first time; one that
    failed on chain is tried again.

    Raises Invalid for an unreadable signature, ChainRefused with nothing written.
    """
    if not signatures:
        raise Invalid("signature-missing", "Nobody signed; sign the typed data and hand the signature in.")
    try:
        ordered = in_signer_order(act.message, signatures)
    except (BadSignature, ValidationError, ValueError) as error:
        raise Invalid(
            "signature-invalid", "A signature cannot be read; it has 65 bytes, r, s and v, as 0x-hex."
        ) from error
    call = act.build(ordered)
    unique = act.key or keccak(bytes.fromhex(call.to[2:]) + call.data).hex()
    mined = platform.perform(f"act:{act.message.kind}:{unique}", call, act.on_queue)
    if act.check is not None:
        act.check()
    return mined
