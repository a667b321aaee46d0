"""The payee roster: read from CSV, put in order, committed by a salted Merkle tree.

Entries are sorted by account (bytes of its ASCII text); those of a later version follow those it had
before, so that an index means the same payee for ever. The tree over *n* entries, indices 0 … n-1:

- commitment of an entry = keccak(salt ‖ name ‖ 0x1f ‖ account), UTF-8, the salt given per account;
- leaf = keccak(0x00 ‖ index as 3 bytes, big-endian ‖ commitment);
- node = keccak(0x01 ‖ left ‖ right); a level of odd length is filled with 32 zero bytes on the right;
- root = keccak(0x02 ‖ n as 32 bytes, big-endian ‖ top), the top of one leaf being the leaf.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eth_hash.auto import keccak

from contracts.agreement._fields import readable
from contracts.agreement.codes import Code
from contracts.errors import Fault
from contracts.ids import commitment

__all__ = ["COLUMNS", "MAX_PAYEES", "MAX_ROSTER_BYTES", "Payee", "RosterEntry", "read_roster", "roster_root"]

COLUMNS = ("payee_name", "payee_account")
MAX_PAYEES = 2**20
MAX_ROSTER_BYTES = 128 * 1024 * 1024
MAX_FAULTS = 100
_ACCOUNT = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,32}[0-9A-Za-z])?")
_MISSING = bytes(32)


@dataclass(frozen=True)
class Payee:
    """A payee as the file names it."""

    name: str
    account: str


@dataclass(frozen=True)
class RosterEntry:
    """A payee at its place: `index` is what a payout row carries."""

    index: int
    name: str
    account: str


def read_roster(
    name: str, content: bytes, before: Sequence[RosterEntry] = ()
) -> tuple[tuple[RosterEntry, ...], tuple[Fault, ...]]:
    """Entries of a roster file in the order of their indices, and its faults (the first 100).

    The file is UTF-8 CSV with the header `payee_name,payee_account`, at most 2^20 payees. `before` are the
    entries of the version it replaces: they keep their places, and each must be in the file.
    """
    faults: list[Fault] = []
    payees: list[Payee] = []
    for fault_or_payee in _read(name, content):
        if isinstance(fault_or_payee, Payee):
            payees.append(fault_or_payee)
        elif len(faults) < MAX_FAULTS:
            faults.append(fault_or_payee)
    payees.sort(key=lambda payee: payee.account)
    if not payees and not faults:
        faults.append(Fault(name, Code.ROSTER_EMPTY, "the roster names nobody; add a payee"))
    faults += _repeated(name, payees)
    faults += _missing(name, payees, before)
    held = {(entry.name, entry.account) for entry in before}
    added = [payee for payee in payees if (payee.name, payee.account) not in held]
    in_order = [*(Payee(entry.name, entry.account) for entry in before), *added]
    entries = tuple(RosterEntry(index, payee.name, payee.account) for index, payee in enumerate(in_order))
    return entries, tuple(faults)


def roster_root(entries: Sequence[RosterEntry], salt_for: Callable[[str], bytes]) -> bytes:
    """Root (32 bytes) of the tree this module describes. Raises ValueError for none or a salt below 16 bytes.

    `salt_for` gives the salt of an account; the same account has another salt in another agreement.
    """
    if not entries:
        raise ValueError("a roster has at least one entry")
    level = [_leaf(entry, salt_for(entry.account)) for entry in entries]
    while len(level) > 1:
        padded = [*level, _MISSING]
        level = [keccak(b"\x01" + padded[i] + padded[i + 1]) for i in range(0, len(level), 2)]
    return keccak(b"\x02" + len(entries).to_bytes(32) + level[0])


def _leaf(entry: RosterEntry, salt: bytes) -> bytes:
    content = f"{entry.name}\x1f{entry.account}".encode()
    return keccak(b"\x00" + entry.index.to_bytes(3) + commitment(salt, content))


def _read(name: str, content: bytes) -> Iterator[Payee | Fault]:
    if len(content) > MAX_ROSTER_BYTES:
        yield Fault(name, Code.ROSTER_INVALID, f"the roster is larger than {MAX_ROSTER_BYTES} bytes")
        return
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(next(rows, ())) != COLUMNS:
            yield Fault(f"{name} line 1", Code.ROSTER_INVALID, f"the first line must be {','.join(COLUMNS)}")
            return
        for number, row in enumerate(rows, start=1):
            if number > MAX_PAYEES:
                yield Fault(name, Code.ROSTER_INVALID, f"a roster has at most {MAX_PAYEES} payees")
                return
            yield _payee(f"{name} line {rows.line_num}", row)
    except UnicodeError:
        yield Fault(name, Code.ROSTER_INVALID, "the roster is not UTF-8 text; save it as UTF-8")
    except csv.Error as exc:
        yield Fault(name, Code.ROSTER_INVALID, f"not CSV: {exc}")


def _payee(where: str, row: list[str]) -> Payee | Fault:
    if len(row) != len(COLUMNS):
        return Fault(where, Code.ROSTER_INVALID, f"a payee has {len(COLUMNS)} fields, not {len(row)}")
    try:
        readable(row[0])
    except ValueError as exc:
        return Fault(where, Code.ROSTER_INVALID, f"payee_name: {exc}")
    if not _ACCOUNT.fullmatch(row[1]):
        message = "payee_account: write 1 to 34 digits, letters and inner '-'"
        return Fault(where, Code.ROSTER_INVALID, message)
    return Payee(*row)


def _missing(name: str, payees: list[Payee], before: Sequence[RosterEntry]) -> list[Fault]:
    there = {(payee.name, payee.account) for payee in payees}
    gone = [entry.name for entry in before if (entry.name, entry.account) not in there]
    message = "{} was on the roster and keeps its place; put the line back, and block the payee instead"
    return [Fault(name, Code.ROSTER_SHRINKS, message.format(payee)) for payee in gone[:MAX_FAULTS]]


def _repeated(name: str, payees: list[Payee]) -> list[Fault]:
    found = sorted({a.account for a, b in pairwise(payees) if a.account == b.account})
    message = "the account {} is on the roster more than once; keep one line"
    return [Fault(name, Code.ROSTER_DUPLICATE, message.format(account)) for account in found[:MAX_FAULTS]]
