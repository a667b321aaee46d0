"""The chain as the bridge sees it: contracts by name over JSON-RPC, and node errors as ours."""

import json
import time
from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import requests
from eth_typing import ChecksumAddress, HexStr
from eth_utils.abi import event_abi_to_log_topic
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3
from web3._utils.events import get_event_data
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import FilterParams, LogReceipt, TxParams

from bridge.errors import ChainDiverged, ChainError, ChainRefused, ChainUnreachable
from bridge.projector import Event
from contracts.advice import advice
from contracts.artifacts import DEPLOYABLES, artifact
from contracts.errors import RefusalUnknown
from contracts.terms import Refusal, decode_refusal
from contracts.typed_data import TypedMessage, Value

__all__ = ["CONTRACTS", "Call", "Chain", "Deployment", "refused"]

_Result = TypeVar("_Result")
CONTRACTS = ("Directory", "Accounts", "Ledger", "Supervision", "Registry", "AgreementFactory")


@dataclass(frozen=True)
class Deployment:
    """Where the contracts are. Kept as JSON beside the database."""

    chain_id: int
    first_block: int
    Directory: ChecksumAddress
    Accounts: ChecksumAddress
    Ledger: ChecksumAddress
    Supervision: ChecksumAddress
    Registry: ChecksumAddress
    AgreementFactory: ChecksumAddress

    @classmethod
    def read(cls, path: Path) -> "Deployment":
        """Raises FileNotFoundError or TypeError for a file that is no deployment."""
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


@dataclass(frozen=True)
class Call:
    """One call of a contract, encoded."""

    to: ChecksumAddress
    data: bytes


def refused(refusal: Refusal) -> ChainRefused:
    """A contract's refusal as an error that says what to do."""
    details = {k: v for k, v in asdict(refusal).items() if k not in ("code", "reason") and v is not None}
    message = f"The chain refuses: {refusal.reason}. {advice(refusal.code)}"
    return ChainRefused(refusal.code, message, **details)


def _translate(action: Callable[[], _Result]) -> _Result:
    """The one table from web3's and requests' errors to ours."""
    try:
        return action()
    except (requests.ConnectionError, requests.Timeout, ConnectionError, TimeoutError) as error:
        raise ChainUnreachable(
            "chain-unreachable", "The chain's node does not answer; try again once it is up."
        ) from error
    except ContractLogicError as error:
        raise _from_revert(error) from error
    except Web3RPCError as error:
        raise ChainError("chain-error", f"The chain's node answers: {error.message}.") from error
    except requests.HTTPError as error:
        raise ChainUnreachable("chain-unreachable", f"The chain's node answers {error}.") from error


def _from_revert(error: ContractLogicError) -> ChainError:
    data = error.data if isinstance(error.data, str) else "0x"
    try:
        return refused(decode_refusal(bytes.fromhex(data.removeprefix("0x"))))
    except RefusalUnknown:
        code = "chain-reverted"
        return ChainRefused(code, f"The chain refuses without a reason: {error.message}. {advice(code)}")


def _with_names(output: dict[str, Any], value: Any) -> Any:
    """A struct, or a list of structs, as tuples that know the names of their fields."""
    if output["type"] == "tuple[]":
        return [_with_names({**output, "type": "tuple"}, each) for each in value]
    if output["type"] != "tuple":
        return value
    return _struct(tuple(part["name"] for part in output["components"]))(*value)


@cache
def _struct(names: tuple[str, ...]) -> Any:
    return namedtuple("Struct", names)


class Chain:
    """One chain through one node; `deployment` says which chain it must be."""

    def __init__(self, url: str, deployment: Deployment) -> None:
        self.web3 = self.connect(url)
        self.deployment = deployment
        self._contracts: dict[str, Contract] = {}

    @staticmethod
    def connect(url: str) -> Web3:
        """web3 on a node. A connection that the node closed is opened again; an answer that takes longer than
        the longest trial is not waited for again.
        """
        again = ExceptionRetryConfiguration(errors=[requests.ConnectionError], retries=2)
        return Web3(HTTPProvider(url, request_kwargs={"timeout": 60}, exception_retry_configuration=again))

    def check(self) -> None:
        """Refuse to work on another chain, or on contracts with other code."""
        chain_id = _translate(lambda: self.web3.eth.chain_id)
        if chain_id != self.deployment.chain_id:
            raise ChainDiverged(
                "chain-wrong",
                f"The node serves chain {chain_id}, not {self.deployment.chain_id}; point the platform at "
                "the chain it was set up for.",
            )
        for name in CONTRACTS:
            code, expected = self._code(getattr(self.deployment, name)), artifact(name)
            if not code:
                raise ChainDiverged("chain-wrong", f"There is no {name} contract at the address it had.")
            if keccak(code[: expected.runtime_bytes]) != expected.runtime_hash:
                raise ChainDiverged(
                    "chain-wrong", f"The {name} contract has other code than this version was built for."
                )

    def _code(self, address: ChecksumAddress) -> bytes:
        return bytes(_translate(lambda: self.web3.eth.get_code(address)))

    # Contracts

    def contract(self, name: str, address: str | None = None) -> Contract:
        """A contract by its name; agreements need their address."""
        where = address or getattr(self.deployment, name)
        key = f"{name}@{where}"
        if key not in self._contracts:
            made = self.web3.eth.contract(address=Web3.to_checksum_address(where), abi=artifact(name).abi)
            self._contracts[key] = made
        return self._contracts[key]

    def function(self, name: str, function: str, *arguments: Any, at: str | None = None) -> ContractFunction:
        """A function with its arguments."""
        return self.contract(name, at).functions[function](*arguments)

    def call(self, name: str, function: str, *arguments: Any, at: str | None = None) -> Call:
        """The encoded call, to be sent by the sender or tried in a simulation."""
        contract = self.contract(name, at)
        data = contract.encode_abi(function, args=list(arguments))
        return Call(contract.address, bytes.fromhex(data[2:]))

    def read(
        self, name: str, function: str, *arguments: Any, at: str | None = None, block: Any = "latest"
    ) -> Any:
        """What a view says; a struct has its fields by name. Raises ChainRefused, ChainUnreachable."""
        bound = self.function(name, function, *arguments, at=at)
        found = _translate(lambda: bound.call(block_identifier=block))
        outputs = cast(Any, bound.abi)["outputs"]
        return _with_names(outputs[0], found) if len(outputs) == 1 else found

    def message(self, kind: str, contract: str, /, **values: Value) -> TypedMessage:
        """An EIP-712 message for one of our contracts, by name or address."""
        address = getattr(self.deployment, contract, contract)
        return TypedMessage(kind, self.deployment.chain_id, address, values)

    def preflight(self, call: Call, sender: str, block: Any = "pending") -> bytes:
        """Try a call without sending it: by default in the block that would be made now, whose time is now's
        however long ago the latest one is. Raises ChainRefused as the chain would.
        """
        transaction: TxParams = {
            "from": Web3.to_checksum_address(sender),
            "to": call.to,
            "data": HexStr(call.data.hex()),
        }
        return bytes(_translate(lambda: self.web3.eth.call(transaction, block_identifier=block)))

    # Blocks, logs, transactions

    def head(self) -> int:
        """Number of the latest block."""
        return int(_translate(lambda: self.web3.eth.block_number))

    def block_hash(self, number: int) -> bytes | None:
        """Hash of a block, or None where the chain has no such block."""
        if number > self.head():
            return None
        return bytes(_translate(lambda: self.web3.eth.get_block(number))["hash"])

    def block_time(self, number: int | None = None) -> int:
        """Chain time of a block (the latest by default), seconds."""
        return int(
            _translate(lambda: self.web3.eth.get_block("latest" if number is None else number))["timestamp"]
        )

    def now(self) -> int:
        """The time the next block would have at least: never before the latest block's, seconds."""
        return max(self.block_time(), int(time.time()))

    def logs(self, first: int, last: int, addresses: Iterable[str] | None) -> list[LogReceipt]:
        """Logs of a range of blocks, in order."""
        wanted: FilterParams = {"fromBlock": first, "toBlock": last}
        if addresses is not None:
            wanted["address"] = [Web3.to_checksum_address(address) for address in addresses]
        return list(_translate(lambda: self.web3.eth.get_logs(wanted)))

    def send_raw(self, raw: bytes) -> None:
        """Hand a signed transaction to the node. Raises ChainError with the node's words."""
        _translate(lambda: self.web3.eth.send_raw_transaction(raw))

    def receipt(self, transaction: bytes) -> Any | None:
        """The receipt, or None while there is none."""
        return _translate(lambda: self._receipt(transaction))

    def _receipt(self, transaction: bytes) -> Any | None:
        try:
            return self.web3.eth.get_transaction_receipt(cast(Any, transaction))
        except TransactionNotFound:
            return None

    def transaction_count(self, address: str) -> int:
        """The next nonce of an address, by the latest block."""
        return int(_translate(lambda: self.web3.eth.get_transaction_count(Web3.to_checksum_address(address))))

    def request(self, method: str, *parameters: Any) -> Any:
        """Any JSON-RPC method, such as `eth_simulateV1`. Raises ChainError with the node's words."""
        answer = _translate(lambda: self.web3.provider.make_request(cast(Any, method), list(parameters)))
        if "error" in answer:
            raise ChainError("chain-error", f"The chain's node answers: {answer['error']['message']}.")
        return answer["result"]

    def decode(self, entry: LogReceipt) -> Event:
        """A log of one of our contracts as an event."""
        name, abi = self.events[bytes(entry["topics"][0])]
        decoded = get_event_data(self.web3.codec, cast(Any, abi), entry)
        return Event(
            name,
            entry["address"],
            entry["blockNumber"],
            bytes(entry["transactionHash"]),
            entry["logIndex"],
            decoded["args"],
        )

    @cached_property
    def events(self) -> dict[bytes, tuple[str, dict[str, Any]]]:
        """Topic → (event name, ABI) of every event our contracts log."""
        return {
            event_abi_to_log_topic(cast(Any, entry)): (entry["name"], entry)
            for name in DEPLOYABLES
            for entry in artifact(name).abi
            if entry["type"] == "event"
        }
