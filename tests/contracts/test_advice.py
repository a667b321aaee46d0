"""Advice: every refusal the sources can give has some, and the page about it is current."""

import re
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from contracts.advice import GUARD_ADVICE, REASON_ADVICE, advice, page
from contracts.terms import REFUSAL_CODES, decode_refusal, reason_code

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "contracts").rglob("*.vy"))

_CHECK = re.compile(r"^\s*(?:assert|raise)\b", re.MULTILINE)
_REASON = re.compile(r'(?:, |\braise )"([a-z]+: [^"]+)"(?:  #.*)?$', re.MULTILINE)
_GUARD_CODE = re.compile(r"^    0x([0-9a-f]{64}),  # ([a-z-]+)$", re.MULTILINE)


def found(pattern: re.Pattern[str]) -> set[Any]:
    """What a pattern finds in all Vyper sources."""
    return {match for source in SOURCES for match in pattern.findall(source.read_text("utf-8"))}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_every_check_in_the_sources_has_a_reason(source: Path) -> None:
    text = source.read_text("utf-8")
    assert len(_REASON.findall(text)) == len(_CHECK.findall(text))


def test_every_reason_has_advice_and_no_advice_is_stale() -> None:
    assert found(_REASON) == set(REASON_ADVICE)


def test_every_guard_code_has_advice_and_no_advice_is_stale() -> None:
    written = {(code.encode().ljust(32, b"\0").hex(), code) for code in REFUSAL_CODES}
    assert found(_GUARD_CODE) == written
    assert set(REFUSAL_CODES) == set(GUARD_ADVICE)


def test_codes_tell_refusals_apart() -> None:
    codes = {reason_code(reason) for reason in REASON_ADVICE} | set(GUARD_ADVICE)
    assert len(codes) == len(REASON_ADVICE) + len(GUARD_ADVICE)


@pytest.mark.parametrize("sentence", [*GUARD_ADVICE.values(), *REASON_ADVICE.values(), advice("unlisted")])
def test_advice_is_one_short_sentence(sentence: str) -> None:
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "|" not in sentence  # it would end a cell of the page
    assert len(sentence) <= 160


@pytest.mark.parametrize("reason", sorted(REASON_ADVICE))
def test_a_decoded_refusal_finds_its_advice(reason: str) -> None:
    refusal = decode_refusal(bytes.fromhex("08c379a0") + encode(["string"], [reason]))
    assert advice(refusal.code) == REASON_ADVICE[reason]


def test_unknown_codes_get_advice_too() -> None:
    assert advice("ledger.not-yet-written") == advice("chain-reverted")


def test_the_page_is_current() -> None:
    written = (ROOT / "docs" / "refusals.md").read_text("utf-8")
    assert written == page(), "run `python -m contracts.advice`"
