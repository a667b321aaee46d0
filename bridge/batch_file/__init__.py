"""The payout file a payer hands in: CSV in, payouts or every fault out. Pure: bytes in, data out."""

from __future__ import annotations

from bridge.batch_file.model import (
    COLUMNS,
    MAX_FAULTS,
    MAX_FILE_BYTES,
    MAX_ROWS,
    BatchFile,
    BatchFileRefused,
    PayoutLine,
    RowFault,
)
from bridge.batch_file.read import read_batch_file

__all__ = [
    "COLUMNS",
    "MAX_FAULTS",
    "MAX_FILE_BYTES",
    "MAX_ROWS",
    "BatchFile",
    "BatchFileRefused",
    "PayoutLine",
    "RowFault",
    "read_batch_file",
]
