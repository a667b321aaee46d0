"""A new version tried over what the version in force paid; a workflow's files checked together."""

import pytest

from bridge.errors import Invalid, NotFound
from bridge.services import agreements, batches, replays, workflows
from bridge.store import payments
from contracts.errors import AgreementInvalid
from tests.bridge.world import EXAMPLES, World, make_agreements, ready_batch, roster

ROSTERS = {"couriers.csv": roster()}
EXAMPLE = (EXAMPLES / "couriers.csv").read_bytes()


@pytest.fixture(scope="module")
def paid(world: World) -> World:
    """A batch of three was paid."""
    make_agreements(world)
    draft = ready_batch(world, "PAST", [3, 4, 5])
    batches.execute(world.platform, draft)
    return world


def version() -> bytes:
    """The next version of the courier agreement."""
    text = (EXAMPLES / "courier-payouts.yaml").read_text()
    return text.replace("version: 1\n", "version: 2\n").encode()


def test_terms_that_change_nothing(paid: World) -> None:
    found = replays.run(paid.platform, version(), ROSTERS)
    assert (found.rows, found.changes, found.unexplained, found.restarted) == (3, (), (), ())


def test_a_stricter_quorum_would_have_refused(paid: World) -> None:
    text = version().decode().replace("at_least: 2", "at_least: 3")
    text = text.replace('{balance: "10000.00", approvals: 2', '{balance: "10000.00", approvals: 3')
    text = text.replace("approvals: 2\n", "approvals: 3\n")
    found = replays.run(paid.platform, text.encode(), ROSTERS)
    assert [change.new.code for change in found.changes] == ["approvals-missing"] * 3
    shown = replays.shown(found)
    assert shown["rows"] == 3
    assert shown["changes"][0]["new"]["clause"] == "approval"  # type: ignore[index]
    assert shown["changes"][0]["old"]["paid"]  # type: ignore[index]


def test_what_cannot_be_replayed(paid: World) -> None:
    with pytest.raises(NotFound):
        replays.run(
            paid.platform, version().replace(b"agreement: courier-payouts", b"agreement: others"), ROSTERS
        )
    with pytest.raises(Invalid, match="replay-impossible"):
        replays.run(paid.platform, (EXAMPLES / "fund-east.yaml").read_bytes(), {})


def test_a_workflow_is_checked_together(paid: World) -> None:
    names = ("fund-east.yaml", "courier-payouts.yaml")
    contents = {name: (EXAMPLES / name).read_bytes() for name in names}
    files = workflows.check(paid.platform, contents, ROSTERS)
    assert [file.content.agreement for file in files] == ["fund-east", "courier-payouts"]
    again = {**contents, "copy.yaml": contents["fund-east.yaml"], "broken.yaml": b"agreement: 1\n"}
    with pytest.raises(AgreementInvalid) as raised:
        workflows.check(paid.platform, again, ROSTERS)
    places = [(fault.where, fault.code) for fault in raised.value.faults]
    assert ("copy.yaml: agreement", "agreement-repeated") in places
    assert ("broken.yaml: agreement", "type-wrong") in places


def test_a_payee_who_joins_comes_last(paid: World) -> None:
    text = version().decode().replace("version: 2\n", "version: 3\n")
    joined = roster() + "新来的骑手,1\n".encode()
    held = agreements.deploy(paid.platform, text.encode(), {"couriers.csv": joined})
    assert held.address == agreements.show(paid.platform, "courier-payouts@1")["address"]
    with paid.platform.database.read() as session:
        before, after = (payments.roster(session, f"courier-payouts@{number}") for number in (1, 3))
        assert [entry.name for entry in after] == [*(entry.name for entry in before), "新来的骑手"]
    with pytest.raises(AgreementInvalid) as raised:
        agreements.check(
            paid.platform, text.replace("version: 3", "version: 4").encode(), {"couriers.csv": EXAMPLE}
        )
    assert "roster-shrinks" in [fault.code for fault in raised.value.faults]


def test_a_cancelled_batch_leaves_its_room(paid: World) -> None:
    cancelled = ready_batch(paid, "CANCELLED", [6, 7, 8])
    paid.act(batches.cancellation(paid.platform, cancelled), "swift-courier-east")
    batches.execute(paid.platform, ready_batch(paid, "AFTER", [6]))
    text = version().decode().replace('amount: "2000.00"', 'amount: "100.00"')
    # Room for both batches of three, and only then for one more payment.
    found = replays.run(paid.platform, text.replace('"500000.00"', '"600.00"').encode(), ROSTERS)
    assert (found.rows, found.changes, found.unexplained) == (4, (), ())
