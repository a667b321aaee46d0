"""Attesting: what the bank booked to an account, signed by a key that cannot mint.

No more is brought onto the ledger, by minting or by returns, than the tree's bank attests. An attestation
goes out before what it lets through, by the same sender and so in the same order.
"""

import time

from eth_account.signers.local import LocalAccount
from sqlalchemy.orm import Session

from bridge.chain import Call, Chain
from bridge.errors import ChainRefused
from bridge.sender import Sender
from bridge.store import bank as store
from bridge.store import transactions
from bridge.store.models import (
    AttestationModel,
    SupervisedAccountModel,
    TransactionModel,
    TransactionState,
)
from contracts.typed_data import Value

__all__ = ["TASK", "Attester"]

TASK = "attestation-failed"
"""A teller's task: nothing can be brought onto the ledger beyond what was attested before."""
NO_STATEMENT = bytes(32)
RETRY_SECONDS = 15.0


class Attester:
    """Queues attestations of supervised accounts."""

    def __init__(self, chain: Chain, key: LocalAccount) -> None:
        self.chain = chain
        self.key = key
        self.retry_seconds = RETRY_SECONDS
        self._not_before: dict[bytes, float] = {}

    def attest(self, session: Session, sender: Sender) -> int:
        """Queue an attestation of every account of which more is known now; returns how many.

        It is of all credits booked in the account's currency: what was in it before it was supervised stays
        outside the ledger, and what leaves it the ledger counts.

        Raises ChainUnreachable where the chain has to be asked for the next number.
        """
        return sum(self._attest(session, sender, held) for held in store.supervised_accounts(session))

    def _attest(self, session: Session, sender: Sender, account: SupervisedAccountModel) -> bool:
        last = store.latest_attestation(session, account.tree)
        sent = None if last is None else transactions.by_key(session, last.transaction)
        has_failed = sent is not None and sent.state == TransactionState.FAILED
        after = 0 if last is None else last.movement
        newest, credited = store.credits_after(session, account.tree, account.currency, after)
        if last is not None and not has_failed:
            self._close_task(session, account, sent)
            if not credited:
                return False
        if has_failed and not self._may_try(session, account, sent):
            return False
        is_known = last is not None and not has_failed
        number = last.number + 1 if last and is_known else self._next_number(account.tree)
        made = AttestationModel(
            tree=account.tree,
            number=number,
            movement=newest,
            credits_minor=(last.credits_minor if last else 0) + credited,
            statement=store.digest_of_sighting(session, newest) or NO_STATEMENT,
            transaction=f"attest:{account.tree.hex()}:{number}",
        )
        call = self._call(made)
        if has_failed and not self._passes(call, sender):
            return False
        session.add(made)
        return sender.queue_again(session, made.transaction, call)

    def _next_number(self, tree: bytes) -> int:
        return int(self.chain.read("Supervision", "attestation_number", tree))

    def _may_try(
        self, session: Session, account: SupervisedAccountModel, sent: TransactionModel | None
    ) -> bool:
        """Tell the tellers, and say whether it is time to try again."""
        store.put_task(
            session,
            TASK,
            account.name,
            code=None if sent is None else sent.error_code,
            message=None if sent is None else sent.error,
        )
        if time.monotonic() < self._not_before.get(account.tree, 0.0):
            return False
        self._not_before[account.tree] = time.monotonic() + self.retry_seconds
        return True

    def _close_task(
        self, session: Session, account: SupervisedAccountModel, sent: TransactionModel | None
    ) -> None:
        if sent is not None and sent.state == TransactionState.MINED:
            store.close_task(session, TASK, account.name)

    def _passes(self, call: Call, sender: Sender) -> bool:
        try:
            self.chain.preflight(call, sender.key.address)
        except ChainRefused:
            return False
        return True

    def _call(self, made: AttestationModel) -> Call:
        values: dict[str, Value] = {
            "tree": made.tree,
            "number": made.number,
            "balance": 0,
            "credits": made.credits_minor,
            "debits": 0,
            "statement": made.statement,
        }
        signature = self.chain.message("Attestation", "Supervision", **values).sign(self.key)
        stated = [value for name, value in values.items() if name != "number"]
        return self.chain.call("Supervision", "attest", *stated, signature)
