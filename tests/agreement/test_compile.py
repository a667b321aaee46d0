"""Compiled terms: hashes, roster, and the rules the chain checks when an agreement is deployed."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import astuple
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.agreement import RosterEntry, cases, explain
from contracts.agreement._check_clauses import TEMPLATE_KINDS
from contracts.agreement.roster import read_roster, roster_root
from contracts.agreement.values import amount_text
from contracts.artifacts import TEMPLATES
from contracts.terms import GUARD_ABI, Guard, Kind

Draft = Any
HEADER = "payee_name,payee_account\n"
ALLOWED_KINDS = {"disbursement": 126, "allocation": 56}


def salt_for(account: str) -> bytes:
    return account.encode().rjust(34, b"\0")


# The rules of `modules/guards.vy`, written from its `__init__` and `_validate`.


def check_on_chain_rules(guards: Sequence[Guard], allowed_kinds: int) -> None:
    assert 0 < len(guards) <= 24
    clause = 0
    for guard in guards:
        assert guard.clause in (clause, clause + 1)
        clause = guard.clause
        assert allowed_kinds >> guard.kind & 1
        check_operands(guard)
    assert guards[0].clause == 0
    assert clause < 16
    for guard in guards:
        if guard.kind == Kind.WINDOW_CAP:
            assert all(o.clause != guard.clause or o.kind == Kind.WINDOW_CAP for o in guards)


def check_operands(guard: Guard) -> None:
    assert all(0 <= operand < 2**256 for operand in (guard.a, guard.b, guard.c))
    assert len(guard.subject) == len(guard.party) == 32
    match guard.kind:
        case Kind.APPROVAL:
            assert guard.a >= 2
            assert any(guard.subject)
        case Kind.ROSTER:
            assert 0 < guard.a <= 2**24
        case Kind.PAYOUT_CAP:
            assert guard.a > 0
        case Kind.WINDOW_CAP:
            assert guard.a > 0
            assert 0 <= guard.c < guard.b
        case Kind.TIME_WINDOW:
            assert guard.a < guard.b
            assert (guard.c & 0xFFFFFFFF) < (guard.c >> 32 & 0xFFFFFFFF) <= 86_400
            assert guard.c >> 64 < 86_400
        case Kind.EVIDENCE:
            assert guard.a > 0
            assert any(guard.party)


amounts = st.integers(1, 10**18 - 1).map(amount_text)
offsets = st.builds(
    lambda sign, hour, minute: f"{sign}{hour:02d}:{minute:02d}",
    st.sampled_from("+-"),
    st.integers(0, 13),
    st.integers(0, 59),
)
windows = st.sampled_from(["hour", "day", "week"]) | st.integers(1, 366 * 86_400).map(lambda n: f"{n}s")
days = st.dates(min_value=date(2000, 1, 1), max_value=date(2999, 12, 31))
slugs = st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20})?", fullmatch=True)
clause_names = st.lists(
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12),
    min_size=16,
    max_size=16,
    unique=True,
)


@st.composite
def hours(draw: st.DrawFn) -> str:
    start, end = sorted(draw(st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True)))
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


@st.composite
def time_windows(draw: st.DrawFn) -> dict[str, str]:
    first, last = sorted(draw(st.lists(days, min_size=2, max_size=2)))
    return {
        "kind": "time_window",
        "from": first.isoformat(),
        "until": last.isoformat(),
        "daily": draw(hours()),
        "timezone": draw(offsets),
    }


@st.composite
def clause_lists(draw: st.DrawFn, disbursement: bool) -> list[tuple[str, list[dict[str, object]]]]:
    """Clauses that contradict nobody, with the code each refuses with."""
    every = draw(st.lists(windows, max_size=4, unique=True))
    caps = [
        {"kind": "window_cap", "amount": draw(amounts), "every": e, "timezone": draw(offsets)} for e in every
    ]
    clauses: list[tuple[str, list[dict[str, object]]]] = []
    if caps:
        clauses.append(("window-cap", list(caps)))
    if draw(st.booleans()) or not caps:
        clauses.append(("payout-cap", [{"kind": "payout_cap", "amount": draw(amounts)}]))
    if draw(st.booleans()):
        clauses.append(("outside-time-window", [draw(time_windows())]))
    if disbursement:
        clauses.append(("payee-not-on-roster", [{"kind": "payee_roster", "file": "couriers.csv"}]))
        quorum = {"kind": "approval", "quorum": "supervisors", "at_least": draw(st.integers(2, 3))}
        clauses.append(("approvals-missing", [quorum]))
        kinds = draw(st.lists(slugs, max_size=6, unique=True))
        fresh = draw(st.integers(1, 3_660))
        papers = [
            {"kind": "evidence", "evidence": k, "by": "witness", "fresh_for": f"{fresh}d"} for k in kinds
        ]
        cut = draw(st.integers(0, len(papers)))
        clauses += [("evidence-missing", part) for part in (papers[:cut], papers[cut:]) if part]
    return draw(st.permutations(clauses))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), disbursement=st.booleans())
def test_valid_files_compile_to_what_the_chain_takes(
    draft: Callable[[str], Draft], data: st.DataObject, disbursement: bool
) -> None:
    written = draft("courier-payouts" if disbursement else "fund-east")
    paid = written.document["expected"][0]
    paid["given"].pop("evidence", None)
    written.document["clauses"], written.document["expected"] = [], [deepcopy(paid)]
    names = data.draw(clause_names)
    for name, (code, guards) in zip(names, data.draw(clause_lists(disbursement)), strict=False):
        written.add_clause(name, code, *guards)
    compiled = written.compiled()
    template = compiled.file.content.template_name
    check_on_chain_rules(compiled.guards, ALLOWED_KINDS[template])
    types = ["bytes32", "bytes32", *(["bytes32[]"] if template == "allocation" else []), f"{GUARD_ABI}[]"]
    assert list(decode(types, compiled.arguments)[-1]) == [guard.encoded() for guard in compiled.guards]
    assert len(compiled.arguments) <= 16_384
    assert len(cases(compiled.file)) == len(compiled.clause_names) + 1
    explanation = explain(compiled)
    for name in compiled.clause_names:
        assert name in explanation.zh
        assert name in explanation.en


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_kinds_of_a_template_are_those_of_its_source(template: str) -> None:
    source = files("contracts").joinpath(f"{TEMPLATES[template]}.vy").read_text(encoding="utf-8")
    bits = sum(1 << kind for kind in TEMPLATE_KINDS[template])
    assert f"ALLOWED_KINDS: constant(uint256) = {bits}\n" in source
    assert bits == ALLOWED_KINDS[template]


def test_roster_is_sorted_and_indexed(payouts: Draft) -> None:
    lines = payouts.rosters["couriers.csv"].decode().splitlines()
    payouts.rosters["couriers.csv"] = "\r\n".join([lines[0], *reversed(lines[1:])]).encode("utf-8-sig")
    compiled = payouts.compiled()
    assert [entry.index for entry in compiled.roster] == [0, 1, 2, 3, 4]
    assert compiled.roster[0] == RosterEntry(0, "陈一帆", "6200000000000000017")
    assert [entry.account for entry in compiled.roster] == sorted(entry.account for entry in compiled.roster)


def test_file_hash_changes_with_file_and_roster(draft: Callable[[str], Draft]) -> None:
    before = draft("courier-payouts").compiled()
    changed = draft("courier-payouts")
    changed.document["version"] = 2
    assert changed.compiled().file_hash != before.file_hash
    changed = draft("courier-payouts")
    changed.rosters["couriers.csv"] += "许一诺,99\n".encode()
    after = changed.compiled()
    assert after.file_hash != before.file_hash
    assert after.results_hash == before.results_hash
    assert before.file_hash == keccak(before.file.source + before.roster_root)


def test_results_hash_ignores_layout_and_defaults(draft: Callable[[str], Draft]) -> None:
    before = draft("fund-east").compiled()
    same = draft("fund-east")
    same.document["expected"][0]["given"]["approvals"] = 0
    assert same.compiled().results_hash == before.results_hash
    other = draft("fund-east")
    other.document["expected"][0]["given"]["balance"] = "5000001.00"
    assert other.compiled().results_hash != before.results_hash


def test_root_of_one_entry_is_as_described() -> None:
    (entry,), _ = read_roster("one.csv", (HEADER + "陈一帆,6200\n").encode())
    committed = keccak(salt_for("6200") + "陈一帆\x1f6200".encode())
    leaf = keccak(b"\0" + bytes(3) + committed)
    assert roster_root([entry], salt_for) == keccak(b"\2" + (1).to_bytes(32) + leaf)


@given(count=st.integers(1, 40))
@settings(deadline=None)
def test_root_of_many_entries_is_as_described(count: int) -> None:
    entries = [RosterEntry(index, f"payee {index}", f"{index:05d}") for index in range(count)]
    leaves = {
        entry.index: keccak(
            b"\0"
            + entry.index.to_bytes(3)
            + keccak(salt_for(entry.account) + f"{entry.name}\x1f{entry.account}".encode())
        )
        for entry in entries
    }

    def node(height: int, index: int) -> bytes:
        if index << height >= count:
            return bytes(32)
        if height == 0:
            return leaves[index]
        return keccak(b"\1" + node(height - 1, 2 * index) + node(height - 1, 2 * index + 1))

    top = node((count - 1).bit_length(), 0)
    assert roster_root(entries, salt_for) == keccak(b"\2" + count.to_bytes(32) + top)


def test_root_depends_on_every_part() -> None:
    entries = [RosterEntry(0, "a", "1"), RosterEntry(1, "b", "2")]
    changed = [
        [RosterEntry(0, "c", "1"), entries[1]],
        [entries[0], RosterEntry(1, "b", "3")],
        entries[:1],
    ]
    roots = {roster_root(some, salt_for) for some in (entries, *changed)}
    assert len(roots) == 4
    assert roster_root(entries, lambda account: salt_for(account + "x")) not in roots


def test_short_salt_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        roster_root([RosterEntry(0, "a", "1")], lambda account: b"short")


def test_root_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        roster_root([], salt_for)


def test_faulty_lines_are_bounded() -> None:
    _, faults = read_roster("r.csv", (HEADER + ",\n" * 1_000).encode())
    assert len(faults) == 100


def test_compiled_holds_nothing_personal(payouts: Draft) -> None:
    compiled = payouts.compiled()
    for entry in compiled.roster:
        assert entry.name.encode() not in compiled.arguments
        assert entry.account.encode() not in compiled.arguments
    assert astuple(compiled.guards[1])[0] == 1
