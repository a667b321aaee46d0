"""Chains as files: reading the blocks other clients wrote, and writing ours for them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from node.block import UncheckedBlock, read_blocks
from node.chain import Chain
from node.errors import SetupError


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    known: int
    """Blocks of the file that the chain had already."""
    head: int
    """Number of the last block."""


def import_file(chain: Chain, path: Path, progress: Callable[[int], None]) -> Imported:
    """Append the blocks of an RLP file, each checked by running it; those already there are passed over.

    Args:
        progress: told the number of each block that was added.

    Raises:
        SetupError: the file can't be read.
        InvalidBlock: the first block that can't follow, by name; those before it are kept.
    """
    added = known = 0
    try:
        with path.open("rb") as file:
            for block in read_blocks(file):
                if _is_known(chain, block):
                    known += 1
                    continue
                chain.import_block(block)
                added += 1
                progress(block.header.block_number)
    except OSError as exc:
        raise SetupError(f"{path} can't be read: {exc.strerror}") from exc
    return Imported(added, known, chain.head.block_number)


def export_file(chain: Chain, file: BinaryIO, first: int, last: int) -> int:
    """Write blocks ``first`` to ``last``, both counting, as RLP; returns how many.

    Raises:
        SetupError: there are no such blocks.
    """
    if not 0 <= first <= last <= chain.head.block_number:
        raise SetupError(
            f"blocks {first} to {last} can't be written: this chain has 0 to {chain.head.block_number}"
        )
    for number in range(first, last + 1):
        file.write(chain.store.unchecked_block(number).encode())
    return last - first + 1


def _is_known(chain: Chain, block: UncheckedBlock) -> bool:
    return chain.store.number_of(block.header.hash) == block.header.block_number
