"""The node through web3.py 8: what any Ethereum tool does with a chain."""

from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError

PAYEE = "0x" + "00" * 19 + "11"
PURPOSE = b"\x07" * 32


@pytest.fixture
def pay(chain: Web3, payer: LocalAccount, ledger: Any, sender: Any) -> Any:
    """Pays through the contract and returns the receipt."""

    def paying(amount: int, **fields: object) -> Any:
        call = ledger.functions.pay(PAYEE, PURPOSE, amount)
        data = call._encode_transaction_data()
        return sender(chain, payer, {"to": ledger.address, "data": data, **fields})

    return paying


def test_identity(chain: Web3) -> None:
    assert chain.is_connected()
    assert chain.client_version.startswith("dyetrace-node/")
    assert chain.eth.chain_id == 31_707
    assert chain.net.version == "31707"
    assert chain.eth.gas_price == 0
    assert chain.eth.max_priority_fee == 0
    assert chain.eth.syncing is False
    assert list(chain.eth.accounts) == []


def test_block_and_transaction(chain: Web3, pay: Any, payer: LocalAccount) -> None:
    receipt = pay(5)
    block = chain.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert block["hash"] == receipt["blockHash"]
    assert chain.eth.get_block(block["hash"])["transactions"] == [receipt["transactionHash"]]
    assert chain.eth.get_block(block["parentHash"])["number"] == block["number"] - 1
    transaction = block["transactions"][0]
    assert transaction == chain.eth.get_transaction(receipt["transactionHash"])
    assert transaction["from"] == payer.address
    assert block["gasUsed"] == receipt["gasUsed"] == receipt["cumulativeGasUsed"]
    assert chain.eth.get_block_receipts(block["number"]) == [receipt]
    assert chain.eth.get_transaction_count(payer.address) == transaction["nonce"] + 1


def test_transaction_types(chain: Web3, pay: Any) -> None:
    assert pay(1)["type"] == 0
    assert pay(1, type=1, accessList=[])["type"] == 1
    assert pay(1, maxFeePerGas=0, maxPriorityFeePerGas=0)["type"] == 2


def test_every_way_to_a_transaction(chain: Web3, pay: Any) -> None:
    receipt = pay(2, maxFeePerGas=0, maxPriorityFeePerGas=0)
    number, block_hash = receipt["blockNumber"], receipt["blockHash"]
    transaction = chain.eth.get_transaction(receipt["transactionHash"])
    assert chain.eth.get_transaction_by_block(number, 0) == transaction
    assert chain.eth.get_transaction_by_block(block_hash, 0) == transaction
    raw = chain.eth.get_raw_transaction(receipt["transactionHash"])
    assert Web3.keccak(raw) == receipt["transactionHash"]
    assert chain.eth.get_raw_transaction_by_block(number, 0) == raw
    assert chain.eth.get_block_transaction_count(block_hash) == 1
    assert chain.eth.get_block_receipts(block_hash) == [receipt]


def test_a_proof(chain: Web3, ledger: Any) -> None:
    proof = chain.eth.get_proof(ledger.address, [0, 1], "latest")
    assert proof["address"] == ledger.address
    assert proof["codeHash"] == Web3.keccak(chain.eth.get_code(ledger.address))
    assert int.from_bytes(proof["storageProof"][0]["value"]) == ledger.functions.total().call()


def test_the_pool_and_the_protocol(chain: Web3) -> None:
    assert chain.geth.txpool.status() == {"pending": "0x0", "queued": "0x0"}
    assert chain.geth.txpool.content() == {"pending": {}, "queued": {}}
    assert chain.geth.txpool.inspect() == {"pending": {}, "queued": {}}
    assert chain.net.peer_count == 0
    assert chain.net.listening
    assert chain.eth.blob_base_fee == 1


def test_events_and_filters(chain: Web3, pay: Any, ledger: Any) -> None:
    logs = chain.eth.filter({"address": ledger.address})
    blocks = chain.eth.filter("latest")
    pending = chain.eth.filter("pending")
    receipt = pay(9)
    number = receipt["blockNumber"]
    event = ledger.events.Paid().process_receipt(receipt, errors=__import__("web3").logs.DISCARD)[0]
    assert event["args"] == {"payee": Web3.to_checksum_address(PAYEE), "purpose": PURPOSE, "amount": 9}
    assert blocks.get_new_entries() == [receipt["blockHash"]]
    assert pending.get_new_entries() == [receipt["transactionHash"]]
    assert logs.get_new_entries() == receipt["logs"]
    assert logs.get_new_entries() == []
    assert ledger.events.Paid().get_logs(from_block=number, to_block=number)[0] == event
    assert ledger.events.Paid().get_logs(argument_filters={"payee": PAYEE}, from_block=number)[0] == event
    assert ledger.events.Paid().get_logs(argument_filters={"payee": ledger.address}, from_block=0) == []
    assert chain.eth.uninstall_filter(logs.filter_id)


def test_log_queries_agree(chain: Web3, pay: Any, ledger: Any) -> None:
    receipts = [pay(amount) for amount in (1, 2, 3)]
    wanted = [log for receipt in receipts for log in receipt["logs"]]
    first, last = receipts[0]["blockNumber"], receipts[-1]["blockNumber"]
    bounds = {"fromBlock": first, "toBlock": last}
    paid, noted = wanted[0]["topics"][0], wanted[1]["topics"][0]
    payee = wanted[0]["topics"][1]
    get = chain.eth.get_logs
    assert get(bounds) == wanted
    assert get({**bounds, "address": ledger.address}) == wanted
    assert get({**bounds, "address": [PAYEE, ledger.address], "topics": [[paid, noted]]}) == wanted
    assert get({**bounds, "topics": [paid]}) == wanted[::2]
    assert get({**bounds, "topics": [None, [payee, paid]]}) == wanted[::2]
    assert get({**bounds, "topics": [noted, payee]}) == []
    assert get({**bounds, "address": PAYEE}) == []
    assert get({"blockHash": receipts[1]["blockHash"]}) == list(receipts[1]["logs"])
    with pytest.raises(Web3RPCError, match="block range extends beyond current head block"):
        get({"fromBlock": last + 1, "toBlock": last + 50})


def test_reverts_carry_their_data(chain: Web3, ledger: Any) -> None:
    with pytest.raises(ContractLogicError, match="ledger: amount is zero"):
        ledger.functions.pay(PAYEE, PURPOSE, 0).call()
    with pytest.raises(ContractLogicError, match="ledger: amount is zero"):
        ledger.functions.pay(PAYEE, PURPOSE, 0).estimate_gas()
    with pytest.raises(ContractCustomError):
        ledger.functions.refuse_raw().call()


def test_a_failed_transaction_stays_in_the_chain(pay: Any) -> None:
    receipt = pay(0, gas=200_000)
    assert receipt["status"] == 0
    assert receipt["logs"] == []


def test_estimate_is_enough_and_close(
    chain: Web3, pay: Any, payer: LocalAccount, ledger: Any, sender: Any
) -> None:
    pay(77)
    data = ledger.functions.refund(PAYEE)._encode_transaction_data()
    call = {"from": payer.address, "to": ledger.address, "data": data}
    estimate = chain.eth.estimate_gas(call)
    receipt = sender(chain, payer, {**call, "gas": estimate})
    assert receipt["status"] == 1
    assert receipt["gasUsed"] < estimate <= receipt["gasUsed"] * 5 // 4 + 100


def test_history_stays_callable(chain: Web3, pay: Any, ledger: Any) -> None:
    before = chain.eth.block_number
    total = ledger.functions.total().call()
    pay(1000)
    assert ledger.functions.total().call() == total + 1000
    assert ledger.functions.total().call(block_identifier=before) == total
    slot_now = chain.eth.get_storage_at(ledger.address, 0)
    slot_then = chain.eth.get_storage_at(ledger.address, 0, before)
    assert int.from_bytes(slot_now) - int.from_bytes(slot_then) == 1000
    assert chain.eth.get_code(ledger.address, 0) == b""


def test_calls_take_overrides(chain: Web3, ledger: Any) -> None:
    changed = {ledger.address: {"stateDiff": {"0x" + "00" * 32: "0x" + "00" * 31 + "2a"}}}
    assert ledger.functions.total().call(state_override=changed) == 42
    plain = chain.eth.get_balance(PAYEE)
    assert plain == 0
    assert ledger.functions.previous_hash().call() == chain.eth.get_block("latest")["parentHash"]


def test_chain_time_is_wall_clock_time(chain: Web3, pay: Any) -> None:
    import time

    started = int(time.time())
    times = [chain.eth.get_block(pay(1)["blockNumber"])["timestamp"] for _ in range(5)]
    assert times == sorted(times)
    assert started <= times[0]
    assert times[-1] <= time.time()


def test_large_calls_run(ledger: Any) -> None:
    assert ledger.functions.burn(20_000).call({"gas": 500_000_000}) == sum(range(20_000))


def test_deep_recursion_runs(ledger: Any) -> None:
    assert ledger.functions.forward(300).call() > 0
    with pytest.raises(ContractLogicError):
        ledger.functions.forward(1100).call()


def test_unknown_things_are_none_or_errors(chain: Web3) -> None:
    from web3.exceptions import BlockNotFound, TransactionNotFound

    with pytest.raises(BlockNotFound):
        chain.eth.get_block(10**6)
    with pytest.raises(TransactionNotFound):
        chain.eth.get_transaction("0x" + "ab" * 32)
    with pytest.raises(TransactionNotFound):
        chain.eth.get_transaction_receipt("0x" + "ab" * 32)
    with pytest.raises(Web3RPCError, match="header not found"):
        chain.eth.get_balance(PAYEE, 10**6)


def test_fee_history_is_zero(chain: Web3) -> None:
    history = chain.eth.fee_history(1, "latest", [50.0])
    assert history["baseFeePerGas"] == [0, 0]
    assert history["reward"] == [[0]]
