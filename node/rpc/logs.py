"""eth_getLogs: from the index of contracts and first topics, through block blooms, to the receipts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from eth_bloom.bloom import BloomFilter

from node.block import Receipt
from node.chain import Chain
from node.errors import InvalidParams, LimitExceeded, NotFound
from node.rpc.calls import resolve_header
from node.rpc.format import Json, logs_json
from node.rpc.params import BlockReference, address, block_by_number, hash32, mapping, sequence
from node.vm import Log

RESULTS_MAX = 100_000
UNINDEXED_BLOCKS_MAX = 100_000
"""Widest range of a query that names neither a contract nor a first topic."""
ADDRESSES_MAX = 1_000
TOPIC_CHOICES_MAX = 1_000
FILTER_FIELDS = frozenset({"fromBlock", "toBlock", "blockHash", "address", "topics"})


@dataclass(frozen=True, slots=True)
class LogPattern:
    """Which events are wanted."""

    addresses: frozenset[bytes]
    """Any of these contracts; empty means any."""
    topics: tuple[frozenset[bytes], ...]
    """At each position any of these; empty means any."""

    def matches(self, log: Log) -> bool:
        """Whether one event is wanted."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(log.topics) < len(self.topics):
            return False
        return all(not wanted or log.topics[place] in wanted for place, wanted in enumerate(self.topics))

    def may_match(self, bloom: int) -> bool:
        """Whether a block with this bloom can hold a wanted event."""
        filter_ = BloomFilter(bloom)
        choices = (self.addresses, *self.topics)
        return all(not wanted or any(entry in filter_ for entry in wanted) for wanted in choices)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A pattern and the blocks to look in; both ends count."""

    pattern: LogPattern
    first: BlockReference
    last: BlockReference


def parse_query(value: object) -> LogQuery:
    """A filter object as eth_getLogs and eth_newFilter take it."""
    fields = mapping(value, "", FILTER_FIELDS)
    pattern = LogPattern(_addresses(fields.get("address")), _topics(fields.get("topics")))
    if fields.get("blockHash") is not None:
        if fields.get("fromBlock") is not None or fields.get("toBlock") is not None:
            raise InvalidParams(
                "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
            )
        reference = BlockReference(hash=hash32(fields["blockHash"], "blockHash"))
        return LogQuery(pattern, reference, reference)
    first, last = fields.get("fromBlock"), fields.get("toBlock")
    return LogQuery(
        pattern,
        block_by_number("latest" if first is None else first),
        block_by_number("latest" if last is None else last),
    )


def find_logs(chain: Chain, query: LogQuery) -> list[Json]:
    """The wanted events, oldest first.

    Raises:
        InvalidParams: a range that goes backwards or beyond the head.
        LimitExceeded: too many results, or too many blocks without an index.
        NotFound: a named block hash doesn't exist.
    """
    validate_order(query)
    if query.last.number is not None and query.last.number > chain.head.block_number:
        raise InvalidParams("block range extends beyond current head block")
    first, last = _number(chain, query.first), _number(chain, query.last)
    if first > last:
        raise InvalidParams("invalid block range params")
    return find_logs_between(chain, query.pattern, first, last)


def validate_order(query: LogQuery) -> None:
    """Raises ``InvalidParams`` if both ends are numbers and the first is above the last."""
    first, last = query.first.number, query.last.number
    if first is not None and last is not None and first > last:
        raise InvalidParams("invalid block range params")


def find_logs_between(chain: Chain, pattern: LogPattern, first: int, last: int) -> list[Json]:
    """The wanted events of blocks ``first`` to ``last``, both counting (errors as in ``find_logs``)."""
    found: list[Json] = []
    for number, indexes in _candidates(chain, pattern, first, last):
        found.extend(_logs_of_block(chain, pattern, number, indexes))
        if len(found) > RESULTS_MAX:
            raise LimitExceeded(f"query returned more than {RESULTS_MAX} results; ask for fewer blocks")
    return found


def _candidates(
    chain: Chain, pattern: LogPattern, first: int, last: int
) -> Iterator[tuple[int, Sequence[int] | None]]:
    """Blocks to look in, oldest first, and in which of their transactions; ``None`` for all."""
    store = chain.store
    positions: set[tuple[int, int]] | None = None
    if pattern.addresses:
        sets = [store.logged_by(entry, first, last) for entry in pattern.addresses]
        positions = set().union(*sets)
    if pattern.topics and pattern.topics[0]:
        sets = [store.logged_as(topic, first, last) for topic in pattern.topics[0]]
        positions = set().union(*sets) if positions is None else positions.intersection(set().union(*sets))
    if positions is not None:
        for number, group in groupby(sorted(positions), key=itemgetter(0)):
            yield number, [index for _, index in group]
        return
    if last - first >= UNINDEXED_BLOCKS_MAX:
        raise LimitExceeded(
            f"name a contract or a first topic, or at most {UNINDEXED_BLOCKS_MAX} blocks at a time"
        )
    for number in range(first, last + 1):
        yield number, None


def _logs_of_block(
    chain: Chain, pattern: LogPattern, number: int, indexes: Sequence[int] | None
) -> Iterator[Json]:
    header = chain.header(number)
    if indexes is None and not pattern.may_match(header.bloom):
        return
    for index, transaction_hash, receipt in _receipts(chain, number, indexes):
        numbered = enumerate(receipt.logs, receipt.first_log_index)
        wanted = [(log_index, log) for log_index, log in numbered if pattern.matches(log)]
        if wanted:
            yield from logs_json(wanted, header, transaction_hash, index)


def _receipts(
    chain: Chain, number: int, indexes: Sequence[int] | None
) -> Iterator[tuple[int, bytes, Receipt]]:
    """Index, transaction hash and receipt of the transactions with these indexes, or of all."""
    if indexes is None:
        for index, hashed in enumerate(chain.store.hashed_receipts(number)):
            yield index, *hashed
    else:
        for index in indexes:
            yield index, *chain.store.hashed_receipt(number, index)


def _number(chain: Chain, reference: BlockReference) -> int:
    """A range may begin beyond the head, unlike a block to call on."""
    if reference.number is not None:
        return reference.number
    try:
        header = resolve_header(chain, reference)
    except NotFound as exc:
        raise NotFound("unknown block") from exc
    number: int = header.block_number
    return number


def _addresses(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    entries = [value] if isinstance(value, str) else sequence(value, "address", ADDRESSES_MAX)
    return frozenset(address(entry) for entry in entries)


def _topics(value: object) -> tuple[frozenset[bytes], ...]:
    if value is None:
        return ()
    return tuple(_topic_choices(entry) for entry in sequence(value, "topics", 4))


def _topic_choices(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    entries = [value] if isinstance(value, str) else sequence(value, "topics", TOPIC_CHOICES_MAX)
    if None in entries:
        return frozenset()
    return frozenset(hash32(entry, "topic") for entry in entries)
