"""The network file: what every node of one network must agree on, and its first block."""

import json
import time
from pathlib import Path
from typing import Annotated, Self

from eth_utils.address import is_hex_address, to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from node.errors import SetupError

NETWORK_FILE_NAME = "network.json"
GAS_LIMIT_DEFAULT = 1_000_000_000


def _checksummed(value: str) -> str:
    if not is_hex_address(value):
        raise ValueError(f"{value!r} is no address: 0x and 40 hex digits are")
    return to_checksum_address(value)


HexAddress = Annotated[str, AfterValidator(_checksummed)]


class Rotation(BaseModel):
    """From a block on, other authorities seal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    block: int = Field(ge=1, le=2**53 - 1)
    authorities: list[HexAddress] = Field(min_length=1, max_length=100)


class Network(BaseModel):
    """``network.json``: the rules of the chain and, under ``allow…``, the admission policy of this node.

    Chain id, authorities, gas limit, start time and opening balances are sealed into the genesis block; a
    change of any of them is refused at the next start. The rest isn't: an operator edits it and restarts.
    ``rotations`` and ``prague_timestamp`` lie ahead when they are agreed on, and every node must have the
    same; a node that has others refuses the first block they matter for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=1, ge=1, le=1)
    chain_id: int = Field(ge=1, le=2**53 - 1)
    authorities: list[HexAddress] = Field(min_length=1, max_length=100)
    gas_limit: int = Field(default=GAS_LIMIT_DEFAULT, ge=1_000_000, le=2**53 - 1)
    genesis_timestamp: int = Field(ge=0, le=2**53 - 1)
    alloc: dict[HexAddress, Annotated[int, Field(ge=0, lt=2**256)]] = Field(default_factory=dict)
    allow: list[HexAddress] = Field(default_factory=list, max_length=100_000)
    allow_deployers: list[HexAddress] = Field(default_factory=list, max_length=100_000)

    rotations: list[Rotation] = Field(default_factory=list, max_length=10_000)
    """Later changes of the authorities, by ascending block."""
    prague_timestamp: int | None = Field(default=None, ge=0, le=2**53 - 1)
    """Unix seconds from which Prague's rules hold instead of Cancun's."""

    @model_validator(mode="after")
    def _rotations_ascend(self) -> Self:
        blocks = [rotation.block for rotation in self.rotations]
        if blocks != sorted(set(blocks)):
            raise ValueError("rotations: each block above the one before")
        return self

    @property
    def authority_addresses(self) -> frozenset[bytes]:
        """Who may seal blocks at some time: the first authorities and all that follow."""
        turns = (self.authorities, *(rotation.authorities for rotation in self.rotations))
        return frozenset(to_canonical_address(address) for turn in turns for address in turn)

    def authorities_at(self, number: int) -> frozenset[bytes]:
        """Who may seal the block with this number."""
        names = self.authorities
        for rotation in self.rotations:
            if number >= rotation.block:
                names = rotation.authorities
        return frozenset(to_canonical_address(address) for address in names)

    @property
    def allowed_senders(self) -> frozenset[bytes]:
        """Who may send transactions through this node; empty means everyone."""
        return frozenset(to_canonical_address(address) for address in self.allow)

    @property
    def allowed_deployers(self) -> frozenset[bytes]:
        """Whose transactions may create contracts through this node; empty means every sender's."""
        return frozenset(to_canonical_address(address) for address in self.allow_deployers)

    @property
    def commitment(self) -> bytes:
        """32 bytes over the rules that no header field holds; the genesis block's extraData."""
        rules = {"version": self.version, "chain_id": self.chain_id, "authorities": sorted(self.authorities)}
        return keccak(json.dumps(rules, sort_keys=True, separators=(",", ":")).encode())

    @classmethod
    def new(
        cls,
        chain_id: int,
        authorities: list[str],
        alloc: dict[str, int] | None = None,
        allow: list[str] | None = None,
        gas_limit: int = GAS_LIMIT_DEFAULT,
        allow_deployers: list[str] | None = None,
    ) -> Self:
        """A network that starts now.

        Raises:
            SetupError: a value is out of range.
        """
        try:
            return cls(
                chain_id=chain_id,
                authorities=authorities,
                gas_limit=gas_limit,
                genesis_timestamp=int(time.time()),
                alloc=alloc or {},
                allow=allow or [],
                allow_deployers=allow_deployers or [],
            )
        except ValidationError as exc:
            raise SetupError(f"The network can't be made: {readable(exc)}") from exc

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read ``network.json``.

        Raises:
            SetupError: missing, unreadable or invalid.
        """
        path = directory / NETWORK_FILE_NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError as exc:
            raise SetupError(
                f"{path} doesn't exist. Make a network with: dyetrace node init --data DIR …"
            ) from exc
        except OSError as exc:
            raise SetupError(f"{path} can't be read: {exc.strerror}") from exc
        except ValidationError as exc:
            raise SetupError(f"{path} is invalid: {readable(exc)}") from exc

    def save(self, directory: Path) -> None:
        """Write ``network.json``; an existing one is never overwritten (``FileExistsError``)."""
        with (directory / NETWORK_FILE_NAME).open("x", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=2) + "\n")


def readable(error: ValidationError) -> str:
    return "; ".join(
        ".".join(str(part) for part in problem["loc"]) + ": " + problem["msg"] for problem in error.errors()
    )
