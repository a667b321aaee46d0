"""The founding file: what people write, read and checked before anything is deployed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.changes import role_bits
from api.schemas import Address, Name, sentence
from bridge.errors import Invalid
from contracts.terms import Role

__all__ = ["Founding", "FoundingKey", "FoundingSigner", "invalid"]

MAX_CHANGES = 64
"""Institutions, signers, quorums and their members that a first directory takes (`Directory.vy`)."""

RoleName = Literal[
    "governor", "minter", "settler", "supervisor", "operator", "teller", "witness", "auditor", "attester"
]
BANK_ROLES = frozenset({"minter", "settler", "attester"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FoundingInstitution(_Part):
    """An institution of the first directory."""

    name: Name
    kind: Literal["bank", "agency", "enterprise", "auditor"]


class FoundingKey(_Part):
    """A key, by its keystore or by its address."""

    keystore: str | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.keystore is None) == (self.address is None):
            raise ValueError("a signer has a keystore or an address")
        return self


class FoundingSigner(FoundingKey):
    """A signer of the first directory."""

    institution: Name
    roles: tuple[RoleName, ...] = Field(min_length=1)

    @property
    def role_bits(self) -> Role:
        """Its roles as the directory keeps them."""
        return role_bits(self.roles)


class FoundingQuorum(_Part):
    """A quorum of the first directory."""

    name: Name
    threshold: int
    members: tuple[Name, ...]


class FoundingRecovery(_Part):
    """Who can give the directory new governors when the old ones are lost."""

    threshold: int
    signers: tuple[FoundingKey, ...] = Field(max_length=16)


class Founding(_Part):
    """The founding file."""

    delay_seconds: int = Field(ge=0, description="How long announced changes wait.")
    recovery: FoundingRecovery
    institutions: tuple[FoundingInstitution, ...]
    signers: tuple[FoundingSigner, ...]
    quorums: tuple[FoundingQuorum, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Founding":
        """Raises Invalid with every fault."""
        try:
            found = yaml.safe_load(path.read_bytes())
            if found is None:
                raise Invalid("founding-invalid", f"{path.name} is empty; docs/founding.md has an example.")
            founding = cls.model_validate(found)
        except OSError as error:
            raise Invalid("founding-invalid", f"{path.name} cannot be read: {error.strerror}.") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise Invalid("founding-invalid", f"{path.name} is not YAML; correct it.") from error
        except ValidationError as error:
            raise invalid(
                f"{'.'.join(map(str, each['loc'])) or 'file'}: {sentence(each)}; correct it."
                for each in error.errors()
            ) from error
        faults = list(founding.faults())
        if faults:
            raise invalid(faults)
        return founding

    def faults(self) -> Iterator[str]:
        """What the contracts would refuse, or what nobody could work with; each names its place."""
        kinds = {each.name: each.kind for each in self.institutions}
        yield from _repeated("institutions", [each.name for each in self.institutions])
        yield from _repeated("quorums", [each.name for each in self.quorums])
        for number, signer in enumerate(self.signers):
            yield from _signer_faults(f"signers.{number}", signer, kinds)
        yield from self._governor_faults()
        yield from _recovery_faults(self.recovery)
        for number, quorum in enumerate(self.quorums):
            yield from _quorum_faults(f"quorums.{number}", quorum, kinds)
        changes = len(self.institutions) + len(self.signers)
        changes += sum(1 + len(quorum.members) for quorum in self.quorums)
        if changes > MAX_CHANGES:
            yield (
                f"file: it makes {changes} changes and a first directory takes {MAX_CHANGES}; "
                "leave some for: dyetrace institution add."
            )

    def _governor_faults(self) -> Iterator[str]:
        """Two institutions register the templates, on the machine that deploys."""
        governing = {each.institution for each in self.signers if "governor" in each.roles and each.keystore}
        if len(governing) < 2:
            yield (
                f"signers: two institutions must govern and {len(governing)} does; give the role governor, "
                "with a keystore, to signers of two."
            )


def invalid(faults: Iterable[str]) -> Invalid:
    """The error that names these faults; each is a sentence with its place."""
    return Invalid("founding-invalid", " ".join(faults))


def _repeated(place: str, names: list[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{place}: {name!r} is there {count} times; keep one."


def _unlisted(place: str, name: str) -> str:
    return f"{place}: {name!r} is not under institutions; correct it."


def _signer_faults(place: str, signer: FoundingSigner, kinds: Mapping[str, str]) -> Iterator[str]:
    kind = kinds.get(signer.institution)
    if kind is None:
        yield _unlisted(f"{place}.institution", signer.institution)
    elif kind != "bank" and not BANK_ROLES.isdisjoint(signer.roles):
        yield (
            f"{place}.roles: minter, settler and attester are for a bank, and {signer.institution!r} is "
            f"an {kind}; correct one of them."
        )
    if "attester" in signer.roles and {"minter", "settler"} & set(signer.roles):
        yield f"{place}.roles: who mints or settles cannot attest; give attester to another key."


def _recovery_faults(recovery: FoundingRecovery) -> Iterator[str]:
    if recovery.threshold < 2:
        yield "recovery.threshold: nobody recovers a directory alone; write 2 or more."
    elif recovery.threshold > len(recovery.signers):
        yield (
            f"recovery.threshold: {recovery.threshold} of {len(recovery.signers)} signers can never agree; "
            "lower it or add signers."
        )


def _quorum_faults(place: str, quorum: FoundingQuorum, kinds: Mapping[str, str]) -> Iterator[str]:
    yield from (_unlisted(f"{place}.members", name) for name in quorum.members if name not in kinds)
    yield from _repeated(f"{place}.members", list(quorum.members))
    if quorum.threshold < 2:
        yield f"{place}.threshold: nobody decides alone; write 2 or more."
    elif quorum.threshold > len(quorum.members):
        yield (
            f"{place}.threshold: {quorum.threshold} institutions of {len(quorum.members)} members "
            "can never agree; lower it or add members."
        )
