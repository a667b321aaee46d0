"""Movements → consequences: a credit mints a lot or brings a row back; a debit answers a payout.

Each movement is applied once, in one transaction with the queued call it causes.
"""

import json
import secrets

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bridge.attest import Attester
from bridge.chain import Chain
from bridge.identify import Credit, Rule, identify
from bridge.returns import queue_return
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
GONE_BACK = (PayoutState.REJECTED, PayoutState.SKIPPED)

log = structlog.get_logger(__name__)


class Applier:
    """Turns captured movements into queued calls."""

    def __init__(
        self, database: Database, chain: Chain, sender: Sender, attester: Attester, reference_key: bytes
    ) -> None:
        """`reference_key`: the registry's secret; the same bank reference always gives the same hash."""
        self.database = database
        self.chain = chain
        self.sender = sender
        self.attester = attester
        self.reference_key = reference_key

    def step(self) -> int:
        """Attest what is known by now, then apply the next movements; returns how many were applied.

        One that cannot be applied is a teller's task and stays unapplied; it is tried again, behind others.
        So is the debit of a payout that, by what is indexed, was never executed.
        """
        applied = 0
        with self.database.begin() as session:
            self.attester.attest(session, self.sender)
            for movement in store.unapplied_movements(session, MOVEMENTS_A_STEP):
                try:
                    with session.begin_nested():
                        self._apply(session, movement)
                except OperationalError:
                    raise
                except Exception as error:  # noqa: BLE001 - a named state and a teller's task
                    log.error("movement-failed", movement=movement.id, error=type(error).__name__)
                    store.put_task(session, "movement-failed", str(movement.id), error=type(error).__name__)
                applied += movement.applied
                movement.attempts += not movement.applied
        return applied

    def _apply(self, session: Session, movement: MovementModel) -> None:
        account = session.get_one(SupervisedAccountModel, movement.tree)
        movement.applied = True
        if movement.currency != account.currency:
            store.put_task(
                session,
                "currency-mismatch",
                f"{account.name}:{movement.bank_reference}",
                direction=movement.direction,
                amount_minor=movement.amount_minor,
                currency=movement.currency,
            )
        elif movement.direction == "credit":
            self._credit(session, account, movement)
        else:
            _debit(session, movement)
        store.close_task(session, "movement-failed", str(movement.id))

    def _credit(self, session: Session, account: SupervisedAccountModel, movement: MovementModel) -> None:
        """New money, or money of ours that comes back. What might be either waits in suspense."""
        payout = _payout_of(session, movement)
        comes_back = movement.returned_end_to_end_id is not None or movement.reversal
        if payout is not None and comes_back:
            if _is_part_of_row(session, payout, movement):
                self._return(session, account, movement, payout)
                return
            if payout.state in GONE_BACK and _is_whole_row(session, payout, movement):
                self._cancel_debit(session, account, movement, payout)
                return
        if payout is not None:
            _put_payout_task(session, "return-unmatched", movement, payout)
        is_ours = payout is not None or comes_back
        rule = None if is_ours else identify(_rules(session, account.tree), _facts(movement))
        self._mint(session, account, movement, rule)

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
        payout.returned_minor += movement.amount_minor
        if payout.returned_minor == payout.amount_minor:
            payout.state = PayoutState.RETURNED
        payout.reason = movement.return_reason
        key = queue_return(session, self.chain, self.sender, payout, reference, movement.amount_minor)
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

    def _cancel_debit(
        self,
        session: Session,
        account: SupervisedAccountModel,
        movement: MovementModel,
        payout: PayoutModel,
    ) -> None:
        """The row has gone back already, so its money is on the ledger: a lot would double it."""
        _put_payout_task(session, "return-of-row-gone", movement, payout)
        session.add(
            CreditModel(
                movement=movement.id,
                tree=account.tree,
                reference=self._reference(account, movement),
                amount_minor=movement.amount_minor,
                kind=CreditKind.CANCELS,
                salt=b"",
                info=payout.info,
            )
        )

    def _mint(
        self,
        session: Session,
        account: SupervisedAccountModel,
        movement: MovementModel,
        rule: Rule | None,
    ) -> None:
        salt = secrets.token_bytes(16)
        content = _lot_document(account, movement, rule)
        info = commitment(salt, content)
        reference = self._reference(account, movement)
        key = f"mint:{reference.hex()}"
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
                reference.hex(),
                lot=reference.hex(),
                account=account.name,
                bank_reference=movement.bank_reference,
                amount_minor=movement.amount_minor,
                currency=movement.currency,
            )


def _payout_of(session: Session, movement: MovementModel) -> PayoutModel | None:
    """The payout a movement names, whether as its debit, a return or a reversal."""
    if movement.end_to_end_id is None:
        return None
    return payments.payout_by_end_to_end_id(session, movement.end_to_end_id)


def _is_whole_row(session: Session, payout: PayoutModel, movement: MovementModel) -> bool:
    """Whether a movement is a payout's whole amount, on the account the payout was paid from."""
    paid_from = payments.tree_of_payout(session, payout)
    return payout.amount_minor == movement.amount_minor and paid_from == movement.tree


def _is_part_of_row(session: Session, payout: PayoutModel, movement: MovementModel) -> bool:
    """Whether a credit can be what the bank paid, or a part of it: no more than is still out."""
    is_out = payout.state in (PayoutState.ORDERED, PayoutState.DEBITED)
    fits = payout.returned_minor + movement.amount_minor <= payout.amount_minor
    return is_out and fits and payments.tree_of_payout(session, payout) == movement.tree


def _debit(session: Session, movement: MovementModel) -> None:
    """A debit answers the payout it names; one that names none of ours is reconciliation's to find."""
    payout = _payout_of(session, movement)
    if payout is None:
        return
    answers = payout.state in (PayoutState.ORDERED, PayoutState.RETURNED) and payout.movement is None
    if not answers or not _is_whole_row(session, payout, movement):
        _put_payout_task(session, "debit-unmatched", movement, payout)
        movement.applied = payout.state != PayoutState.DRAFTED
        return
    store.close_task(session, "debit-unmatched", _about(movement, payout))
    payout.movement = movement.id
    if payout.state == PayoutState.ORDERED:
        payout.state = PayoutState.DEBITED


def _about(movement: MovementModel, payout: PayoutModel) -> str:
    return f"{payout.end_to_end_id}:{movement.bank_reference}"


def _put_payout_task(session: Session, kind: str, movement: MovementModel, payout: PayoutModel) -> None:
    """What the bank booked does not follow from what became of the payout: a teller asks the bank."""
    store.put_task(
        session,
        kind,
        _about(movement, payout),
        state=payout.state,
        expected_minor=payout.amount_minor,
        amount_minor=movement.amount_minor,
    )


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
