"""Following a node: one thread asks for what is new, has the chain verify it, and stops at what is wrong.

The followed node may be away, hang, restart, be behind or send garbage: that is a failure, logged once, and
it is asked again, ever more rarely. A well-formed block that breaks a rule is a divergence: an alarm that
stays.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from node.block import UncheckedBlock
from node.chain import Chain
from node.errors import InvalidBlock, NodeError, NotForwarded, StoreError, UpstreamError, WrongParent
from node.header import Header
from node.replica.divergence import ALARM_FILE_NAME, Divergence, DivergenceFound, sealer_of
from node.replica.forward import Forwarder
from node.replica.heads import listen
from node.replica.source import Source, shown_url

POLL_SECONDS_MIN = 0.05
"""After something new; it doubles while nothing comes."""
POLL_SECONDS_MAX = 1.0
SPACING_SECONDS = 0.01
"""Between two looks, however often the followed node tells of heads."""
RETRY_SECONDS_MIN = 0.25
RETRY_SECONDS_MAX = 30.0
BATCH_MAX = 64
"""Blocks asked for at a time; after a failure half as many, after a success twice as many."""
PROGRESS_SECONDS = 5.0
STOP_SECONDS_MAX = 5.0
"""For the block that is being verified."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """How following goes, at one moment."""

    first_block: int
    """The head when this process began."""
    started_at: float = field(default_factory=time.monotonic)
    level_at: float | None = None
    """Monotonic seconds when the head was last known to be the followed node's; ``None`` if never."""
    contact_at: float | None = None
    """Unix seconds of its last usable answer."""
    followed_head: int | None = None
    """Number of its last block, as it claims."""
    verified: int = 0
    """Blocks verified by this process."""
    failures: int = 0
    failure: str | None = None
    """Why it can't be followed now; ``None`` if the last attempt went well."""
    divergence: Divergence | None = None

    @property
    def lag_seconds(self) -> float:
        """How long the head hasn't been known to be the followed node's."""
        return time.monotonic() - (self.started_at if self.level_at is None else self.level_at)


class Follower:
    """Appends another node's blocks to a chain: what a producer is to the node that makes them."""

    def __init__(
        self,
        chain: Chain,
        url: httpx.URL,
        directory: Path,
        on_block: Callable[[], None],
        on_failure: Callable[[NodeError], None],
    ) -> None:
        """``on_block`` is told of each block; ``on_failure``, once, why none can be stored any more.

        Raises:
            SetupError: the directory remembers an alarm that can't be read.
        """
        self.status = Status(chain.head.block_number)
        self._chain = chain
        self._url = url
        self._directory = directory
        self._on_block = on_block
        self._on_failure = on_failure
        self._forwarder = Forwarder(url)
        self._batch = BATCH_MAX
        self._told = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._ended = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        if (remembered := Divergence.load(directory)) is not None:
            self._alarm(remembered)

    @property
    def highest_known(self) -> int:
        """Number of the last block that is known of, verified or not; in an alarm above the head."""
        head, status = self._chain.head.block_number, self.status
        return max(head + 1 if status.divergence else head, status.followed_head or 0)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """Finish the block that is being verified, then end.

        Returns:
            Whether it has ended, so that the chain isn't touched any more. A block can take long, and only
            the end of the process interrupts it; nothing is lost.
        """
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._cancel)
        self._forwarder.close()
        return self._ended.wait(STOP_SECONDS_MAX)

    def forward(self, raw: bytes) -> str:
        """Hand a transaction on and look soon for its block; returns its hash.

        Raises:
            ForwardedError: what the followed node answers.
            NotForwarded: there is an alarm, or no usable answer.
        """
        if self.status.divergence is not None:
            raise NotForwarded(f"not sent: {self._chain.alarm}")
        if self.status.failure is not None:  # at once: a batch of these mustn't wait for a node that hangs
            self._look_soon()
            raise NotForwarded("not sent, the followed node gives no answer now: send the same bytes again")
        transaction_hash = self._forwarder.send(raw)
        self._look_soon()
        return transaction_hash

    def _look_soon(self) -> None:
        with contextlib.suppress(RuntimeError):  # the node is stopping
            self._loop.call_soon_threadsafe(self._wake.set)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                self._run_in(runner)
        except NodeError as exc:
            log.critical("no block can be stored: %s", exc)
            self._on_failure(exc)
        except Exception as exc:  # the thread's end: the replica stops rather than fall behind unseen
            log.exception("following broke")
            self._on_failure(NodeError(f"following broke: {type(exc).__name__}"))

    def _run_in(self, runner: asyncio.Runner) -> None:
        try:
            runner.run(self._follow())
        except asyncio.CancelledError:
            log.debug("following has ended")
        finally:
            self._ended.set()

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    async def _follow(self) -> None:
        """Follow until something is wrong with the chain; then only wait for the end."""
        wait_seconds = RETRY_SECONDS_MIN
        while self.status.divergence is None:
            contact = self.status.contact_at
            try:
                async with Source(self._url) as source:
                    await self._check_network(source)
                    await self._keep_up(source)
            except DivergenceFound as exc:
                self._alarm(exc.divergence)
                if exc.divergence.block:
                    exc.divergence.save(self._directory, exc.evidence)
            except UpstreamError as exc:
                self._note_failure(exc)
                wait_seconds = RETRY_SECONDS_MIN if self.status.contact_at != contact else wait_seconds * 2
                wait_seconds = min(wait_seconds, RETRY_SECONDS_MAX)
                await self._pause(RETRY_SECONDS_MIN, wait_seconds)
        await asyncio.Event().wait()

    async def _pause(self, least_seconds: float, most_seconds: float) -> bool:
        """Wait; less than the most if something wakes. Whether it did."""
        await asyncio.sleep(least_seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), max(0.0, most_seconds - least_seconds))
        woken = self._wake.is_set()
        self._wake.clear()
        return woken

    async def _check_network(self, source: Source) -> None:
        """Whether the node is of this network at all."""
        theirs, ours = await source.chain_id(), self._chain.chain_id
        if theirs != ours:
            raise DivergenceFound(
                Divergence(
                    block=0,
                    kind="chain_id",
                    message=f"the followed node has chain id {theirs}, this network has {ours}",
                    claimed=str(theirs),
                    computed=str(ours),
                )
            )
        await self._check_same(source, 0, "genesis")

    async def _keep_up(self, source: Source) -> None:
        """Look for what is new, again and again, until a failure."""
        listening = asyncio.create_task(listen(self._url, self._wake))
        try:
            await self._poll(source)
        finally:
            listening.cancel()

    async def _poll(self, source: Source) -> None:
        pause_seconds = POLL_SECONDS_MIN
        while True:
            if await self._advance(source):
                pause_seconds = POLL_SECONDS_MIN
                continue
            woken = await self._pause(SPACING_SECONDS, pause_seconds)
            pause_seconds = POLL_SECONDS_MIN if woken else min(pause_seconds * 2, POLL_SECONDS_MAX)

    async def _advance(self, source: Source) -> bool:
        """Look once; whether there were blocks to verify."""
        latest, head = await source.header("latest"), self._chain.head
        self._note_contact(latest)
        if latest.block_number <= head.block_number:
            if latest.hash != self._chain.header(latest.block_number).hash:
                await self._find_fork(source, latest.block_number)
            return False
        last = min(latest.block_number, head.block_number + self._batch)
        try:
            blocks = await source.blocks(head.block_number + 1, last)
        except UpstreamError:
            self._batch = max(1, self._batch // 2)
            raise
        self._batch = min(BATCH_MAX, self._batch * 2)
        for block in blocks:
            await self._verify(source, block)
            await asyncio.sleep(0)  # the end may have come
        return True

    async def _verify(self, source: Source, block: UncheckedBlock) -> None:
        """Have the chain run a block and append it (``DivergenceFound`` says why it isn't)."""
        try:
            self._chain.import_block(block)
        except WrongParent as exc:
            await self._check_same(source, self._chain.head.block_number, "history")
            raise self._wrong_link(block, exc) from exc
        except InvalidBlock as exc:
            divergence = Divergence.of_block(block, exc, self._chain.network)
            raise DivergenceFound(divergence, block.encode()) from exc
        except StoreError:
            raise
        except Exception as exc:  # a fault of ours, not a divergence: told apart, and shown
            log.exception("%s can't be verified", block.name)
            raise self._fault(block, exc) from exc
        self._note_verified(block)
        self._on_block()

    async def _check_same(self, source: Source, number: int, kind: str) -> None:
        """Whether the followed node has the block that is known here."""
        theirs, ours = await source.header(number), self._chain.header(number)
        if theirs.hash == ours.hash:
            return
        if kind == "history":
            await self._find_fork(source, number)
        raise self._other_block(theirs, number, kind)

    async def _find_fork(self, source: Source, differs: int) -> None:
        """Name the first block that the followed node has another one of; block 0 is the same."""
        same, theirs = 0, await source.header(differs)
        while differs - same > 1:
            middle = (same + differs) // 2
            found = await source.header(middle)
            if found.hash == self._chain.header(middle).hash:
                same = middle
            else:
                differs, theirs = middle, found
        raise self._other_block(theirs, differs, "history")

    def _other_block(self, theirs: Header, number: int, kind: str) -> DivergenceFound:
        claimed, ours = f"0x{theirs.hash.hex()}", f"0x{self._chain.header(number).hash.hex()}"
        if kind == "genesis":
            message = f"the followed node's block 0 is {claimed}, this network's is {ours}"
        else:
            message = f"block {number} was {ours} when it was verified, now the followed node has {claimed}"
        signer = sealer_of(theirs, self._chain.network)
        return DivergenceFound(
            Divergence(
                block=number, kind=kind, message=message, claimed=claimed, computed=ours, sealed_by=signer
            ),
            theirs.encode(),
        )

    def _wrong_link(self, block: UncheckedBlock, error: WrongParent) -> DivergenceFound:
        head = self._chain.head
        return DivergenceFound(
            Divergence(
                block=head.block_number + 1,
                kind="link",
                message=f"{error}: its parent is 0x{block.header.parent_hash.hex()}, not 0x{head.hash.hex()}",
                claimed=f"0x{block.header.parent_hash.hex()}",
                computed=f"0x{head.hash.hex()}",
                sealed_by=sealer_of(block.header, self._chain.network),
            ),
            block.encode(),
        )

    def _fault(self, block: UncheckedBlock, error: Exception) -> DivergenceFound:
        message = f"{block.name} can't be verified: {type(error).__name__} here, see the log"
        divergence = Divergence(block=block.header.block_number, kind="fault", message=message)
        return DivergenceFound(divergence, block.encode())

    def _alarm(self, divergence: Divergence) -> None:
        head = self._chain.head.block_number
        self.status = replace(self.status, divergence=divergence, failure=None)
        self._chain.alarm = (
            f"replica alarm at block {divergence.block} ({divergence.kind}): {divergence.message}. "
            f"Blocks 0 to {head} are verified: ask for them by number or hash"
        )
        log.critical(
            "ALARM at block %d (%s), following %s: %s. Nothing of that branch is served. "
            "Once it is understood, move %s away, if it is there, and start again",
            divergence.block,
            divergence.kind,
            shown_url(self._url),
            divergence.message,
            self._directory / ALARM_FILE_NAME,
        )
        self._on_block()

    def _note_contact(self, latest: Header) -> None:
        if self.status.failure is not None or self.status.contact_at is None:
            log.info("following %s, whose head is block %d", shown_url(self._url), latest.block_number)
        if latest.block_number < (self.status.followed_head or 0):
            log.warning("the followed node went back to block %d", latest.block_number)
        self.status = replace(
            self.status, contact_at=time.time(), followed_head=latest.block_number, failure=None
        )
        self._note_level()

    def _note_verified(self, block: UncheckedBlock) -> None:
        self.status = replace(self.status, verified=self.status.verified + 1)
        self._note_level()
        number = block.header.block_number
        log.debug("block %d: verified, %d transactions", number, len(block.raw_transactions))
        if time.monotonic() - self._told > PROGRESS_SECONDS:
            self._told = time.monotonic()
            log.info("verified up to block %d of %s", number, self.status.followed_head)

    def _note_level(self) -> None:
        followed = self.status.followed_head
        if followed is not None and followed <= self._chain.head.block_number:
            self.status = replace(self.status, level_at=time.monotonic())

    def _note_failure(self, error: UpstreamError) -> None:
        message = str(error)
        if message != self.status.failure:
            log.warning("%s can't be followed now: %s", shown_url(self._url), message)
        self.status = replace(self.status, failures=self.status.failures + 1, failure=message)
