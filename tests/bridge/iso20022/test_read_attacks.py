"""Hostile and broken files: refused by name, quickly, in little memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import MessageRefused
from bridge.iso20022 import read_message
from bridge.iso20022.read import KINDS
from bridge.iso20022.reader import MAX_PART_BYTES
from tests.bridge.iso20022.samples import document, entry, statement

GOOD = document(statement(entry()))
HEAD, _, REST = GOOD.partition(b"?>")
DECLARATION = HEAD + b"?>"
MEGABYTE = 1024 * 1024


def code_of(data: bytes) -> str:
    with pytest.raises(MessageRefused) as refused:
        read_message(data)
    assert refused.value.message.endswith(".")
    return refused.value.code


def laughs(parameter: bool) -> bytes:
    kind, mark = (b"% ", b"&#37;") if parameter else (b"", b"&")
    lines = [b"<!ENTITY %sl0 'ha'>" % kind]
    lines += [b"<!ENTITY %sl%d '%s'>" % (kind, n, b"%sl%d;" % (mark, n - 1) * 10) for n in range(1, 12)]
    return b"".join(lines) + (b"%l11;" if parameter else b"")


@pytest.mark.parametrize(
    "subset",
    [
        b"",
        b" [" + laughs(parameter=False) + b"]",
        b" [" + laughs(parameter=True) + b"]",
        b" [<!ENTITY x '" + b"A" * 100_000 + b"'>]",
        b' SYSTEM "http://192.0.2.1/evil.dtd"',
        b' PUBLIC "-//x//y" "file:///nowhere.dtd"',
    ],
    ids=["bare", "billion-laughs", "parameter-laughs", "quadratic", "external-dtd", "public-dtd"],
)
def test_any_doctype_is_refused(subset: bytes) -> None:
    used = REST.replace(b"MSG-1", b"&l11;&x;")
    assert code_of(DECLARATION + b"<!DOCTYPE Document" + subset + b">" + used) == "message-doctype"


def test_an_external_entity_is_refused_unread(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    doctype = f'<!DOCTYPE Document [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode()
    assert code_of(DECLARATION + doctype + REST.replace(b"MSG-1", b"&x;")) == "message-doctype"


def test_a_doctype_behind_a_long_comment_or_another_encoding_is_refused() -> None:
    late = DECLARATION + b"<!--" + b" " * 200_000 + b"--><!DOCTYPE Document [<!ENTITY x 'y'>]>" + REST
    assert code_of(late) == "message-doctype"
    text = (b"<!DOCTYPE Document [<!ENTITY x 'y'>]>" + REST).decode()
    assert code_of(text.encode("utf-16")) == "message-doctype"


def inside_statement(filler: bytes) -> bytes:
    return GOOD.replace(b"<Stmt>", b"<Stmt>" + filler)


def test_deep_nesting_is_refused() -> None:
    assert code_of(inside_statement(b"<a>" * 200_000)) == "message-too-deep"
    assert code_of(b"<a>" * 200_000) == "message-too-deep"


FILLERS = {
    "text": lambda: b"<a>" + b"x" * 30 * MEGABYTE + b"</a>",
    "attributes": lambda: b"<a " + b" ".join(b"n%d='1'" % n for n in range(300_000)) + b"/>",
    "attribute": lambda: b"<a n='" + b"x" * 30 * MEGABYTE + b"'/>",
    "elements": lambda: b"<a/>" * (8 * MEGABYTE),
    "name": lambda: b"<" + b"a" * 30 * MEGABYTE + b"/>",
}


@pytest.mark.parametrize("filler", FILLERS)
def test_what_fills_memory_is_refused(filler: str) -> None:
    assert code_of(inside_statement(FILLERS[filler]())) == "message-too-large"


def test_hostile_files_are_refused_in_little_memory_and_time() -> None:
    """QUALITY F13: under 1 s and 200 MB each, measured where nothing else allocates."""
    script = """
import resource, time
from tests.bridge.iso20022.test_read_attacks import FILLERS, inside_statement, read_message
from bridge.errors import MessageRefused
for name, make in FILLERS.items():
    data = inside_statement(make())
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read_message(data)
    except MessageRefused:
        pass
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(name, time.monotonic() - start, grown)
    del data
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == list(FILLERS)
    assert all(float(seconds) < 1 and float(megabytes) < 200 for _, seconds, megabytes in rows), rows


def test_a_file_past_the_bound_is_refused_unparsed() -> None:
    with pytest.raises(MessageRefused) as refused:
        read_message(GOOD, max_bytes=len(GOOD) - 1)
    assert refused.value.code == "message-too-large"


def test_a_long_field_is_refused() -> None:
    assert code_of(GOOD.replace(b"MSG-1", b"M" * 5000)) == "field-invalid"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "message-not-xml"),
        (b"   ", "message-not-xml"),
        (b"\x00" * 1000, "message-not-xml"),
        (b"{}", "message-not-xml"),
        (b":20:STARTUMS\r\n:25:123/456\r\n", "message-not-xml"),
        (b"PK\x03\x04rest", "message-not-xml"),
        (GOOD[:-10], "message-not-xml"),
        (GOOD[: len(GOOD) // 2], "message-not-xml"),
        (GOOD + b"<again/>", "message-not-xml"),
        (GOOD.replace(b"MSG-1", b"MSG-\xff\xfe"), "message-not-xml"),
        (GOOD.replace(b"MSG-1", "监管".encode("gb18030")), "message-not-xml"),
        (GOOD.replace(b"UTF-8", b"UTF-16"), "message-not-xml"),
        (GOOD.replace(b"UTF-8", b"no-such-encoding"), "message-not-xml"),
        (GOOD.replace(b"MSG-1", b"&undeclared;"), "message-not-xml"),
        (GOOD.replace(b"MSG-1", b"&#0;"), "message-not-xml"),
        (b"<html><body>Service unavailable</body></html>", "message-unknown"),
        (b"<a/>" * 2, "message-not-xml"),
    ],
)
def test_broken_files_are_named(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_other_encodings_that_say_so_are_read() -> None:
    chinese = GOOD.decode().replace("REF-1", "参考-1")
    for encoding in ("gb18030", "utf-16"):
        data = chinese.replace("UTF-8", encoding).encode(encoding)
        (report,) = read_message(data).reports
        assert report.entries[0].account_servicer_reference == "参考-1"


def mutations() -> Iterator[st.SearchStrategy[bytes]]:
    yield st.integers(0, len(GOOD)).map(lambda cut: GOOD[:cut])
    yield st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=6)).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + 1 :]
    )
    yield st.binary(max_size=200)


@given(data=st.one_of(*mutations()))
def test_any_damage_is_a_refusal_or_a_message(data: bytes) -> None:
    with suppress(MessageRefused):
        read_message(data)


VOCABULARY = (
    *KINDS,
    *(
        "GrpHdr",
        "MsgId",
        "Stmt",
        "Ntfctn",
        "Ntry",
        "NtryDtls",
        "TxDtls",
        "Amt",
        "CdtDbtInd",
        "Sts",
        "Cd",
        "Id",
    ),
    *("Acct", "IBAN", "Bal", "RtrInf", "TxInf", "TxInfAndSts", "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"),
)


def element(name: str, inside: list[bytes] | bytes) -> bytes:
    body = inside if isinstance(inside, bytes) else b"".join(inside)
    return f'<{name} Ccy="CNY">'.encode() + body + f"</{name}>".encode()


TREES = st.recursive(
    st.builds(element, st.sampled_from(VOCABULARY), st.sampled_from([b"", b"1.00", b"CRDT", b"2026-11-23"])),
    lambda below: st.builds(element, st.sampled_from(VOCABULARY), st.lists(below, max_size=5)),
    max_leaves=25,
)


@settings(max_examples=500)
@given(data=TREES)
def test_known_elements_in_any_order_are_a_refusal_or_a_message(data: bytes) -> None:
    with suppress(MessageRefused):
        read_message(data)


def test_one_part_may_be_almost_as_large_as_the_bound() -> None:
    filler = b"<a>" + b"x" * (MAX_PART_BYTES - 200_000) + b"</a>"
    assert len(read_message(inside_statement(filler)).reports) == 1
