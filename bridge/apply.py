"""Movements → consequences: a credit mints a lot or brings a row back; a debit answers a payout.

Each movement is applied once, in one transaction with the queued call it causes.
"""

import json
import secrets

import structlog
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.identify import Credit, Rule, identify
from bridge.returns import queue_return, row_tree
from bridge.sender import Sender
from bridge.store import bank as store
from bridge.store import payments
from bridge.store.base import Database
from bridge.store.models import (
    CreditKind,
    CreditModel,
    DocumentModel,
    MovementModel,
    PayoutModel,
    PayoutState,
    SupervisedAccountModel,
)
from contracts.ids import commitment, keyed_reference, name_id

__all__ = ["Applier"]

MOVEMENTS_A_STEP = 200
NO_ACCOUNT = bytes(32)

log = structlog.get_logger(__name__)


class Applier:
    """Turns captured movements into queued calls."""

    def __init__(self, database: Database, chain: Chain, sender: Sender, reference_key: bytes) -> None:
        """`reference_key`: the registry's secret; the same bank reference always gives the same hash."""
        self.database = database
        self.chain = chain
        self.sender = sender
        self.reference_key = reference_key

    def step(self) -> int:
        """Apply the next movements; returns how many."""
        with self.database.begin() as session:
            waiting = store.unapplied_movements(session, MOVEMENTS_A_STEP)
            for movement in waiting:
                account = session.get_one(SupervisedAccountModel, movement.tree)
                if movement.direction == "credit":
                    self._credit(session, account, movement)
                else:
                    _debit(session, movement)
                movement.applied = True
        return len(waiting)

    def _credit(self, session: Session, account: SupervisedAccountModel, movement: MovementModel) -> None:
        payout = None
        if movement.returned_end_to_end_id is not None:
            payout = payments.payout_by_end_to_end_id(session, movement.returned_end_to_end_id)
        if payout is not None and _comes_back(session, payout, movement):
            self._return(session, account, movement, payout)
        else:
            self._mint(session, account, movement)

    def _reference(self, account: SupervisedAccountModel, movement: MovementModel) -> bytes:
        return keyed_reference(self.reference_key, account.bank, account.number, movement.bank_reference)

    def _return(
        self,
        session: Session,
        account: SupervisedAccountModel,
        movement: MovementModel,
        payout: PayoutModel,
    ) -> None:
        reference = self._reference(account, movement)
        payout.state = PayoutState.RETURNED
        payout.reason = movement.return_reason
        tree = row_tree(session, payout.root)
        key = queue_return(session, self.chain, self.sender, tree, payout, reference)
        session.add(
            CreditModel(
                movement=movement.id,
                tree=account.tree,
                reference=reference,
                amount_minor=movement.amount_minor,
                kind=CreditKind.RETURN,
                salt=b"",
                info=payout.info,
                transaction=key,
            )
        )

    def _mint(self, session: Session, account: SupervisedAccountModel, movement: MovementModel) -> None:
        rule = identify(_rules(session, account.tree), _facts(movement))
        salt = secrets.token_bytes(16)
        content = _lot_document(account, movement, rule)
        info = commitment(salt, content)
        reference = self._reference(account, movement)
        key = f"mint:{account.name}:{movement.bank_reference}"
        call = self.chain.call(
            "Ledger",
            "mint",
            reference,
            account.tree,
            NO_ACCOUNT if rule is None else name_id(rule.account),
            name_id("general" if rule is None else rule.dye_class),
            movement.amount_minor,
            info,
        )
        self.sender.queue(session, key, call)
        session.add(DocumentModel(commitment=info, kind="lot", salt=salt, content=content))
        session.add(
            CreditModel(
                movement=movement.id,
                tree=account.tree,
                reference=reference,
                amount_minor=movement.amount_minor,
                kind=CreditKind.LOT,
                rule=rule.id if rule else None,
                account=rule.account if rule else None,
                dye_class=rule.dye_class if rule else None,
                purpose=rule.purpose if rule else None,
                salt=salt,
                info=info,
                transaction=key,
            )
        )
        if rule is None:
            log.info("credit-unidentified", account=account.name, reference=movement.bank_reference)
            store.put_task(
                session,
                "suspense",
                f"{account.name}:{movement.bank_reference}",
                lot=reference.hex(),
                amount_minor=movement.amount_minor,
                currency=movement.currency,
            )


def _comes_back(session: Session, payout: PayoutModel, movement: MovementModel) -> bool:
    """Whether a returned payment is the whole of a row that is still out."""
    out = payout.state in (PayoutState.ORDERED, PayoutState.DEBITED)
    if out and payout.amount_minor == movement.amount_minor:
        return True
    store.put_task(
        session,
        "return-unmatched",
        movement.bank_reference,
        end_to_end_id=payout.end_to_end_id,
        state=payout.state,
        expected_minor=payout.amount_minor,
        amount_minor=movement.amount_minor,
    )
    return False


def _debit(session: Session, movement: MovementModel) -> None:
    if movement.end_to_end_id is None:
        return
    payout = payments.payout_by_end_to_end_id(session, movement.end_to_end_id)
    if payout is None or payout.amount_minor != movement.amount_minor:
        return
    if payout.state == PayoutState.ORDERED:
        payout.state = PayoutState.DEBITED
        payout.movement = movement.id


def _rules(session: Session, tree: bytes) -> list[Rule]:
    return [
        Rule(
            row.id,
            row.payer_name,
            row.payer_account,
            row.remittance_contains,
            row.account,
            row.dye_class,
            row.purpose,
        )
        for row in store.rules(session, tree)
    ]


def _facts(movement: MovementModel) -> Credit:
    return Credit(movement.counterparty_name, movement.counterparty_account, movement.remittance)


def _lot_document(account: SupervisedAccountModel, movement: MovementModel, rule: Rule | None) -> bytes:
    """What a lot's information commitment commits to: canonical JSON."""
    return json.dumps(
        {
            "account": account.name,
            "bank": account.bank,
            "bank_reference": movement.bank_reference,
            "amount_minor": movement.amount_minor,
            "currency": movement.currency,
            "booking_date": movement.booking_date.isoformat() if movement.booking_date else None,
            "payer_name": movement.counterparty_name,
            "payer_account": movement.counterparty_account,
            "remittance": movement.remittance,
            "purpose": rule.purpose if rule else None,
        },
        sort_keys=True,
        ensure_ascii=False,
    ).encode()
