"""What a state machine does, some acts more often than others: Hypothesis' own choice knows no weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Method = Callable[..., None]


class Acts:
    """Methods and what each is given."""

    def __init__(self) -> None:
        self.held: list[tuple[str, dict[str, st.SearchStrategy[Any]]]] = []

    def often(self, times: int, **arguments: st.SearchStrategy[Any]) -> Callable[[Method], Method]:
        """Put a method among the acts, so many times."""

        def keep(method: Method) -> Method:
            self.held.extend([(method.__name__, arguments)] * times)
            return method

        return keep

    def do(self, machine: object, data: st.DataObject) -> None:
        """Do one of them."""
        name, arguments = self.held[data.draw(st.integers(0, len(self.held) - 1), label="act")]
        drawn = {key: data.draw(strategy, label=f"{name}, {key}") for key, strategy in arguments.items()}
        getattr(machine, name)(**drawn)
