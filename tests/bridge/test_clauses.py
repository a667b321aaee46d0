"""A batch under clauses of many kinds, from its document to the bank; every clause checked a second time."""

import json

import pytest

from bridge.errors import ChainRefused, NotFound
from bridge.services import agreements, batches, invariants, payees
from bridge.store import transactions
from bridge.store.models import TransactionState
from tests.bridge.world import PAYEES, World, make_agreements, payout_file, roster

AGREEMENT = """
agreement: site-payouts
title: {zh: 工地付款, en: Payments for the site}
template: disbursement@1.0.0
version: 1
currency: CNY
parties:
  payer: swift-courier-east
  supervisors: [north-bank, labour-bureau, transport-bureau]
  witness: clear-audit
  contractor: swift-courier
accounts:
  pays_from: swift-courier/east
  dye_class: courier-pay
clauses:
  - name: approval
    any:
      - {kind: approval, quorum: supervisors, at_least: 2, quota: {bank: 1, agency: 1}}
  - name: cooling-off
    any:
      - {kind: waiting, quorum: supervisors, at_least: 2, wait: 2s}
  - name: roster
    any:
      - {kind: payee_roster, file: couriers.csv}
  - name: not blocked
    any:
      - {kind: blacklist, quorum: supervisors}
  - name: payee cap
    any:
      - {kind: payee_cap, amount: "150.00", every: week, timezone: "+08:00"}
  - name: batch cap
    any:
      - {kind: batch_cap, amount: "800.00"}
  - name: budget
    any:
      - {kind: lifetime_cap, amount: "9000.00"}
  - name: source
    any:
      - {kind: dye_class, dye_class: courier-pay}
  - name: contract
    any:
      - {kind: document, document: works-contract, by: witness}
  - name: contractor agrees
    any:
      - {kind: countersignature, by: contractor}
"""
NAME, ACCOUNT = PAYEES[3]
GIVEN = {
    "balance": "20000.00",
    "approvals": ["north-bank", "labour-bureau"],
    "approved_ago": "3s",
    "countersigned": True,
    "document": {"kind": "works-contract", "left": "10000.00"},
}
REFUSED: dict[str, tuple[str, dict[str, object], dict[str, str]]] = {
    "approval": ("approvals-missing", {"approvals": ["labour-bureau", "transport-bureau"]}, {}),
    "cooling-off": ("waiting-period", {"approved_ago": "1s"}, {}),
    "roster": ("payee-not-on-roster", {}, {"payee": "unknown"}),
    "not blocked": ("payee-blocked", {"blocked": True}, {}),
    "payee cap": ("payee-cap", {"already_paid_to_payee": "100.00"}, {}),
    "batch cap": ("batch-cap", {}, {"amount": "800.01"}),
    "budget": ("lifetime-cap", {"already_paid": "8950.00"}, {}),
    "source": ("dye-class", {}, {"dye_class": "general"}),
    "contract": ("document-amount", {"document": {"kind": "works-contract", "left": "99.99"}}, {}),
    "contractor agrees": ("countersignature-missing", {"countersigned": False}, {}),
}


def _agreement() -> bytes:
    """The agreement with a case for every clause that refuses, and one that is paid."""
    when = {"payee": "陈一帆", "amount": "100.00"}
    cases = [{"name": "everything in order", "given": GIVEN, "when": when, "then": "paid"}]
    for clause, (code, given, asked) in REFUSED.items():
        then = {"refused_by": clause, "code": code}
        cases.append({"name": code, "given": GIVEN | given, "when": when | asked, "then": then})
    return (AGREEMENT + f"expected: {json.dumps(cases, ensure_ascii=False)}\n").encode()


@pytest.fixture(scope="module")
def ready(world: World) -> World:
    make_agreements(world)
    held = agreements.deploy(world.platform, _agreement(), {"couriers.csv": roster()})
    world.act(agreements.activation(world.platform, held.id), "north-bank", "labour-bureau")
    return world


def _document(world: World, number: str, amount: str, account: str = ACCOUNT) -> bytes:
    """A registered contract that pays a payee; its id."""
    act = payees.registration(
        world.platform, "site-payouts", "works-contract", number, "swift-courier-east", account, amount
    )
    world.act(act, "clear-audit")
    return payees.document_id(world.platform, "works-contract", number, account)


def _batch(world: World, prefix: str, document: bytes, approvers: tuple[str, ...], payee: int = 3) -> str:
    file = payout_file(prefix, [payee])
    draft = batches.upload(world.platform, "site-payouts", file, "operator", document=document)
    world.act(batches.reservation(world.platform, draft), "swift-courier-east")
    for each in approvers:
        world.act(batches.approval(world.platform, draft), each)
    return draft


def _refusal(world: World, draft: str) -> str:
    """What refuses the batch once its approvals have stood long enough."""
    found = ["waiting-period"]

    def has_waited() -> bool:
        try:
            batches.execute(world.platform, draft)
            found.append("")
        except ChainRefused as refusal:
            found.append(refusal.code)
        return found[-1] != "waiting-period"

    world.wait_for(has_waited)
    return found[-1]


def _holds(world: World) -> None:
    found = invariants.check(world.platform)
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


def test_a_batch_that_satisfies_every_clause_is_paid(ready: World) -> None:
    platform = ready.platform
    document = _document(ready, "C-1", "180.00")
    draft = _batch(ready, "ALL", document, ("labour-bureau", "transport-bureau"))
    assert batches.show(platform, draft)["document"] == document.hex()
    with pytest.raises(ChainRefused, match="approvals-missing"):
        batches.execute(platform, draft)
    ready.act(batches.approval(platform, draft), "north-bank")
    assert _refusal(ready, draft) == "countersignature-missing"
    ready.act(batches.countersignature(platform, draft), "swift-courier")
    batches.execute(platform, draft)
    ready.wait_for(lambda: bool(batches.show(platform, draft)["settled"]))
    (registered,) = payees.documents(platform)
    assert (registered["amount_minor"], registered["used_minor"]) == (18_000, 10_000)
    _holds(ready)


def test_a_document_is_not_paid_beyond_what_it_is_good_for(ready: World) -> None:
    document = payees.document_id(ready.platform, "works-contract", "C-1", ACCOUNT)
    with pytest.raises(ChainRefused, match="document-amount"):
        _batch(ready, "BEYOND", document, ())
    with pytest.raises(ChainRefused, match="document-missing"):
        _batch(ready, "WITHOUT", bytes(32), ())
    with pytest.raises(NotFound, match="payee-unknown"):
        payees.registration(
            ready.platform, "site-payouts", "works-contract", "C", "swift-courier", "1", "1.00"
        )


def test_a_payee_is_blocked_at_once_and_let_in_by_the_quorum(ready: World) -> None:
    platform = ready.platform
    ready.act(payees.block(platform, "site-payouts", ACCOUNT, True), "transport-bureau")
    draft = _batch(ready, "BLOCKED", _document(ready, "C-2", "100.00"), ("north-bank", "labour-bureau"))
    ready.act(batches.countersignature(platform, draft), "swift-courier")
    assert _refusal(ready, draft) == "payee-blocked"
    unblock = payees.block(platform, "site-payouts", ACCOUNT, False)
    with pytest.raises(ChainRefused, match="quorum"):
        ready.act(unblock, "transport-bureau")
    ready.act(unblock, "transport-bureau", "north-bank")
    # The payee had 100.00 this week already.
    assert _refusal(ready, draft) == "payee-cap"
    document = payees.document_id(platform, "works-contract", "C-2", ACCOUNT)
    assert _used(ready, document) == 10_000
    batches.execute(platform, draft, skip_refused=True)
    assert batches.show(platform, draft)["skipped"] == 1
    ready.wait_for(lambda: _used(ready, document) == 0)
    _holds(ready)


def test_what_the_bank_sends_back_counts_against_no_cap(ready: World) -> None:
    """The payee's account is closed; another 100.00 to it would be above what it may get in a week."""
    platform, account = ready.platform, PAYEES[1][1]
    document = _document(ready, "C-3", "150.00", account)
    for number in range(2):
        draft = _batch(ready, f"BACK{number}", document, ("north-bank", "labour-bureau"), payee=1)
        ready.act(batches.countersignature(platform, draft), "swift-courier")
        assert _refusal(ready, draft) == ""
        ready.wait_for(lambda draft=draft: batches.show(platform, draft)["returned"] == 1)  # type: ignore[misc]
        ready.wait_for(lambda: _used(ready, document) == 0)
        batch = batches.show(platform, draft)["batch"]
        ready.wait_for(lambda batch=batch: _is_mined(ready, f"restore:{batch}:row:0"))  # type: ignore[misc]
    _holds(ready)


def _used(world: World, document: bytes) -> object:
    found = (each for each in payees.documents(world.platform) if each["document"] == document.hex())
    return next(found)["used_minor"]


def _is_mined(world: World, key: str) -> bool:
    with world.platform.database.read() as session:
        row = transactions.by_key(session, key)
        return row is not None and row.state == TransactionState.MINED
