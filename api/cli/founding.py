"""The founding of a network: from a file that people read to deployed contracts and a platform's settings."""

from pathlib import Path
from typing import Literal

import yaml
from eth_account.signers.local import LocalAccount
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from web3 import Web3

from api.cli.signing import open_for_signing
from api.schemas import Address, Name
from bridge import setup
from bridge.chain import Chain, Deployment
from bridge.errors import Conflict, Invalid
from bridge.keys import create_keystore, open_keystore
from bridge.platform import Platform, Settings
from bridge.store import directory
from contracts.terms import InstitutionKind, Role

__all__ = ["Founding", "found"]

BRIDGE_KEY = "bridge-key.json"
DEPLOYMENT = "deployment.json"
SETTINGS = "platform.json"

RoleName = Literal["governor", "minter", "settler", "supervisor", "operator", "teller", "witness", "auditor"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FoundingInstitution(_Part):
    """An institution of the first directory."""

    name: Name
    kind: Literal["bank", "agency", "enterprise", "auditor"]


class FoundingSigner(_Part):
    """A signer of the first directory, by keystore or by address."""

    institution: Name
    keystore: str | None = None
    address: Address | None = None
    roles: tuple[RoleName, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> "FoundingSigner":
        if (self.keystore is None) == (self.address is None):
            raise ValueError("a signer has a keystore or an address")
        return self

    @property
    def role_bits(self) -> Role:
        """Its roles as the directory keeps them."""
        bits = Role(0)
        for name in self.roles:
            bits |= Role[name.upper()]
        return bits


class FoundingQuorum(_Part):
    """A quorum of the first directory."""

    name: Name
    threshold: int = Field(ge=2)
    members: tuple[Name, ...]


class Founding(_Part):
    """The founding file."""

    delay_seconds: int = Field(ge=0, description="How long announced changes wait.")
    institutions: tuple[FoundingInstitution, ...]
    signers: tuple[FoundingSigner, ...]
    quorums: tuple[FoundingQuorum, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Founding":
        """Raises Invalid with every fault."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_bytes()))
        except OSError as error:
            raise Invalid("founding-invalid", f"{path.name} cannot be read: {error.strerror}.") from error
        except yaml.YAMLError as error:
            raise Invalid("founding-invalid", f"{path.name} is not YAML; correct it.") from error
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()
            )
            raise Invalid("founding-invalid", f"{path.name}: {faults}. Correct it and try again.") from error


def found(data: Path, rpc: str, bank: str, path: Path, confirmations: int) -> dict[str, object]:
    """Deploy the contracts, write deployment and settings into `data`; returns where everything is.

    Raises Conflict when `data` has a deployment already, Invalid, ChainError.
    """
    if (data / DEPLOYMENT).exists():
        raise Conflict(
            "deployment-exists", "This data directory belongs to a deployed network; choose another."
        )
    founding = Founding.read(path)
    _require_node(rpc)
    bridge_key = _bridge_key(data)
    keys = _keys(founding, path.parent, data)
    _require_bridge(founding, keys, bridge_key.address)
    governors = [
        keys[number]
        for number, each in enumerate(founding.signers)
        if "governor" in each.roles and number in keys
    ]
    deployment = setup.deploy(rpc, bridge_key, _changes(founding, keys), founding.delay_seconds, governors)
    unfinished = data / f"{DEPLOYMENT}.new"
    deployment.write(unfinished)
    settings = Settings(chain_url=rpc, bank_url=bank, confirmations=confirmations)
    _keep_names(data, settings.model_copy(update={"deployment": Path(unfinished.name)}), founding)
    (data / SETTINGS).write_text(settings.model_dump_json(indent=1, exclude_defaults=True) + "\n")
    unfinished.rename(data / DEPLOYMENT)
    return {
        "chain_id": deployment.chain_id,
        "directory": deployment.Directory,
        "ledger": deployment.Ledger,
        "agreement_factory": deployment.AgreementFactory,
        "bridge": bridge_key.address,
    }


def _require_node(rpc: str) -> None:
    """Raises ChainUnreachable before anything is made."""
    nowhere = Web3.to_checksum_address("0x" + "00" * 20)
    Chain(rpc, Deployment(0, 0, nowhere, nowhere, nowhere)).head()


def _bridge_key(data: Path) -> LocalAccount:
    path = data / BRIDGE_KEY
    return open_keystore(path) if path.exists() else create_keystore(path)


def _keys(founding: Founding, beside: Path, data: Path) -> dict[int, LocalAccount]:
    """Keys of the signers given by keystore: a path from the founding file, or the bridge's in `data`."""
    return {
        number: open_for_signing((data if each.keystore == BRIDGE_KEY else beside) / each.keystore)
        for number, each in enumerate(founding.signers)
        if each.keystore is not None
    }


def _require_bridge(founding: Founding, keys: dict[int, LocalAccount], address: str) -> None:
    held = Role(0)
    for number, each in enumerate(founding.signers):
        if number in keys and keys[number].address == address:
            held |= each.role_bits
    if not held & Role.MINTER or not held & Role.SETTLER:
        raise Invalid(
            "founding-bridge-missing",
            f"The bridge's key must be a signer of the bank: keystore: {BRIDGE_KEY}, "
            "roles: [minter, settler]; add it.",
        )


def _changes(founding: Founding, keys: dict[int, LocalAccount]) -> list[setup.Change]:
    return setup.founding_changes(
        [
            setup.FoundingInstitution(each.name, InstitutionKind[each.kind.upper()])
            for each in founding.institutions
        ],
        [
            setup.FoundingSigner(
                each.institution,
                keys[number].address if number in keys else str(each.address),
                each.role_bits,
            )
            for number, each in enumerate(founding.signers)
        ],
        [setup.FoundingQuorum(each.name, each.threshold, each.members) for each in founding.quorums],
    )


def _keep_names(data: Path, settings: Settings, founding: Founding) -> None:
    """The public names behind the ids of the first directory."""
    platform = Platform.open(data, settings)
    with platform.database.begin() as session:
        directory.put_names(
            session,
            [*(each.name for each in founding.institutions), *(each.name for each in founding.quorums)],
        )
    platform.close()
