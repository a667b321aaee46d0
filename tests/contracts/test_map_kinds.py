"""The kinds of maps, as the ledger logs them and as everybody else names them."""

import re
from importlib.resources import files

from contracts.terms import MapKind


def test_kinds_of_maps_are_those_of_the_ledgers_source() -> None:
    source = files("contracts").joinpath("modules/lines.vy").read_text(encoding="utf-8")
    (listed,) = re.findall(r"# Kinds of map.*?\n((?:[A-Z_]+: constant\(uint256\) = \d+\n)+)", source)
    numbers = re.findall(r"([A-Z_]+): constant\(uint256\) = (\d+)", listed)
    assert {kind.name: kind.value for kind in MapKind} == {name: int(number) for name, number in numbers}
