"""Agreements that move money by rules: the keeper calls them whenever something arrives."""

from bridge.services import accounts, agreements, invariants
from tests.bridge.world import EXAMPLES, World, credit

OPENED = ("sales", "platform", "tax", "customers")


def test_a_receipt_is_divided_by_itself(world: World) -> None:
    platform = world.platform
    for name in OPENED:
        opening = accounts.opening(platform, f"swift-courier/{name}", "swift-courier", "swift-courier")
        world.act(opening, "swift-courier")
    held = agreements.deploy(platform, (EXAMPLES / "sales-split.yaml").read_bytes(), {})
    world.act(agreements.activation(platform, held.id), "north-bank", "labour-bureau")
    assert agreements.show(platform, held.id)["active"] is True
    rule = {
        "payer_name": "收银台",
        "payer_account": None,
        "remittance_contains": None,
        "account": "swift-courier/sales",
        "dye_class": "general",
        "purpose": "销售",
    }
    accounts.set_rules(platform, "swift-courier", [rule])
    credit(world, 10_050, payer="收银台")
    world.wait_for(lambda: _balance(world, "swift-courier/platform") == 300)
    assert _balance(world, "swift-courier/tax") == 600
    assert _balance(world, "swift-courier/sales") == 0
    credit(world, 20_050, payer="收银台")
    world.wait_for(lambda: _balance(world, "swift-courier/platform") == 300 + 550)
    found = invariants.check(platform)
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


def _balance(world: World, name: str) -> int:
    listed = [each for tree in accounts.listing(world.platform) for each in tree["accounts"]]  # type: ignore[attr-defined]
    held = next(each["balances_minor"] for each in listed if each["account"] == name)
    return int(held.get("general", 0))
