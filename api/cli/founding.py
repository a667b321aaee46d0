"""The founding of a network: from a file that people read to deployed contracts and a platform's settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
from eth_account.signers.local import LocalAccount
from web3 import Web3

from api.cli.founding_file import Founding, FoundingKey, invalid
from api.cli.signing import open_for_signing
from bridge import setup
from bridge.chain import CONTRACTS, Chain, Deployment
from bridge.errors import Conflict, Invalid
from bridge.keys import create_keystore, open_keystore
from bridge.platform import Platform, Settings
from bridge.store import directory
from contracts.terms import InstitutionKind, Role

__all__ = ["found"]

BRIDGE_KEY = "bridge-key.json"
ATTESTER_KEY = "attester-key.json"
OWN_KEYS = (BRIDGE_KEY, ATTESTER_KEY)
"""Keys of the platform itself: `deploy` makes them in the data directory."""
DEPLOYMENT = "deployment.json"
SETTINGS = "platform.json"
RPC_SECONDS = 10.0


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
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    bridge_key, attester = (_own_key(data, name) for name in OWN_KEYS)
    keys = _keys(founding.signers, path.parent, data)
    _require_roles(founding, keys, bridge_key.address, BRIDGE_KEY, Role.MINTER | Role.SETTLER)
    _require_roles(founding, keys, attester.address, ATTESTER_KEY, Role.ATTESTER)
    recovering = _keys(founding.recovery.signers, path.parent, data)
    recovery = _addresses(founding.recovery.signers, recovering)
    _require_distinct(_addresses(founding.signers, keys), recovery)
    governors = [
        keys[number]
        for number, each in enumerate(founding.signers)
        if "governor" in each.roles and number in keys
    ]
    deployment = setup.deploy(
        rpc,
        bridge_key,
        _changes(founding, keys),
        founding.delay_seconds,
        setup.Recovery(tuple(recovery), founding.recovery.threshold),
        governors,
    )
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
        "supervision": deployment.Supervision,
        "agreement_factory": deployment.AgreementFactory,
        "registry": deployment.Registry,
        "bridge": bridge_key.address,
        "attester": attester.address,
    }


def _require_node(rpc: str) -> None:
    """Raises ChainUnreachable, or Invalid for what is no node, before anything is made."""
    if not rpc.startswith(("http://", "https://")):
        raise Invalid("rpc-invalid", "--rpc begins with http:// or https://.")
    if not _speaks_json_rpc(rpc):
        raise Invalid("rpc-invalid", f"What answers at {rpc} is no Ethereum JSON-RPC; check --rpc.")
    nowhere = Web3.to_checksum_address("0x" + "00" * 20)
    Chain(rpc, Deployment(0, 0, *[nowhere] * len(CONTRACTS))).head()


def _speaks_json_rpc(rpc: str) -> bool:
    """Whether what answers there knows its chain; True as well where nothing answers."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    try:
        answer = httpx.post(rpc, json=asked, timeout=RPC_SECONDS).json()
    except httpx.TransportError:
        return True
    except (ValueError, httpx.InvalidURL):
        return False
    return isinstance(answer, dict) and str(answer.get("result")).startswith("0x")


def _own_key(data: Path, name: str) -> LocalAccount:
    path = data / name
    return open_keystore(path) if path.exists() else create_keystore(path)


def _keys(given: Sequence[FoundingKey], beside: Path, data: Path) -> dict[int, LocalAccount]:
    """Those given by keystore: a path from the founding file, or the platform's own in `data`."""
    return {
        number: open_for_signing((data if each.keystore in OWN_KEYS else beside) / each.keystore)
        for number, each in enumerate(given)
        if each.keystore is not None
    }


def _addresses(given: Sequence[FoundingKey], keys: Mapping[int, LocalAccount]) -> list[str]:
    return [
        keys[number].address if number in keys else str(each.address) for number, each in enumerate(given)
    ]


def _require_roles(
    founding: Founding, keys: Mapping[int, LocalAccount], address: str, keystore: str, wanted: Role
) -> None:
    """Raises Invalid unless a key of the platform is a signer with the roles it works with."""
    held = Role(0)
    for number, each in enumerate(founding.signers):
        if number in keys and keys[number].address == address:
            held |= each.role_bits
    if wanted & ~held:
        roles = ", ".join(role.name.lower() for role in wanted if role.name)
        raise Invalid(
            "founding-key-missing",
            f"The platform's own key must be a signer of the bank: keystore: {keystore}, "
            f"roles: [{roles}]; add it.",
        )


def _require_distinct(signers: Sequence[str], recovery: Sequence[str]) -> None:
    """Raises Invalid for a key that signs in two places."""
    places: dict[str, str] = {}
    named = [
        *((f"signers.{number}", address) for number, address in enumerate(signers)),
        *((f"recovery.signers.{number}", address) for number, address in enumerate(recovery)),
    ]
    for place, address in named:
        first = places.setdefault(address, place)
        if first != place:
            what = (
                "name it once, with all its roles"
                if place.startswith("signers")
                else "a key that recovers signs nothing else"
            )
            raise invalid([f"{place}: this is the key of {first}; {what}."])


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
