"""Courses of events of every template, tried on a fork before anybody activates them."""

import pytest

from bridge.services import accounts, agreements
from tests.bridge.world import EXAMPLES, World

OPENED = {
    "swift-courier/financing": "north-bank",
    "swift-courier/suppliers": "swift-courier-east",
    **{
        f"swift-courier/{name}": "swift-courier"
        for name in (
            "deposit",
            "collateral",
            "sales",
            "platform",
            "tax",
            "customers",
            "repayments",
            "warehouse",
        )
    },
}


@pytest.fixture(scope="module")
def opened(world: World) -> World:
    """The accounts the examples name."""
    for name, controller in OPENED.items():
        world.act(accounts.opening(world.platform, name, "swift-courier", controller), "swift-courier")
    return world


@pytest.mark.parametrize(
    "name",
    [
        "bike-order",
        "depot-guarantee",
        "sales-split",
        "battery-receipt",
        "river-invoice",
        "budget-clearing",
    ],
)
def test_every_template_does_what_its_example_expects(opened: World, name: str) -> None:
    text = (EXAMPLES / f"{name}.yaml").read_text().replace("river-supplies", "swift-courier-east")
    results = agreements.simulate(opened.platform, text.encode(), {})
    assert results
    assert [(result.case, result.message.en) for result in results if not result.ok] == []
