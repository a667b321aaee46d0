"""Identification: which account and purpose a credit is for. Pure; rules are tried in order."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Credit", "Rule", "identify"]


@dataclass(frozen=True)
class Credit:
    """What a bank says of an inbound credit."""

    payer_name: str | None
    payer_account: str | None
    remittance: str | None


@dataclass(frozen=True)
class Rule:
    """Names account, dye class and purpose for credits that match everything it states."""

    id: int
    payer_name: str | None
    payer_account: str | None
    remittance_contains: str | None
    account: str
    dye_class: str
    purpose: str

    def matches(self, credit: Credit) -> bool:
        """Whether all stated conditions hold; a rule that states none matches nothing."""
        stated = [
            (self.payer_name, credit.payer_name, _same),
            (self.payer_account, credit.payer_account, _same),
            (self.remittance_contains, credit.remittance, _contains),
        ]
        conditions = [(wanted, found, test) for wanted, found, test in stated if wanted is not None]
        return bool(conditions) and all(
            found is not None and test(wanted, found) for wanted, found, test in conditions
        )


def _same(wanted: str, found: str) -> bool:
    return " ".join(wanted.split()).casefold() == " ".join(found.split()).casefold()


def _contains(wanted: str, found: str) -> bool:
    return wanted.casefold() in found.casefold()


def identify(rules: Iterable[Rule], credit: Credit) -> Rule | None:
    """The first rule that matches, or None: then the money waits in suspense for a teller."""
    return next((rule for rule in rules if rule.matches(credit)), None)
