"""What the ledger's newer ways look like through the services: attested bound, partial returns, reversal."""

from types import SimpleNamespace

import pytest

from bridge.errors import ChainRefused, Conflict, Invalid
from bridge.services import accounts, agreements, batches, invariants, reconciliation, returns, supervision
from bridge.services import custody as custodies
from bridge.store import bank as store
from bridge.store import payments, projections
from bridge.store.chain_models import ReferenceRow
from bridge.store.models import AttestationModel, CreditModel, DocumentModel, MovementModel
from contracts.ids import commitment, name_id, remainder_lot
from tests.bridge.test_review import _entry, _hand_in, _notification
from tests.bridge.world import (
    EXAMPLES,
    World,
    credit,
    make_agreements,
    ready_batch,
    roster,
)

TREE = name_id("swift-courier")


@pytest.fixture(scope="module")
def ready(world: World) -> World:
    make_agreements(world)
    return world


def _paid(world: World, prefix: str, payees: list[int]) -> list[str]:
    """A batch that was paid, debited and settled; its end-to-end ids in the order of its rows."""
    draft = ready_batch(world, prefix, payees)
    batches.execute(world.platform, draft)
    world.wait_for(lambda: bool(batches.show(world.platform, draft)["settled"]))
    return [str(row["end_to_end_id"]) for row in batches.payouts(world.platform, draft)]


def _holds(world: World) -> None:
    found = invariants.check(world.platform)
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


def _tasks(world: World, kind: str) -> list[dict[str, object]]:
    return [task for task in accounts.tasks(world.platform) if task["kind"] == kind]


def _state(world: World, identity: str) -> tuple[str, int]:
    with world.platform.database.read() as session:
        payout = payments.payout_by_end_to_end_id(session, identity)
        assert payout is not None
        return payout.state, payout.returned_minor


def test_every_credit_is_attested_before_it_is_minted(ready: World) -> None:
    tree = ready.platform.chain.read("Ledger", "tree", TREE)
    with ready.platform.database.read() as session:
        last = store.latest_attestation(session, TREE)
        assert last is not None
        came = sum(
            each.amount_minor
            for each in session.query(MovementModel)
            if (each.tree, each.direction) == (TREE, "credit")
        )
        assert last.credits_minor == came
        assert any(last.statement)
    assert tree.attested == came
    assert tree.brought <= tree.attested


def test_a_mint_above_what_was_attested_waits_and_is_not_lost(ready: World) -> None:
    """The attester understates once; the next attestation lets the mint through."""
    attester, sender = ready.platform.applier.attester, ready.platform.sender
    called = attester._call
    attester._call = lambda made: called(  # type: ignore[method-assign]
        AttestationModel(
            tree=made.tree,
            number=made.number,
            credits_minor=0,
            statement=made.statement,
        )
    )
    lots = accounts.listing(ready.platform)[0]["lots"]
    ready.bank.post_credit("SC", 9_900, debtor={"name": "华北生鲜有限公司"}, note="above")
    ready.wait_for(lambda: bool(_tasks(ready, "transaction-failed")))
    (task,) = _tasks(ready, "transaction-failed")
    assert task["detail"]["code"] == "ledger.more-than-is-attested"  # type: ignore[index]
    assert accounts.listing(ready.platform)[0]["lots"] == lots
    attester._call = called  # type: ignore[method-assign]
    seconds, sender.retry_seconds, sender._next_try = sender.retry_seconds, 0.5, 0
    credit(ready, 100)
    ready.wait_for(lambda: accounts.listing(ready.platform)[0]["lots"] == lots + 2)  # type: ignore[operator]
    ready.wait_for(lambda: not _tasks(ready, "transaction-failed"))
    sender.retry_seconds = seconds
    _holds(ready)


def test_a_part_of_a_payout_that_comes_back_goes_back_as_that_part(ready: World) -> None:
    (identity,) = _paid(ready, "PARTIAL", [3])
    ready.stop()
    first = _notification(_entry("PT-1", "30.00", "CRDT", identity, reason="AC04"))
    assert _hand_in(ready, "part-1", first) == "read"
    ready.settle_down()
    assert _state(ready, identity) == ("debited", 3_000)
    rest = _notification(_entry("PT-2", "70.00", "CRDT", identity, reason="AC04"))
    assert _hand_in(ready, "part-2", rest) == "read"
    ready.settle_down()
    assert _state(ready, identity) == ("returned", 10_000)
    _holds(ready)
    ready.start()


def test_one_credit_brings_several_payouts_back(ready: World) -> None:
    first, second = _paid(ready, "SET", [4, 5])
    ready.stop()
    content = _notification(_entry("RS-1", "165.00", "CRDT", payer="清算中心"))
    assert _hand_in(ready, "set", content) == "read"
    ready.settle_down()
    task = next(each for each in _tasks(ready, "suspense") if each["detail"]["bank_reference"] == "RS-1")  # type: ignore[index]
    lot = bytes.fromhex(str(task["subject"]))
    ready.start()
    with pytest.raises(Invalid, match="rows-exceed-credit"):
        returns.give_back(ready.platform, lot, [returns.Returned(first), returns.Returned(second)])
    returns.give_back(ready.platform, lot, [returns.Returned(first), returns.Returned(second, 6_000)])
    ready.wait_for(lambda: task["subject"] not in {each["subject"] for each in _tasks(ready, "suspense")})
    assert _state(ready, first) == ("returned", 10_000)
    assert _state(ready, second) == ("debited", 6_000)
    with pytest.raises(Conflict, match="payout-not-out"):
        returns.give_back(ready.platform, lot, [returns.Returned(first)])
    mined = returns.close(ready.platform, lot)
    (left,) = [each for each in _tasks(ready, "suspense") if each["detail"]["amount_minor"] == 500]  # type: ignore[index]
    assert left["detail"]["bank_reference"] == "RS-1"  # type: ignore[index]
    assert returns.close(ready.platform, lot) == mined
    assert left in _tasks(ready, "suspense")
    with ready.platform.database.read() as session:
        closed = session.get_one(ReferenceRow, lot)
        assert (closed.closed, closed.remainder) == (True, bytes.fromhex(str(left["subject"])))
        rest = projections.lot_by_reference(session, bytes.fromhex(str(left["subject"])))
        assert rest is not None
        assert session.get(DocumentModel, rest.info) is not None
    with pytest.raises(Conflict, match="return-closed"):
        returns.give_back(ready.platform, lot, [returns.Returned(second)])
    _holds(ready)
    with ready.platform.database.read() as session:
        held = session.query(CreditModel).filter_by(reference=lot).one()
        assert held.kind == "return"


def test_a_remainders_reference_that_somebody_took_ahead(
    ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (paid,) = _paid(ready, "AHEAD", [6])
    ready.stop()
    assert (
        _hand_in(ready, "ahead", _notification(_entry("RS-2", "101.00", "CRDT", payer="清算中心"))) == "read"
    )
    ready.settle_down()
    task = next(each for each in _tasks(ready, "suspense") if each["detail"]["bank_reference"] == "RS-2")  # type: ignore[index]
    lot = bytes.fromhex(str(task["subject"]))
    ready.start()
    returns.give_back(ready.platform, lot, [returns.Returned(paid)])
    salts = [bytes([number]) * 16 for number in range(3)]
    for number, salt in enumerate(salts):
        info = commitment(salt, b'{"remainder_of": "%s"}' % lot.hex().encode())
        call = ready.platform.chain.call("Ledger", "void_reference", remainder_lot(lot, info), TREE)
        ready.platform.perform(f"act:ahead:{number}", call)
    given = iter([*salts, *salts[:2], b"a salt of its own"])
    monkeypatch.setattr(returns, "secrets", SimpleNamespace(token_bytes=lambda _: next(given)))
    with pytest.raises(ChainRefused, match="reference-used"):
        returns.close(ready.platform, lot)
    returns.close(ready.platform, lot)
    assert any(each["detail"]["amount_minor"] == 100 for each in _tasks(ready, "suspense"))  # type: ignore[index]
    _holds(ready)


def test_a_credit_the_bank_takes_back_stops_payouts_until_it_is_made_good(ready: World) -> None:
    ready.stop()
    content = _notification(_entry("RV-1", "55.00", "DBIT", payer=""))
    assert _hand_in(ready, "reversal", content) == "read"
    ready.settle_down()
    ready.start()
    result = reconciliation.run(ready.platform, "swift-courier")
    found = next(each for each in result["breaks"] if each["amount_minor"] == 5_500)  # type: ignore[attr-defined]
    fingerprint = found["fingerprint"]
    with pytest.raises(Conflict, match="break-no-charge"):
        reconciliation.reverse(ready.platform, fingerprint, "MB-RCV-1")
    reconciliation.propose(ready.platform, fingerprint, "teller", "explained", "taken back", "RV-1")
    reconciliation.confirm(ready.platform, fingerprint, "head teller")
    reconciliation.reverse(ready.platform, fingerprint, "MB-RCV-1")
    listed = accounts.listing(ready.platform)[0]
    assert listed["shortfall_minor"] == 5_500
    with pytest.raises(ChainRefused, match="shortfall"):
        ready_batch(ready, "STOPPED", [6])
    left = reconciliation.run(ready.platform, "swift-courier")
    assert fingerprint not in {each["fingerprint"] for each in left["breaks"]}  # type: ignore[attr-defined]
    _holds(ready)
    act = supervision.making_good(ready.platform, "swift-courier", "courier-pay", 5_500)
    ready.act(act, "north-bank", "labour-bureau")
    assert accounts.listing(ready.platform)[0]["shortfall_minor"] == 0
    _holds(ready)


def test_a_row_the_bank_paid_after_rejecting_it_falls_short_until_it_is_made_good(ready: World) -> None:
    """No row of the ledger answers for the debit any more; its reference counts once."""
    draft = ready_batch(ready, "AFTER-ALL", [1])
    batches.execute(ready.platform, draft)
    ready.wait_for(lambda: batches.payouts(ready.platform, draft)[0]["state"] == "rejected")
    identity = str(batches.payouts(ready.platform, draft)[0]["end_to_end_id"])
    ready.stop()
    content = _notification(_entry("AA-1", "100.00", "DBIT", identity, payer=""))
    assert _hand_in(ready, "paid-after-all", content) == "read"
    ready.settle_down()
    ready.start()
    result = reconciliation.run(ready.platform, "swift-courier")
    (found,) = [each for each in result["breaks"] if each["kind"] == "RETURNED"]  # type: ignore[attr-defined]
    fingerprint = found["fingerprint"]
    with pytest.raises(Conflict, match="break-no-charge"):
        reconciliation.shortfall(ready.platform, fingerprint)
    reconciliation.propose(ready.platform, fingerprint, "teller", "explained", "paid after all", "AA-1")
    reconciliation.confirm(ready.platform, fingerprint, "head teller")
    with pytest.raises(Conflict, match="break-no-charge"):
        reconciliation.reverse(ready.platform, fingerprint, "MB-RCV-1")
    with pytest.raises(ChainRefused, match="quorum not reached"):
        ready.act(reconciliation.shortfall(ready.platform, fingerprint), "north-bank")
    ready.act(reconciliation.shortfall(ready.platform, fingerprint), "north-bank", "labour-bureau")
    assert accounts.listing(ready.platform)[0]["shortfall_minor"] == 10_000
    with pytest.raises(ChainRefused, match="shortfall"):
        ready_batch(ready, "AFTER-THAT", [6])
    left = reconciliation.run(ready.platform, "swift-courier")
    assert fingerprint not in {each["fingerprint"] for each in left["breaks"]}  # type: ignore[attr-defined]
    _holds(ready)
    act = supervision.making_good(ready.platform, "swift-courier", "courier-pay", 10_000)
    ready.act(act, "north-bank", "labour-bureau")
    assert accounts.listing(ready.platform)[0]["shortfall_minor"] == 0
    _holds(ready)


def test_a_lot_is_frozen_into_custody_and_thawed_by_the_quorum(ready: World) -> None:
    credit(ready, 4_400, payer="某人")
    task = next(each for each in _tasks(ready, "suspense") if each["detail"]["amount_minor"] == 4_400)  # type: ignore[index]
    lot = bytes.fromhex(str(task["subject"]))
    ready.act(custodies.lot_freeze(ready.platform, lot), "transport-bureau")
    listed = accounts.listing(ready.platform)[0]
    (custody,) = listed["custody"]  # type: ignore[misc]
    assert custody["amount_minor"] == 4_400
    act = custodies.thawing(
        ready.platform, bytes.fromhex(custody["custody"]), "swift-courier", "courier-pay", 4_400
    )
    with pytest.raises(ChainRefused, match="quorum not reached"):
        ready.act(act, "transport-bureau")
    ready.act(act, "transport-bureau", "labour-bureau")
    _holds(ready)


def test_a_closed_account_s_money_goes_to_the_account_above(ready: World) -> None:
    platform = ready.platform
    ready.act(
        accounts.opening(platform, "swift-courier/west", "swift-courier", "swift-courier-east"),
        "swift-courier",
    )
    credit(ready, 1_100, payer="某人")
    task = next(each for each in _tasks(ready, "suspense") if each["detail"]["amount_minor"] == 1_100)  # type: ignore[index]
    lot = bytes.fromhex(str(task["subject"]))
    ready.act(custodies.lot_freeze(platform, lot), "transport-bureau")
    custody = next(each for each in accounts.listing(platform)[0]["custody"] if each["amount_minor"])  # type: ignore[attr-defined]
    thawed = custodies.thawing(
        platform, bytes.fromhex(custody["custody"]), "swift-courier/west", "courier-pay", 1_100
    )
    ready.act(thawed, "north-bank", "labour-bureau")
    assert _balance(ready, "swift-courier/west") == 1_100
    above = _balance(ready, "swift-courier")
    ready.act(supervision.closing(platform, "swift-courier/west"), "swift-courier", "swift-courier-east")
    ready.wait_for(lambda: _balance(ready, "swift-courier") == above + 1_100)
    assert _balance(ready, "swift-courier/west") == 0
    _holds(ready)


def _balance(world: World, name: str) -> int:
    listed = [each for tree in accounts.listing(world.platform) for each in tree["accounts"]]  # type: ignore[attr-defined]
    held = next(each["balances_minor"] for each in listed if each["account"] == name)
    return int(held.get("courier-pay", 0))


def test_a_waived_clause_lets_one_batch_pass(ready: World) -> None:
    """The delivery report is missing; the quorum waives it for this batch."""
    draft = batches.upload(ready.platform, "courier-payouts", _file("WAIVE"), "operator")
    ready.act(batches.reservation(ready.platform, draft), "swift-courier-east")
    for supervisor in ("labour-bureau", "transport-bureau"):
        ready.act(batches.approval(ready.platform, draft), supervisor)
    with pytest.raises(ChainRefused, match="evidence-missing"):
        batches.execute(ready.platform, draft)
    identity = bytes.fromhex(draft)
    with pytest.raises(Invalid, match="clause-unknown"):
        supervision.waiver(ready.platform, identity, "no such clause", 1)
    until = ready.platform.chain.now() + 600
    act = supervision.waiver(ready.platform, identity, "delivery report", until)
    ready.act(act, "north-bank", "labour-bureau")
    batches.execute(ready.platform, draft)
    ready.wait_for(lambda: bool(batches.show(ready.platform, draft)["settled"]))
    _holds(ready)


def _file(prefix: str) -> bytes:
    from tests.bridge.world import payout_file

    return payout_file(prefix, [7])


def test_a_revoked_approval_does_not_count(ready: World) -> None:
    draft = ready_batch(ready, "REVOKE", [8])
    ready.act(batches.revocation(ready.platform, draft), "labour-bureau")
    with pytest.raises(ChainRefused, match="approvals-missing"):
        batches.execute(ready.platform, draft)
    shown = batches.show(ready.platform, draft)["approvals"]
    assert {each["institution"]: each["revoked"] for each in shown} == {  # type: ignore[attr-defined]
        "labour-bureau": True,
        "transport-bureau": False,
    }
    ready.act(batches.cancellation(ready.platform, draft), "swift-courier-east")


def test_a_new_version_is_adopted_by_the_agreement_in_force(ready: World) -> None:
    platform = ready.platform
    text = (EXAMPLES / "courier-payouts.yaml").read_text()
    later = (
        text.replace("version: 1", "version: 2").replace("2000.00", "2100.00").replace("2000.01", "2100.01")
    )
    waiting = ready_batch(ready, "OLDTERMS", [9])
    held = agreements.deploy(platform, later.encode(), {"couriers.csv": roster()})
    before = agreements.show(platform, "courier-payouts@1")
    assert held.address == before["address"]
    assert agreements.show(platform, "courier-payouts")["agreement"] == "courier-payouts@1"
    act = agreements.activation(platform, "courier-payouts@2")
    assert act.message.kind == "Adoption"
    with pytest.MonkeyPatch.context() as patch:
        # The keeper would release the batch first, and then it has ended.
        patch.setattr(projections, "stranded_batches", lambda session: [])
        ready.act(act, "north-bank", "labour-bureau")
        shown = agreements.show(platform, "courier-payouts")
        assert (shown["agreement"], shown["terms_version"], shown["active"]) == ("courier-payouts@2", 2, True)
        assert agreements.show(platform, "courier-payouts@1")["active"] is False
        with pytest.raises(ChainRefused, match="terms changed"):
            batches.execute(platform, waiting)
    ready.wait_for(lambda: batches.show(platform, waiting)["end_row"] == 0)
    draft = ready_batch(ready, "NEWTERMS", [10])
    batches.execute(platform, draft)
    ready.wait_for(lambda: bool(batches.show(platform, draft)["settled"]))
    longer = roster() + "何新来,6200000000000099999\n".encode()
    agreements.deploy(platform, later.replace("version: 2", "version: 3").encode(), {"couriers.csv": longer})
    payees = platform.chain.read("Disbursement", "roster", at=held.address).size
    ready.act(agreements.activation(platform, "courier-payouts@3"), "north-bank", "labour-bureau")
    grown = platform.chain.read("Disbursement", "roster", at=held.address)
    assert (grown.version, grown.size) == (2, payees + 1)
    _holds(ready)


def test_a_retired_agreement_reserves_nothing(ready: World) -> None:
    draft = batches.upload(ready.platform, "courier-payouts", _file("RETIRED"), "operator")
    ready.act(agreements.retirement(ready.platform, "courier-payouts"), "north-bank", "labour-bureau")
    assert agreements.show(ready.platform, "courier-payouts")["active"] is False
    with pytest.raises(ChainRefused, match="not granted"):
        ready.act(batches.reservation(ready.platform, draft), "swift-courier-east")
    _holds(ready)
