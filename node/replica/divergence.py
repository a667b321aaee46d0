"""What a replica found wrong with the chain it follows, and the record of it that outlives the process."""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from node.block import UncheckedBlock
from node.errors import InvalidBlock, InvalidSeal, NodeError, SetupError, WrongFields
from node.genesis import Network, readable
from node.geth import Genesis
from node.header import Header
from node.seal import recover_sealer

ALARM_FILE_NAME = "alarm.json"
EVIDENCE_FILE_NAME = "alarm-block.rlp"

log = logging.getLogger(__name__)


class Divergence(BaseModel):
    """Where the followed node's chain went wrong, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    block: int = Field(ge=0)
    kind: str
    """A header field's name, ``seal``, ``rule``, ``link``, ``history``, ``genesis``, ``chain_id`` or
    ``fault``: what to look at first."""
    message: str
    claimed: str | None = None
    """What the followed node says."""
    computed: str | None = None
    """What it should say."""
    sealed_by: str | None = None
    """Whose valid signature the block carries; nobody's if it is missing or broken."""
    found_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of_block(cls, block: UncheckedBlock, error: InvalidBlock, network: Network | Genesis) -> Self:
        """Why a block was refused."""
        number, signer = block.header.block_number, sealer_of(block.header, network)
        if isinstance(error, WrongFields):
            first = error.differences[0]
            return cls(
                block=number,
                kind=first.field,
                message=str(error),
                claimed=first.claimed,
                computed=first.computed,
                sealed_by=signer,
            )
        if isinstance(error, InvalidSeal):
            claimed = f"0x{block.header.coinbase.hex()}"
            return cls(
                block=number,
                kind="seal",
                message=str(error),
                claimed=claimed,
                computed=signer,
                sealed_by=signer,
            )
        return cls(block=number, kind="rule", message=str(error), sealed_by=signer)

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """The alarm that a data directory remembers.

        Raises:
            SetupError: its file can't be read.
        """
        path = directory / ALARM_FILE_NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise SetupError(f"{path} can't be read: {exc.strerror}") from exc
        except ValidationError as exc:
            raise SetupError(f"{path} is invalid: {readable(exc)}") from exc

    def save(self, directory: Path, evidence: bytes | None) -> None:
        """Remember the alarm, and the block it is about as it came; both are on disk afterwards.

        A disk that takes nothing is logged: the alarm stands in this process all the same, and a later one
        meets the same block again.
        """
        try:
            if evidence is not None:
                _write_durably(directory / EVIDENCE_FILE_NAME, evidence)
            text = json.dumps(self.model_dump(mode="json"), indent=2) + "\n"
            _write_durably(directory / ALARM_FILE_NAME, text.encode())
        except OSError as exc:
            log.error("the alarm can't be written to %s: %s", directory, exc.strerror)


class DivergenceFound(NodeError):
    """Following can't go on; ``evidence`` is the encoding of the block that shows why."""

    def __init__(self, divergence: Divergence, evidence: bytes | None = None) -> None:
        super().__init__(divergence.message)
        self.divergence = divergence
        self.evidence = evidence


def sealer_of(header: Header, network: Network | Genesis) -> str | None:
    """The address whose valid signature a header of our own networks carries."""
    if not isinstance(network, Network):
        return None
    try:
        return f"0x{recover_sealer(header).hex()}"
    except InvalidSeal:
        return None


def _write_durably(path: Path, content: bytes) -> None:
    """Replace a file as a whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
