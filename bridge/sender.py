"""The one owner of the bridge key's nonce: queued → signed (bytes stored) → broadcast → mined.

Whoever needs a transaction writes a row in the same database transaction as its cause; the sender does the
rest. After a crash the same bytes go out again: the nonce makes a second inclusion impossible.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from eth_account.signers.local import LocalAccount
from sqlalchemy.orm import Session
from web3 import Web3

from bridge.chain import Call, Chain
from bridge.errors import ChainError, ChainRefused
from bridge.store import transactions
from bridge.store.base import Database
from bridge.store.models import TransactionModel, TransactionState

__all__ = ["Sender"]

GAS_LIMIT = 100_000_000
"""Of every transaction: gas is free on a supervised chain, and the worst legal call stays below this."""
GROUP = 64
POLL_SECONDS = 0.02

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

    def queue(self, session: Session, key: str, call: Call) -> None:
        """Queue a call once: a key that was queued before changes nothing."""
        if transactions.by_key(session, key) is None:
            session.add(TransactionModel(key=key, to=call.to, data=call.data))

    def step(self) -> int:
        """Send what is queued or unfinished; returns how many transactions came to an end."""
        with self.database.begin() as session:
            self._sign(session, transactions.in_state(session, TransactionState.QUEUED, GROUP))
        with self.database.begin() as session:
            rows = transactions.in_state(session, TransactionState.SIGNED, GROUP)
            waiting = [Signed.of(row) for row in rows]
        for transaction in waiting:
            self._broadcast(transaction)
        return sum(self._finish(transaction) for transaction in waiting)

    def _sign(self, session: Session, queued: Sequence[TransactionModel]) -> None:
        if not queued:
            return
        nonce = transactions.next_nonce(session)
        if nonce is None:
            nonce = self.chain.transaction_count(self.key.address)
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

    def _broadcast(self, transaction: Signed) -> None:
        if self.chain.receipt(transaction.hash) is not None:
            return
        try:
            self.chain.send_raw(transaction.raw)
        except ChainError as error:
            # The node may hold it already, or may have mined it in between; the receipt decides.
            log.info("broadcast-answered", key=transaction.key, answer=error.message)

    def _finish(self, transaction: Signed, timeout_seconds: float = 30) -> bool:
        deadline = time.monotonic() + timeout_seconds
        while (receipt := self.chain.receipt(transaction.hash)) is None:
            if time.monotonic() > deadline:
                log.warning("receipt-late", key=transaction.key)
                return False
            time.sleep(POLL_SECONDS)
        failure = None if receipt["status"] == 1 else self._reason(transaction, receipt["blockNumber"])
        with self.database.begin() as session:
            row = session.get_one(TransactionModel, transaction.id)
            row.block = receipt["blockNumber"]
            row.state = TransactionState.MINED if failure is None else TransactionState.FAILED
            row.error_code = None if failure is None else failure.code
            row.error = None if failure is None else failure.message
        if failure is not None:
            log.error("transaction-failed", key=transaction.key, code=failure.code, reason=failure.message)
        return True

    def _reason(self, transaction: Signed, block: int) -> ChainRefused:
        """Why a mined transaction reverted: what the same call says on the state before its block."""
        try:
            self.chain.preflight(transaction.call, self.key.address, block - 1)
        except ChainRefused as refusal:
            return refusal
        return ChainRefused("chain-reverted", "The transaction reverted; the state has changed since.")
