"""The main job through the services, on a real node and a real bank."""

from datetime import date

import pytest

from bridge.batch_file import BatchFileRefused
from bridge.errors import ChainRefused, Conflict, Forbidden, Invalid, NotFound
from bridge.services import accounts, acts, agreements, batches, invariants, reconciliation, tracing
from bridge.store.models import BatchModel, MessageModel, MovementModel, TransactionModel, TransactionState
from tests.bridge.bank_process import cny_iban
from tests.bridge.world import (
    PAYEES,
    World,
    charge,
    credit,
    make_agreements,
    payout_file,
    ready_batch,
)


@pytest.fixture(scope="module")
def ready(world: World) -> World:
    make_agreements(world)
    return world


def test_an_identified_credit_reaches_its_account_and_another_waits_for_a_teller(ready: World) -> None:
    credit(ready, 12_345, payer="某人")
    listing = accounts.listing(ready.platform)[0]
    assert listing["suspense_minor"] == 12_345
    (task,) = accounts.tasks(ready.platform)
    assert task["kind"] == "suspense"
    lot = bytes.fromhex(task["detail"]["lot"])  # type: ignore[index]
    act = accounts.identification(ready.platform, lot, "swift-courier", "courier-pay", 12_345)
    with pytest.raises(ChainRefused, match="two tellers must sign"):
        acts.perform(ready.platform, act, [act.message.sign(ready.keys["north-bank"])])
    assert accounts.tasks(ready.platform) == [task]


def test_a_batch_is_paid_answered_settled_and_traced(ready: World) -> None:
    draft = ready_batch(ready, "MAIN", range(40))
    late = batches.payouts(ready.platform, draft)[20]["end_to_end_id"]
    ready.bank.return_later("SC", str(late), 3)
    batches.execute(ready.platform, draft)
    ready.wait_for(lambda: bool(batches.show(ready.platform, draft)["settled"]))
    ready.bank.accept_again("SC")
    shown = batches.show(ready.platform, draft)
    assert shown["payouts"] == {"debited": 38, "rejected": 2}
    assert (shown["returned"], shown["returned_late"], len(shown["approvals"])) == (2, 0, 2)  # type: ignore[arg-type]

    rejected = [row for row in batches.payouts(ready.platform, draft) if row["state"] == "rejected"]
    assert {row["payee_name"] for row in rejected} == {PAYEES[1][0], PAYEES[2][0]}
    assert {row["reason"] for row in rejected} == {"AC04"}

    ready.bank.advance(7)
    ready.wait_for(lambda: batches.show(ready.platform, draft)["returned_late"] == 1)
    (back,) = [row for row in batches.payouts(ready.platform, draft) if row["state"] == "returned"]
    assert back["end_to_end_id"] == late

    traced = tracing.trace_payout(ready.platform, str(late))
    assert sum(each["amount_minor"] for each in traced["segments"]) == 10_000  # type: ignore[attr-defined]
    assert traced["segments"][0]["payer"] == "华北生鲜有限公司"  # type: ignore[index]
    forward = tracing.trace_credit(ready.platform, "MB-RCV-1")
    assert len(forward["payouts"]) == 37  # type: ignore[arg-type]
    total = sum(each["amount_minor"] for each in [*forward["payouts"], *forward["resting"]])  # type: ignore[misc]
    assert total == 3_000_000

    ready.wait_for(lambda: not reconciliation.run(ready.platform, "swift-courier")["in_transit"])
    result = reconciliation.run(ready.platform, "swift-courier")
    assert result["breaks"] == []
    assert result["equation"]["difference_minor"] == 0  # type: ignore[index]
    found = invariants.check(ready.platform)
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


def test_acts_done_twice_answer_the_same(ready: World) -> None:
    draft = ready_batch(ready, "TWICE", [5])
    act = batches.approval(ready.platform, draft)
    signature = act.message.sign(ready.keys["labour-bureau"])
    first = acts.perform(ready.platform, act, [signature])
    assert acts.perform(ready.platform, act, [signature]) == first
    again = batches.upload(ready.platform, "courier-payouts", payout_file("TWICE", [5]), "operator")
    assert again == draft
    executed = batches.execute(ready.platform, draft)
    assert len(executed) == 1
    assert batches.execute(ready.platform, draft) == []


def test_refusals_name_clause_code_and_observed_value(ready: World) -> None:
    draft = batches.upload(ready.platform, "courier-payouts", payout_file("EARLY", [6]), "operator")
    with pytest.raises(Conflict, match="batch-not-reserved"):
        batches.execute(ready.platform, draft)
    ready.act(batches.reservation(ready.platform, draft), "swift-courier-east")
    with pytest.raises(ChainRefused) as refusal:
        batches.execute(ready.platform, draft)
    assert refusal.value.code == "approvals-missing"
    assert refusal.value.details == {"clause": 0, "guard": 0, "limit": 2, "observed": 0}
    for supervisor in ("labour-bureau", "transport-bureau"):
        ready.act(batches.approval(ready.platform, draft), supervisor)
    with pytest.raises(ChainRefused, match="evidence-missing"):
        batches.execute(ready.platform, draft)
    ready.act(batches.cancellation(ready.platform, draft), "swift-courier-east")
    assert batches.show(ready.platform, draft)["end_row"] == 0


def test_only_the_right_people_act(ready: World) -> None:
    draft = batches.upload(ready.platform, "courier-payouts", payout_file("WRONG", [7]), "operator")
    act = batches.reservation(ready.platform, draft)
    with pytest.raises(ChainRefused, match="not an operator"):
        acts.perform(ready.platform, act, [act.message.sign(ready.keys["swift-courier"])])
    assert batches.show(ready.platform, draft)["batch"] is None
    with pytest.raises(Invalid, match="signature-invalid"):
        acts.perform(ready.platform, act, [b"\1" * 64])
    with pytest.raises(Invalid, match="signature-missing"):
        acts.perform(ready.platform, act, [])


def test_an_agreement_that_does_not_do_what_it_says_is_not_deployed(ready: World) -> None:
    from tests.bridge.world import EXAMPLES, roster

    text = (EXAMPLES / "courier-payouts.yaml").read_text()
    wrong = text.replace("version: 1", "version: 9").replace(
        'when: {payee: 陈一帆, amount: "2000.01"}', 'when: {payee: 陈一帆, amount: "1999.99"}'
    )
    with pytest.raises(Invalid, match="trial-failed") as failure:
        agreements.deploy(ready.platform, wrong.encode(), {"couriers.csv": roster()})
    assert len(failure.value.details["cases"]) == 1  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        agreements.show(ready.platform, "courier-payouts@9")


def test_a_version_cannot_be_changed_in_place(ready: World) -> None:
    from tests.bridge.world import EXAMPLES, roster

    text = (EXAMPLES / "courier-payouts.yaml").read_text().replace("2000.00", "1900.00")
    with pytest.raises(Conflict, match="agreement-exists"):
        agreements.deploy(ready.platform, text.encode(), {"couriers.csv": roster()})


def test_a_break_is_confirmed_by_another_person_than_its_maker(ready: World) -> None:
    charge(ready, "CHARGE-1", 1_500, date(2026, 11, 30))
    ready.wait_for(lambda: _movements(ready, "CHARGE-1") == 1)
    result = reconciliation.run(ready.platform, "swift-courier")
    (found,) = result["breaks"]  # type: ignore[misc]
    assert (found["kind"], found["amount_minor"]) == ("MISSING_ON_LEDGER", 1_500)
    fingerprint = found["fingerprint"]
    with pytest.raises(Conflict, match="break-not-proposed"):
        reconciliation.confirm(ready.platform, fingerprint, "teller")
    with pytest.raises(Invalid, match="resolution-uncited"):
        reconciliation.propose(ready.platform, fingerprint, "teller", "write-off", "fee", " ")
    reconciliation.propose(ready.platform, fingerprint, "teller", "write-off", "fee", "CHARGE-1")
    with pytest.raises(Forbidden, match="same-person"):
        reconciliation.confirm(ready.platform, fingerprint, "teller")
    reconciliation.confirm(ready.platform, fingerprint, "head teller")
    result = reconciliation.run(ready.platform, "swift-courier")
    assert (len(result["breaks"]), len(result["explained"])) == (0, 1)  # type: ignore[arg-type]
    act = reconciliation.write_off(ready.platform, fingerprint, "swift-courier/east", "courier-pay")
    ready.act(act, "north-bank", "labour-bureau")
    result = reconciliation.run(ready.platform, "swift-courier")
    assert (len(result["breaks"]), len(result["explained"])) == (0, 0)  # type: ignore[arg-type]
    assert result["matched"]["write_offs"] == 1  # type: ignore[index]


def test_bank_messages_that_cannot_be_used_write_nothing(ready: World) -> None:
    from bridge import capture

    with ready.platform.database.begin() as session:
        before = session.query(MovementModel).count()
        for number, content in enumerate((b"<a><b/></a>", b"<!DOCTYPE a []><a/>", b"no xml")):
            assert capture.store_message(session, f"bad-{number}", "unknown", content)
            assert not capture.store_message(session, f"bad-{number}", "unknown", content)
    ready.wait_for(lambda: _states(ready) == {"refused"})
    with ready.platform.database.begin() as session:
        assert session.query(MovementModel).count() == before
        rows = session.query(MessageModel).filter(MessageModel.bank_key.startswith("bad-"))
        codes = [row.refusal_code for row in rows.order_by(MessageModel.id)]
    assert codes == ["message-unknown", "message-doctype", "message-not-xml"]


def _movements(world: World, end_to_end_id: str) -> int:
    with world.platform.database.begin() as session:
        return session.query(MovementModel).filter_by(end_to_end_id=end_to_end_id).count()


def _states(world: World) -> set[str]:
    with world.platform.database.begin() as session:
        rows = session.query(MessageModel).filter(MessageModel.bank_key.startswith("bad-"))
        return {row.state for row in rows}


def test_a_payroll_is_not_paid_twice_however_its_file_looks(ready: World) -> None:
    draft = ready_batch(ready, "ONCE", [30, 31])
    again = payout_file("ONCE", [31, 32]).replace(b"\n", b"\r\n")
    with pytest.raises(BatchFileRefused) as refusal:
        batches.upload(ready.platform, "courier-payouts", again, "operator")
    (fault,) = refusal.value.faults
    assert (fault.row, fault.column, fault.code, fault.value) == (2, "end_to_end_id", "id-in-use", "ONCE-31")
    ready.act(batches.cancellation(ready.platform, draft), "swift-courier-east")
    later = batches.upload(ready.platform, "courier-payouts", again, "operator")
    first = batches.upload(ready.platform, "courier-payouts", payout_file("ONCE", [30, 31]), "operator")
    ready.act(batches.reservation(ready.platform, later), "swift-courier-east")
    with pytest.raises(Conflict, match="id-in-use"):
        batches.reservation(ready.platform, first)
    ready.act(batches.cancellation(ready.platform, later), "swift-courier-east")


def test_what_came_before_an_account_was_supervised_is_read_then(ready: World) -> None:
    iban = cny_iban(5)
    ready.bank.create_account("LATE", "后来监管", iban)
    ready.bank.post_credit("LATE", 7_700, debtor={"name": "某公司"}, note="早到")

    def is_refused() -> bool:
        return "account-unknown" in {
            task["detail"]["code"]  # type: ignore[index]
            for task in accounts.tasks(ready.platform)
            if task["kind"] == "message-refused"
        }

    ready.wait_for(is_refused)
    accounts.supervise(
        ready.platform, "late", "north-bank", "swift-courier", "supervisors", iban, "CNY", "后来监管"
    )
    ready.wait_for(lambda: accounts.listing(ready.platform)[0]["suspense_minor"] == 7_700)


def test_an_expired_batch_gives_its_money_back_by_itself(ready: World) -> None:
    draft = batches.upload(ready.platform, "courier-payouts", payout_file("LATE", [40]), "operator")
    before = _balance(ready, "swift-courier/east")
    with ready.platform.database.begin() as session:
        held = session.get_one(BatchModel, bytes.fromhex(draft))
        held.deadline = ready.platform.chain.now() + 5
    ready.act(batches.reservation(ready.platform, draft), "swift-courier-east")
    ready.wait_for(lambda: batches.show(ready.platform, draft)["end_row"] == 0)
    with pytest.raises(ChainRefused, match="batch has ended"):
        ready.act(batches.approval(ready.platform, draft), "labour-bureau")
    ready.wait_for(lambda: _balance(ready, "swift-courier/east") == before)
    again = batches.upload(ready.platform, "courier-payouts", payout_file("LATE", [40]), "operator")
    assert again != draft
    ready.wait_for(lambda: _restored(ready, draft))


def _balance(world: World, name: str) -> object:
    listed = [account for tree in accounts.listing(world.platform) for account in tree["accounts"]]  # type: ignore[attr-defined]
    return next(account["balances_minor"] for account in listed if account["account"] == name)


def _restored(world: World, draft: str) -> bool:
    batch = batches.show(world.platform, draft)["batch"]
    with world.platform.database.read() as session:
        of_batch = TransactionModel.key.startswith(f"restore:{batch}:")
        return {row.state for row in session.query(TransactionModel).where(of_batch)} == {
            TransactionState.MINED
        }
