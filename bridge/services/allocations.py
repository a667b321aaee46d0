"""Allocations: funding accounts of the tree under an allocation agreement."""

from collections.abc import Sequence

from eth_utils.crypto import keccak
from web3 import Web3

from bridge.chain import Call
from bridge.errors import NotFound
from bridge.money import minor_from_decimal_text
from bridge.platform import Platform
from bridge.services.acts import Act
from bridge.services.agreements import find
from bridge.store import projections
from contracts.ids import name_id

__all__ = ["allocation"]


def allocation(
    platform: Platform, agreement: str, account: str, amount: str, reference: str, deadline: int
) -> Act:
    """Fund an account; an operator of the source account's controller signs.

    `amount`: decimal text; `reference` makes the act unique; `deadline`: chain time, seconds, after which
    the signature is void. Raises NotFound, MoneyRefused.
    """
    with platform.database.read() as session:
        held = find(session, agreement)
        if held.template.split("@")[0] != "allocation":
            raise NotFound("agreement-unknown", f"{agreement} is not an allocation agreement.")
        address = Web3.to_checksum_address(held.address or "")
        terms = projections.agreement(session, address).arguments
    amount_minor = minor_from_decimal_text(amount, held.currency)
    arguments = (name_id(account), amount_minor, keccak(reference.encode()), deadline)
    message = platform.chain.message(
        "Allocation",
        address,
        terms=terms,
        destination=arguments[0],
        amount=amount_minor,
        reference=arguments[2],
        deadline=deadline,
    )

    def build(signatures: Sequence[bytes]) -> Call:
        return platform.chain.call("Allocation", "allocate", *arguments, signatures[0], at=address)

    return Act(message, build)
