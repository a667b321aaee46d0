"""Allocations: funding accounts of the tree under an allocation agreement."""

from collections.abc import Sequence

from eth_utils.crypto import keccak
from web3 import Web3

from bridge.chain import Call
from bridge.errors import Conflict, NotFound
from bridge.money import minor_from_decimal_text
from bridge.platform import Platform
from bridge.services.acts import Act, only
from bridge.services.agreements import find
from bridge.store import projections, transactions
from bridge.store.models import TransactionState
from contracts.ids import name_id

__all__ = ["allocation"]

BEFORE_DEADLINE = 4 + 3 * 32
"""Bytes of a call up to its deadline: function, destination, amount, reference."""


def allocation(
    platform: Platform, agreement: str, account: str, amount: str, reference: str, deadline: int
) -> Act:
    """Fund an account; an operator of the source account's controller signs.

    `amount`: decimal text; `reference` makes the act unique, whatever the deadline; `deadline`: chain time,
    seconds, after which the signature is void. Raises NotFound, MoneyRefused, Conflict for a reference that
    another allocation used.
    """
    with platform.database.read() as session:
        held = find(session, agreement)
        if held.template.split("@")[0] != "allocation":
            raise NotFound("agreement-unknown", f"{agreement} is not an allocation agreement.")
        address = Web3.to_checksum_address(held.address or "")
        terms = projections.agreement(session, address).arguments
    amount_minor = minor_from_decimal_text(amount, held.currency)
    arguments = (name_id(account), amount_minor, keccak(reference.encode()), deadline)
    key = keccak(bytes.fromhex(address[2:]) + arguments[2]).hex()
    same_call = platform.chain.call("Allocation", "allocate", *arguments, b"", at=address)

    def check() -> None:
        with platform.database.read() as session:
            earlier = transactions.by_key(session, f"act:Allocation:{key}")
        made = None if earlier is None or earlier.state == TransactionState.FAILED else earlier.data
        if made is not None and made[:BEFORE_DEADLINE] != same_call.data[:BEFORE_DEADLINE]:
            raise Conflict(
                "reference-used", f"{reference!r} was the reference of another allocation; choose a new one."
            )

    check()
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
        return platform.chain.call("Allocation", "allocate", *arguments, only(signatures), at=address)

    return Act(message, build, key=key, check=check)
