"""Expected payments under every kind of guard, tried on a fork as the case sets them up."""

from bridge import setup
from bridge.services import accounts, agreements, institutions
from tests.bridge.world import EXAMPLES, World, roster

OPENED = {
    "swift-courier/works": "swift-courier",
    "swift-courier/deposit": "swift-courier",
    "swift-courier/suppliers": "swift-courier-east",
}


def test_every_kind_of_guard_does_what_its_example_expects(world: World) -> None:
    platform = world.platform
    for name, controller in OPENED.items():
        world.act(accounts.opening(platform, name, "swift-courier", controller), "swift-courier")
    changes = setup.quorum_changes("inspectors", 2, ("clear-audit", "transport-bureau"))
    act = institutions.announcement(platform, changes, ["inspectors"])
    signatures = [act.message.sign(world.keys[name]) for name in ("north-bank", "labour-bureau")]
    institutions.announce(platform, act, signatures, 1)
    held = agreements.deploy(platform, _file("bike-order"), {})
    world.act(agreements.activation(platform, held.id), "north-bank", "labour-bureau")
    results = agreements.simulate(platform, _file("depot-works"), {"couriers.csv": roster()})
    assert len(results) > 10
    failed = [f"{each.case}: {each.message.en}" for each in results if not each.ok]
    assert "\n".join(failed) == ""


def _file(name: str) -> bytes:
    text = (EXAMPLES / f"{name}.yaml").read_text()
    return text.replace("river-supplies", "swift-courier-east").encode()
