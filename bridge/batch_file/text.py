"""From the bytes of a payout file to its rows of text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from bridge.batch_file.model import COLUMNS, MAX_FILE_BYTES, FaultList

__all__ = ["decoded", "rows_of_fields"]

_SAVE_AS: Final = (
    "In the spreadsheet choose Save As “CSV UTF-8 (comma delimited)” (另存为 CSV UTF-8) and resend it."
)
_ZIP: Final = b"PK\x03\x04"
"""What a workbook begins with: it is a ZIP file."""
_LIKELY_UTF_16: Final = ("utf-16", "utf-16-le", "utf-16-be")


def decoded(content: bytes, faults: FaultList) -> str:
    """The text of the file, without byte order mark. Raises BatchFileRefused.

    Codes: `file-empty`, `file-too-large`, `encoding-invalid`, `nul-byte`.
    """
    if len(content) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 2**20
        faults.add(
            None, None, "file-too-large", f"The file has more than {limit} MiB; split it into batches."
        )
        raise faults.refusal()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        _note_encoding(content, exc.start, faults)
        raise faults.refusal() from exc
    if "\0" in text:
        _note_nul(content, faults)
    elif not text.strip():
        faults.add(None, None, "file-empty", "The file is empty; export the payouts again.")
    faults.raise_if_any()
    return text


def rows_of_fields(text: str, faults: FaultList) -> Iterator[tuple[int, list[str] | None]]:
    """Row number (the header is 1) and fields of every row that isn't blank; None for unreadable fields.

    A row is one line: a quotation mark not closed on its line is that line's fault
    (`quotes-unbalanced`) and can't swallow the rows after it.
    """
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        bare = line.removesuffix("\n")
        if not bare.strip(", \t"):
            continue
        try:
            fields = next(csv.reader([bare], strict=True))
        except csv.Error:
            faults.add(
                number,
                None,
                "quotes-unbalanced",
                "A quotation mark is not closed on its line, has text after it, or holds too long a text; "
                "close it, and keep each payout on one line.",
                bare,
            )
            yield number, None
        else:
            yield number, fields


def _note_encoding(content: bytes, position: int, faults: FaultList) -> None:
    if content.startswith(_ZIP):
        message = f"The file is an .xlsx workbook, not CSV. {_SAVE_AS}"
        faults.add(None, None, "encoding-invalid", message)
        return
    likely = _likely_encoding(content)
    guess = f" It looks like {likely}." if likely else ""
    line = content.count(b"\n", 0, position) + 1
    faults.add(
        None if likely == "UTF-16" else line,
        None,
        "encoding-invalid",
        f"The file is not UTF-8 at byte {position + 1}, line {line}.{guess} {_SAVE_AS}",
    )


def _note_nul(content: bytes, faults: FaultList) -> None:
    position = content.index(b"\0")
    if _likely_encoding(content) == "UTF-16":
        _note_encoding(content, position, faults)
        return
    line = content.count(b"\n", 0, position) + 1
    faults.add(
        line,
        None,
        "nul-byte",
        f"There is a NUL byte at byte {position + 1}, line {line}: the file is damaged; export it again.",
    )


def _likely_encoding(content: bytes) -> str | None:
    for encoding in _LIKELY_UTF_16:
        if COLUMNS[0] in (_decoded_as(content, encoding) or ""):
            return "UTF-16"
    return "GBK" if _decoded_as(content, "gb18030") is not None else None


def _decoded_as(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
