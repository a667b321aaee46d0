"""What a reviewer found: nothing stops everything, nothing is lost without a teller hearing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from eth_account import Account
from sqlalchemy.orm import Session

from bridge import answers, capture
from bridge.bank import BankRefused, Submission
from bridge.errors import ChainRefused, Conflict, Invalid, OrderRefused
from bridge.iso20022 import PaymentStatus, Reason, StatusReport
from bridge.pay import is_iban
from bridge.platform import _check_reference_key
from bridge.services import accounts, acts, agreements, allocations, batches, reconciliation, supervision
from bridge.store import bank as bank_store
from bridge.store import payments, projections, transactions
from bridge.store.base import Database
from bridge.store.chain_models import BatchRow
from bridge.store.models import (
    AttestationModel,
    BatchModel,
    CreditModel,
    MessageModel,
    MessageState,
    MovementModel,
    OrderModel,
    OrderState,
    PayoutModel,
    PayoutState,
    StatementModel,
    SupervisedAccountModel,
    TaskModel,
    TransactionModel,
    TransactionState,
)
from bridge.worker import turn
from contracts.ids import name_id
from tests.bridge.world import (
    EXAMPLES,
    IBAN,
    World,
    credit,
    make_agreements,
    payout_file,
    ready_batch,
    roster,
)

TREE = name_id("swift-courier")


@pytest.fixture(scope="module")
def ready(world: World) -> World:
    make_agreements(world)
    return world


@pytest.fixture
def still(ready: World) -> Iterator[World]:
    """The worker stands still: the test turns the platform over itself."""
    ready.stop()
    ready.platform.sender.retry_seconds = ready.platform.sender._next_try = 0
    yield ready
    ready.stop()
    ready.start()


def _tasks(world: World) -> set[str]:
    return {str(task["kind"]) for task in accounts.tasks(world.platform)}


def _hand_in(world: World, key: str, content: bytes) -> str:
    """A message arrives by another way; returns what became of it."""
    platform = world.platform
    with platform.database.begin() as session:
        capture.store_message(session, key, "test", content)
    capture.read_stored(platform.database, platform.chain, platform.sender)
    with platform.database.begin() as session:
        held = bank_store.message_by_key(session, key)
        assert held is not None
        return held.state


def _entry(
    reference: str,
    amount: str,
    direction: str,
    end_to_end_id: str = "NOTPROVIDED",
    *,
    reason: str = "",
    payer: str = "华北生鲜有限公司",
    currency: str = "CNY",
) -> str:
    """One booked entry of a camt.054."""
    returned = f"<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>" if reason else ""
    return f"""<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>
      <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-23</Dt></ValDt>
      <AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls>
      <Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>
      <RltdPties><Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr></RltdPties>{returned}
      </TxDtls></NtryDtls></Ntry>"""


def _notification(*entries: str, account: str = IBAN) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
      <GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-23T10:00:00Z</CreDtTm></GrpHdr>
      <Ntfctn><Id>N</Id><Acct><Id><IBAN>{account}</IBAN></Id></Acct>{"".join(entries)}</Ntfctn>
    </BkToCstmrDbtCdtNtfctn></Document>""".encode()


def _statement(report: str, opening: str, closing: str, *entries: str, currency: str = "CNY") -> bytes:
    def balance(kind: str, amount: str) -> str:
        return f"""<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>
          <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>"""

    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
      <GrpHdr><MsgId>S</MsgId><CreDtTm>2026-11-20T10:00:00Z</CreDtTm></GrpHdr>
      <Stmt><Id>{report}</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id></Acct>
      {balance("OPBD", opening)}{balance("CLBD", closing)}{"".join(entries)}</Stmt>
    </BkToCstmrStmt></Document>""".encode()


@contextmanager
def _one_row(world: World, prefix: str, payee: int, state: PayoutState) -> Iterator[str]:
    """A row as the database has it in some state; yields its end-to-end id. Nothing of it is on chain."""
    draft = batches.upload(world.platform, "courier-payouts", payout_file(prefix, [payee]), "operator")
    root, batch = bytes.fromhex(draft), name_id(prefix)
    identity = f"DT{prefix}"
    with world.platform.database.begin() as session:
        held = session.get_one(BatchModel, root)
        held.batch = batch
        session.add(
            BatchRow(
                batch=batch,
                agreement="",
                account=name_id("swift-courier/east"),
                source=bytes(32),
                root=root,
                count=1,
                total_minor=10_000,
                deadline=held.deadline,
                cursor=1,
                position=10_000,
                end=1,
                settled=True,
                block=1,
            )
        )
        (payout,) = payments.payouts(session, root)
        payout.end_to_end_id, payout.state = identity, state
    yield identity
    with world.platform.database.begin() as session:
        session.delete(session.get_one(BatchRow, batch))
        session.query(PayoutModel).filter_by(root=root).delete()
        session.query(BatchModel).filter_by(root=root).delete()
        _forget_queued(session)


def _payout(world: World, identity: str) -> PayoutModel:
    with world.platform.database.read() as session:
        found = payments.payout_by_end_to_end_id(session, identity)
        assert found is not None
        return found


# Messages


def test_a_statement_sent_again_is_one_statement_and_another_under_its_id_is_refused(still: World) -> None:
    first = _statement("ST-1", "0.00", "0.00")
    assert _hand_in(still, "st-1", first) == MessageState.READ
    assert _hand_in(still, "st-1 again", first) == MessageState.READ
    assert _hand_in(still, "st-1 other", _statement("ST-1", "0.00", "5.00")) == MessageState.REFUSED
    assert _hand_in(still, "st-2", _statement("ST-2", "0.00", "0.00", currency="EUR")) == MessageState.REFUSED
    with still.platform.database.begin() as session:
        assert session.query(StatementModel).filter_by(report_id="ST-1").count() == 1
        session.query(StatementModel).delete()


def test_a_message_that_breaks_the_reader_is_refused_and_the_next_is_read(
    still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(content: bytes) -> None:
        raise KeyError("nobody foresaw this")

    with monkeypatch.context() as patch:
        patch.setattr(capture, "read_message", break_down)
        assert _hand_in(still, "poison", b"<x/>") == MessageState.REFUSED
    assert _hand_in(still, "sound", _notification(account=IBAN)) == MessageState.READ
    assert "message-refused" in _tasks(still)


def test_an_entry_in_another_currency_keeps_no_other_back(still: World) -> None:
    lots = accounts.listing(still.platform)[0]["lots"]
    content = _notification(
        _entry("FX-1", "5.00", "CRDT", currency="EUR"), _entry("FX-2", "6.00", "CRDT", payer="nobody")
    )
    assert _hand_in(still, "fx", content) == MessageState.READ
    still.platform.applier.step()
    assert "currency-mismatch" in _tasks(still)
    with still.platform.database.begin() as session:
        kept = session.query(MovementModel).filter(MovementModel.bank_reference.startswith("FX-"))
        assert kept.count() == 2
        assert (
            session.query(CreditModel).filter(CreditModel.movement.in_([row.id for row in kept])).count() == 1
        )
    assert accounts.listing(still.platform)[0]["lots"] == lots
    _forget_credits(still, "FX-")


def _forget_credits(world: World, beginning: str) -> None:
    """Invented messages leave nothing behind for the tests that reconcile with the real bank."""
    with world.platform.database.begin() as session:
        rows = session.query(MovementModel).filter(MovementModel.bank_reference.startswith(beginning)).all()
        for row in rows:
            session.query(CreditModel).filter_by(movement=row.id).delete()
            session.delete(row)
        _forget_queued(session)


def _forget_queued(session: Session) -> None:
    """Nothing invented goes to the chain, and what was attested of it is not counted."""
    queued = session.query(TransactionModel).filter_by(state=TransactionState.QUEUED)
    keys = [row.key for row in queued]
    session.query(AttestationModel).filter(AttestationModel.transaction.in_(keys)).delete()
    queued.delete()


# Movements


def test_a_movement_that_cannot_be_applied_keeps_no_other_back(
    still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _hand_in(
        still, "bad-good", _notification(_entry("MV-1", "1.00", "CRDT"), _entry("MV-2", "2.00", "CRDT"))
    )
    mint = type(still.platform.applier)._mint

    def stumble(self, session, account, movement, rule) -> None:  # type: ignore[no-untyped-def]
        if movement.bank_reference == "MV-1":
            raise KeyError("nobody foresaw this")
        mint(self, session, account, movement, rule)

    with monkeypatch.context() as patch:
        patch.setattr(type(still.platform.applier), "_mint", stumble)
        assert still.platform.applier.step() == 1
    assert "movement-failed" in _tasks(still)
    assert still.platform.applier.step() == 1
    assert "movement-failed" not in _tasks(still)
    _forget_credits(still, "MV-")


def test_money_that_comes_back_is_never_taken_for_new_money(still: World) -> None:
    """More than the row, a stranger's return, a credit without a reason: to suspense, by no rule."""
    with _one_row(still, "PART", 21, PayoutState.DEBITED) as identity:
        content = _notification(
            _entry("BK-1", "140.00", "CRDT", identity, reason="AC04"),
            _entry("BK-2", "7.00", "CRDT", "SOMEBODY-ELSES", reason="AC04"),
            _entry("BK-3", "100.00", "CRDT", identity),
        )
        assert _hand_in(still, "backs", content) == MessageState.READ
        assert still.platform.applier.step() == 3
        with still.platform.database.read() as session:
            rows = session.query(CreditModel).join(MovementModel, MovementModel.id == CreditModel.movement)
            rows = rows.filter(MovementModel.bank_reference.startswith("BK-"))
            assert {(row.kind, row.account) for row in rows} == {("lot", None)}
        assert _payout(still, identity).state == PayoutState.DEBITED
        assert "return-unmatched" in _tasks(still)
    _forget_credits(still, "BK-")


def test_what_returns_for_a_row_that_went_back_is_not_minted_as_well(still: World) -> None:
    with _one_row(still, "GONE", 22, PayoutState.REJECTED) as identity:
        content = _notification(
            _entry("GB-1", "100.00", "DBIT", identity),
            _entry("GB-2", "100.00", "CRDT", identity, reason="AC04"),
        )
        assert _hand_in(still, "gone-back", content) == MessageState.READ
        assert still.platform.applier.step() == 2
        with still.platform.database.read() as session:
            held = bank_store.credit_by_bank_reference(session, "GB-2")
            assert held is not None
            assert (held.kind, held.transaction) == ("cancels", None)
            pending = reconciliation._pending(session, session.get_one(SupervisedAccountModel, TREE))
            assert str(held.movement) not in pending
        assert {"debit-unmatched", "return-of-row-gone"} <= _tasks(still)
    _forget_credits(still, "GB-")


def test_a_debit_that_answers_nothing_is_a_task(still: World) -> None:
    with _one_row(still, "ODD", 23, PayoutState.ORDERED) as identity:
        content = _notification(_entry("OD-1", "99.00", "DBIT", identity))
        _hand_in(still, "odd", content)
        still.platform.applier.step()
        assert _payout(still, identity).state == PayoutState.ORDERED
        _hand_in(still, "right", _notification(_entry("OD-2", "100.00", "DBIT", identity)))
        still.platform.applier.step()
        assert _payout(still, identity).state == PayoutState.DEBITED
        _hand_in(still, "twice", _notification(_entry("OD-3", "100.00", "DBIT", identity)))
        still.platform.applier.step()
        subjects = {str(task["subject"]) for task in accounts.tasks(still.platform)}
        assert {f"{identity}:OD-1", f"{identity}:OD-3"} <= subjects
    _forget_credits(still, "OD-")


def test_a_debit_of_what_is_not_indexed_yet_waits_for_it(still: World) -> None:
    """As after restoring an older copy of the database: the bank knows more than we do."""
    with _one_row(still, "AHEAD", 30, PayoutState.DRAFTED) as identity:
        _hand_in(still, "ahead", _notification(_entry("AH-1", "100.00", "DBIT", identity)))
        assert still.platform.applier.step() == 0
        assert "debit-unmatched" in _tasks(still)
        with still.platform.database.begin() as session:
            payout = payments.payout_by_end_to_end_id(session, identity)
            assert payout is not None
            payout.state = PayoutState.ORDERED
        assert still.platform.applier.step() == 1
        assert _payout(still, identity).state == PayoutState.DEBITED
        assert f"{identity}:AH-1" not in {task["subject"] for task in accounts.tasks(still.platform)}
    _forget_credits(still, "AH-")


def test_a_return_told_before_its_debit_takes_the_debit_too(still: World) -> None:
    with _one_row(still, "EARLY", 24, PayoutState.ORDERED) as identity:
        _hand_in(still, "return", _notification(_entry("EA-1", "100.00", "CRDT", identity, reason="AC04")))
        still.platform.applier.step()
        assert _payout(still, identity).state == PayoutState.RETURNED
        _hand_in(still, "debit", _notification(_entry("EA-2", "100.00", "DBIT", identity)))
        still.platform.applier.step()
        assert (_payout(still, identity).state, _payout(still, identity).movement) != ("returned", None)
        assert f"{identity}:EA-2" not in {task["subject"] for task in accounts.tasks(still.platform)}
    _forget_credits(still, "EA-")


# What the bank says of orders


def test_a_reject_of_what_is_debited_and_a_payment_of_what_was_rejected_are_tasks(still: World) -> None:
    platform = still.platform
    with _one_row(still, "MIND", 25, PayoutState.ORDERED) as identity:
        with platform.database.begin() as session:
            root = bytes.fromhex(_payout(still, identity).root.hex())
            order = OrderModel(
                message_id="DTMMIND",
                root=root,
                first_row=0,
                end_row=1,
                execution_date=date(2026, 11, 23),
                content=b"",
                state=OrderState.REJECTED,
            )
            session.add(order)
            bank_store.put_task(session, "order-rejected", "DTMMIND")

        def say(status: str) -> None:
            reasons = (Reason("AC04"),)
            payment = PaymentStatus(identity, None, None, status, reasons)
            report = StatusReport("DTMMIND", None, None, (), (), (payment,))
            with platform.database.begin() as session:
                answers.take_status(session, platform.chain, platform.sender, report)

        # Debited, but the debit waits to be applied: the reject must not give the row back.
        _hand_in(still, "mind-debit", _notification(_entry("MI-1", "100.00", "DBIT", identity)))
        say("RJCT")
        assert _payout(still, identity).state == PayoutState.ORDERED
        assert "status-contradicts" in _tasks(still)
        assert "order-rejected" not in _tasks(still)

        _forget_credits(still, "MI-")
        say("RJCT")
        assert _payout(still, identity).state == PayoutState.REJECTED
        with platform.database.begin() as session:
            assert transactions.by_key(session, f"return:{root.hex()}:0") is not None
            bank_store.close_task(session, "status-contradicts", identity)
        say("ACSC")
        assert "status-contradicts" in _tasks(still)
        with platform.database.begin() as session:
            session.delete(session.get_one(OrderModel, "DTMMIND"))


# Orders


class _Answers:
    """A bank that refuses one file and answers the others."""

    def __init__(self, bad: bytes) -> None:
        self.bad = bad
        self.sent: list[bytes] = []

    def send_payment_file(self, file: bytes) -> Submission:
        self.sent.append(file)
        if file == self.bad:
            raise BankRefused("bank-refused", "no")
        return Submission("rejected", "FF01", 422, b"")


def test_a_refused_order_waits_and_a_rejected_file_is_a_task(still: World) -> None:
    platform = still.platform
    kept = platform.payer.bank
    with platform.database.begin() as session:
        for number, name in enumerate((b"bad", b"good")):
            session.add(
                OrderModel(
                    message_id=f"ORDER-{name.decode()}",
                    root=name_id("nothing"),
                    first_row=number,
                    end_row=number,
                    execution_date=date(2026, 11, 23),
                    content=name,
                )
            )
    try:
        bank = _Answers(b"bad")
        platform.payer.bank = bank  # type: ignore[assignment]
        assert platform.payer.send_orders() == 1
        assert platform.payer.send_orders() == 0
        assert bank.sent == [b"bad", b"good"]
        assert {"order-refused", "order-rejected"} <= _tasks(still)
    finally:
        platform.payer.bank = kept
        with platform.database.begin() as session:
            session.query(OrderModel).filter(OrderModel.message_id.startswith("ORDER-")).delete()


def test_accounts_no_file_can_name_are_refused_and_small_letters_are_no_iban(still: World) -> None:
    assert is_iban(IBAN)
    assert not is_iban(IBAN.lower())
    assert not is_iban(IBAN[:4] + " " + IBAN[4:])
    with pytest.raises(OrderRefused):
        accounts.supervise(
            still.platform, "other", "north-bank", "swift-courier", "supervisors", "6222", "CNY", " holder"
        )


def test_an_order_that_cannot_be_written_stops_no_other(ready: World) -> None:
    draft = ready_batch(ready, "UNWRIT", [26])
    with ready.platform.database.begin() as session:
        account = session.get_one(SupervisedAccountModel, TREE)
        holder, account.holder = account.holder, " wrong "
    batches.execute(ready.platform, draft)
    ready.wait_for(lambda: "order-unwritable" in _tasks(ready))
    with ready.platform.database.begin() as session:
        session.get_one(SupervisedAccountModel, TREE).holder = holder
    (order,) = batches.show(ready.platform, draft)["orders"]  # type: ignore[misc]
    assert order["state"] == "unwritable"
    assert ready.worker is not None
    assert ready.worker.alive
    credit(ready, 4_000)


# Transactions


def test_a_mint_that_failed_is_a_task_and_is_sent_again(still: World) -> None:
    """It fails for real: the ledger is paused, and later resumed."""
    platform = still.platform

    def pause(paused: bool, *who: str) -> acts.Act:
        nonce = platform.chain.read("Supervision", "pause_nonce")
        message = platform.chain.message("Pause", "Supervision", paused=paused, nonce=nonce)
        return acts.Act(
            message, lambda signed: platform.chain.call("Supervision", "set_paused", paused, signed)
        )

    still.start()
    still.act(pause(True), "labour-bureau")
    lots = accounts.listing(platform)[0]["lots"]
    still.bank.post_credit("SC", 3_000, debtor={"name": "华北生鲜有限公司"}, note="paused")
    still.wait_for(lambda: "transaction-failed" in _tasks(still))
    assert accounts.listing(platform)[0]["lots"] == lots
    still.act(pause(False), "labour-bureau", "north-bank")
    still.wait_for(lambda: accounts.listing(platform)[0]["lots"] != lots)
    still.wait_for(lambda: "transaction-failed" not in _tasks(still))
    still.stop()


def test_a_reservation_that_failed_on_chain_can_be_made_again(ready: World) -> None:
    """The trial passed, the account was frozen before it was mined, and is unfrozen later."""
    platform = ready.platform

    def freeze(frozen: bool) -> acts.Act:
        return supervision.freeze(platform, "swift-courier/east", frozen)

    draft = batches.upload(platform, "courier-payouts", payout_file("AGAIN", [27]), "operator")
    ready.act(freeze(True), "labour-bureau")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "try_call", lambda call: b"")
        with pytest.raises(ChainRefused, match="frozen"):
            ready.act(batches.reservation(platform, draft), "swift-courier-east")
    with pytest.raises(Conflict, match="batch-not-reserved"):
        batches.execute(platform, draft)
    with pytest.raises(ChainRefused, match="frozen"):
        ready.act(batches.reservation(platform, draft), "swift-courier-east")
    ready.act(freeze(False), "labour-bureau", "transport-bureau")
    ready.act(batches.reservation(platform, draft), "swift-courier-east")
    ready.act(batches.cancellation(platform, draft), "swift-courier-east")


def test_a_nonce_somebody_else_used_holds_nothing_up(still: World) -> None:
    """As after restoring an older copy of the database."""
    platform = still.platform
    chain = platform.chain
    used = chain.transaction_count(still.bridge_key.address)
    signed = still.bridge_key.sign_transaction(
        {
            "to": Account.create().address,
            "data": b"",
            "value": 0,
            "gas": 100_000,
            "gasPrice": 0,
            "nonce": used,
            "chainId": chain.deployment.chain_id,
        }
    )
    call = chain.call("Directory", "next_nonce")
    with platform.database.begin() as session:
        platform.queue(session, "probe:1", call)
        platform.sender._sign(transactions.in_state(session, TransactionState.QUEUED, 1), used)
    chain.send_raw(bytes(signed.raw_transaction))
    still.wait_for(lambda: chain.transaction_count(still.bridge_key.address) == used + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.sender.WAIT_SECONDS", 0.0)
        platform.sender.step()
    platform.sender.step()
    with platform.database.read() as session:
        row = transactions.by_key(session, "probe:1")
        assert row is not None
        assert (row.state, row.nonce) == (TransactionState.MINED, used + 1)


def test_a_deadline_beyond_what_a_database_holds_does_not_stop_the_index(ready: World) -> None:
    """An operator may hand a reservation to the chain without us."""
    platform = ready.platform
    with platform.database.read() as session:
        address = str(agreements.find(session, "courier-payouts").address)
        terms = projections.agreement(session, address).arguments
    values = {
        "dyeClass": name_id("courier-pay"),
        "root": name_id("far"),
        "count": 1,
        "total": 1,
        "deadline": 2**64 - 1,
        "document": bytes(32),
    }
    message = platform.chain.message("Reservation", address, terms=terms, **values)
    signature = message.sign(ready.keys["swift-courier-east"])
    call = platform.chain.call("Disbursement", "reserve", *values.values(), signature, at=address)
    assert platform.perform("far", call).block > 0


# Batches and agreements


def test_a_cancelled_file_can_be_uploaded_again_and_a_paid_one_cannot(ready: World) -> None:
    platform, content = ready.platform, payout_file("CANCEL", [28])
    draft = batches.upload(platform, "courier-payouts", content, "operator")
    ready.act(batches.reservation(platform, draft), "swift-courier-east")
    ready.act(batches.cancellation(platform, draft), "swift-courier-east")
    again = batches.upload(platform, "courier-payouts", content, "operator")
    assert again != draft
    assert batches.upload(platform, "courier-payouts", content, "operator") == again


def test_an_allocation_is_made_once_whatever_its_deadline(ready: World) -> None:
    def allocate(amount: str, seconds: int) -> None:
        deadline = ready.platform.chain.now() + seconds
        act = allocations.allocation(
            ready.platform, "fund-east", "swift-courier/east", amount, "november", deadline
        )
        ready.act(act, "swift-courier")

    def balance() -> object:
        return accounts.listing(ready.platform)[0]["accounts"][1]  # type: ignore[index]

    allocate("1.00", 600)
    after = balance()
    allocate("1.00", 700)
    assert balance() == after
    with pytest.raises(Conflict, match="reference-used"):
        allocate("2.00", 600)


def test_an_order_nobody_foresaw_keeps_no_other_waiting(
    ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = ready.platform.payer
    make = payer._make
    with monkeypatch.context() as patch:

        def stumble(session, chunk, *rest) -> None:  # type: ignore[no-untyped-def]
            if chunk.batch == first:
                raise KeyError("nobody foresaw this")
            make(session, chunk, *rest)

        drafts = [ready_batch(ready, f"ORD{number}", [31 + number]) for number in range(2)]
        first = bytes.fromhex(str(batches.show(ready.platform, drafts[0])["batch"]))
        patch.setattr(payer, "_make", stumble)
        for draft in drafts:
            batches.execute(ready.platform, draft)
        ready.wait_for(lambda: bool(batches.show(ready.platform, drafts[1])["orders"]))
        assert "order-failed" in _tasks(ready)
        assert batches.show(ready.platform, drafts[0])["orders"] == []
    ready.wait_for(lambda: bool(batches.show(ready.platform, drafts[0])["orders"]))


def test_the_same_file_with_another_roster_is_a_conflict(ready: World) -> None:
    content = (EXAMPLES / "courier-payouts.yaml").read_bytes()
    agreements.deploy(ready.platform, content, {"couriers.csv": roster()})
    with pytest.raises(Conflict, match="another roster"):
        agreements.deploy(ready.platform, content, {"couriers.csv": roster() + "新人,62220099\n".encode()})


def test_a_version_under_way_does_not_hide_the_one_in_force(ready: World) -> None:
    platform = ready.platform
    text = (EXAMPLES / "courier-payouts.yaml").read_text().replace("version: 1", "version: 2")
    later = agreements.deploy(platform, text.encode(), {"couriers.csv": roster()})
    assert later.address == agreements.show(platform, "courier-payouts@1")["address"]
    assert agreements.show(platform, "courier-payouts@2")["active"] is False
    assert agreements.show(platform, "courier-payouts")["agreement"] == "courier-payouts@1"


# The worker and the database


def test_one_stage_that_fails_stops_neither_the_others_nor_the_worker(ready: World) -> None:
    assert ready.worker is not None
    make_orders = ready.platform.payer.make_orders

    def stumble() -> int:
        raise KeyError("nobody foresaw this")

    ready.platform.payer.make_orders = stumble  # type: ignore[method-assign]
    ready.wait_for(lambda: ready.worker is not None and ready.worker.failing)
    credit(ready, 2_000)
    assert ready.worker.alive
    ready.platform.payer.make_orders = make_orders  # type: ignore[method-assign]
    ready.wait_for(lambda: ready.worker is not None and not ready.worker.failing)


def test_a_stage_that_fails_is_raised_after_the_turn(still: World) -> None:
    still.platform.payer.make_orders = lambda: 1 // 0  # type: ignore[method-assign]
    with pytest.raises(ExceptionGroup):
        turn(still.platform)
    del still.platform.payer.make_orders  # type: ignore[method-assign]


def test_a_long_look_keeps_no_writer_waiting(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'platform.db'}")
    database.migrate()
    with database.read() as looking:
        assert looking.query(TaskModel).count() == 0
        with database.begin() as session:
            bank_store.put_task(session, "kind", "subject")
        assert looking.query(TaskModel).count() == 0
    with database.read() as looking:
        assert looking.query(TaskModel).count() == 1
    database.engine.dispose()


def test_orders_are_for_a_day_the_bank_has_not_closed(still: World) -> None:
    with still.platform.database.begin() as session:
        booked = bank_store.bank_date(session)
        assert booked is not None
        session.add(
            StatementModel(
                tree=TREE,
                message=1,
                report_id="DAY",
                from_date=booked,
                to_date=booked,
                opening_minor=0,
                closing_minor=0,
                entry_sum_minor=0,
                currency="CNY",
            )
        )
        session.flush()
        assert bank_store.bank_date(session) > booked  # type: ignore[operator]
        session.rollback()


def test_a_message_of_several_accounts_is_taken_for_those_that_are_ours(still: World) -> None:
    both = _notification(_entry("TW-1", "1.00", "CRDT"))
    other = _notification(_entry("TW-2", "1.00", "CRDT"), account="DE89370400440532013000").decode()
    report = other[other.index("<Ntfctn>") : other.index("</Ntfctn>") + len("</Ntfctn>")]
    content = both.replace(b"</BkToCstmrDbtCdtNtfctn>", report.encode() + b"</BkToCstmrDbtCdtNtfctn>")
    assert _hand_in(still, "two", content) == MessageState.READ
    with still.platform.database.begin() as session:
        assert bank_store.movement_by_reference(session, TREE, "TW-1") is not None
        assert session.query(MessageModel).filter_by(bank_key="two").one().state == MessageState.READ
    assert "account-unknown" in _tasks(still)
    _forget_credits(still, "TW-")


def test_a_lost_reference_key_is_noticed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'platform.db'}")
    database.migrate()
    _check_reference_key(database, b"a" * 32)
    _check_reference_key(database, b"a" * 32)
    with pytest.raises(Invalid, match="reference-key-changed"):
        _check_reference_key(database, b"b" * 32)
    database.engine.dispose()


def test_a_confirmed_break_that_went_is_open_when_it_comes_again(still: World) -> None:
    platform = still.platform
    _hand_in(still, "charge", _notification(_entry("CH-1", "15.00", "DBIT", "A-CHARGE")))
    still.platform.applier.step()

    def found() -> list[str]:
        result = reconciliation.run(platform, "swift-courier")
        return [each["fingerprint"] for each in result["breaks"] if each["amount_minor"] == 1_500]  # type: ignore[attr-defined]

    (fingerprint,) = found()
    reconciliation.propose(platform, fingerprint, "teller", "bank-corrects", "asked", "MAIL-1")
    reconciliation.confirm(platform, fingerprint, "head teller")
    assert found() == []
    for tree, expected in ((bytes(32), []), (TREE, [fingerprint])):
        with platform.database.begin() as session:
            session.query(MovementModel).filter_by(bank_reference="CH-1").update({"tree": tree})
        assert found() == expected
    _forget_credits(still, "CH-")
