"""The founding of a network: from a file that people read to deployed contracts and a platform's settings."""

from pathlib import Path

import httpx
from eth_account.signers.local import LocalAccount
from web3 import Web3

from api.cli.founding_file import Founding, invalid
from api.cli.signing import open_for_signing
from bridge import setup
from bridge.chain import Chain, Deployment
from bridge.errors import Conflict, Invalid
from bridge.keys import create_keystore, open_keystore
from bridge.platform import Platform, Settings
from bridge.store import directory
from contracts.terms import InstitutionKind, Role

__all__ = ["found"]

BRIDGE_KEY = "bridge-key.json"
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
    bridge_key = _bridge_key(data)
    keys = _keys(founding, path.parent, data)
    _require_bridge(founding, keys, bridge_key.address)
    _require_distinct(founding, keys)
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
    """Raises ChainUnreachable, or Invalid for what is no node, before anything is made."""
    if not rpc.startswith(("http://", "https://")):
        raise Invalid("rpc-invalid", "--rpc begins with http:// or https://.")
    if not _speaks_json_rpc(rpc):
        raise Invalid("rpc-invalid", f"What answers at {rpc} is no Ethereum JSON-RPC; check --rpc.")
    nowhere = Web3.to_checksum_address("0x" + "00" * 20)
    Chain(rpc, Deployment(0, 0, nowhere, nowhere, nowhere)).head()


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


def _require_distinct(founding: Founding, keys: dict[int, LocalAccount]) -> None:
    """Raises Invalid for a key that signs in two places."""
    places: dict[str, int] = {}
    for number, signer in enumerate(founding.signers):
        address = keys[number].address if number in keys else str(signer.address)
        first = places.setdefault(address, number)
        if first != number:
            raise invalid(
                [f"signers.{number}: this is the key of signers.{first}; name it once, with all its roles."]
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
