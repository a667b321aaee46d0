"""Guards as the chain holds them, and the refusals the chain gives: the twin of `modules/guards.vy`."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from contracts.errors import RefusalUnknown

__all__ = [
    "BALANCE_STATE",
    "GUARD_ABI",
    "NON_WAIVABLE",
    "OPEN_STATE",
    "REFUSAL_CODES",
    "REFUSED_SELECTOR",
    "RULE_ABI",
    "Guard",
    "InstitutionKind",
    "Kind",
    "MapKind",
    "Refusal",
    "Role",
    "Rule",
    "RuleMode",
    "allocation_arguments",
    "decode_refusal",
    "disbursement_arguments",
    "reason_code",
]


class Kind(IntEnum):
    """Kind of a guard; operands are listed in `modules/guards.vy`."""

    APPROVAL = 1
    ROSTER = 2
    PAYOUT_CAP = 3
    WINDOW_CAP = 4
    TIME_WINDOW = 5
    EVIDENCE = 6
    BATCH_CAP = 7
    LIFETIME_CAP = 8
    PAYEE_CAP = 9
    BLACKLIST = 10
    DYE_CLASS = 11
    LINE_CAP = 12
    COUNTERSIGN = 13
    AGREEMENT_STATE = 14
    WAITING = 15
    DOCUMENT = 16
    CALENDAR_DAY = 17


class MapKind(IntEnum):
    """Kind of a map from line to line, as `Moved` logs it (`modules/lines.vy`)."""

    IDENTIFY = 1
    TRANSFER = 2
    RESERVE = 3
    SKIP = 4
    RELEASE = 5
    GIVE_BACK = 6
    WRITE_OFF = 7
    CARVE = 8
    RELAY = 9
    THAW = 10
    SORT = 11
    MAKE_GOOD = 12
    SWEEP = 13
    REVERSE = 14
    REOPEN = 15
    REFUND = 16


class Role(IntFlag):
    """What a signer may do, one bit a role."""

    GOVERNOR = 1
    MINTER = 2
    SETTLER = 4
    SUPERVISOR = 8
    OPERATOR = 16
    TELLER = 32
    WITNESS = 64
    AUDITOR = 128
    ATTESTER = 256


class InstitutionKind(IntEnum):
    """What an institution is."""

    BANK = 1
    AGENCY = 2
    ENTERPRISE = 3
    AUDITOR = 4


GUARD_ABI = "(uint256,uint256,uint256,uint256,uint256,bytes32,bytes32)"
RULE_ABI = "(bytes32,uint256,uint256)"
REFUSED_SELECTOR = keccak(b"Refused(uint256,uint256,bytes32,uint256,uint256)")[:4]
_ERROR_SELECTOR = keccak(b"Error(string)")[:4]

REFUSAL_CODES: dict[str, Kind] = {
    "approvals-missing": Kind.APPROVAL,
    "payee-not-on-roster": Kind.ROSTER,
    "payout-cap": Kind.PAYOUT_CAP,
    "window-cap": Kind.WINDOW_CAP,
    "outside-time-window": Kind.TIME_WINDOW,
    "evidence-missing": Kind.EVIDENCE,
    "batch-cap": Kind.BATCH_CAP,
    "lifetime-cap": Kind.LIFETIME_CAP,
    "payee-cap": Kind.PAYEE_CAP,
    "payee-blocked": Kind.BLACKLIST,
    "dye-class": Kind.DYE_CLASS,
    "line-cap": Kind.LINE_CAP,
    "countersignature-missing": Kind.COUNTERSIGN,
    "agreement-state": Kind.AGREEMENT_STATE,
    "waiting-period": Kind.WAITING,
    "document-missing": Kind.DOCUMENT,
    "document-payee": Kind.DOCUMENT,
    "document-amount": Kind.DOCUMENT,
    "outside-calendar": Kind.CALENDAR_DAY,
}
"""What a guard's refusal is called, and the kind of guard that gives it; a document gives three."""

NON_WAIVABLE = frozenset({Kind.APPROVAL, Kind.BLACKLIST, Kind.COUNTERSIGN, Kind.WAITING, Kind.DOCUMENT})
"""A clause with one of these is never waived."""

OPEN_STATE = 1
BALANCE_STATE = 255
"""State an AGREEMENT_STATE guard asks for when it asks for a balance instead."""


@dataclass(frozen=True)
class Guard:
    """One alternative of a clause: `(clause, kind, a, b, c, subject, party)`."""

    clause: int
    kind: Kind
    a: int = 0
    b: int = 0
    c: int = 0
    subject: bytes = bytes(32)
    party: bytes = bytes(32)

    def encoded(self) -> tuple[int, int, int, int, int, bytes, bytes]:
        """The tuple as the ABI takes it."""
        return (self.clause, int(self.kind), self.a, self.b, self.c, self.subject, self.party)


class RuleMode(IntEnum):
    """How a rule of an allocation funds its destination."""

    TOP_UP = 1
    SHARE = 2
    REST = 3


@dataclass(frozen=True)
class Rule:
    """What an allocation's `clear` moves to one destination.

    `amount` is a balance in minor units (TOP_UP), basis points of all that comes in (SHARE), or zero (REST).
    """

    destination: bytes
    mode: RuleMode
    amount: int = 0

    def encoded(self) -> tuple[bytes, int, int]:
        """The tuple as the ABI takes it."""
        return (self.destination, int(self.mode), self.amount)


@dataclass(frozen=True)
class Refusal:
    """What the chain says when it refuses.

    A guard's refusal names clause, guard, limit and observed value; any other carries only its reason.
    """

    code: str
    reason: str
    clause: int | None = None
    guard: int | None = None
    limit: int | None = None
    observed: int | None = None


def decode_refusal(data: bytes) -> Refusal:
    """Read revert data. Raises RefusalUnknown for what none of our contracts gives."""
    if data[:4] == REFUSED_SELECTOR and len(data) == 4 + 5 * 32:
        clause, guard, code, limit, observed = decode(
            ["uint256", "uint256", "bytes32", "uint256", "uint256"], data[4:]
        )
        name = code.rstrip(b"\0").decode("ascii")
        reason = f"clause {clause}, guard {guard}: {name}, limit {limit}, observed {observed}"
        return Refusal(name, reason, clause, guard, limit, observed)
    if data[:4] == _ERROR_SELECTOR:
        (reason,) = decode(["string"], data[4:])
        return Refusal(reason_code(reason), reason)
    raise RefusalUnknown(f"unreadable revert data 0x{data.hex()}")


def reason_code(reason: str) -> str:
    """The stable code of a reason: `"ledger: account frozen"` is `ledger.account-frozen`."""
    return reason.replace(": ", ".").replace(" ", "-").replace("'", "")


def disbursement_arguments(account: bytes, dye_class: bytes, guards: tuple[Guard, ...]) -> bytes:
    """Constructor arguments of `Disbursement.vy`."""
    return encode(
        ["bytes32", "bytes32", f"{GUARD_ABI}[]"], [account, dye_class, [guard.encoded() for guard in guards]]
    )


def allocation_arguments(
    account: bytes,
    dye_class: bytes,
    destinations: tuple[bytes, ...],
    guards: tuple[Guard, ...],
    rules: tuple[Rule, ...] = (),
) -> bytes:
    """Constructor arguments of `Allocation.vy`."""
    return encode(
        ["bytes32", "bytes32", "bytes32[]", f"{GUARD_ABI}[]", f"{RULE_ABI}[]"],
        [
            account,
            dye_class,
            list(destinations),
            [guard.encoded() for guard in guards],
            [rule.encoded() for rule in rules],
        ],
    )
