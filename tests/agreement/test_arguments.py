"""Constructor arguments of every template, against the ABI of its constructor."""

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.abi import collapse_if_tuple

from contracts.agreement.values import unix_seconds
from contracts.artifacts import TEMPLATES, artifact
from contracts.ids import name_id

Draft = Any
EXAMPLES = {
    "disbursement": "courier-payouts",
    "allocation": "budget-clearing",
    "escrow": "bike-order",
    "guarantee": "depot-guarantee",
    "split": "sales-split",
    "delivery-versus-payment": "battery-receipt",
    "receivable": "river-invoice",
}


def arguments(draft: Callable[[str], Draft], template: str) -> dict[str, Any]:
    """Decoded by the constructor's own types, by the names of its parameters."""
    (constructor,) = (e for e in artifact(TEMPLATES[template]).abi if e["type"] == "constructor")
    types = [collapse_if_tuple(field) for field in constructor["inputs"]]
    encoded = draft(EXAMPLES[template]).compiled().arguments
    values = decode(types, encoded)
    assert encode(types, values) == encoded
    return dict(zip((field["name"] for field in constructor["inputs"]), values, strict=True))


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_every_template_takes_what_its_example_compiles_to(
    draft: Callable[[str], Draft], template: str
) -> None:
    held = arguments(draft, template)
    compiled = draft(EXAMPLES[template]).compiled()
    assert held["account_"] == compiled.account_id
    assert held["dye_class"] == compiled.dye_class_id


def test_escrow(draft: Callable[[str], Draft]) -> None:
    held = arguments(draft, "escrow")
    names = ("payer", "payee", "arbiter", "payer_account", "payee_account")
    wanted = (
        "swift-courier",
        "river-supplies",
        "transport-bureau",
        "swift-courier",
        "swift-courier/suppliers",
    )
    assert [held[name] for name in names] == [name_id(name) for name in wanted]
    attested, released = held["milestones_"]
    assert attested == (
        8_000_000,
        unix_seconds("2030-03-31T18:00:00+08:00"),
        name_id("delivery-report"),
        name_id("clear-audit"),
    )
    assert released == (2_000_000, unix_seconds("2030-06-30T18:00:00+08:00"), bytes(32), bytes(32))
    assert held["timeout"] == unix_seconds("2030-07-31T00:00:00+08:00")
    assert held["dispute_timeout"] == 30 * 86_400


def test_guarantee(draft: Callable[[str], Draft]) -> None:
    held = arguments(draft, "guarantee")
    assert (held["amount"], held["max_uses"], held["claim_grace"]) == (5_000_000, 3, 14 * 86_400)
    assert held["issue_by"] < held["expires_at"]
    assert held["evidence_kind"] == name_id("unpaid-rent")
    assert held["document"].hex().startswith("5f16f4c7")


def test_split(draft: Callable[[str], Draft]) -> None:
    held = arguments(draft, "split")
    platform, tax = held["parts_"]
    assert platform == (name_id("swift-courier/platform"), 50, 250, 10_000)
    assert tax == (name_id("swift-courier/tax"), 0, 600, 0)
    assert held["remainder_to"] == name_id("swift-courier")
    assert held["refund_to"] == name_id("swift-courier/customers")


def test_receivable_with_and_without_what_is_optional(draft: Callable[[str], Draft]) -> None:
    held = arguments(draft, "receivable")
    assert held["debtor_account"] == name_id("swift-courier")
    assert held["witness"] == name_id("clear-audit")
    plain = draft("river-invoice")
    del plain.document["receivable"]["debtor_account"]
    del plain.document["parties"]["witness"]
    plain.document["expected"] = plain.document["expected"][1:2] + plain.document["expected"][3:]
    words = [plain.compiled().arguments[i : i + 32] for i in range(0, 14 * 32, 32)]
    assert (words[6], words[13]) == (bytes(32), bytes(32))


def test_allocation_rules(draft: Callable[[str], Draft]) -> None:
    held = arguments(draft, "allocation")
    assert [rule[1:] for rule in held["rules_"]] == [(1, 5_000_000), (2, 600), (3, 0)]
    assert held["destinations_"] == ()
