"""Crashes, repeats and lies: nothing lost, nothing sent twice.

A crash is a platform that is dropped and another opened on its database; the processes themselves are
killed in the end-to-end test.
"""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import update

from bridge import answers, capture
from bridge.chain import Chain
from bridge.errors import ChainDiverged
from bridge.indexer import CURSOR
from bridge.services import accounts, batches, invariants, reconciliation
from bridge.store.chain_models import BlockRow
from bridge.store.models import MovementModel, OrderModel, OrderState, TransactionModel, TransactionState
from bridge.worker import turn
from tests.bridge.world import World, credit, make_agreements, ready_batch


@pytest.fixture(scope="module")
def ready(world: World) -> World:
    make_agreements(world)
    return world


@pytest.fixture
def drafted(ready: World, request: pytest.FixtureRequest):
    """A ready batch on a platform whose worker stands still; afterwards the books must balance."""
    draft = ready_batch(ready, request.node.name[-20:].replace("_", "-").strip("-"), [11, 12])
    ready.stop()
    yield draft
    ready.reopen()
    ready.start()
    ready.wait_for(lambda: bool(batches.show(ready.platform, draft)["settled"]))
    twice = [each for each, times in _bank_ids(ready).items() if times > 1]
    assert twice == []
    assert reconciliation.run(ready.platform, "swift-courier")["breaks"] == []
    assert [name for name, each in invariants.check(ready.platform).items() if not each["holds"]] == []


def _bank_ids(world: World) -> Counter[str]:
    return Counter(payment["end_to_end_id"] for payment in world.bank.payments())


def _execute_without_bank(world: World, draft: str) -> None:
    """Execute, and go on up to the stored order."""
    world.start()
    send = world.platform.payer.send_orders
    world.platform.payer.send_orders = lambda: 0  # type: ignore[method-assign]
    batches.execute(world.platform, draft)
    world.wait_for(lambda: len(batches.show(world.platform, draft)["orders"]) == 1)  # type: ignore[arg-type]
    world.stop()
    world.platform.payer.send_orders = send  # type: ignore[method-assign]


def _order(world: World, draft: str) -> OrderModel:
    with world.platform.database.begin() as session:
        return session.query(OrderModel).filter_by(root=bytes.fromhex(draft)).one()


def test_an_order_stored_and_unsent_is_sent_after_a_crash(ready: World, drafted: str) -> None:
    _execute_without_bank(ready, drafted)
    assert _order(ready, drafted).state == OrderState.STORED


def test_an_order_in_sending_that_never_left_is_sent(ready: World, drafted: str) -> None:
    _execute_without_bank(ready, drafted)
    ready.platform.payer._start(_order(ready, drafted).message_id)
    assert _order(ready, drafted).state == OrderState.SENDING


def test_an_accepted_order_whose_answer_was_lost_is_asked_about_first(ready: World, drafted: str) -> None:
    _execute_without_bank(ready, drafted)
    content, _ = ready.platform.payer._start(_order(ready, drafted).message_id)
    assert ready.platform.bank.send_payment_file(content).outcome == "received"
    ready.reopen()
    turn(ready.platform)
    order = _order(ready, drafted)
    assert (order.state, order.attempts, order.duplicates) == (OrderState.RECEIVED, 1, 0)


def test_a_resent_order_is_a_duplicate_to_the_bank_and_received_to_us(ready: World, drafted: str) -> None:
    _execute_without_bank(ready, drafted)
    identity = _order(ready, drafted).message_id
    ready.platform.bank.send_payment_file(ready.platform.payer._start(identity)[0])
    ready.platform.payer.send_orders()
    order = _order(ready, drafted)
    assert (order.state, order.attempts, order.duplicates) == (OrderState.RECEIVED, 2, 1)
    while turn(ready.platform):
        continue
    assert _order(ready, drafted).state == OrderState.RECEIVED
    assert {row["state"] for row in batches.payouts(ready.platform, drafted)} == {"debited"}


def test_signed_bytes_go_out_again_after_a_crash_and_count_once(ready: World, drafted: str) -> None:
    _execute_without_bank(ready, drafted)
    with ready.platform.database.begin() as session:
        last = session.query(TransactionModel).order_by(TransactionModel.nonce.desc()).first()
        assert last is not None
        session.execute(
            update(TransactionModel)
            .where(TransactionModel.id == last.id)
            .values(state=TransactionState.SIGNED, block=None)
        )
    platform = ready.open_platform()
    nonce = platform.chain.transaction_count(ready.bridge_key.address)
    assert platform.sender.step() == 1
    assert platform.chain.transaction_count(ready.bridge_key.address) == nonce
    platform.close()


def test_a_message_the_bank_gives_again_is_taken_once(ready: World) -> None:
    credit(ready, 5_000)
    ready.stop()
    platform = ready.platform
    with platform.database.begin() as session:
        count = session.query(MovementModel).count()
    assert capture.collect(platform.database, platform.bank, replay=True) == 0
    files = platform.bank.replay_messages(0)
    with platform.database.begin() as session:
        assert not any(capture.store_message(session, each.key, each.kind, each.received) for each in files)
        for number, each in enumerate(files):
            assert capture.store_message(session, f"again-{number}", each.kind, each.received)
    while turn(platform):
        continue
    with platform.database.begin() as session:
        assert session.query(MovementModel).count() == count
    ready.start()


def test_one_reference_with_another_amount_is_quarantined(ready: World) -> None:
    credit(ready, 6_000)
    ready.stop()
    platform = ready.platform
    last = platform.bank.replay_messages(0)[-1]
    changed = last.received.replace(b"60.00", b"61.00")
    assert changed != last.received
    lots = accounts.listing(platform)[0]["lots"]
    with platform.database.begin() as session:
        capture.store_message(session, "changed", last.kind, changed)
    while turn(platform):
        continue
    assert accounts.listing(platform)[0]["lots"] == lots
    assert [task["kind"] for task in accounts.tasks(platform)] == ["movement-conflict"]
    ready.start()


def test_a_status_report_about_nothing_of_ours_is_a_task(ready: World) -> None:
    from bridge.iso20022 import StatusReport

    with ready.platform.database.begin() as session:
        report = StatusReport("NOT-OURS", None, "ACCP", (), (), ())
        answers.take_status(session, ready.platform.chain, ready.platform.sender, report)
    assert "status-unmatched" in {task["kind"] for task in accounts.tasks(ready.platform)}


def test_another_chain_is_refused(ready: World) -> None:
    other = replace(ready.deployment, chain_id=1)
    with pytest.raises(ChainDiverged, match="chain-wrong"):
        Chain(ready.node.url, other).check()
    swapped = replace(ready.deployment, Ledger=ready.deployment.Directory)
    with pytest.raises(ChainDiverged, match="Ledger contract has other code"):
        Chain(ready.node.url, swapped).check()
    Chain(ready.node.url, ready.deployment).check()
    nowhere = replace(ready.deployment, Ledger="0x" + "11" * 20)
    with pytest.raises(ChainDiverged, match="no Ledger contract"):
        Chain(ready.node.url, nowhere).check()


def test_a_chain_that_lost_an_indexed_block_halts_the_bridge(ready: World) -> None:
    ready.stop()
    platform = ready.open_platform()
    with platform.database.begin() as session:
        cursor = session.get_one(BlockRow, CURSOR)
        kept = cursor.hash
        cursor.hash = bytes(32)
    with pytest.raises(ChainDiverged, match="chain-diverged"):
        turn(platform)
    with platform.database.begin() as session:
        session.get_one(BlockRow, CURSOR).hash = kept
    platform.close()
    ready.start()
