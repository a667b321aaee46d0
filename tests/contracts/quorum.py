"""What the tree's quorum decides about an agreement, signed and handed in."""

from collections.abc import Iterable
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from tests.contracts.chain import Contract
from tests.contracts.world import ZERO, World, agency_one_supervisor, agency_two_supervisor, consents

SUPERVISORS = (agency_one_supervisor, agency_two_supervisor)
By = Iterable[LocalAccount]


def activate(world: World, agreement: Contract, by: By = SUPERVISORS) -> None:
    """Activate an agreement."""
    given = consents(by, "Activation", world.factory, **world.activation(agreement))
    world.factory.activate(agreement.address, given)


def adoption_values(agreement: Contract, version: int, arguments: bytes, **more: Any) -> dict[str, Any]:
    """What the quorum signs to adopt terms."""
    return {
        "agreement": agreement.address,
        "version": version,
        "arguments": keccak(arguments),
        "file": ZERO,
        "results": ZERO,
        **more,
    }


def adopt(
    world: World,
    agreement: Contract,
    arguments: bytes,
    by: By = SUPERVISORS,
    version: int | None = None,
    **more: bytes,
) -> None:
    """Give an agreement its next terms."""
    asked = world.factory.instance(agreement.address).version + 1 if version is None else version
    values = adoption_values(agreement, asked, arguments, **more)
    given = consents(by, "Adoption", world.factory, **values)
    world.factory.adopt(agreement.address, arguments, values["file"], values["results"], given)


def retire(world: World, agreement: Contract, by: By = SUPERVISORS) -> None:
    """Retire an agreement."""
    given = consents(by, "Retirement", world.factory, agreement=agreement.address)
    world.factory.retire(agreement.address, given)
