"""The invariants of DESIGN §7, each recomputed from chain, bank or database by a checker of its own.

A checker returns what is wrong, as sentences; nothing wrong means the invariant holds.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.indexer import CURSOR, Indexer
from bridge.ledger_lines import line_states, tree_of_lines
from bridge.platform import Platform
from bridge.reconcile import reconcile
from bridge.returns import row_tree
from bridge.services.execution_rules import execution_faults
from bridge.services.reconciliation import batch_states, resting_in_tree, session_lots, snapshot
from bridge.services.tracing import as_map
from bridge.store import bank as bank_store
from bridge.store import payments, projections
from bridge.store.base import Database
from bridge.store.chain_models import PROJECTIONS, BlockRow
from bridge.store.models import PayoutModel, PayoutState
from bridge.trace import Map, partition_faults
from contracts.ids import reversed_line, written_off_line
from contracts.terms import MapKind

__all__ = ["check"]

SHOWN = 20


def check(platform: Platform) -> dict[str, dict[str, object]]:
    """Every invariant that can be checked from inside: `{"I1": {"holds": …, "detail": […]}}`.

    Waits for nothing: work in progress is part of the sums. Each checker reads the chain at the block that
    the projections it looks at have reached, so that what happens meanwhile is no fault.
    """
    checkers: dict[str, Callable[[Session, Platform], Iterator[str]]] = {
        "I1": _conservation,
        "I2": _balance_equation,
        "I3": _references,
        "I4": _single_payment,
        "I5": _partition,
        "I6": _executions,
        "I7": _states,
        "I9": _replay,
    }
    found: dict[str, dict[str, object]] = {}
    for name, checker in checkers.items():
        with platform.database.read() as session:
            faults = list(checker(session, platform))
        found[name] = {"holds": not faults, "detail": faults[:SHOWN]}
    return found


def _maps(session: Session) -> list[Map]:
    return [as_map(row) for row in projections.all_maps(session)]


def _conservation(session: Session, platform: Platform) -> Iterator[str]:
    """I1: minted + returned late − settled − reversed − written off = Σ balances + in flight, by the chain;
    what a tree holds and lacks is what the chain's lines, and the projections, make of it."""
    chain, block = platform.chain, _block(session)
    lots = session_lots(session)
    maps = _maps(session)
    batches = batch_states(session)
    trees = tree_of_lines({row.line: row.tree for row in lots}, maps)
    for tree in projections.trees(session):
        totals = chain.read("Ledger", "tree", tree.tree, block=block)
        away = (written_off_line(tree.tree), reversed_line(tree.tree))
        held = 0
        for line in (line for line, owner in trees.items() if owner == tree.tree and line not in away):
            filled, emptied = chain.read("Ledger", "line", line, block=block)
            ended = line in batches and batches[line].ended
            held += 0 if ended else filled - emptied
        reserved = projections.batches_of_tree(session, tree.tree)
        flying = sum(_in_flight(chain, row.batch, block) for row in reserved)
        left = totals.minted + totals.returned_late
        left -= totals.settled + totals.reversed + totals.written_off
        if left != held + flying:
            yield f"tree {tree.tree.hex()}: {left} should rest or fly, but {held} rests and {flying} flies"
        yield from _total_faults(session, tree.tree, totals, held)


def _total_faults(session: Session, tree: bytes, totals: Any, resting: int) -> Iterator[str]:
    """What the tree says it holds, lacks and was attested, against what the events make of it."""
    claimed = sum(row.amount_minor for row in projections.reversals_of_tree(session, tree))
    gone = projections.maps_into_all(session, reversed_line(tree))
    made_good = sum(row.amount_minor for row in gone if row.kind != MapKind.REOPEN)
    brought = _brought(session, tree)
    signed = projections.latest_attested(session, tree)
    attested = 0 if signed is None else signed.balance_minor + signed.credits_minor - signed.debits_minor
    held = resting_in_tree(session, tree)
    expected = {"held": held, "shortfall": claimed - made_good, "attested": attested, "brought": brought}
    for name, amount in expected.items():
        if getattr(totals, name) != amount:
            yield f"tree {tree.hex()}: {name} is {getattr(totals, name)} on chain and {amount} by its events"
    if brought > attested:
        yield f"tree {tree.hex()}: {brought} was brought onto it and {attested} is attested"
    if resting != held:
        yield f"tree {tree.hex()}: {resting} rests by its lines on chain and {held} by their maps"


def _brought(session: Session, tree: bytes) -> int:
    """What credits brought: those minted, and those opened to be returned. A lot that proved to be a return
    was minted before, and what a return set leaves was opened with it."""
    sets = projections.references_of_tree(session, tree)
    lots = projections.lots_of_tree(session, tree)
    remainders, minted = {row.remainder for row in sets}, {lot.reference for lot in lots}
    brought = sum(lot.amount_minor for lot in lots if lot.reference not in remainders)
    return brought + sum(row.opened_minor for row in sets if row.reference not in minted)


def _block(session: Session) -> int:
    """The last block of the projections in this look at the database; 0 before the first."""
    cursor = session.get(BlockRow, CURSOR)
    return 0 if cursor is None else cursor.number


def _in_flight(chain: Chain, batch: bytes, block: int) -> int:
    """Executed and neither gone back nor settled, by the chain."""
    held = chain.read("Ledger", "batch", batch, block=block)
    _, emptied = chain.read("Ledger", "line", batch, block=block)
    return 0 if held.settled else int(emptied - held.amount_gone)


def _balance_equation(session: Session, platform: Platform) -> Iterator[str]:
    """I2: the bank's balance is the ledger's plus terms that are each listed by id."""
    for account in bank_store.supervised_accounts(session):
        equation = reconcile(snapshot(session, account, platform.applier.reference_key)).equation
        total = sum(term.amount_minor for term in equation.terms)
        if equation.difference_minor or total != equation.bank_minor:
            yield f"{account.name}: the bank has {equation.bank_minor}, the terms give {total}"
        yield from (
            f"{account.name}: a term {term.name} without an id" for term in equation.terms if not term.id
        )


def _references(session: Session, platform: Platform) -> Iterator[str]:
    """I3: one bank reference makes one mint or opens one return, by the chain's own logs.

    A lot that proved to be a return is both, once: it was taken back as a whole when the return was opened.
    """
    used: Counter[bytes] = Counter()
    last = platform.chain.head()
    ledger = platform.chain.deployment.Ledger
    for entry in platform.chain.logs(platform.chain.deployment.first_block, last, [ledger]):
        event = platform.chain.decode(entry)
        if event.name in ("Minted", "ReturnOpened", "ReferenceVoided"):
            used[event["reference"]] += 1
        elif event.name == "Moved" and event["kind"] == MapKind.REOPEN:
            used[event["info"]] -= 1
    yield from (f"reference {each.hex()} was used {times} times" for each, times in used.items() if times > 1)
    for account in bank_store.supervised_accounts(session):
        booked = Counter(row.reference for row in bank_store.credits_of_tree(session, account.tree))
        yield from (f"credit {each.hex()} is booked twice" for each, times in booked.items() if times > 1)


def _single_payment(session: Session, _: Platform) -> Iterator[str]:
    """I4: one payout is in one order, by the orders' stored bytes, and is debited once, by the bank."""
    ordered: Counter[str] = Counter()
    for batch in payments.batches(session):
        for order in payments.orders(session, batch.root):
            if order.content:
                ordered.update(_end_to_end_ids(order.content))
    yield from (f"payout {each} is in {times} orders" for each, times in ordered.items() if times > 1)
    for account in bank_store.supervised_accounts(session):
        debits = Counter(
            each.end_to_end_id
            for each in bank_store.movements_of_tree(session, account.tree)
            if each.direction == "debit" and each.end_to_end_id in ordered
        )
        yield from (f"payout {each} was debited {times} times" for each, times in debits.items() if times > 1)


def _end_to_end_ids(content: bytes) -> list[str]:
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    return [str(each.text) for each in root.iter("{*}EndToEndId")]


def _partition(session: Session, platform: Platform) -> Iterator[str]:
    """I5: all maps composed partition every lot; nothing is mapped twice; the chain's lines agree."""
    lots = {row.line: row.amount_minor for row in session_lots(session)}
    maps = _maps(session)
    states = line_states(lots, maps, batch_states(session))
    lines = {}
    for line, state in states.items():
        filled, emptied = platform.chain.read("Ledger", "line", line, block=_block(session))
        lines[line] = (filled, emptied)
        if (filled, emptied) != (state.filled, state.emptied):
            yield f"line {line.hex()} is {filled}/{emptied} on chain, by its maps {state}"
    yield from partition_faults(lots, lines, maps)


def _executions(session: Session, platform: Platform) -> Iterator[str]:
    """I6: every executed chunk had every clause satisfied, by the chain's state at its block."""
    for batch in projections.all_batches(session):
        for chunk in projections.chunks(session, batch.batch):
            yield from execution_faults(session, platform.chain, batch, chunk)


def _states(session: Session, _: Platform) -> Iterator[str]:
    """I7: every payout stands where the chain's and the bank's records put it."""
    for batch in projections.all_batches(session):
        held = payments.batch_by_id(session, batch.batch)
        if held is None:
            yield f"batch {batch.batch.hex()} is on chain and was never uploaded here"
            continue
        if row_tree(session, held.root).root != batch.root:
            yield f"the stored rows of batch {batch.batch.hex()} are not those on chain"
        gone = {row.row: row.kind for row in projections.gone_rows(session, batch.batch)}
        ordered = {
            row
            for order in payments.orders(session, held.root)
            for row in range(order.first_row, order.end_row)
        }
        for payout in payments.payouts(session, held.root):
            fault = _state_fault(payout, batch.cursor, gone.get(payout.row), payout.row in ordered)
            if fault:
                yield f"batch {batch.batch.hex()} row {payout.row}: {fault}"


def _state_fault(payout: PayoutModel, cursor: int, gone: str | None, ordered: bool) -> str | None:
    executed = payout.row < cursor
    allowed: dict[str, bool] = {
        PayoutState.DRAFTED: not ordered,
        PayoutState.SKIPPED: executed and gone == "skipped",
        PayoutState.ORDERED: executed and ordered and gone is None,
        PayoutState.REJECTED: executed and ordered and gone in (None, "returned"),
        PayoutState.DEBITED: executed and ordered and gone is None and payout.movement is not None,
        PayoutState.RETURNED: executed and ordered and gone in (None, "returned", "returned_late"),
    }
    if allowed.get(payout.state):
        return None
    return f"is {payout.state} though it is {gone or ('executed' if executed else 'not executed')} on chain"


def _replay(session: Session, platform: Platform) -> Iterator[str]:
    """I9: indexing the chain again from its first block gives the same rows."""
    again = Database("sqlite://")
    try:
        again.create_all()
        Indexer(again, platform.chain, platform.indexer.confirmations).catch_up(_block(session))
        with again.begin() as replayed:
            for table in PROJECTIONS:
                stored = projections.dump(session, table)
                fresh = projections.dump(replayed, table)
                if stored != fresh:
                    yield f"{table.__tablename__}: {len(stored)} rows differ from {len(fresh)} replayed"
    finally:
        again.engine.dispose()
