"""What people decide about accounts: freeze, sort, make good, pause, close, move; and waivers."""

from bridge.chain import Call
from bridge.errors import Conflict, Invalid, NotFound
from bridge.platform import Platform
from bridge.services.acts import Act
from bridge.services.agreements import find
from bridge.store import directory, payments, projections
from bridge.store.chain_models import AccountRow, BatchRow
from contracts.ids import account_line, name_id

__all__ = [
    "account_row",
    "closing",
    "freeze",
    "is_paused",
    "making_good",
    "moving",
    "pause",
    "sorting",
    "waiver",
]


def freeze(platform: Platform, account: str, frozen: bool, nonce: int | None = None) -> Act:
    """Freeze an account at once, by one supervisor of the quorum, or unfreeze it by the quorum.

    `nonce`: that of the freeze when it was signed; None for the next one. Raises NotFound.
    """
    identity = account_row(platform, account).account
    if nonce is None:
        nonce = platform.chain.read("Supervision", "freeze_nonce", identity)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "freeze", identity, frozen, signatures)

    message = platform.chain.message("Freeze", "Supervision", account=identity, frozen=frozen, nonce=nonce)
    return Act(message, build)


def making_good(
    platform: Platform, account: str, dye_class: str, amount_minor: int, start: int | None = None
) -> Act:
    """Make good what the bank took back, whole or in part, from an account's line; the tree's quorum signs.

    `start`: the line's front when it was signed; None for where it is now. Raises NotFound.
    """
    identity = account_row(platform, account).account
    if start is None:
        _, start = platform.chain.read("Ledger", "line", account_line(identity, name_id(dye_class)))
    arguments = (identity, name_id(dye_class), amount_minor)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "make_good", *arguments, signatures)

    message = platform.chain.message(
        "MakingGood",
        "Supervision",
        account=identity,
        dyeClass=arguments[1],
        amount=amount_minor,
        start=start,
    )
    return Act(message, build)


def sorting(
    platform: Platform,
    account: str,
    dye_class: str,
    to_class: str,
    amount_minor: int,
    start: int | None = None,
) -> Act:
    """Give money of a frozen account another dye class, from the front of its line; the tree's quorum signs.

    `start`: the line's front when it was signed; None for where it is now. Raises NotFound.
    """
    identity, old, new = account_row(platform, account).account, name_id(dye_class), name_id(to_class)
    if start is None:
        _, start = platform.chain.read("Ledger", "line", account_line(identity, old))

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "sort", identity, old, new, amount_minor, signatures)

    message = platform.chain.message(
        "Sorting",
        "Supervision",
        account=identity,
        dyeClass=old,
        toClass=new,
        amount=amount_minor,
        start=start,
    )
    return Act(message, build, lambda session: directory.put_names(session, [to_class]))


def pause(platform: Platform, paused: bool, nonce: int | None = None) -> Act:
    """Pause at once, by one supervisor, or resume by supervisors of two institutions."""
    if nonce is None:
        nonce = platform.chain.read("Supervision", "pause_nonce")

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "set_paused", paused, signatures)

    return Act(platform.chain.message("Pause", "Supervision", paused=paused, nonce=nonce), build)


def is_paused(platform: Platform) -> bool:
    """Whether everything that would start is stopped."""
    with platform.database.read() as session:
        return projections.is_paused(session)


def closing(platform: Platform, account: str) -> Act:
    """Close an account for good; operators of its controller and of its parent's sign."""
    identity = account_row(platform, account).account

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "close_account", identity, signatures)

    return Act(platform.chain.message("Closing", "Supervision", account=identity), build)


def moving(platform: Platform, account: str, parent: str, nonce: int | None = None) -> Act:
    """Put an account, with all below it, under another of its tree; operators of its controller and of those
    of both parents, the old and the new, sign.

    `nonce`: that of the move when it was signed; None for the next one. Raises NotFound.
    """
    identity, above = account_row(platform, account).account, account_row(platform, parent).account
    if nonce is None:
        nonce = platform.chain.read("Supervision", "move_nonce", identity)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "move_account", identity, above, signatures)

    message = platform.chain.message("Moving", "Supervision", account=identity, parent=above, nonce=nonce)
    return Act(message, build)


def waiver(platform: Platform, batch: bytes, clause: str, expires_at: int) -> Act:
    """Let a batch pass one clause, by number or name, until a chain time; the tree's quorum signs.

    Raises NotFound, Conflict for a draft, Invalid for a clause the agreement does not have.
    """
    with platform.database.read() as session:
        held = payments.batch_by_id(session, batch)
        row = None if held is None or held.batch is None else session.get(BatchRow, held.batch)
        if held is None:
            raise NotFound("batch-unknown", "There is no such batch; upload its file first.")
        if row is None:
            raise Conflict("batch-not-reserved", "This batch is a draft; an operator reserves it first.")
        number = _clause(find(session, held.agreement).clause_names, clause)
    terms = platform.chain.read("Disbursement", "terms_hash", at=row.agreement)

    def build(signatures: list[bytes]) -> Call:
        arguments = (row.account, row.batch, terms, number, expires_at)
        return platform.chain.call("Supervision", "waive", *arguments, signatures)

    message = platform.chain.message(
        "Waiver",
        "Supervision",
        account=row.account,
        batch=row.batch,
        terms=terms,
        clause=number,
        expiresAt=expires_at,
    )
    return Act(message, build)


def _clause(names: list[str], given: str) -> int:
    """The number of a clause, by its number or its name."""
    if given in names:
        return names.index(given)
    if given.isdecimal() and int(given) < len(names):
        return int(given)
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    raise Invalid("clause-unknown", f"The agreement has no clause {given!r}; it has {listed}.")


def account_row(platform: Platform, name: str) -> AccountRow:
    """An account by its name. Raises NotFound."""
    with platform.database.read() as session:
        row = session.get(AccountRow, name_id(name))
        if row is None:
            raise NotFound("account-unknown", f"There is no account {name}; list them first.")
        return row
