"""Our accounts against py-evm's AccountDB, on random histories: every answer and every root must be equal."""

from typing import Any

from eth.constants import BLANK_ROOT_HASH
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from hypothesis import given, settings
from hypothesis import strategies as st

from node.accounts import AccountDatabase

ADDRESSES = [bytes([number]) * 20 for number in (1, 2, 3)]
addresses, slots = st.sampled_from(ADDRESSES), st.integers(0, 3)
values = st.sampled_from([0, 1, 7, 2**255])
writes = st.one_of(
    st.tuples(st.just("set_storage"), addresses, slots, values),
    st.tuples(st.just("set_storage"), addresses, slots, values),
    st.tuples(st.just("set_balance"), addresses, values),
    st.tuples(st.just("set_nonce"), addresses, st.integers(0, 3)),
    st.tuples(st.just("increment_nonce"), addresses),
    st.tuples(st.just("set_code"), addresses, st.sampled_from([b"", b"code", b"more"])),
    st.tuples(st.just("delete_code"), addresses),
    st.tuples(st.just("touch_account"), addresses),
    st.tuples(st.just("mark_address_warm"), addresses),
    st.tuples(st.just("mark_storage_warm"), addresses, slots),
)
frames = st.recursive(
    st.lists(writes, max_size=6),
    lambda inner: st.lists(
        st.one_of(writes, st.tuples(st.sampled_from(["commit", "discard"]), inner)), max_size=6
    ),
    max_leaves=6,
)
transactions = st.tuples(frames, st.sets(addresses, max_size=1))
"""What is written, and whom its end deletes."""
blocks = st.lists(st.tuples(st.lists(transactions, max_size=4), st.booleans()), min_size=1, max_size=3)


def play(kind: type[Any], history: list[tuple[list[tuple[list[Any], set[bytes]]], bool]]) -> list[object]:
    """All answers on the way; a new object goes on from the stored root after each block."""
    database, root, seen = AtomicDB(), BLANK_ROOT_HASH, list[object]()
    for block, has_early_root in history:
        state = kind(database, root)
        for frame, deleted in block:
            run(state, frame, seen)
            seen.append(answers(state))
            for address in sorted(deleted):
                state.delete_account(address)
            state.lock_changes()
            seen.append(answers(state))
            if has_early_root:
                seen.append(state.make_state_root())
        state.persist()
        root = state.state_root
        seen.append(root)
    return seen


def run(state: Any, frame: list[Any], seen: list[object]) -> None:
    for name, *arguments in frame:
        if name in ("commit", "discard"):
            checkpoint = state.record()
            run(state, arguments[0], seen)
            getattr(state, name)(checkpoint)
            seen.append(answers(state))
        else:
            getattr(state, name)(*arguments)


def answers(state: Any) -> list[object]:
    return [
        (
            state.account_exists(address),
            state.account_is_empty(address),
            state.account_has_code_or_nonce(address),
            state.get_balance(address),
            state.get_nonce(address),
            state.get_code(address),
            state.get_code_hash(address),
            state.is_address_warm(address),
            [state.get_storage(address, slot) for slot in range(4)],
            [state.get_storage(address, slot, from_journal=False) for slot in range(4)],
            [state.is_storage_warm(address, slot) for slot in range(4)],
        )
        for address in ADDRESSES
    ]


@settings(max_examples=300, deadline=None)
@given(blocks)
def test_random_histories(history: Any) -> None:
    assert play(AccountDatabase, history) == play(AccountDB, history)


def test_an_account_deleted_and_made_again_has_nothing_left() -> None:
    one = ADDRESSES[0]
    filled = [("set_storage", one, 1, 7), ("set_balance", one, 5), ("set_code", one, b"code")]
    again = [("set_nonce", one, 1), ("set_storage", one, 2, 9)]
    history = [([(filled, set())], False), ([([], {one}), (again, set())], False), ([([], set())], False)]
    assert play(AccountDatabase, history) == play(AccountDB, history)
