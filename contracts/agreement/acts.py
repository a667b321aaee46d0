"""What can happen to an agreement of a template without clauses: its acts, and who may do them."""

from dataclasses import dataclass

__all__ = ["ACTS", "ActRule"]


@dataclass(frozen=True)
class ActRule:
    """An act: the roles one of which does it (none: anyone, or all it takes); what it must or may name.

    An act that needs `by` is done by any institution, named by a role or by itself.
    """

    by: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()


def _rule(*by: str, needs: str = "", takes: str = "") -> ActRule:
    return ActRule(by, frozenset(needs.split()), frozenset(takes.split()))


# Acts are named as the templates name their functions.
ACTS: dict[str, dict[str, ActRule]] = {
    "allocation": {"clear": _rule()},
    "escrow": {
        "release": _rule("payer", needs="of", takes="amount"),
        "refund": _rule("payee", needs="amount"),
        "renounce": _rule("payee"),
        "dispute": _rule("payer", "payee"),
        "settle": _rule(needs="amount"),
        "rule": _rule("arbiter", needs="amount"),
        "attest": _rule(needs="of"),
        "release-attested": _rule(needs="of"),
        "close": _rule(),
    },
    "guarantee": {
        "issue": _rule("guarantor"),
        "claim": _rule("beneficiary", needs="amount"),
        "attest": _rule("witness"),
        "pay-claim": _rule(),
        "release": _rule("beneficiary"),
        "expire": _rule(),
    },
    "split": {"clear": _rule(), "refund": _rule("payer", needs="amount")},
    "delivery-versus-payment": {
        "deliver": _rule(),
        "cancel": _rule(),
        "settle": _rule(),
        "close": _rule(),
        "sweep": _rule(),
    },
    "receivable": {
        "register": _rule(),
        "assign": _rule(needs="by to account amount"),
        "finance": _rule("creditor", needs="amount price"),
        "repay-on": _rule(needs="by account"),
        "repay": _rule("debtor", needs="amount"),
        "collect": _rule(),
        "close": _rule(),
    },
}
