"""The streaming walk: the same parts however the bytes arrive, and nothing kept behind them."""

from __future__ import annotations

import pytest

from bridge.iso20022 import read_message, reader
from bridge.iso20022.camt import PARTS, RELEASED
from tests.bridge.iso20022.samples import detail, document, entry, statement

ROWS = [entry(reference=f"R{n}", details=detail("4.00") + detail("6.00")) for n in range(40)]
NOISE = "> text between <![CDATA[and <more>]]>\n<"
FILE = document(statement(*ROWS).replace("><", NOISE))


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1021])
def test_where_the_chunks_fall_changes_nothing(monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    expected = read_message(FILE)
    monkeypatch.setattr(reader, "_CHUNK_BYTES", chunk_bytes)
    assert read_message(FILE) == expected
    assert len(expected.reports[0].entries) == len(ROWS)


def test_what_was_read_is_let_go() -> None:
    for part in reader.parts(FILE, PARTS, RELEASED):
        name = reader.local_name(part)
        before = [found for found in part.itersiblings(preceding=True) if reader.local_name(found) == name]
        assert len(before) <= 1
        assert all(len(found) == 0 for found in before)
