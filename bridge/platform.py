"""The parts of one platform, wired: what the worker turns over and the services act through."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
from eth_account.signers.local import LocalAccount
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session
from web3 import Web3

from bridge.apply import Applier
from bridge.attest import Attester
from bridge.bank import BankConnection, HttpBank
from bridge.chain import Call, Chain, Deployment, refused
from bridge.errors import ChainRefused, ChainUnreachable, Conflict, Invalid
from bridge.indexer import Indexer
from bridge.keys import open_keystore, read_secret
from bridge.pay import Payer
from bridge.sender import Sender
from bridge.simulation import simulate_calls
from bridge.store import bank as bank_store
from bridge.store import transactions
from bridge.store.base import Database
from bridge.store.models import TransactionState
from contracts.terms import Refusal

__all__ = ["Mined", "Platform", "Settings", "exclusive"]

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.02
REFERENCE_KEY = "reference-key"


class Settings(BaseModel):
    """`platform.json` in the data directory. Relative paths are taken from there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chain_url: str
    bank_url: str
    deployment: Path = Path("deployment.json")
    key: Path = Path("bridge-key.json")
    attester: Path = Path("attester-key.json")
    """Signs what the bank says is in its accounts; never the key that mints."""
    database_url: str | None = None
    """None: SQLite in the data directory."""
    confirmations: int = 0
    """Blocks on top that make a block final; 0 for chains whose blocks are final at once."""
    poll_seconds: float = 0.2

    @classmethod
    def read(cls, data: Path) -> "Settings":
        """Raises Invalid."""
        path = data / "platform.json"
        if not path.exists():
            raise Invalid(
                "platform-unknown", f"There is no {path.name} in the data directory; set it up first."
            )
        return cls.model_validate_json(path.read_text())


@contextmanager
def exclusive(data: Path) -> Iterator[None]:
    """Only one process works on a data directory. Raises Conflict for a second one; a crash frees it."""
    with (data / "platform.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                "platform-in-use", f"Another process serves {data.name} already; end it, or use it."
            ) from error
        yield


@dataclass(frozen=True)
class Mined:
    """Where a transaction ended up."""

    key: str
    hash: bytes
    block: int


class Platform:
    """One platform process: database, chain, bank, and the stages between them."""

    def __init__(
        self,
        database: Database,
        chain: Chain,
        bank: BankConnection,
        key: LocalAccount,
        attester: LocalAccount,
        reference_key: bytes,
        confirmations: int = 0,
    ) -> None:
        self.database = database
        self.chain = chain
        self.bank = bank
        self.sender = Sender(database, chain, key)
        self.indexer = Indexer(database, chain, confirmations)
        self.applier = Applier(database, chain, self.sender, Attester(chain, attester), reference_key)
        self.payer = Payer(database, chain, bank)
        self.wake = threading.Event()
        self.away: dict[str, str] = {}
        """Which side did not answer in the last turn, `bank` or `chain`, and the error's code."""
        self.not_before: dict[str, float] = {}
        """When what had nothing to do is to be tried again, by its key."""
        self.replayed = False
        """Whether the bank was asked, since the start, for messages that a crash may have lost."""

    @classmethod
    def open(cls, data: Path, settings: Settings) -> "Platform":
        """Open what a data directory describes, and bring its schema up to date."""
        url = settings.database_url or f"sqlite:///{(data / 'platform.db').absolute()}"
        database = Database(url)
        database.migrate()
        reference_key = read_secret(data / "reference.key")
        _check_reference_key(database, reference_key)
        return cls(
            database,
            Chain(settings.chain_url, Deployment.read(data / settings.deployment)),
            HttpBank(settings.bank_url, httpx.Client(timeout=30)),
            open_keystore(data / settings.key),
            open_keystore(data / settings.attester),
            reference_key,
            settings.confirmations,
        )

    @property
    def bank_away(self) -> str | None:
        """Why the bank was out of reach in the last turn; None when it answered."""
        return self.away.get("bank")

    def close(self) -> None:
        """Close what is open: the database's connections."""
        self.database.engine.dispose()

    def pause(self) -> None:
        """Give the worker a moment."""
        self.wake.set()
        # What is waited for is written by the worker's thread or another process: only the database knows.
        time.sleep(POLL_SECONDS)

    def try_call(self, call: Call) -> bytes:
        """What the chain would answer. Raises ChainRefused; nothing is written."""
        return self.chain.preflight(call, self.sender.key.address)

    def queue(self, session: Session, key: str, call: Call) -> bool:
        """Queue a call with its cause; see Sender.queue."""
        return self.sender.queue(session, key, call)

    def perform(self, key: str, call: Call, on_queue: Callable[[Session], None] | None = None) -> Mined:
        """Try, queue, and wait until the call is mined and indexed. Doing it again changes nothing, unless it
        failed on chain: then it is tried again.

        `on_queue` writes in the same transaction as the queued call. Raises ChainRefused with nothing
        written, ChainUnreachable when it takes too long.
        """
        with self.database.read() as session:
            held = transactions.by_key(session, key)
        if held is None or held.state == TransactionState.FAILED:
            self.try_call(call)
            with self.database.begin() as session:
                if self.sender.queue_again(session, key, call) and on_queue is not None:
                    on_queue(session)
        return self.wait(key)

    def perform_in_order(self, calls: Sequence[tuple[str, Call]]) -> list[Mined]:
        """As `perform`, for calls that build on each other: tried together, queued together.

        Raises ChainRefused for the first that is refused, with nothing written.
        """
        with self.database.read() as session:
            held = {key: transactions.by_key(session, key) for key, _ in calls}
        wanted = [
            (key, call)
            for key, call in calls
            if (row := held[key]) is None or row.state == TransactionState.FAILED
        ]
        if wanted:
            blocks = [(self.chain.now(), [call for _, call in wanted])]
            for result in simulate_calls(self.chain, self.sender.key.address, blocks):
                if isinstance(result, Refusal):
                    raise refused(result)
            with self.database.begin() as session:
                for key, call in wanted:
                    self.sender.queue_again(session, key, call)
        return [self.wait(key) for key, _ in calls]

    def finish(self, key: str) -> Mined:
        """As `perform`, for a call that was queued before."""
        with self.database.read() as session:
            held = transactions.by_key(session, key)
        if held is None:
            raise Invalid("transaction-unknown", "Nothing was queued under that key.")
        return self.perform(key, Call(Web3.to_checksum_address(held.to), held.data))

    def wait(self, key: str, timeout_seconds: float = WAIT_SECONDS) -> Mined:
        """Wait for a queued call. Raises ChainRefused if it failed on chain."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            with self.database.read() as session:
                row = transactions.by_key(session, key)
            if row is None:
                raise Invalid("transaction-unknown", "Nothing was queued under that key.")
            if row.state == TransactionState.FAILED:
                raise ChainRefused(
                    row.error_code or "chain-reverted", row.error or "The transaction reverted."
                )
            mined = row.state == TransactionState.MINED and row.block is not None and row.hash is not None
            if mined and self.indexer.indexed() >= (row.block or 0):
                return Mined(key, row.hash or b"", row.block or 0)
            self.pause()
        raise ChainUnreachable(
            "chain-slow", "The transaction is stored and will be sent, but is not final yet; ask again later."
        )


def _check_reference_key(database: Database, key: bytes) -> None:
    """Refuse another key than the database was built with: known references would look new, and be minted
    again."""
    mark = int.from_bytes(sha256(key).digest()[:6])
    with database.begin() as session:
        if bank_store.setting(session, REFERENCE_KEY, mark) != mark:
            raise Invalid(
                "reference-key-changed",
                "reference.key is not the one this database was built with; restore it from a backup.",
            )
        bank_store.set_setting(session, REFERENCE_KEY, mark)
