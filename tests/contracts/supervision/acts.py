"""Acts of Supervision as people sign them: what is signed, and the call that hands it in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_account.signers.local import LocalAccount

from contracts.ids import account_line, lot_line, pieces_hash
from contracts.rows import RowTree
from tests.contracts.chain import Event
from tests.contracts.world import (
    MATERIALS,
    QUORUM_SIGNERS,
    TREE,
    WAGES,
    ZERO,
    World,
    bank_bridge,
    consents,
    first_teller,
    second_teller,
)

IDENTIFY, RESERVE, SKIP, RELEASE, GIVE_BACK, WRITE_OFF, CARVE, RELAY = 1, 3, 4, 5, 6, 7, 8, 9
THAW, SORT, MAKE_GOOD, SWEEP, REVERSE = 10, 11, 12, 13, 14
TELLERS = (first_teller, second_teller)
Pieces = Sequence[tuple[int, int]]

TERMS_HASH = b"\3" * 32


@dataclass(frozen=True)
class Act:
    """One act: the function that takes it, its arguments, and the message that is signed."""

    function: str
    kind: str
    arguments: tuple[Any, ...]
    values: dict[str, Any]

    def signed(self, world: World, by: Iterable[LocalAccount] = QUORUM_SIGNERS) -> list[bytes]:
        """Signatures in rising order of signer."""
        return consents(by, self.kind, world.supervision, **self.values)

    def hand_in(self, world: World, given: Sequence[bytes]) -> Any:
        """Call the function with signatures, whoever gave them."""
        return getattr(world.supervision, self.function)(*self.arguments, list(given))

    def decide(self, world: World, by: Iterable[LocalAccount] = QUORUM_SIGNERS) -> Any:
        """Sign and hand in."""
        return self.hand_in(world, self.signed(world, by))

    def over(self, **values: Any) -> Act:
        """The same call, over a message with other values."""
        return replace(self, values={**self.values, **values})


def front(world: World, line: bytes) -> int:
    """Where a line's money starts now."""
    return int(world.ledger.line(line)[1])


def freezing(world: World, account: bytes, frozen: bool) -> Act:
    """Freeze an account or unfreeze it."""
    nonce = world.supervision.freeze_nonce(account)
    values = {"account": account, "frozen": frozen, "nonce": nonce}
    return Act("freeze", "Freeze", (account, frozen), values)


def freezing_lot(world: World, lot: bytes) -> Act:
    """Take what is in suspense of a lot into custody."""
    return Act("freeze_lot", "LotFreeze", (lot,), {"lot": lot, "start": front(world, lot_line(lot))})


def pausing(world: World, paused: bool) -> Act:
    """Pause or resume."""
    values = {"paused": paused, "nonce": world.supervision.pause_nonce()}
    return Act("set_paused", "Pause", (paused,), values)


def moving(world: World, account: bytes, parent: bytes) -> Act:
    """Put an account under another."""
    values = {"account": account, "parent": parent, "nonce": world.supervision.move_nonce(account)}
    return Act("move_account", "Moving", (account, parent), values)


def identifying(
    world: World, lot: bytes, amount: int, account: bytes = TREE, dye_class: bytes = MATERIALS
) -> Act:
    """Map money of a lot to an account."""
    values = {"lot": lot, "account": account, "dyeClass": dye_class, "amount": amount}
    start = front(world, lot_line(lot))
    return Act("identify", "Identification", tuple(values.values()), {**values, "start": start})


def waiving(
    batch: bytes, clause: int, expires_at: int, account: bytes = TREE, terms: bytes = TERMS_HASH
) -> Act:
    """Release a batch from a clause."""
    values = {
        "account": account,
        "batch": batch,
        "terms": terms,
        "clause": clause,
        "expiresAt": expires_at,
    }
    return Act("waive", "Waiver", tuple(values.values()), values)


def releasing(batch: bytes) -> Act:
    """End a batch."""
    return Act("release", "Release", (batch,), {"batch": batch})


def writing_off(amount: int, reference: bytes, account: bytes = TREE, dye_class: bytes = WAGES) -> Act:
    """Take a charge off the ledger."""
    values = {"account": account, "dyeClass": dye_class, "amount": amount, "reference": reference}
    return Act("write_off", "WriteOff", tuple(values.values()), values)


def falling_short(amount: int, reference: bytes, tree: bytes = TREE) -> Act:
    """Record that the bank took money for which nothing stands."""
    values = {"tree": tree, "amount": amount, "reference": reference}
    return Act("record_shortfall", "Shortfall", tuple(values.values()), values)


def making_good(world: World, amount: int, account: bytes = TREE, dye_class: bytes = WAGES) -> Act:
    """Make a shortfall good out of an account."""
    values = {"account": account, "dyeClass": dye_class, "amount": amount}
    start = front(world, account_line(account, dye_class))
    return Act("make_good", "MakingGood", tuple(values.values()), {**values, "start": start})


def sorting(
    world: World,
    amount: int,
    dye_class: bytes = WAGES,
    to_class: bytes = MATERIALS,
    account: bytes = TREE,
) -> Act:
    """Move money of an account to another dye class."""
    values = {"account": account, "dyeClass": dye_class, "toClass": to_class, "amount": amount}
    start = front(world, account_line(account, dye_class))
    return Act("sort", "Sorting", tuple(values.values()), {**values, "start": start})


def carving(pieces: Pieces, reference: bytes = ZERO, account: bytes = TREE, dye_class: bytes = WAGES) -> Act:
    """Carve pieces out of an account's line."""
    line = account_line(account, dye_class)
    values = {"line": line, "pieces": pieces_hash(pieces), "reference": reference}
    return Act("carve", "Carving", (account, dye_class, list(pieces), reference), values)


def carving_custody(custody: bytes, pieces: Pieces, reference: bytes = ZERO) -> Act:
    """Carve pieces out of a custody line."""
    values = {"line": custody, "pieces": pieces_hash(pieces), "reference": reference}
    return Act("carve_custody", "Carving", (custody, list(pieces), reference), values)


def thawing(
    world: World, custody: bytes, amount: int, account: bytes = TREE, dye_class: bytes = WAGES
) -> Act:
    """Map money out of custody."""
    values = {"custody": custody, "account": account, "dyeClass": dye_class, "amount": amount}
    start = front(world, custody)
    return Act("thaw", "Thawing", tuple(values.values()), {**values, "start": start})


def custody_batch(world: World, custody: bytes, tree: RowTree, deadline: int) -> Act:
    """Set money in custody aside for a batch."""
    values = {
        "custody": custody,
        "root": tree.root,
        "count": len(tree.rows),
        "total": tree.total_minor,
        "deadline": deadline,
    }
    start = front(world, custody)
    return Act("reserve_custody", "CustodyBatch", tuple(values.values()), {**values, "start": start})


def redirecting(batch: bytes, custody: bytes) -> Act:
    """Let what a batch gives back go to custody."""
    values = {"batch": batch, "custody": custody}
    return Act("redirect", "Redirection", (batch, custody), values)


def reverse(world: World, reference: bytes, amount: int, sender: Any = bank_bridge) -> None:
    """The bank took money of a credit back."""
    world.supervision.reverse(reference, amount, ZERO, sender=sender)


def suspense(world: World, lot: bytes, amount: int = 100) -> bytes:
    """Mint a lot to nobody; gives its reference."""
    world.ledger.mint(lot, TREE, ZERO, ZERO, amount, ZERO, sender=bank_bridge)
    return lot


def maps(world: World) -> list[tuple[int, bytes, bytes, int, int, int, bytes]]:
    """Maps of Supervision's last call: kind, source, destination, both starts, amount and info."""
    return [_mapping(event) for event in world.supervision.events if event.name == "Moved"]


def _mapping(event: Event) -> tuple[int, bytes, bytes, int, int, int, bytes]:
    starts = (event.source_start, event.destination_start, event.amount)
    return (event.kind, event.source, event.destination, *starts, event.info)


def names(world: World) -> list[str]:
    """Names of all events of Supervision's last call."""
    return [event.name for event in world.supervision.events]
