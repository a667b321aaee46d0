"""Directory changes from what a request says: the API makes them, and whoever signs makes them again."""

from collections.abc import Mapping, Sequence
from typing import Any

from bridge import setup
from contracts.terms import InstitutionKind, Role

__all__ = ["changes_of", "role_bits"]


def changes_of(wanted: Mapping[str, Any]) -> list[setup.Change]:
    """The changes in the order they are applied. `wanted`: as `DirectoryChanges` of the API, as plain data.

    Raises KeyError for a kind or role that is none.
    """
    changes = [
        *(
            setup.add_institution(new["name"], InstitutionKind[new["kind"].upper()])
            for new in wanted["institutions"]
        ),
        *(
            setup.add_signer(new["institution"], new["address"], role_bits(new["roles"]))
            for new in wanted["signers"]
        ),
    ]
    for quorum in wanted["quorums"]:
        changes += setup.quorum_changes(quorum["name"], quorum["threshold"], quorum["members"])
    changes += [setup.remove_member(each["quorum"], each["member"]) for each in wanted["leaving"]]
    changes += [setup.suspend_signer(each) for each in wanted.get("suspensions", ())]
    return changes


def role_bits(names: Sequence[str]) -> Role:
    """Role names as the directory keeps them."""
    found = Role(0)
    for name in names:
        found |= Role[name.upper()]
    return found
