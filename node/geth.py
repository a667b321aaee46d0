"""geth's genesis.json: when which fork begins, and the first block and state of an imported network."""

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from eth_utils.address import is_hex_address, to_canonical_address
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from node.errors import SetupError
from node.forks import BLOB_RULES, MAINNET_DEPOSIT_CONTRACT, BlobRules, Fork, Schedule
from node.genesis import readable
from node.rules import GenesisAccount

GENESIS_FILE_NAME = "genesis.json"
GAS_LIMIT_DEFAULT = 4_712_388
DIFFICULTY_DEFAULT = 131_072
LATER_FORKS = ("osaka", "bpo1", "bpo2", "bpo3", "bpo4", "bpo5", "amsterdam", "verkle")
"""Known to geth and not to this node."""


def _number(value: object) -> Any:
    """Numbers are JSON integers, decimal strings or hex strings."""
    if isinstance(value, str):
        text = value or "0"
        if not re.fullmatch(r"0[xX][0-9a-fA-F]*|[0-9]+", text):
            raise ValueError(f"{value!r} is no number")
        return int(text[2:] or "0", 16) if text[:2].lower() == "0x" else int(text)
    if isinstance(value, bool) or not isinstance(value, int | None):
        raise ValueError(f"{value!r} is no number")
    return value


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("bytes are a string of hex digits")
    return bytes.fromhex(value.removeprefix("0x"))


def _address(value: object) -> object:
    text = value if isinstance(value, str) else ""
    text = text if text.startswith("0x") else f"0x{text}"
    if not is_hex_address(text):
        raise ValueError(f"{value!r} is no address")
    return to_canonical_address(text)


def _word(value: object) -> object:
    """A storage slot or content, up to 32 bytes of hex."""
    if not isinstance(value, str) or not re.fullmatch(r"(0x)?[0-9a-fA-F]{0,64}", value):
        raise ValueError(f"{value!r} is no storage word")
    return int(value.removeprefix("0x") or "0", 16)


def _of_size(size: int) -> AfterValidator:
    def check(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{size} bytes expected")
        return value

    return AfterValidator(check)


Uint64 = Annotated[int, BeforeValidator(_number), Field(ge=0, lt=2**64)]
Uint256 = Annotated[int, BeforeValidator(_number), Field(ge=0, lt=2**256)]
Bytes = Annotated[bytes, BeforeValidator(_bytes)]
Hash = Annotated[bytes, BeforeValidator(_bytes), _of_size(32)]
Address = Annotated[bytes, BeforeValidator(_address)]
Word = Annotated[int, BeforeValidator(_word)]


class _Part(BaseModel):
    """geth ignores what it doesn't know, and so does this."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class _Account(_Part):
    balance: Uint256 = 0
    nonce: Uint64 = 0
    code: Bytes = b""
    storage: dict[Word, Word] = Field(default_factory=dict)


class _Blobs(_Part):
    target: Annotated[int, BeforeValidator(_number), Field(ge=0, le=4096)]
    max: Annotated[int, BeforeValidator(_number), Field(ge=0, le=4096)]
    base_fee_update_fraction: Annotated[int, BeforeValidator(_number), Field(ge=1, lt=2**64)]


class _Config(_Part):
    chain_id: Uint64
    homestead_block: Uint64 | None = None
    dao_fork_block: Uint64 | None = None
    dao_fork_support: bool = False
    eip150_block: Uint64 | None = Field(default=None, alias="eip150Block")
    eip155_block: Uint64 | None = Field(default=None, alias="eip155Block")
    eip158_block: Uint64 | None = Field(default=None, alias="eip158Block")
    byzantium_block: Uint64 | None = None
    constantinople_block: Uint64 | None = None
    petersburg_block: Uint64 | None = None
    istanbul_block: Uint64 | None = None
    berlin_block: Uint64 | None = None
    london_block: Uint64 | None = None
    shanghai_time: Uint64 | None = None
    cancun_time: Uint64 | None = None
    prague_time: Uint64 | None = None
    deposit_contract_address: Address = MAINNET_DEPOSIT_CONTRACT
    blob_schedule: dict[str, _Blobs] = Field(default_factory=dict)
    ethash: dict[str, Any] | None = None


class Genesis(_Part):
    """genesis.json as geth writes and reads it."""

    config: _Config
    alloc: dict[Address, _Account] = Field(default_factory=dict)
    nonce: Uint64 = 0
    timestamp: Uint64 = 0
    extra_data: Bytes = b""
    gas_limit: Uint64 = GAS_LIMIT_DEFAULT
    difficulty: Uint256 | None = None
    mix_hash: Hash = bytes(32)
    coinbase: Address = bytes(20)
    number: Uint64 = 0
    gas_used: Uint64 = 0
    parent_hash: Hash = bytes(32)
    base_fee_per_gas: Uint256 | None = None
    excess_blob_gas: Uint64 | None = None
    blob_gas_used: Uint64 | None = None
    later: dict[str, int] = Field(default_factory=dict, exclude=True)

    @classmethod
    def parse(cls, text: str | bytes, name: str) -> Self:
        """Read a genesis.json.

        Raises:
            SetupError: it isn't one, or asks for what this node doesn't do.
        """
        try:
            values = json.loads(text)
            genesis = cls.model_validate(values)
        except ValidationError as exc:
            raise SetupError(f"{name} is no genesis file: {readable(exc)}") from exc
        except (ValueError, RecursionError) as exc:
            raise SetupError(f"{name} is no JSON: {exc}") from exc
        times = {fork: values["config"].get(f"{fork}Time") for fork in LATER_FORKS}
        genesis.later.update({fork: _number(time) for fork, time in times.items() if time is not None})
        _validate(genesis, name)
        return genesis

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The genesis file of a data directory (``SetupError``)."""
        path = directory / GENESIS_FILE_NAME
        return cls.parse(read_file(path), str(path))

    @property
    def accounts(self) -> Mapping[bytes, GenesisAccount]:
        """The state before the first block."""
        return {
            address: GenesisAccount(account.balance, account.nonce, account.code, account.storage)
            for address, account in self.alloc.items()
        }

    @property
    def schedule(self) -> Schedule:
        """When which fork begins."""
        config = self.config
        return Schedule(
            blocks=_in_order(
                {
                    Fork.HOMESTEAD: config.homestead_block,
                    Fork.TANGERINE_WHISTLE: config.eip150_block,
                    Fork.SPURIOUS_DRAGON: config.eip158_block,
                    Fork.BYZANTIUM: config.byzantium_block,
                    Fork.CONSTANTINOPLE: config.constantinople_block,
                    Fork.PETERSBURG: _petersburg(config),
                    Fork.ISTANBUL: config.istanbul_block,
                    Fork.BERLIN: config.berlin_block,
                    Fork.LONDON: config.london_block,
                }
            ),
            times=_in_order(
                {
                    Fork.SHANGHAI: config.shanghai_time,
                    Fork.CANCUN: config.cancun_time,
                    Fork.PRAGUE: config.prague_time,
                }
            ),
            blobs=_blob_rules(config),
            deposit_contract=config.deposit_contract_address,
            dao_block=config.dao_fork_block if config.dao_fork_support else None,
            later_fork=min(self.later.items(), key=lambda entry: entry[1]) if self.later else None,
        )


def read_file(path: Path) -> bytes:
    """A file's content (``SetupError``)."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise SetupError(f"{path} can't be read: {exc.strerror}") from exc


def _in_order(begins: Mapping[Fork, int | None]) -> tuple[tuple[Fork, int], ...]:
    return tuple((fork, first) for fork, first in begins.items() if first is not None)


def _petersburg(config: _Config) -> int | None:
    """Without a block of its own it comes with Constantinople."""
    return config.constantinople_block if config.petersburg_block is None else config.petersburg_block


def _blob_rules(config: _Config) -> Mapping[Fork, BlobRules]:
    rules = dict(BLOB_RULES)
    for fork in rules:
        given = config.blob_schedule.get(fork.name.lower())
        if given is not None:
            rules[fork] = BlobRules(given.target, given.max, given.base_fee_update_fraction)
    return rules


def _validate(genesis: Genesis, name: str) -> None:
    """What geth would refuse, and what py-evm can't do."""
    schedule = genesis.schedule
    for what, entries in (("block", schedule.blocks), ("time", schedule.times)):
        for (earlier, first), (later, second) in pairwise(entries):
            if second < first:
                raise SetupError(
                    f"{name}: {later.label} at {what} {second} comes before {earlier.label} at {first}"
                )
    config = genesis.config
    if config.eip155_block != config.eip158_block:
        raise SetupError(f"{name}: eip155Block and eip158Block differ; this node knows them as one fork only")
    if genesis.number:
        raise SetupError(f"{name}: the first block has number {genesis.number}, not 0")
