"""The block producer when the chain fails it; what it does otherwise is tested on whole nodes."""

from typing import Any, cast

import pytest
from eth_account import Account

from node.chain import Chain, Made
from node.errors import NodeError, StoreError
from node.mempool import Account as PoolAccount
from node.mempool import Admission, Mempool
from node.producer import Producer
from node.transaction import decode_transaction
from node.vm import BlockContext

CHAIN_ID = 31_707


class BrokenChain:
    """A chain that makes no block."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def make_block(self, *_: object, **__: object) -> Made:
        raise self._error


@pytest.fixture
def pool() -> Mempool:
    """A pool with one transaction ready."""
    context = BlockContext(1, 1, 30_000_000, bytes(20), bytes(32), CHAIN_ID, tuple)
    made = Mempool(lambda: context, Admission(), lambda _: PoolAccount(0, 0))
    fields = {"nonce": 0, "gas": 21_000, "gasPrice": 0, "to": bytes(20), "value": 0, "chainId": CHAIN_ID}
    signed = Account.create().sign_transaction(fields)
    made.add(decode_transaction(bytes(signed.raw_transaction), CHAIN_ID))
    return made


@pytest.mark.parametrize(
    ("error", "told"),
    [(StoreError("the disk is full"), "the disk is full"), (ValueError("a fault of ours"), "the log has")],
)
def test_a_chain_that_fails_ends_the_making(pool: Mempool, poll: Any, error: Exception, told: str) -> None:
    failures: list[NodeError] = []
    producer = Producer(cast(Chain, BrokenChain(error)), pool, failures.append, lambda: None, None, 0)
    producer.start()
    poll(lambda: bool(failures))
    producer.stop()
    assert len(failures) == 1
    assert told in str(failures[0])
