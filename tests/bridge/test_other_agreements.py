"""What other agreements count as, for replays and for the check of executions."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.services.other_agreements import balance_of, state_of
from contracts.terms import BALANCE_STATE, OPEN_STATE, Guard, Kind

OTHER, CLASS, ACCOUNT = b"\x01".rjust(32, b"\0"), b"class".ljust(32), b"account".ljust(32)
COMPLETED = 2


def chain(*, active: bool, version: int, state: int) -> Chain:
    """A chain that has one agreement, whose account holds 500."""
    said = {
        "instance": SimpleNamespace(active=active, version=version),
        "state": state,
        "account_balance": 500,
    }

    def read(_: str, function: str, *__: object, **___: object) -> Any:
        return said[function]

    return cast(Chain, SimpleNamespace(read=read))


def asked(state: int) -> Guard:
    return Guard(0, Kind.AGREEMENT_STATE, state, 1, 0, CLASS, OTHER)


@pytest.mark.parametrize(
    ("active", "version", "state", "counts"),
    [
        (True, 1, OPEN_STATE, OPEN_STATE),
        (False, 1, OPEN_STATE, 0),
        (False, 0, OPEN_STATE, 0),
        (True, 1, COMPLETED, COMPLETED),
        (False, 1, COMPLETED, COMPLETED),
        (False, 0, COMPLETED, 0),
    ],
)
def test_only_states_of_what_once_was_active_count(
    active: bool, version: int, state: int, counts: int
) -> None:
    assert state_of(chain(active=active, version=version, state=state), asked(state), 1) == counts


@pytest.mark.parametrize(("active", "counts"), [(True, 500), (False, 0)])
def test_only_what_an_active_one_holds_counts(active: bool, counts: int) -> None:
    row = SimpleNamespace(account=ACCOUNT)
    session = cast(Session, SimpleNamespace(get_one=lambda *_: row))
    told = chain(active=active, version=1, state=OPEN_STATE)
    assert balance_of(session, told, asked(BALANCE_STATE), 1) == counts
