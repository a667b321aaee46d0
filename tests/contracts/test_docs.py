"""`docs/contracts.md` says of each contract what its source says."""

import re

from contracts.artifacts import DEPLOYABLES
from scripts.contract_reference import PAGE, contracts, page


def test_the_page_is_current() -> None:
    written = PAGE.read_text("utf-8")
    assert written == page(written), "run `python -m scripts.contract_reference`"


def test_every_deployable_is_on_the_page() -> None:
    assert set(re.findall(r"<!-- generated: (\w+) -->", PAGE.read_text("utf-8"))) == set(DEPLOYABLES)


def test_who_may_call_comes_from_headings_and_roles() -> None:
    held = contracts()
    ledger = held["Ledger"]
    assert ledger.who(ledger.functions["mint"]).endswith(": `MINTER`")
    assert ledger.who(ledger.functions["sweep"]) == "Anyone"
