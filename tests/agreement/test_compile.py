"""Compiled terms: hashes, roster, and the rules the chain checks when an agreement is deployed."""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import astuple
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import boa
import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.agreement import RosterEntry, cases, explain
from contracts.agreement._check_clauses import TEMPLATE_KINDS
from contracts.agreement.model import Agreement
from contracts.agreement.roster import read_roster, roster_root
from contracts.agreement.values import WEEKDAYS, amount_text
from contracts.artifacts import TEMPLATES
from contracts.terms import GUARD_ABI, RULE_ABI, Guard
from tests.contracts.world import found, share
from tests.samples import examples

Draft = Any
HEADER = "payee_name,payee_account\n"


def salt_for(account: str) -> bytes:
    return account.encode().rjust(34, b"\0")


@pytest.fixture(scope="module")
def publish() -> Iterator[Callable[[Sequence[Guard], int], object]]:
    """The contract that checks terms, so that nothing the compiler makes is ever refused on chain."""
    with boa.env.anchor():
        clauses = share(found(), "checked-here", "Clauses")
        yield lambda guards, kinds: clauses.publish(
            [guard.encoded() for guard in guards], kinds, 0, bytes(32)
        )


# Rising, so that no cap makes another needless.
payouts = st.integers(1, 1_000).map(amount_text)
payees = st.integers(1_001, 2**32 - 2).map(amount_text)
batches = st.integers(2**33, 2**34).map(amount_text)
amounts = st.integers(2**35, 2**50).map(amount_text)
lifetimes = st.integers(2**51, 10**18 - 1).map(amount_text)
offsets = st.builds(
    lambda sign, hour, minute: f"{sign}{hour:02d}:{minute:02d}",
    st.sampled_from("+-"),
    st.integers(0, 13),
    st.integers(0, 59),
)
windows = st.sampled_from(["hour", "day", "week"]) | st.integers(256, 366 * 86_400).map(lambda n: f"{n}s")
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
    start = draw(st.integers(0, 1439))
    end = draw(st.integers(0, 1440).filter(lambda minute: minute != start))
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


@st.composite
def time_windows(draw: st.DrawFn) -> dict[str, str]:
    first, last = sorted(draw(st.lists(days, min_size=2, max_size=2)))
    return {
        "kind": "time_window",
        "from": first.isoformat(),
        "until": last.isoformat(),
        "daily": draw(hours()),
        # The first day's among them, so that the window opens at all.
        "days": sorted({WEEKDAYS[first.weekday()], *draw(st.lists(st.sampled_from(WEEKDAYS)))}),
        "timezone": draw(offsets),
    }


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, object]:
    first = draw(st.dates(min_value=date(2000, 1, 1), max_value=date(2900, 12, 31)))
    length = draw(st.integers(1, 256))
    listed = draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=20, unique=True))
    named = [(first + timedelta(days=day)).isoformat() for day in listed]
    key = "excluded" if len(listed) < length and draw(st.booleans()) else "allowed"
    return {
        "kind": "calendar",
        "from": first.isoformat(),
        "until": (first + timedelta(days=length - 1)).isoformat(),
        key: named,
        "timezone": draw(offsets),
    }


@st.composite
def payee_caps(draw: st.DrawFn) -> dict[str, object]:
    every = draw(windows | st.just("ever"))
    zone = {} if every == "ever" else {"timezone": draw(offsets)}
    return {"kind": "payee_cap", "amount": draw(payees), "every": every, **zone}


BLACKLIST = {"kind": "blacklist", "quorum": "supervisors"}
WAITING = {"kind": "waiting", "quorum": "supervisors", "at_least": 2, "wait": "1h"}
SIGNED = {"kind": "countersignature", "by": "river-supplies"}
INVOICE = {"kind": "document", "document": "invoice", "by": "clear-audit"}
CLASSES = [{"kind": "dye_class", "dye_class": name} for name in ("courier-pay", "bonus")]
RELEASED = {"kind": "agreement_state", "agreement": "bike-order", "state": "released"}


@st.composite
def further_clauses(draw: st.DrawFn) -> list[tuple[str, list[dict[str, object]]]]:
    """Clauses only a disbursement has."""
    line = {"kind": "line_cap", "dye_class": "courier-pay", "amount": draw(amounts)}
    clauses = draw(
        st.lists(
            st.sampled_from(
                [
                    ("payee-cap", [draw(payee_caps())]),
                    ("batch-cap", [{"kind": "batch_cap", "amount": draw(batches)}]),
                    ("payee-blocked", [BLACKLIST]),
                    ("waiting-period", [WAITING]),
                    ("countersignature-missing", [SIGNED]),
                    ("document-missing", [INVOICE]),
                    ("dye-class", CLASSES),
                    ("agreement-state", [RELEASED]),
                    ("line-cap", [line]),
                ]
            ),
            unique_by=lambda clause: clause[0],
            # With all others a file has sixteen clauses then, which is the most.
            max_size=8,
        )
    )
    # The cap of the only class that can be drawn on would make wider caps needless.
    several = any(code == "dye-class" for code, _ in clauses)
    return [clause for clause in clauses if several or clause[0] != "line-cap"]


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
        clauses.append(("payout-cap", [{"kind": "payout_cap", "amount": draw(payouts)}]))
    if draw(st.booleans()):
        clauses.append(("lifetime-cap", [{"kind": "lifetime_cap", "amount": draw(lifetimes)}]))
    clock = draw(st.sampled_from(["", "outside-time-window", "outside-calendar"]))
    if clock:
        clauses.append((clock, [draw(calendars() if clock == "outside-calendar" else time_windows())]))
    if disbursement:
        clauses += draw(further_clauses())
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


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), disbursement=st.booleans())
def test_valid_files_compile_to_what_the_chain_takes(
    draft: Callable[[str], Draft],
    publish: Callable[[Sequence[Guard], int], object],
    data: st.DataObject,
    disbursement: bool,
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
    publish(compiled.guards, sum(1 << kind for kind in TEMPLATE_KINDS[template]))
    allocation = template == "allocation"
    types = ["bytes32", "bytes32", *(["bytes32[]"] if allocation else []), f"{GUARD_ABI}[]"]
    types += [f"{RULE_ABI}[]"] if allocation else []
    decoded = decode(types, compiled.arguments)[3 if allocation else 2]
    assert list(decoded) == [guard.encoded() for guard in compiled.guards]
    assert len(compiled.arguments) <= 16_384
    assert len(cases(compiled.file)) == len(compiled.clause_names) + 1
    explanation = explain(compiled)
    for name in compiled.clause_names:
        assert name in explanation.zh
        assert name in explanation.en


@pytest.mark.parametrize("template", sorted(TEMPLATE_KINDS))
def test_kinds_of_a_template_are_those_of_its_source(template: str) -> None:
    source = files("contracts").joinpath(f"{TEMPLATES[template]}.vy").read_text(encoding="utf-8")
    (written,) = re.findall(r"^ALL(?:OWED)?_KINDS: constant\(uint256\) = ([-+* \d]+)$", source, re.MULTILINE)
    bits = sum(1 << int(kind) for kind in re.findall(r"2\*\*(\d+)", written))
    if written.endswith("- 2"):
        bits = 2 ** int(re.findall(r"2\*\*(\d+)", written)[0]) - 2
    assert sum(1 << kind for kind in TEMPLATE_KINDS[template]) == bits


def test_templates_are_those_of_the_product() -> None:
    written = Agreement.model_fields["template"].annotation.__args__  # type: ignore[union-attr]
    assert {template.partition("@")[0] for template in written} == set(TEMPLATES)


def test_roster_is_sorted_and_indexed(payouts: Draft) -> None:
    lines = payouts.rosters["couriers.csv"].decode().splitlines()
    payouts.rosters["couriers.csv"] = "\r\n".join([lines[0], *reversed(lines[1:])]).encode("utf-8-sig")
    compiled = payouts.compiled()
    assert [entry.index for entry in compiled.roster] == [0, 1, 2, 3, 4]
    assert compiled.roster[0] == RosterEntry(0, "陈一帆", "6200000000000000017")
    assert [entry.account for entry in compiled.roster] == sorted(entry.account for entry in compiled.roster)


def test_payees_of_the_last_version_keep_their_places() -> None:
    before, _ = read_roster("one.csv", (HEADER + "b,2\nd,4\n").encode())
    after, faults = read_roster("two.csv", (HEADER + "a,1\nd,4\nc,3\nb,2\n").encode(), before)
    assert faults == ()
    assert [(entry.index, entry.name) for entry in after] == [(0, "b"), (1, "d"), (2, "a"), (3, "c")]


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
