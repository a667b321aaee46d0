"""Institutions, their signers and the quorums they form."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api.acts import performed, prepared
from api.auth import EVERYONE, roles
from api.changes import changes_of
from api.context import RunningPlatform, ThePlatform
from api.schemas import Address, Body, Items, Name, Performed, Prepared, Signed
from bridge import setup
from bridge.platform import Platform
from bridge.services import institutions
from bridge.services.acts import Act

__all__ = ["router"]

router = APIRouter(tags=["institutions"])

RoleName = Literal[
    "governor", "minter", "settler", "supervisor", "operator", "teller", "witness", "auditor", "attester"
]


class NewInstitution(Body):
    """An institution to add."""

    name: Name
    kind: Literal["bank", "agency", "enterprise", "auditor"]


class NewSigner(Body):
    """A signer to add, or to give roles again after a suspension."""

    institution: Name
    address: Address
    roles: list[RoleName] = Field(min_length=1, max_length=9)


class NewQuorum(Body):
    """Members to add to a quorum, and how many institutions of it must agree from then on."""

    name: Name
    threshold: int = Field(ge=2, le=16)
    members: list[Name] = Field(max_length=16)


class Leaving(Body):
    """A member that leaves a quorum; its threshold must still be within reach then."""

    quorum: Name
    member: Name


class DirectoryChanges(Body):
    """Changes of the directory, applied in this order once their delay is over."""

    institutions: list[NewInstitution] = Field([], max_length=64)
    signers: list[NewSigner] = Field([], max_length=64)
    quorums: list[NewQuorum] = Field([], max_length=16)
    leaving: list[Leaving] = Field([], max_length=64)
    suspensions: list[Address] = Field([], max_length=64, description="Signers who lose every role.")
    nonce: int | None = Field(None, ge=0, description="Which announcement this is; prepare fills it in.")


class SignedDirectoryChanges(DirectoryChanges, Signed):
    """Changes with the signatures of governors of two institutions."""


class Suspension(Body):
    """Whom to suspend."""

    address: Address


class SignedSuspension(Suspension, Signed):
    """A suspension with the signature of a governor of the signer's institution, or of two institutions."""


class Rotation(Body):
    """Which key another one follows."""

    address: Address
    successor: Address


class SignedRotation(Rotation, Signed):
    """A rotation with the signatures of both keys and of another governor."""


class Withdrawal(Body):
    """Which announcement to stop: recoveries are numbered by themselves."""

    nonce: int = Field(ge=0, lt=2**62)
    recovery: bool = False


class SignedWithdrawal(Withdrawal, Signed):
    """A withdrawal with the signatures of governors of two institutions, or of recovery signers."""


@router.get("/institutions", **roles(*EVERYONE))
def list_institutions(platform: ThePlatform) -> Items:
    """Institutions with their signers and roles."""
    return Items(items=institutions.listing(platform))


@router.get("/quorums", **roles(*EVERYONE))
def list_quorums(platform: ThePlatform) -> Items:
    """Quorums with their members and thresholds."""
    facts = institutions.quorum_facts(platform)
    return Items(
        items=[
            {"quorum": name, "threshold": threshold, "members": list(members)}
            for name, (members, threshold) in sorted(facts.items())
        ]
    )


def _changes(wanted: DirectoryChanges) -> tuple[list[setup.Change], list[str]]:
    """The changes in the order they are applied, and the public names behind the ids in them."""
    names = [*(new.name for new in wanted.institutions), *(new.name for new in wanted.quorums)]
    return changes_of(wanted.model_dump()), names


def _announcement(platform: Platform, wanted: DirectoryChanges) -> Act:
    return institutions.announcement(platform, *_changes(wanted), wanted.nonce)


def _recovery(platform: Platform, wanted: DirectoryChanges) -> Act:
    return institutions.recovery(platform, *_changes(wanted), wanted.nonce)


@router.post("/directory-changes/prepare", **roles("bank", "supervisor"))
def prepare_directory_changes(platform: ThePlatform, wanted: DirectoryChanges) -> Prepared:
    """Changes to be signed by governors of two institutions."""
    act = _announcement(platform, wanted)
    return prepared(act, wanted.model_dump() | {"nonce": act.message.values["nonce"]})


@router.post("/directory-changes", **roles("bank", "supervisor"))
def announce_directory_changes(platform: RunningPlatform, wanted: SignedDirectoryChanges) -> Performed:
    """Announce changes; the platform applies them when the directory's delay is over."""
    return performed(platform, _announcement(platform, wanted), wanted.signatures)


@router.post("/directory-recoveries/prepare", **roles("bank", "supervisor"))
def prepare_recovery(platform: ThePlatform, wanted: DirectoryChanges) -> Prepared:
    """Changes that need no governor, to be signed by recovery signers, as many as their threshold says."""
    act = _recovery(platform, wanted)
    return prepared(act, wanted.model_dump() | {"nonce": act.message.values["nonce"]})


@router.post("/directory-recoveries", **roles("bank", "supervisor"))
def announce_recovery(platform: RunningPlatform, wanted: SignedDirectoryChanges) -> Performed:
    """Announce a recovery; the platform applies it after twice the delay, and no other change before."""
    return performed(platform, _recovery(platform, wanted), wanted.signatures)


@router.post("/suspensions/prepare", **roles("bank", "supervisor"))
def prepare_suspension(platform: ThePlatform, wanted: Suspension) -> Prepared:
    """A suspension to be signed by a governor of the signer's institution, or by those of two."""
    return prepared(institutions.suspension(platform, wanted.address), wanted.model_dump())


@router.post("/suspensions", **roles("bank", "supervisor"))
def suspend(platform: RunningPlatform, wanted: SignedSuspension) -> Performed:
    """Take every role from a signer at once."""
    return performed(platform, institutions.suspension(platform, wanted.address), wanted.signatures)


@router.post("/rotations/prepare", **roles("bank", "supervisor"))
def prepare_rotation(platform: ThePlatform, wanted: Rotation) -> Prepared:
    """A rotation to be signed by both keys and by another governor."""
    act = institutions.rotation(platform, wanted.address, wanted.successor)
    return prepared(act, wanted.model_dump())


@router.post("/rotations", **roles("bank", "supervisor"))
def rotate(platform: RunningPlatform, wanted: SignedRotation) -> Performed:
    """Give a signer another key at once; what the old key approved keeps counting."""
    act = institutions.rotation(platform, wanted.address, wanted.successor)
    return performed(platform, act, wanted.signatures)


@router.get("/directory-changes", **roles(*EVERYONE))
def list_directory_changes(platform: ThePlatform) -> Items:
    """Changes that are announced and wait, recoveries too."""
    return Items(items=institutions.pending(platform))


@router.post("/directory-changes/withdrawals/prepare", **roles("bank", "supervisor"))
def prepare_withdrawal(platform: ThePlatform, wanted: Withdrawal) -> Prepared:
    """A withdrawal to be signed by governors of two institutions; of a recovery, by recovery signers."""
    act = institutions.withdrawal(platform, wanted.nonce, wanted.recovery)
    return prepared(act, wanted.model_dump())


@router.post("/directory-changes/withdrawals", **roles("bank", "supervisor"))
def withdraw(platform: RunningPlatform, wanted: SignedWithdrawal) -> Performed:
    """Stop announced changes for ever."""
    act = institutions.withdrawal(platform, wanted.nonce, wanted.recovery)
    return performed(platform, act, wanted.signatures)
