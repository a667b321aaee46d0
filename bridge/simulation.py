"""Calls tried together on the current state (`eth_simulateV1`), and ids known before the chain gives them."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from bridge.chain import Call, Chain, Deployment
from bridge.errors import ChainError
from contracts.rows import RowTree
from contracts.terms import Refusal, decode_refusal

__all__ = ["batch_id", "simulate_calls"]

CALL_GAS = 100_000_000


def batch_id(
    deployment: Deployment, agreement: str, account: bytes, dye_class: bytes, rows: RowTree, deadline: int
) -> bytes:
    """The id the Ledger gives a batch (`Ledger.reserve`)."""
    return keccak(
        encode(
            [
                "uint256",
                "address",
                "address",
                "bytes32",
                "bytes32",
                "bytes32",
                "uint256",
                "uint256",
                "uint256",
            ],
            [
                deployment.chain_id,
                deployment.Ledger,
                agreement,
                account,
                dye_class,
                rows.root,
                len(rows.rows),
                rows.total_minor,
                deadline,
            ],
        )
    )


def simulate_calls(
    chain: Chain,
    sender: str,
    blocks: Sequence[tuple[int, Sequence[Call]]],
    overrides: dict[str, object] | None = None,
) -> list[bytes | Refusal]:
    """Run calls in blocks of given chain times on the current state; nothing is kept.

    Returns what each call returned, or how it was refused. Raises ChainError.
    """
    request: list[dict[str, Any]] = []
    for seconds, calls in blocks:
        request.append(
            {
                "blockOverrides": {"time": hex(seconds)},
                "calls": [
                    {"from": sender, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(CALL_GAS)}
                    for call in calls
                ],
            }
        )
    if overrides:
        request[0]["stateOverrides"] = overrides
    answer = chain.request("eth_simulateV1", {"blockStateCalls": request}, "latest")
    return [_read(result) for block in answer for result in block["calls"]]


def _read(result: dict[str, Any]) -> bytes | Refusal:
    if result["status"] == "0x1":
        return bytes.fromhex(result["returnData"][2:])
    data = result.get("error", {}).get("data") or result["returnData"]
    if data == "0x":
        raise ChainError("chain-error", f"The simulation failed: {result['error']['message']}.")
    return decode_refusal(bytes.fromhex(data[2:]))
