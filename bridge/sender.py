"""The one owner of the bridge key's nonce: queued → signed (bytes stored) → broadcast → mined.

Whoever needs a transaction writes a row in the same database transaction as its cause; the sender does the
rest. After a crash the same bytes go out again: the nonce makes a second inclusion impossible. A call that
failed on chain can be queued again under its key.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from eth_account.signers.local import LocalAccount
from sqlalchemy.orm import Session
from web3 import Web3

from bridge.chain import Call, Chain
from bridge.errors import ChainError, ChainRefused, ChainUnreachable
from bridge.store import bank, transactions
from bridge.store.base import Database, utc_now
from bridge.store.models import TransactionModel, TransactionState

__all__ = ["Sender"]

GAS_LIMIT = 100_000_000
"""Of every transaction: gas is free on a supervised chain, and the worst legal call stays below this."""
GROUP = 64
POLL_SECONDS = 0.02
WAIT_SECONDS = 5.0
"""For the receipts of one group; meanwhile nothing else is done, and the next turn asks again."""
LATE_AFTER = timedelta(minutes=1)
"""From when on a teller is told of a transaction the chain does not take."""
RETRY_SECONDS = 15.0
"""Between two tries of what failed on chain."""
UNATTENDED = ("mint:", "return:", "settle:", "directory-apply:", "release:", "restore:", "sweep:", "clear:")
"""How the keys of calls begin that no person waits for: if they fail, a teller must hear of it."""
ATTESTATION = "attest:"
"""How the keys of attestations begin."""
NONCE_TAKEN = ChainRefused(
    "nonce-taken", "Another transaction of the bridge's key took this nonce, so this one was sent anew."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Signed:
    """A transaction whose bytes are stored."""

    id: int
    key: str
    call: Call
    raw: bytes
    hash: bytes

    @classmethod
    def of(cls, row: TransactionModel) -> "Signed":
        """From its row."""
        if row.raw is None or row.hash is None:
            raise ValueError(f"transaction {row.key} is not signed")
        return cls(row.id, row.key, Call(Web3.to_checksum_address(row.to), row.data), row.raw, row.hash)


class Sender:
    """Signs and sends what is queued."""

    def __init__(self, database: Database, chain: Chain, key: LocalAccount) -> None:
        self.database = database
        self.chain = chain
        self.key = key
        self.retry_seconds = RETRY_SECONDS
        self._next_try = 0.0
        self._tried_past = 0

    def queue(self, session: Session, key: str, call: Call) -> bool:
        """Queue a call once; False when the key was queued before."""
        if transactions.by_key(session, key) is not None:
            return False
        session.add(TransactionModel(key=key, to=call.to, data=call.data))
        return True

    def queue_again(self, session: Session, key: str, call: Call) -> bool:
        """As `queue`, also after the call failed on chain. What failed is kept under another key."""
        held = transactions.by_key(session, key)
        if held is not None and held.state == TransactionState.FAILED:
            held.key = f"failed:{held.id}:{key}"
            session.flush()
        return self.queue(session, key, call)

    def step(self) -> int:
        """Send what is queued or unfinished; returns how many transactions came to an end."""
        self._try_failed()
        self._sign_queued()
        with self.database.read() as session:
            rows = transactions.in_state(session, TransactionState.SIGNED, GROUP)
            waiting = [Signed.of(row) for row in rows]
        answers = [self._broadcast(transaction) for transaction in waiting]
        deadline = time.monotonic() + WAIT_SECONDS
        for number, transaction in enumerate(waiting):
            if not self._finish(transaction, deadline):
                self._late(transaction, answers[number])
                return number
        return len(waiting)

    def _sign_queued(self) -> None:
        with self.database.read() as session:
            if not transactions.in_state(session, TransactionState.QUEUED, 1):
                return
        used = self.chain.transaction_count(self.key.address)
        with self.database.begin() as session:
            # Ours counts what is on its way; the chain's, what an older copy of this database forgot.
            nonce = max(transactions.next_nonce(session), used)
            self._sign(transactions.in_state(session, TransactionState.QUEUED, GROUP), nonce)

    def _sign(self, queued: Sequence[TransactionModel], nonce: int) -> None:
        for offset, transaction in enumerate(queued):
            signed = self.key.sign_transaction(
                {
                    "to": Web3.to_checksum_address(transaction.to),
                    "data": transaction.data,
                    "value": 0,
                    "gas": GAS_LIMIT,
                    "gasPrice": 0,
                    "nonce": nonce + offset,
                    "chainId": self.chain.deployment.chain_id,
                }
            )
            transaction.nonce = nonce + offset
            transaction.raw = bytes(signed.raw_transaction)
            transaction.hash = bytes(signed.hash)
            transaction.state = TransactionState.SIGNED

    def _broadcast(self, transaction: Signed) -> str | None:
        """Hand the bytes in; returns the node's objection, if any."""
        if self.chain.receipt(transaction.hash) is not None:
            return None
        try:
            self.chain.send_raw(transaction.raw)
        except ChainUnreachable:
            raise
        except ChainError as error:
            # The node may hold it already, or may have mined it in between; the receipt decides.
            log.info("broadcast-answered", key=transaction.key, answer=error.message)
            return error.message
        return None

    def _finish(self, transaction: Signed, deadline: float) -> bool:
        while (receipt := self.chain.receipt(transaction.hash)) is None:
            if time.monotonic() > deadline:
                return False
            # JSON-RPC over HTTP does not tell when a receipt is there.
            time.sleep(POLL_SECONDS)
        failure = None if receipt["status"] == 1 else self._reason(transaction, receipt["blockNumber"])
        with self.database.begin() as session:
            row = session.get_one(TransactionModel, transaction.id)
            row.block = receipt["blockNumber"]
            self._end(session, row, failure)
        return True

    def _end(self, session: Session, row: TransactionModel, failure: ChainRefused | None) -> None:
        row.state = TransactionState.MINED if failure is None else TransactionState.FAILED
        bank.close_task(session, "transaction-late", row.key)
        if failure is None:
            bank.close_task(session, "transaction-failed", row.key)
            if row.key.startswith(ATTESTATION):
                # It may let through what was refused before.
                self._next_try = 0.0
            return
        row.error_code, row.error = failure.code, failure.message
        log.error("transaction-failed", key=row.key, code=failure.code, reason=failure.message)
        if row.key.startswith(UNATTENDED):
            bank.put_task(session, "transaction-failed", row.key, code=failure.code, message=failure.message)

    def _late(self, transaction: Signed, answer: str | None) -> None:
        """No receipt in time: wait on, unless another transaction has used up the nonce."""
        used = self.chain.transaction_count(self.key.address)
        if self.chain.receipt(transaction.hash) is not None:
            return
        log.warning("receipt-late", key=transaction.key, answer=answer)
        with self.database.begin() as session:
            row = session.get_one(TransactionModel, transaction.id)
            if row.nonce is None or row.nonce >= used:
                if utc_now() - row.created_at > LATE_AFTER:
                    bank.put_task(session, "transaction-late", row.key, answer=answer)
                return
            # These bytes can never be mined any more, so the call may go out under a new nonce.
            self._end(session, row, NONCE_TAKEN)
            self.queue_again(session, transaction.key, transaction.call)

    def _try_failed(self) -> None:
        """Queue again what failed and nobody waits for, once the chain would take it."""
        if time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + self.retry_seconds
        with self.database.read() as session:
            failed = [
                (row.id, row.key, Call(Web3.to_checksum_address(row.to), row.data))
                for row in transactions.failed(session, UNATTENDED, self._tried_past, GROUP)
            ]
        self._tried_past = failed[-1][0] if failed else 0
        for _, key, call in failed:
            try:
                self.chain.preflight(call, self.key.address)
            except ChainUnreachable:
                raise
            except ChainError:
                continue
            with self.database.begin() as session:
                self.queue_again(session, key, call)

    def _reason(self, transaction: Signed, block: int) -> ChainRefused:
        """Why a mined transaction reverted: what the same call says on the state before its block."""
        try:
            self.chain.preflight(transaction.call, self.key.address, block - 1)
        except ChainRefused as refusal:
            return refusal
        except ChainUnreachable:
            raise
        except ChainError as error:
            log.info("reason-unknown", key=transaction.key, answer=error.message)
        return ChainRefused("chain-reverted", "The transaction reverted; the state has changed since.")
