"""Supervised accounts, the trees below them, identification rules and suspense."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from bridge.chain import Call
from bridge.errors import Conflict, Invalid, NotFound
from bridge.money import minor_unit_digits
from bridge.pay import check_party, is_iban
from bridge.platform import Mined, Platform
from bridge.services.acts import Act, only
from bridge.services.institutions import institution_id
from bridge.store import bank as store
from bridge.store import directory, payments, projections, transactions
from bridge.store.chain_models import TreeRow
from bridge.store.models import RuleModel, SupervisedAccountModel
from contracts.agreement import AccountFacts
from contracts.ids import account_line, lot_line, name_id

__all__ = [
    "account_facts",
    "identification",
    "listing",
    "opening",
    "set_rules",
    "supervise",
    "tasks",
]


def supervise(
    platform: Platform,
    name: str,
    bank: str,
    controller: str,
    quorum: str,
    number: str,
    currency: str,
    holder: str,
    opening_minor: int = 0,
) -> Mined:
    """Open the tree of a bank account that is under supervision from now on.

    `opening_minor`: what was in it before the first message the bank sent here; it stays outside the ledger.
    Raises NotFound, Conflict, MoneyRefused, ChainRefused, OrderRefused for an account no order can name.
    """
    minor_unit_digits(currency)
    check_party(holder, number)
    with platform.database.read() as session:
        held = store.account_by_name(session, name)
        taken = store.account_by_number(session, number)
    if held is not None and (held.number, held.currency, held.bank) != (number, currency, bank):
        raise Conflict("account-exists", f"{name} is another bank account already; choose another name.")
    if taken is not None and taken.name != name:
        raise Conflict("account-exists", f"This bank account is supervised as {taken.name} already.")
    call = platform.chain.call(
        "Accounts",
        "open_tree",
        name_id(name),
        institution_id(platform, bank),
        name_id(quorum),
        currency.encode("ascii"),
        institution_id(platform, controller),
    )
    mined = platform.perform(f"tree:{name}", call)
    with platform.database.begin() as session:
        sent, held = transactions.by_key(session, f"tree:{name}"), store.account_by_name(session, name)
        same_terms = held is None or (held.holder, held.opening_minor) == (holder, opening_minor)
        if sent is None or sent.data != call.data or not same_terms:
            raise Conflict("account-exists", f"{name} is supervised on other terms; nothing was changed.")
        directory.put_name(session, name)
        session.merge(
            SupervisedAccountModel(
                tree=name_id(name),
                name=name,
                bank=bank,
                number=number,
                is_iban=is_iban(number),
                currency=currency,
                holder=holder,
                opening_minor=opening_minor,
            )
        )
        # What the bank sent about it before is read now.
        store.read_again(session, "account-unknown")
    return mined


def opening(platform: Platform, name: str, parent: str, controller: str) -> Act:
    """Open an account below another; an operator of the parent's controller signs."""
    identity, above = name_id(name), name_id(parent)
    owner = institution_id(platform, controller)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "open_account", identity, above, owner, only(signatures))

    message = platform.chain.message(
        "Opening", "Supervision", account=identity, parent=above, controller=owner
    )
    return Act(message, build, lambda session: directory.put_names(session, [name]))


def set_rules(platform: Platform, account: str, rules: Sequence[dict[str, str | None]]) -> int:
    """Replace the identification rules of a supervised account; the first that matches counts.

    A rule: `payer_name`, `payer_account`, `remittance_contains` (one at least), `account`, `dye_class`,
    `purpose`. Raises NotFound, Invalid.
    """
    with platform.database.begin() as session:
        held = store.account_by_name(session, account)
        if held is None:
            raise NotFound("account-unknown", f"{account} is not a supervised account; supervise it first.")
        store.delete_rules(session, held.tree)
        for priority, rule in enumerate(rules):
            if not any(rule.get(key) for key in ("payer_name", "payer_account", "remittance_contains")):
                raise Invalid("rule-empty", f"Rule {priority + 1} matches nothing; name a payer or a text.")
            target = name_id(str(rule["account"]))
            known = {row.account for row in projections.accounts_of_tree(session, held.tree)}
            if target not in known:
                raise NotFound("account-unknown", f"{rule['account']} is no account below {account}.")
            directory.put_name(session, str(rule["dye_class"]))
            session.add(RuleModel(tree=held.tree, priority=priority, **rule))
    return len(rules)


def account_facts(platform: Platform) -> dict[str, AccountFacts]:
    """Every account by name, for the agreement compiler."""
    with platform.database.read() as session:
        known = directory.names(session)
        return {
            known[row.account]: AccountFacts(
                known.get(row.controller, row.controller.hex()),
                known.get(tree.tree, tree.tree.hex()),
                tree.currency,
                known.get(row.parent),
            )
            for tree in projections.trees(session)
            for row in projections.accounts_of_tree(session, tree.tree)
            if row.account in known
        }


def listing(platform: Platform) -> list[dict[str, object]]:
    """Supervised accounts with their trees, balances by dye class, and suspense; minor units."""
    with platform.database.read() as session:
        known, classes = directory.names(session), payments.dye_classes(session)
        found: list[dict[str, object]] = []
        for held in store.supervised_accounts(session):
            lots = projections.lots_of_tree(session, held.tree)
            suspense = sum(lot.amount_minor - projections.line_totals(session, lot.line)[1] for lot in lots)
            accounts = [
                {
                    "account": known.get(row.account, row.account.hex()),
                    "parent": known.get(row.parent),
                    "controller": known.get(row.controller, row.controller.hex()),
                    "frozen": row.frozen,
                    "closed": row.closed,
                    "balances_minor": _balances(session, row.account, classes),
                }
                for row in projections.accounts_of_tree(session, held.tree)
            ]
            found.append(
                {
                    "supervised_account": held.name,
                    "bank": held.bank,
                    "currency": held.currency,
                    "lots": len(lots),
                    "suspense_minor": suspense,
                    "shortfall_minor": session.get_one(TreeRow, held.tree).shortfall_minor,
                    "attested_minor": session.get_one(TreeRow, held.tree).attested_minor,
                    "custody": _custody(session, held.tree, known),
                    "accounts": accounts,
                }
            )
        return found


def _custody(session: Session, tree: bytes, known: dict[bytes, str]) -> list[dict[str, object]]:
    """Money set apart by supervisors, minor units."""
    found = []
    for row in projections.custody_of_tree(session, tree):
        filled, emptied = projections.line_totals(session, row.custody)
        found.append(
            {
                "custody": row.custody.hex(),
                "account": known.get(row.account, row.account.hex()),
                "amount_minor": filled - emptied,
            }
        )
    return found


def _balances(session: Session, account: bytes, classes: dict[bytes, str]) -> dict[str, int]:
    balances = {}
    for dye_class, name in sorted(classes.items(), key=lambda each: each[1]):
        filled, emptied = projections.line_totals(session, account_line(account, dye_class))
        if filled:
            balances[name] = filled - emptied
    return balances


def tasks(platform: Platform) -> list[dict[str, object]]:
    """Work that waits for a teller."""
    with platform.database.read() as session:
        return [
            {"id": row.id, "kind": row.kind, "subject": row.subject, "detail": row.detail}
            for row in store.open_tasks(session)
        ]


def identification(
    platform: Platform, lot: bytes, account: str, dye_class: str, amount_minor: int, start: int | None = None
) -> Act:
    """Map money of a lot in suspense to an account, from its front; two tellers of the bank sign.

    `start`: the front when it was signed; None for where it is now.
    """
    if start is None:
        _, start = platform.chain.read("Ledger", "line", lot_line(lot))
    arguments = (lot, name_id(account), name_id(dye_class), amount_minor)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "identify", *arguments, signatures)

    message = platform.chain.message(
        "Identification",
        "Supervision",
        lot=lot,
        account=arguments[1],
        dyeClass=arguments[2],
        amount=amount_minor,
        start=start,
    )
    return Act(message, build, lambda session: directory.put_names(session, [dye_class]))
