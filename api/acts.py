"""The two halves of every act: show what is signed, and do it with the signatures."""

from collections.abc import Mapping, Sequence

from api.schemas import Performed, Prepared, Transaction
from bridge.platform import Mined, Platform
from bridge.services.acts import Act, perform

__all__ = ["performed", "prepared", "transaction"]


def prepared(act: Act, request: Mapping[str, object]) -> Prepared:
    """What a signer is shown; `request` performs the act once the signatures are added."""
    return Prepared(
        typed_data=act.message.as_json(), digest="0x" + act.message.digest.hex(), request=dict(request)
    )


def performed(platform: Platform, act: Act, signatures: Sequence[str]) -> Performed:
    """Do an act and wait until it is on chain. Raises Invalid, ChainRefused, ChainUnreachable."""
    mined = perform(platform, act, [bytes.fromhex(each[2:]) for each in signatures])
    return Performed(transaction=transaction(mined))


def transaction(mined: Mined) -> Transaction:
    """Where something is on chain."""
    return Transaction(hash="0x" + mined.hash.hex(), block=mined.block)
