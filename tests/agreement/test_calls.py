"""How acts are called, against what the contracts take and what is signed."""

import pytest

from contracts.agreement.acts import ACTS
from contracts.agreement.calls import CALLS, function_name
from contracts.agreement.sections import SECTIONS
from contracts.artifacts import TEMPLATES, artifact
from contracts.typed_data import MESSAGE_FIELDS

EVERY = [(template, act) for template, calls in CALLS.items() for act in calls]


def inputs(template: str) -> dict[str, list[str]]:
    """Types of what each function that changes something takes."""
    return {
        entry["name"]: [each["type"] for each in entry["inputs"]]
        for entry in artifact(TEMPLATES[template]).abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }


@pytest.mark.parametrize(("template", "act"), EVERY)
def test_a_call_is_what_the_contract_takes(template: str, act: str) -> None:
    call = CALLS[template][act]
    taken = inputs(template)[function_name(act)]
    plain, signatures = taken[: len(call.arguments)], taken[len(call.arguments) :]
    assert signatures == ["bytes"] * len(call.signers)
    if call.kind is None:
        assert not call.signers
        assert plain == ["uint256"] * len(call.arguments)
    else:
        fields = dict(MESSAGE_FIELDS[call.kind])
        assert plain == [fields[name] for name in call.arguments]


@pytest.mark.parametrize("template", SECTIONS)
def test_every_function_that_changes_something_is_an_act(template: str) -> None:
    """But for `adopt`, which the factory calls."""
    assert {function_name(act) for act in CALLS[template]} == inputs(template).keys() - {"adopt"}


def test_what_happens_in_a_trial_can_be_called() -> None:
    for template, acts in ACTS.items():
        assert acts.keys() <= CALLS[template].keys()
