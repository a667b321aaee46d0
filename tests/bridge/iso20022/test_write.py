"""Payment orders: the same bytes for the same order, and nothing a bank couldn't read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mockbank import schema, validate

from bridge.errors import OrderRefused
from bridge.iso20022 import AccountId, BankId, CreditTransfer, Party, PaymentOrder, pain001
from bridge.iso20022.order_checks import MAX_TRANSFERS, iban_is_valid
from bridge.money import MAX_AMOUNT_MINOR
from tests.bridge.bank_process import cny_iban

TODAY = date(2026, 11, 23)

TRANSFER = CreditTransfer(
    end_to_end_id="E2E-1",
    amount_minor=123_456,
    creditor=Party(
        "张三（项目部）",
        AccountId(other="6217001234567890123"),
        BankId(clearing_system="CNAPS", clearing_member_id="102100099996"),
    ),
    instruction_id="I-1",
    uetr="7a562c67-ca16-48ba-b074-65581be6f001",
    purpose_code="SALA",
    remittance="农民工工资 2026年11月",
)

ORDER = PaymentOrder(
    message_id="DT-20261123-0001",
    created_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
    payment_information_id="DT-20261123-0001-1",
    execution_date=TODAY,
    currency="CNY",
    debtor=Party("某市住房监管账户", AccountId(iban=cny_iban(1)), BankId(bic="BKCHCNBJ")),
    transfers=(
        TRANSFER,
        CreditTransfer("E2E-2", 1, Party("Li & <Sons>", AccountId(iban=cny_iban(2)), BankId("ICBKCNBJ"))),
    ),
)


def with_transfer(**changes: object) -> PaymentOrder:
    return replace(ORDER, transfers=(replace(TRANSFER, **changes),))


def with_creditor(**changes: object) -> PaymentOrder:
    return with_transfer(creditor=replace(TRANSFER.creditor, **changes))


def bank_reading(file: bytes) -> tuple[dict[str, object], list[schema.Finding]]:
    """What the independent dictionary reads and finds."""
    read, findings = validate.inspect(file, "application/xml", TODAY)
    assert read is not None, findings
    return read.to_json(), findings


def test_an_independent_dictionary_reads_what_was_ordered() -> None:
    read, findings = bank_reading(pain001(ORDER))
    assert findings == []
    assert read["msg_id"] == ORDER.message_id
    assert read["initiating_party"] == "某市住房监管账户"
    (batch,) = read["batches"]
    assert batch["pmt_inf_id"] == ORDER.payment_information_id
    assert batch["requested_execution_date"] == "2026-11-23"
    assert batch["debtor_account"] == cny_iban(1)
    first, second = batch["payments"]
    assert first == {
        "end_to_end_id": "E2E-1",
        "instruction_id": "I-1",
        "amount": 123_456,
        "currency": "CNY",
        "creditor_name": "张三（项目部）",
        "creditor_account": "6217001234567890123",
        "creditor_bic": None,
        "creditor_clearing_id": "102100099996",
        "remittance": ["农民工工资 2026年11月"],
        "remittance_references": [],
    }
    assert (second["creditor_name"], second["creditor_account"]) == ("Li & <Sons>", cny_iban(2))


def test_the_same_order_is_the_same_bytes() -> None:
    beijing = ORDER.created_at.astimezone(timezone(timedelta(hours=8)))
    assert pain001(ORDER) == pain001(replace(ORDER, created_at=beijing))


def test_an_unknown_debtor_bank_is_said_to_be_unknown() -> None:
    order = replace(ORDER, debtor=Party("监管账户", AccountId(other="6222000000001")))
    file = pain001(order)
    assert bank_reading(file)[1] == []
    agent = ElementTree.fromstring(file).find(".//{*}DbtrAgt/{*}FinInstnId/{*}Othr/{*}Id")  # noqa: S314
    assert agent is not None
    assert agent.text == "NOTPROVIDED"


names = st.text(
    st.characters(exclude_categories=["C", "Z"]),
    min_size=1,
    max_size=140,
)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,33}[A-Za-z0-9]", fullmatch=True)


@given(
    name=names,
    remittance=names,
    end_to_end_id=ids,
    message_id=ids,
    amount_minor=st.integers(1, MAX_AMOUNT_MINOR),
    currency=st.sampled_from(["CNY", "JPY", "KWD"]),
)
def test_every_accepted_order_is_read_back_unchanged(
    name: str, remittance: str, end_to_end_id: str, message_id: str, amount_minor: int, currency: str
) -> None:
    transfer = replace(
        TRANSFER,
        end_to_end_id=end_to_end_id,
        amount_minor=amount_minor,
        remittance=remittance,
        creditor=replace(TRANSFER.creditor, name=name),
    )
    read, findings = bank_reading(
        pain001(replace(ORDER, message_id=message_id, currency=currency, transfers=(transfer,)))
    )
    assert findings == []
    (payment,) = read["batches"][0]["payments"]
    assert read["msg_id"] == message_id
    assert (payment["amount"], payment["currency"]) == (amount_minor, currency)
    assert (payment["creditor_name"], payment["remittance"]) == (name, [remittance])
    assert payment["end_to_end_id"] == end_to_end_id


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(ORDER, transfers=()), "order-empty"),
        (replace(ORDER, transfers=(TRANSFER,) * (MAX_TRANSFERS + 1)), "order-too-large"),
        (replace(ORDER, transfers=(TRANSFER, TRANSFER)), "order-reference-repeated"),
        (replace(ORDER, created_at=datetime(2026, 11, 23, 9)), "order-field-invalid"),
        (replace(ORDER, currency="RMB"), "currency-unknown"),
        (replace(ORDER, message_id=""), "order-field-length"),
        (replace(ORDER, message_id="M" * 36), "order-field-length"),
        (replace(ORDER, message_id="/M"), "order-field-characters"),
        (replace(ORDER, payment_information_id="A//B"), "order-field-characters"),
        (replace(ORDER, initiating_party_name="n" * 141), "order-field-length"),
        (with_transfer(end_to_end_id="付款-1"), "order-field-characters"),
        (with_transfer(end_to_end_id="A\nB"), "order-field-characters"),
        (with_transfer(instruction_id="I" * 36), "order-field-length"),
        (with_transfer(amount_minor=0), "order-amount-invalid"),
        (with_transfer(amount_minor=-1), "order-amount-invalid"),
        (with_transfer(amount_minor=MAX_AMOUNT_MINOR + 1), "order-amount-invalid"),
        (with_transfer(uetr="7A562C67-CA16-48BA-B074-65581BE6F001"), "order-field-invalid"),
        (with_transfer(purpose_code="TOOLONG"), "order-field-invalid"),
        (with_transfer(remittance="备" * 141), "order-field-length"),
        (with_transfer(remittance=""), "order-field-length"),
        (with_creditor(name=" 张三"), "order-field-characters"),
        (with_creditor(name="张\u202e三"), "order-field-characters"),
        (with_creditor(name="张\x00三"), "order-field-characters"),
        (with_creditor(name="张\ud800三"), "order-field-characters"),
        (with_creditor(account=AccountId()), "order-field-invalid"),
        (with_creditor(account=AccountId(iban=cny_iban(1), other="1")), "order-field-invalid"),
        (with_creditor(account=AccountId(iban="CN00DYET0000000000000001")), "order-field-invalid"),
        (with_creditor(account=AccountId(other="1" * 35)), "order-field-length"),
        (with_creditor(bank=BankId(bic="SHORT")), "order-field-invalid"),
        (with_creditor(bank=BankId(clearing_system="CNAPS")), "order-field-invalid"),
        (with_creditor(bank=BankId(clearing_member_id="1" * 36)), "order-field-length"),
    ],
)
def test_what_does_not_fit_is_refused_before_writing(order: PaymentOrder, code: str) -> None:
    with pytest.raises(OrderRefused) as refused:
        pain001(order)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_the_total_must_fit_too() -> None:
    large = tuple(replace(TRANSFER, end_to_end_id=f"E{n}", amount_minor=MAX_AMOUNT_MINOR) for n in range(2))
    with pytest.raises(OrderRefused) as refused:
        pain001(replace(ORDER, transfers=large))
    assert refused.value.code == "order-amount-invalid"


def test_a_refusal_never_shows_an_account() -> None:
    with pytest.raises(OrderRefused) as refused:
        pain001(with_creditor(account=AccountId(iban="CN00DYET0000000000000001")))
    assert "DYET" not in str(refused.value) + str(refused.value.details)


@given(number=st.integers(0, 10**16 - 1))
def test_iban_check_digits(number: int) -> None:
    iban = cny_iban(number)
    assert iban_is_valid(iban)
    assert schema.iban_is_valid(iban)
    other_check = f"{(int(iban[2:4]) % 97) + 1:02d}"
    assert not iban_is_valid(iban[:2] + other_check + iban[4:])
