"""EIP-712 messages: every act that a person decides, as that person signs it.

One definition serves signing, verifying and showing; the tests hold each against its contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

__all__ = ["MESSAGE_FIELDS", "TypedMessage", "in_signer_order"]

MESSAGE_FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    # Directory
    "Changes": (("changes", "bytes32"), ("nonce", "uint256")),
    "Recovery": (("changes", "bytes32"), ("nonce", "uint256")),
    "Withdrawal": (("change", "bytes32"),),
    "Suspension": (("signer", "address"), ("since", "uint256")),
    "Rotation": (("signer", "address"), ("successor", "address"), ("since", "uint256")),
    # AgreementFactory
    "Template": (("template", "bytes32"), ("blueprint", "address"), ("codeHash", "bytes32")),
    "Activation": (
        ("agreement", "address"),
        ("template", "bytes32"),
        ("arguments", "bytes32"),
        ("file", "bytes32"),
        ("results", "bytes32"),
    ),
    "Adoption": (
        ("agreement", "address"),
        ("version", "uint256"),
        ("arguments", "bytes32"),
        ("file", "bytes32"),
        ("results", "bytes32"),
    ),
    "Retirement": (("agreement", "address"),),
    # Supervision
    "Opening": (("account", "bytes32"), ("parent", "bytes32"), ("controller", "bytes32")),
    "Moving": (("account", "bytes32"), ("parent", "bytes32"), ("nonce", "uint256")),
    "Closing": (("account", "bytes32"),),
    "Attestation": (
        ("tree", "bytes32"),
        ("number", "uint256"),
        ("balance", "uint256"),
        ("credits", "uint256"),
        ("debits", "uint256"),
        ("statement", "bytes32"),
    ),
    "Identification": (
        ("lot", "bytes32"),
        ("account", "bytes32"),
        ("dyeClass", "bytes32"),
        ("amount", "uint256"),
        ("start", "uint256"),
    ),
    "Freeze": (("account", "bytes32"), ("frozen", "bool"), ("nonce", "uint256")),
    "LotFreeze": (("lot", "bytes32"), ("start", "uint256")),
    "Pause": (("paused", "bool"), ("nonce", "uint256")),
    "WriteOff": (
        ("account", "bytes32"),
        ("dyeClass", "bytes32"),
        ("amount", "uint256"),
        ("reference", "bytes32"),
    ),
    "Shortfall": (("tree", "bytes32"), ("amount", "uint256"), ("reference", "bytes32")),
    "MakingGood": (
        ("account", "bytes32"),
        ("dyeClass", "bytes32"),
        ("amount", "uint256"),
        ("start", "uint256"),
    ),
    "Sorting": (
        ("account", "bytes32"),
        ("dyeClass", "bytes32"),
        ("toClass", "bytes32"),
        ("amount", "uint256"),
        ("start", "uint256"),
    ),
    "Carving": (("line", "bytes32"), ("pieces", "bytes32"), ("reference", "bytes32")),
    "Thawing": (
        ("custody", "bytes32"),
        ("account", "bytes32"),
        ("dyeClass", "bytes32"),
        ("amount", "uint256"),
        ("start", "uint256"),
    ),
    "CustodyBatch": (
        ("custody", "bytes32"),
        ("root", "bytes32"),
        ("count", "uint256"),
        ("total", "uint256"),
        ("deadline", "uint256"),
        ("start", "uint256"),
    ),
    "Redirection": (("batch", "bytes32"), ("custody", "bytes32")),
    "Release": (("batch", "bytes32"),),
    "Waiver": (
        ("account", "bytes32"),
        ("batch", "bytes32"),
        ("terms", "bytes32"),
        ("clause", "uint256"),
        ("expiresAt", "uint256"),
    ),
    # Agreements
    "Reservation": (
        ("terms", "bytes32"),
        ("dyeClass", "bytes32"),
        ("root", "bytes32"),
        ("count", "uint256"),
        ("total", "uint256"),
        ("deadline", "uint256"),
        ("document", "bytes32"),
    ),
    "Approval": (
        ("batch", "bytes32"),
        ("terms", "bytes32"),
        ("account", "bytes32"),
        ("root", "bytes32"),
        ("count", "uint256"),
        ("total", "uint256"),
        ("deadline", "uint256"),
        ("document", "bytes32"),
    ),
    "Revocation": (("batch", "bytes32"),),
    "Evidence": (
        ("batch", "bytes32"),
        ("kind", "bytes32"),
        ("digest", "bytes32"),
        ("observedAt", "uint256"),
    ),
    "Countersignature": (("batch", "bytes32"), ("terms", "bytes32"), ("document", "bytes32")),
    "Cancellation": (("batch", "bytes32"),),
    "Roster": (("version", "uint256"), ("size", "uint256"), ("root", "bytes32")),
    "Block": (("payee", "uint256"), ("blocked", "bool"), ("nonce", "uint256")),
    "Document": (
        ("document", "bytes32"),
        ("kind", "bytes32"),
        ("holder", "bytes32"),
        ("payee", "uint256"),
        ("amount", "uint256"),
    ),
    "Allocation": (
        ("terms", "bytes32"),
        ("destination", "bytes32"),
        ("amount", "uint256"),
        ("reference", "bytes32"),
        ("deadline", "uint256"),
    ),
    # Escrow
    "MilestoneRelease": (
        ("milestone", "uint256"),
        ("amount", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
    "MilestoneEvidence": (
        ("milestone", "uint256"),
        ("kind", "bytes32"),
        ("content", "bytes32"),
        ("observedAt", "uint256"),
    ),
    "Refund": (("amount", "uint256"), ("nonce", "uint256"), ("deadline", "uint256")),
    "Renunciation": (("nonce", "uint256"), ("deadline", "uint256")),
    "Dispute": (("party", "bytes32"), ("nonce", "uint256"), ("deadline", "uint256")),
    "Ruling": (
        ("toPayee", "uint256"),
        ("toPayer", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
    "Compromise": (
        ("toPayee", "uint256"),
        ("toPayer", "uint256"),
        ("payerNonce", "uint256"),
        ("payeeNonce", "uint256"),
        ("deadline", "uint256"),
    ),
    # Guarantee
    "Issue": (
        ("document", "bytes32"),
        ("amount", "uint256"),
        ("expiresAt", "uint256"),
        ("deadline", "uint256"),
    ),
    "Claim": (
        ("amount", "uint256"),
        ("content", "bytes32"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
    "ClaimEvidence": (
        ("claim", "uint256"),
        ("kind", "bytes32"),
        ("amount", "uint256"),
        ("content", "bytes32"),
        ("observedAt", "uint256"),
    ),
    "Discharge": (("nonce", "uint256"), ("deadline", "uint256")),
    # Split
    "SplitRefund": (
        ("receipt", "uint256"),
        ("amount", "uint256"),
        ("reference", "bytes32"),
        ("deadline", "uint256"),
    ),
    # DeliveryVersusPayment
    "Delivery": (("document", "bytes32"), ("kind", "bytes32"), ("deadline", "uint256")),
    "Rescission": (("document", "bytes32"), ("deadline", "uint256")),
    # Receivable
    "Debt": (
        ("document", "bytes32"),
        ("amount", "uint256"),
        ("dueAt", "uint256"),
        ("deadline", "uint256"),
    ),
    "Assignment": (
        ("holder", "bytes32"),
        ("to", "bytes32"),
        ("account", "bytes32"),
        ("amount", "uint256"),
        ("reference", "bytes32"),
        ("deadline", "uint256"),
    ),
    "Financing": (
        ("holder", "bytes32"),
        ("amount", "uint256"),
        ("price", "uint256"),
        ("reference", "bytes32"),
        ("deadline", "uint256"),
    ),
    "RepaymentAccount": (
        ("holder", "bytes32"),
        ("account", "bytes32"),
        ("reference", "bytes32"),
        ("deadline", "uint256"),
    ),
    "Repayment": (("amount", "uint256"), ("reference", "bytes32"), ("deadline", "uint256")),
}

Value = bytes | int | str | bool


@dataclass(frozen=True)
class TypedMessage:
    """One message for one contract on one chain. `values` has the fields of MESSAGE_FIELDS[kind]."""

    kind: str
    chain_id: int
    contract: str
    values: dict[str, Value]

    def as_json(self) -> dict[str, object]:
        """The form wallets take (`eth_signTypedData_v4`); bytes as 0x-hex."""
        domain_fields = ("name", "string"), ("version", "string"), ("chainId", "uint256")
        return {
            "types": {
                "EIP712Domain": [
                    *({"name": name, "type": kind} for name, kind in domain_fields),
                    {"name": "verifyingContract", "type": "address"},
                ],
                self.kind: [{"name": name, "type": kind} for name, kind in MESSAGE_FIELDS[self.kind]],
            },
            "primaryType": self.kind,
            "domain": {
                "name": "Dyetrace",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": self.contract,
            },
            "message": {
                name: "0x" + value.hex() if isinstance(value, bytes) else value
                for name, value in ((name, self.values[name]) for name, _ in MESSAGE_FIELDS[self.kind])
            },
        }

    def signable(self) -> SignableMessage:
        """The message as eth-account signs it."""
        return encode_typed_data(full_message=self.as_json())

    @property
    def struct_hash(self) -> bytes:
        """EIP-712's hash of the struct alone, 32 bytes; the id of a recovery."""
        return bytes(self.signable().body)

    @property
    def digest(self) -> bytes:
        """What is signed, 32 bytes."""
        message = self.signable()
        return keccak(b"\x19" + message.version + message.header + message.body)

    def sign(self, signer: LocalAccount) -> bytes:
        """The 65-byte signature r ‖ s ‖ v."""
        return bytes(signer.sign_message(self.signable()).signature)

    def signer(self, signature: bytes) -> str:
        """Address of who signed."""
        return cast(str, Account.recover_message(self.signable(), signature=signature))


def in_signer_order(message: TypedMessage, signatures: Sequence[bytes]) -> list[bytes]:
    """Signatures in rising order of signer, as the contracts take them; each signer once."""
    by_signer = {int(message.signer(signature), 16): signature for signature in signatures}
    return [by_signer[who] for who in sorted(by_signer)]
