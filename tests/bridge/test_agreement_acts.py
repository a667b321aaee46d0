"""Acts of agreements on a running network: what parties sign and what anyone may do, to the last account."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from bridge import setup
from bridge.errors import BridgeError, ChainRefused, Conflict, Invalid, NotFound
from bridge.services import accounts, acts, agreements, institutions, invariants
from bridge.services.agreement_acts import Told, by_anyone, by_parties, filled_in, status
from bridge.store import payments
from bridge.store.models import DocumentModel
from contracts.agreement.calls import CALLS
from contracts.terms import InstitutionKind, Role
from tests.bridge.world import EXAMPLES, World, credit, make_world

SUPPLIER, GUARANTOR = "river-supplies", "north-bank's operator"
ACCOUNTS = {
    "suppliers": SUPPLIER,
    "financing": "north-bank",
    **dict.fromkeys(("deposit", "collateral", "warehouse", "repayments", "sales"), "swift-courier"),
    **dict.fromkeys(("platform", "tax", "customers"), "swift-courier"),
}
AGREEMENTS = ("bike-order", "depot-guarantee", "battery-receipt", "river-invoice", "sales-split")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A network in which all parties of the examples can sign, and the examples' agreements are active."""
    world = make_world(Path(tmp_path_factory.mktemp("acts")))
    world.keys |= {SUPPLIER: Account.create(), GUARANTOR: Account.create()}
    changes = [
        setup.add_institution(SUPPLIER, InstitutionKind.ENTERPRISE),
        setup.add_signer(SUPPLIER, world.keys[SUPPLIER].address, Role.OPERATOR),
        setup.add_signer("north-bank", world.keys[GUARANTOR].address, Role.OPERATOR),
    ]
    announced = institutions.announcement(world.platform, changes, [SUPPLIER])
    signatures = [announced.message.sign(world.keys[name]) for name in ("north-bank", "labour-bureau")]
    nonce = announced.message.values["nonce"]
    institutions.announce(world.platform, announced, signatures, int(nonce))
    for name, controller in ACCOUNTS.items():
        opening = accounts.opening(world.platform, f"swift-courier/{name}", "swift-courier", controller)
        world.act(opening, "swift-courier")
    accounts.set_rules(world.platform, "swift-courier", [_rule(each) for each in _funded(world)])
    for name in AGREEMENTS:
        held = agreements.deploy(world.platform, (EXAMPLES / f"{name}.yaml").read_bytes(), {})
        world.act(agreements.activation(world.platform, held.id), "north-bank", "labour-bureau")
    yield world
    world.close()


def _funded(world: World) -> list[str]:
    """Accounts that money can arrive for."""
    trees = accounts.listing(world.platform)
    return [each["account"] for tree in trees for each in tree["accounts"]]  # type: ignore[attr-defined]


def _rule(account: str) -> dict[str, str | None]:
    """Money from a payer of this name is for the account of the same name."""
    return {
        "payer_name": account,
        "payer_account": None,
        "remittance_contains": None,
        "account": account,
        "dye_class": "general",
        "purpose": "合同款",
    }


def fund(world: World, account: str, amount_minor: int) -> None:
    """Money arrives for an account."""
    before = balance(world, account)
    credit(world, amount_minor, payer=f"swift-courier/{account}" if account else "swift-courier")
    world.wait_for(lambda: balance(world, account) == before + amount_minor)


def balance(world: World, account: str) -> int:
    listed = [each for tree in accounts.listing(world.platform) for each in tree["accounts"]]  # type: ignore[attr-defined]
    name = f"swift-courier/{account}" if account else "swift-courier"
    held = next(each["balances_minor"] for each in listed if each["account"] == name)
    return int(held.get("general", 0))


def do(world: World, agreement: str, act: str, *who: str, **told: object) -> None:
    """Sign as these, hand in; or without anybody do what anyone may."""
    if who:
        world.act(by_parties(world.platform, agreement, act, Told(**told)), *who)  # type: ignore[arg-type]
    else:
        by_anyone(world.platform, agreement, act, Told(**told))  # type: ignore[arg-type]


def refused(world: World, kind: type[BridgeError], code: str, *what: str, **told: object) -> None:
    with pytest.raises(kind) as caught:
        do(world, *what, **told)
    assert caught.value.code == code


def test_an_escrow_from_deposit_to_division(world: World) -> None:
    fund(world, "deposit", 100_000_00)
    assert status(world.platform, "bike-order")["state"] == "open"
    seen = {"milestone": "bikes delivered", "document": b"forty bikes, all there"}
    first = by_parties(world.platform, "bike-order", "attest", Told(**seen))  # type: ignore[arg-type]
    world.act(first, "clear-audit")
    with world.platform.database.read() as session:
        held = session.get_one(DocumentModel, first.message.values["content"])
        assert held.content == b"forty bikes, all there"
    do(world, "bike-order", "release-attested", milestone="bikes delivered")
    do(world, "bike-order", "release", "swift-courier", milestone="bikes serviced", amount="5000.00")
    do(world, "bike-order", "dispute", SUPPLIER, by="payee")
    shown = status(world.platform, "bike-order")
    assert (shown["state"], shown["resting"]) == ("disputed", "15000.00")
    assert [(each["released"], each["attested"]) for each in shown["milestones"]] == [  # type: ignore[attr-defined]
        ("80000.00", True),
        ("5000.00", None),
    ]
    refused(world, ChainRefused, "escrow.disputed", "bike-order", "refund", SUPPLIER, amount="1.00")
    do(world, "bike-order", "settle", SUPPLIER, "swift-courier", to_payee="6000.00", to_payer="9000.00")
    assert (balance(world, "suppliers"), balance(world, "deposit")) == (91_000_00, 0)
    assert balance(world, "") == 9_000_00
    assert status(world.platform, "bike-order")["state"] == "released"


def test_an_act_handed_in_again_answers_as_before(world: World) -> None:
    """What prepare filled in, the nonce among it, makes the same act again the same."""
    fund(world, "collateral", 50_000_00)
    do(world, "depot-guarantee", "issue", GUARANTOR)
    told = Told(amount="20000.00", document=b"rent of March")
    claim = by_parties(world.platform, "depot-guarantee", "claim", told)
    signature = claim.message.sign(world.keys[SUPPLIER])
    mined = acts.perform(world.platform, claim, [signature])
    filled = filled_in(claim.message)
    again = by_parties(
        world.platform,
        "depot-guarantee",
        "claim",
        Told(amount="20000.00", document=b"rent of March", **filled),  # type: ignore[arg-type]
    )
    assert again.message == claim.message
    assert acts.perform(world.platform, again, [signature]) == mined
    assert len(status(world.platform, "depot-guarantee")["claims"]) == 1  # type: ignore[arg-type]


def test_a_guarantee_pays_what_a_witness_saw(world: World) -> None:
    refused(world, ChainRefused, "guarantee.claim-is-not-attested", "depot-guarantee", "pay-claim", claim=0)
    refused(world, NotFound, "claim-unknown", "depot-guarantee", "attest", "clear-audit", claim=1)
    before = balance(world, "suppliers")
    do(world, "depot-guarantee", "attest", "clear-audit", claim=0)
    do(world, "depot-guarantee", "pay-claim", claim=0)
    assert balance(world, "suppliers") == before + 20_000_00
    shown = status(world.platform, "depot-guarantee")
    assert (shown["paid"], shown["remaining"]) == ("20000.00", "30000.00")
    do(world, "depot-guarantee", "release", SUPPLIER)
    assert balance(world, "collateral") == 0


def test_a_delivery_takes_seller_and_witness(world: World) -> None:
    fund(world, "warehouse", 36_500_00)
    receipt = {"number": "warehouse receipt 7"}
    refused(world, Invalid, "signature-of-party-missing", "battery-receipt", "deliver", SUPPLIER, **receipt)
    strangers = (SUPPLIER, "clear-audit", "swift-courier")
    refused(world, Invalid, "signature-unexpected", "battery-receipt", "deliver", *strangers, **receipt)
    before, kept = balance(world, "suppliers"), balance(world, "")
    do(world, "battery-receipt", "deliver", "clear-audit", SUPPLIER, **receipt)
    do(world, "battery-receipt", "settle")
    assert balance(world, "suppliers") == before + 36_000_00
    assert balance(world, "") == kept + 500_00
    assert status(world.platform, "battery-receipt")["document"] is not None


def test_a_receivable_is_financed_passed_on_and_repaid(world: World) -> None:
    fund(world, "financing", 49_000_00)
    do(world, "river-invoice", "register", SUPPLIER, "swift-courier", "clear-audit")
    bought = {"holder": SUPPLIER, "amount": "50000.00", "price": "49000.00", "reference": "half"}
    do(world, "river-invoice", "finance", SUPPLIER, GUARANTOR, **bought)
    passed = {"holder": "north-bank", "to": SUPPLIER, "account": "swift-courier/suppliers"}
    given = passed | {"amount": "10000.00", "reference": "back"}
    do(world, "river-invoice", "assign", GUARANTOR, SUPPLIER, **given)
    shown = status(world.platform, "river-invoice")
    assert {each["holder"]: each["owed"] for each in shown["holders"]} == {  # type: ignore[attr-defined]
        SUPPLIER: "60000.00",
        "north-bank": "40000.00",
    }
    place = {"holder": "north-bank", "account": "swift-courier/financing", "reference": "the same"}
    do(world, "river-invoice", "repay-on", GUARANTOR, **place)
    fund(world, "", 100_000_00)
    do(world, "river-invoice", "repay", "swift-courier", amount="100000.00", reference="all of it")
    shown = status(world.platform, "river-invoice")
    assert (shown["state"], shown["owed"], shown["repaid"]) == ("released", "0.00", "100000.00")
    assert balance(world, "financing") == 40_000_00


def test_a_receipt_is_refunded_by_all_who_got_of_it(world: World) -> None:
    fund_split = 10_050
    credit(world, fund_split, payer="swift-courier/sales")
    world.wait_for(lambda: status(world.platform, "sales-split")["receipts"] == 1)
    told = {"receipt": 1, "amount": "100.50", "reference": "sent back"}
    do(world, "sales-split", "refund", "swift-courier", **told)
    assert balance(world, "customers") == fund_split
    assert status(world.platform, "sales-split")["latest"] == [
        {"receipt": 1, "total": "100.50", "refunded": "100.50"}
    ]
    found = invariants.check(world.platform)
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


@pytest.mark.parametrize(
    ("kind", "code", "what", "told"),
    [
        (NotFound, "agreement-unknown", ("no-such", "close"), {}),
        (NotFound, "act-unknown", ("bike-order", "explode"), {}),
        (NotFound, "act-unknown", ("bike-order", "adopt"), {}),
        (Invalid, "signature-missing", ("bike-order", "release"), {"milestone": "bikes serviced"}),
        (Invalid, "signature-not-taken", ("bike-order", "close", SUPPLIER), {}),
        (Invalid, "field-missing", ("bike-order", "rule", "transport-bureau"), {"to_payee": "1.00"}),
        (Invalid, "field-unexpected", ("bike-order", "close"), {"amount": "1.00"}),
        (Invalid, "field-unexpected", ("sales-split", "refund", "swift-courier"), {"nonce": 0}),
        (NotFound, "milestone-unknown", ("bike-order", "release-attested"), {"milestone": "bikes sold"}),
        (
            Invalid,
            "milestone-without-evidence",
            ("bike-order", "attest", "clear-audit"),
            {"milestone": "bikes serviced", "document": b"x"},
        ),
        (Invalid, "party-unknown", ("bike-order", "dispute", SUPPLIER), {"by": "arbiter"}),
        (
            Invalid,
            "document-empty",
            ("depot-guarantee", "claim", SUPPLIER),
            {"amount": "1.00", "document": b""},
        ),
        (
            NotFound,
            "institution-unknown",
            ("river-invoice", "repay-on", SUPPLIER),
            {"holder": "nobody", "account": "swift-courier/suppliers", "reference": "x"},
        ),
    ],
)
def test_acts_that_are_refused_before_the_chain(
    world: World, kind: type[BridgeError], code: str, what: tuple[str, ...], told: dict[str, object]
) -> None:
    refused(world, kind, code, *what, **told)


def test_a_refund_a_renunciation_and_a_ruling(world: World) -> None:
    another(world, "bike-order", "refunded-order", "deposit")
    fund(world, "refunded-order", 100_000_00)
    before, kept = balance(world, "suppliers"), balance(world, "")
    do(world, "refunded-order", "refund", SUPPLIER, amount="10000.00")
    assert balance(world, "") == kept + 10_000_00
    do(world, "refunded-order", "renounce", SUPPLIER)
    assert status(world.platform, "refunded-order")["state"] == "refunded"
    another(world, "bike-order", "judged-order", "deposit")
    fund(world, "judged-order", 100_000_00)
    do(world, "judged-order", "dispute", "swift-courier", by="payer")
    division = {"to_payee": "60000.00", "to_payer": "40000.00"}
    missing = "signature-of-party-missing"
    refused(world, Invalid, missing, "judged-order", "rule", "swift-courier", **division)
    do(world, "judged-order", "rule", "transport-bureau", **division)
    assert balance(world, "suppliers") == before + 60_000_00
    assert balance(world, "") == kept + 140_000_00


def test_what_runs_out_is_closed_on_an_idle_chain(world: World) -> None:
    """No block was made since its time ran out: what is tried is tried now, not at the latest block."""
    soon = datetime.now(UTC) + timedelta(seconds=20)
    dates = {"2030-07-31T00:00:00+08:00": soon, "2030-06-30T18:00:00+08:00": soon - timedelta(seconds=1)}
    dates["2030-03-31T18:00:00+08:00"] = soon - timedelta(seconds=1)
    changes = {old: f"{new:%Y-%m-%dT%H:%M:%S}+00:00" for old, new in dates.items()}
    another(world, "bike-order", "late-order", "deposit", **changes)
    fund(world, "late-order", 100_000_00)
    kept = balance(world, "")
    refused(world, ChainRefused, "escrow.its-time-has-not-run-out", "late-order", "close")
    world.wait_for(lambda: datetime.now(UTC) > soon + timedelta(seconds=1))
    assert world.platform.chain.block_time() < soon.timestamp()
    seen = {"milestone": "bikes delivered", "document": b"forty bikes"}
    refused(world, ChainRefused, "escrow.its-time-has-run-out", "late-order", "attest", "clear-audit", **seen)
    do(world, "late-order", "close")
    refused(world, ChainRefused, "escrow.nothing-rests", "late-order", "close")
    assert balance(world, "") == kept + 100_000_00
    assert status(world.platform, "late-order")["state"] == "expired"


def test_a_document_is_delivered_once_in_the_whole_network(world: World) -> None:
    another(world, "battery-receipt", "second-receipt", "warehouse")
    receipt = {"number": "warehouse receipt 7"}
    parties = (SUPPLIER, "clear-audit")
    refused(world, ChainRefused, "registry.document-exists", "second-receipt", "deliver", *parties, **receipt)
    fund(world, "second-receipt", 36_000_00)
    kept = balance(world, "")
    do(world, "second-receipt", "deliver", *parties, number="warehouse receipt 8")
    do(world, "second-receipt", "cancel", "swift-courier", SUPPLIER)
    assert balance(world, "") == kept + 36_000_00
    another(world, "battery-receipt", "third-receipt", "warehouse")
    do(world, "third-receipt", "cancel", "swift-courier", SUPPLIER)
    fund(world, "third-receipt", 5_00)
    do(world, "third-receipt", "sweep")
    assert (balance(world, "third-receipt"), balance(world, "")) == (0, kept + 36_000_00 + 5_00)


@pytest.mark.parametrize("changed", [{"deadline": 2**40}, {"nonce": 99}, {"amount": "6.00"}])
def test_another_act_than_was_signed_says_so(world: World, changed: dict[str, Any]) -> None:
    said: dict[str, Any] = {"amount": "5.00", "document": b"rent of May"}
    if "another-rent" not in {row["agreement"].partition("@")[0] for row in listed(world)}:
        another(world, "depot-guarantee", "another-rent", "collateral")
        fund(world, "another-rent", 50_000_00)
        do(world, "another-rent", "issue", GUARANTOR)
    signed = by_parties(world.platform, "another-rent", "claim", Told(**said))
    signature = signed.message.sign(world.keys[SUPPLIER])
    told = said | filled_in(signed.message) | changed
    with pytest.raises(Invalid) as caught:
        acts.perform(
            world.platform,
            by_parties(world.platform, "another-rent", "claim", Told(**told), is_signed=True),
            [signature],
        )
    assert caught.value.code == "signature-of-nobody"
    for name in ("deadline", "nonce"):
        left_out = {key: value for key, value in told.items() if key != name}
        with pytest.raises(Invalid, match=name):
            by_parties(world.platform, "another-rent", "claim", Told(**left_out), is_signed=True)


def test_nothing_is_done_with_an_agreement_that_is_not_active(world: World) -> None:
    another(world, "bike-order", "idle-order", "deposit", is_active=False)
    assert status(world.platform, "idle-order")["active"] is False
    refused(world, Conflict, "agreement-inactive", "idle-order", "dispute", SUPPLIER, by="payee")
    refused(world, Conflict, "agreement-inactive", "idle-order", "close")


def listed(world: World) -> list[dict[str, Any]]:
    with world.platform.database.read() as session:
        names = [held.id for held in payments.agreement_files(session) if held.address is not None]
    return [agreements.show(world.platform, name) for name in names]


def another(
    world: World, example: str, name: str, account: str, is_active: bool = True, **changes: str
) -> None:
    """An agreement like an example, with a name and an account of its own."""
    opening = accounts.opening(world.platform, f"swift-courier/{name}", "swift-courier", "swift-courier")
    world.act(opening, "swift-courier")
    accounts.set_rules(world.platform, "swift-courier", [_rule(each) for each in _funded(world)])
    text = (EXAMPLES / f"{example}.yaml").read_text()
    for old, new in ({example: name, f"swift-courier/{account}": f"swift-courier/{name}"} | changes).items():
        text = text.replace(old, new)
    held = agreements.deploy(world.platform, text.encode(), {})
    if is_active:
        world.act(agreements.activation(world.platform, held.id), "north-bank", "labour-bureau")


def test_every_act_of_a_template_is_offered(world: World) -> None:
    for name in AGREEMENTS:
        shown = status(world.platform, name)
        with world.platform.database.read() as session:
            template = agreements.find(session, name).template.partition("@")[0]
        assert [each["act"] for each in shown["acts"]] == list(CALLS[template])  # type: ignore[attr-defined]
