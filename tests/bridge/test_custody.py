"""Supervisors set apart the money of one credit; what the bank took back leaves by its own serials."""

import pytest

from bridge.errors import ChainRefused, Conflict, Invalid, NotFound
from bridge.services import accounts, batches, invariants, reconciliation, supervision, tracing
from bridge.services.custody import Source, carving, images, thawing
from bridge.store.models import TransactionModel, TransactionState
from tests.bridge.test_review import _entry, _hand_in, _notification
from tests.bridge.world import World, credit, make_agreements, payout_file

EAST, ROOT = "swift-courier/east", "swift-courier"
EAST_LINE = Source(EAST, "courier-pay")
ROOT_LINE = Source(ROOT, "courier-pay")
QUORUM = ("north-bank", "labour-bureau")
FIRST = "MB-RCV-1"
"""The bank's reference of the credit that the agreements are funded from."""


@pytest.fixture(scope="module")
def ready(world: World) -> World:
    make_agreements(world)
    return world


def _frozen(world: World, account: str, frozen: bool) -> None:
    who = QUORUM if not frozen else ("transport-bureau",)
    world.act(supervision.freeze(world.platform, account, frozen), *who)


def _custody(world: World) -> dict[str, int]:
    """What rests in custodies, by their ids."""
    listed = accounts.listing(world.platform)[0]["custody"]
    return {each["custody"]: each["amount_minor"] for each in listed}  # type: ignore[attr-defined]


def _balance(world: World, name: str, dye_class: str = "courier-pay") -> int:
    listed = accounts.listing(world.platform)[0]["accounts"]
    held = next(each["balances_minor"] for each in listed if each["account"] == name)  # type: ignore[attr-defined]
    return int(held.get(dye_class, 0))


def _resting(world: World, reference: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in tracing.trace_credit(world.platform, reference)["resting"]:  # type: ignore[attr-defined]
        found[each["line"]] = found.get(each["line"], 0) + each["amount_minor"]
    return found


def _holds(world: World) -> None:
    found = invariants.check(world.platform)
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


def test_the_money_of_one_credit_goes_into_custody_and_the_rest_stays(ready: World) -> None:
    """Money came before and comes after it; only its own serials are taken, and come back whole."""
    platform = ready.platform
    credit(ready, 70_001)
    credit(ready, 5_000)
    reference = "MB-RCV-2"
    found = images(platform, reference, ROOT_LINE, False)
    assert (len(found.pieces), found.more_minor) == (1, 0)
    assert found.pieces[0][1] - found.pieces[0][0] == 70_001
    act = carving(platform, ROOT_LINE, found.pieces)
    with pytest.raises(ChainRefused, match="account not frozen"):
        ready.act(act, *QUORUM)
    before = _balance(ready, ROOT)
    _frozen(ready, ROOT, True)
    with pytest.raises(ChainRefused, match="quorum not reached"):
        ready.act(act, "transport-bureau")
    ready.act(act, *QUORUM)
    _frozen(ready, ROOT, False)
    ((held, amount),) = _custody(ready).items()
    assert amount == 70_001
    assert _resting(ready, reference) == {f"custody {held}": 70_001}
    assert _balance(ready, ROOT) == before - 70_001
    with pytest.raises(Conflict, match="images-missing"):
        images(platform, reference, ROOT_LINE, False)
    _holds(ready)

    whole = images(platform, reference, Source(custody=bytes.fromhex(held)), False)
    assert whole.pieces == ((0, 70_001),)
    ready.act(carving(platform, Source(custody=bytes.fromhex(held)), [(10, 20), (30, 31)]), *QUORUM)
    (other,) = _custody(ready).keys() - {held}
    assert _custody(ready) == {held: 69_990, other: 11}
    for each, rest in ((held, 69_990), (other, 11)):
        ready.act(thawing(platform, bytes.fromhex(each), ROOT, "courier-pay", rest), *QUORUM)
    assert _balance(ready, ROOT) == before
    assert sum(_resting(ready, reference).values()) == 70_001
    _holds(ready)


def test_what_the_bank_took_back_is_carved_out_of_where_it_rests(ready: World) -> None:
    platform = ready.platform
    reference = "MB-RCV-3"
    with pytest.raises(Conflict, match="credit-not-reversed"):
        images(platform, reference, ROOT_LINE, True)
    ready.stop()
    assert _hand_in(ready, "taken-back", _notification(_entry("TB-1", "30.00", "DBIT", payer=""))) == "read"
    ready.settle_down()
    ready.start()
    breaks = reconciliation.run(platform, ROOT)["breaks"]
    found = next(each["fingerprint"] for each in breaks if each["amount_minor"] == 3_000)  # type: ignore[attr-defined]
    reconciliation.propose(platform, found, "teller", "explained", "taken back", "TB-1")
    reconciliation.confirm(platform, found, "head teller")
    reconciliation.reverse(platform, found, reference)
    assert accounts.listing(platform)[0]["shortfall_minor"] == 3_000
    taken = images(platform, reference, ROOT_LINE, True)
    assert sum(end - start for start, end in taken.pieces) == 3_000
    _frozen(ready, ROOT, True)
    ready.act(carving(platform, ROOT_LINE, taken.pieces, taken.reference), *QUORUM)
    _frozen(ready, ROOT, False)
    assert accounts.listing(platform)[0]["shortfall_minor"] == 0
    with pytest.raises(Conflict, match="credit-not-reversed"):
        images(platform, reference, ROOT_LINE, True)
    assert sum(end - start for start, end in images(platform, reference, ROOT_LINE, False).pieces) == 2_000
    _holds(ready)


def test_what_an_open_batch_gives_back_goes_to_custody(ready: World) -> None:
    platform = ready.platform
    draft = batches.upload(platform, "courier-payouts", payout_file("REDIRECT", [3, 4]), "operator")
    ready.act(batches.reservation(platform, draft), "swift-courier-east")
    before, held = _balance(ready, EAST), set(_custody(ready))
    _frozen(ready, EAST, True)
    ready.act(carving(platform, EAST_LINE, [_front(ready, EAST_LINE)]), *QUORUM)
    (custody,) = set(_custody(ready)) - held
    assert _balance(ready, EAST) == before - 1
    other = bytes.fromhex(next(iter(held)))
    with pytest.raises(ChainRefused, match="custody of another line"):
        ready.act(batches.redirection(platform, draft, other), *QUORUM)
    ready.act(batches.redirection(platform, draft, bytes.fromhex(custody)), *QUORUM)
    act = batches.release(platform, draft)
    with pytest.raises(ChainRefused, match="quorum not reached"):
        ready.act(act, "north-bank")
    ready.act(act, *QUORUM)
    assert batches.show(platform, draft)["end_row"] == 0
    assert _custody(ready)[custody] == 20_001
    assert _balance(ready, EAST) == before - 1
    batch = batches.show(platform, draft)["batch"]
    ready.wait_for(lambda: _restored(ready, f"restore:{batch}:"))
    ready.act(thawing(platform, bytes.fromhex(custody), EAST, "courier-pay", 20_001), *QUORUM)
    _frozen(ready, EAST, False)
    assert _balance(ready, EAST) == before + 20_000
    _holds(ready)


def _front(world: World, source: Source) -> tuple[int, int]:
    """The first cent of a line."""
    _, start = world.platform.chain.read("Ledger", "line", source.line(world.platform))
    return (start, start + 1)


def _restored(world: World, beginning: str) -> bool:
    with world.platform.database.read() as session:
        rows = session.query(TransactionModel).where(TransactionModel.key.startswith(beginning))
        return {row.state for row in rows} == {TransactionState.MINED}


def test_money_of_a_frozen_account_gets_another_class(ready: World) -> None:
    before = _balance(ready, ROOT)
    act = supervision.sorting(ready.platform, ROOT, "courier-pay", "bonus", 1_234)
    with pytest.raises(ChainRefused, match="account not frozen"):
        ready.act(act, *QUORUM)
    _frozen(ready, ROOT, True)
    ready.act(act, *QUORUM)
    with pytest.raises(ChainRefused):
        ready.act(supervision.sorting(ready.platform, ROOT, "courier-pay", "bonus", before), *QUORUM)
    _frozen(ready, ROOT, False)
    assert (_balance(ready, ROOT), _balance(ready, ROOT, "bonus")) == (before - 1_234, 1_234)
    assert _resting(ready, FIRST)[f"{ROOT} (bonus)"] == 1_234
    _holds(ready)


def test_what_cannot_be_carved_is_said(ready: World) -> None:
    platform = ready.platform
    for source in (
        Source(),
        Source(ROOT),
        Source(dye_class="courier-pay"),
        Source(ROOT, "courier-pay", bytes(32)),
    ):
        with pytest.raises(Invalid, match="line-missing"):
            images(platform, FIRST, source, False)
    with pytest.raises(NotFound, match="custody-unknown"):
        carving(platform, Source(custody=bytes(32)), [(0, 1)])
    with pytest.raises(NotFound, match="account-unknown"):
        carving(platform, Source("nobody", "courier-pay"), [(0, 1)])
    with pytest.raises(NotFound, match="lot-unknown"):
        images(platform, "nothing", ROOT_LINE, False)
    for pieces in ([], [(n, n + 1) for n in range(0, 66, 2)]):
        with pytest.raises(Invalid, match="pieces-invalid"):
            carving(platform, ROOT_LINE, pieces)
    _frozen(ready, ROOT, True)
    with pytest.raises(ChainRefused, match="piece out of place"):
        ready.act(carving(platform, ROOT_LINE, [(0, 1)]), *QUORUM)
    _frozen(ready, ROOT, False)


def test_a_scattered_credit_is_carved_in_parts(ready: World) -> None:
    """More pieces than one carving takes: the rest is told, and a second carving takes it."""
    platform = ready.platform
    credit(ready, 200)
    lot = "MB-RCV-4"
    _frozen(ready, ROOT, True)
    ((start, end),) = images(platform, lot, ROOT_LINE, False).pieces
    assert end - start == 200
    for _ in range(2):
        (first, *_rest) = images(platform, lot, ROOT_LINE, False).pieces
        # Every second cent goes into custody and back behind the end, away from its neighbours.
        every = [(at, at + 1) for at in range(first[0] + 1, first[0] + 64, 2)]
        known = set(_custody(ready))
        ready.act(carving(platform, ROOT_LINE, every), *QUORUM)
        (custody,) = set(_custody(ready)) - known
        ready.act(thawing(platform, bytes.fromhex(custody), ROOT, "courier-pay", 32), *QUORUM)
    found = images(platform, lot, ROOT_LINE, False)
    there = sum(end - start for start, end in found.pieces) + found.more_minor
    assert there == 200
    while True:
        found = images(platform, lot, ROOT_LINE, False)
        ready.act(carving(platform, ROOT_LINE, found.pieces), *QUORUM)
        if not found.more_minor:
            break
    _frozen(ready, ROOT, False)
    assert all(line.startswith("custody ") for line in _resting(ready, lot))
    _holds(ready)
