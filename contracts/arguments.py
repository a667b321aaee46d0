"""Constructor arguments of the templates without clauses; ids and hashes of 32 bytes, amounts minor units."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

__all__ = [
    "EscrowMilestone",
    "Part",
    "delivery_arguments",
    "escrow_arguments",
    "guarantee_arguments",
    "receivable_arguments",
    "split_arguments",
]

_NOTHING = bytes(32)


@dataclass(frozen=True)
class EscrowMilestone:
    """Part of an escrow's price: what, due by when (unix seconds), and who attests which kind of evidence."""

    amount_minor: int
    due_at: int
    kind: bytes = _NOTHING
    witness: bytes = _NOTHING


@dataclass(frozen=True)
class Part:
    """What a party gets of a receipt: a fee, then basis points of what all fees leave; zero is no cap."""

    account: bytes
    fee_minor: int = 0
    share_bp: int = 0
    cap_minor: int = 0


def escrow_arguments(
    account: bytes,
    dye_class: bytes,
    *,
    payer_account: bytes,
    payee_account: bytes,
    payer: bytes,
    payee: bytes,
    arbiter: bytes,
    milestones: Sequence[EscrowMilestone],
    timeout: int,
    dispute_timeout_seconds: int,
) -> bytes:
    """Constructor arguments of `Escrow.vy`."""
    return encode(
        [*["bytes32"] * 7, "(uint256,uint256,bytes32,bytes32)[]", "uint256", "uint256"],
        [
            account,
            dye_class,
            payer_account,
            payee_account,
            payer,
            payee,
            arbiter,
            [(each.amount_minor, each.due_at, each.kind, each.witness) for each in milestones],
            timeout,
            dispute_timeout_seconds,
        ],
    )


def guarantee_arguments(
    account: bytes,
    dye_class: bytes,
    *,
    guarantor: bytes,
    applicant: bytes,
    beneficiary: bytes,
    applicant_account: bytes,
    beneficiary_account: bytes,
    amount_minor: int,
    expires_at: int,
    evidence_kind: bytes,
    witness: bytes,
    document: bytes,
    issue_by: int,
    claim_grace_seconds: int,
    max_uses: int,
) -> bytes:
    """Constructor arguments of `Guarantee.vy`."""
    return encode(
        [*["bytes32"] * 7, "uint256", "uint256", *["bytes32"] * 3, *["uint256"] * 3],
        [
            account,
            dye_class,
            guarantor,
            applicant,
            beneficiary,
            applicant_account,
            beneficiary_account,
            amount_minor,
            expires_at,
            evidence_kind,
            witness,
            document,
            issue_by,
            claim_grace_seconds,
            max_uses,
        ],
    )


def split_arguments(
    account: bytes, dye_class: bytes, *, parts: Sequence[Part], remainder_to: bytes, refund_to: bytes
) -> bytes:
    """Constructor arguments of `Split.vy`."""
    return encode(
        ["bytes32", "bytes32", "(bytes32,uint256,uint256,uint256)[]", "bytes32", "bytes32"],
        [
            account,
            dye_class,
            [(each.account, each.fee_minor, each.share_bp, each.cap_minor) for each in parts],
            remainder_to,
            refund_to,
        ],
    )


def delivery_arguments(
    account: bytes,
    dye_class: bytes,
    *,
    buyer: bytes,
    seller: bytes,
    buyer_account: bytes,
    seller_account: bytes,
    price_minor: int,
    kind: bytes,
    witness: bytes,
    deadline: int,
) -> bytes:
    """Constructor arguments of `DeliveryVersusPayment.vy`."""
    return encode(
        [*["bytes32"] * 6, "uint256", "bytes32", "bytes32", "uint256"],
        [
            account,
            dye_class,
            buyer,
            seller,
            buyer_account,
            seller_account,
            price_minor,
            kind,
            witness,
            deadline,
        ],
    )


def receivable_arguments(
    account: bytes,
    dye_class: bytes,
    *,
    creditor: bytes,
    debtor: bytes,
    financier: bytes,
    creditor_account: bytes,
    financier_account: bytes,
    document: bytes,
    kind: bytes,
    face_minor: int,
    due_at: int,
    grace_seconds: int,
    debtor_account: bytes = _NOTHING,
    witness: bytes = _NOTHING,
) -> bytes:
    """Constructor arguments of `Receivable.vy`. A debtor without an account repays through its bank."""
    return encode(
        [*["bytes32"] * 10, *["uint256"] * 3, "bytes32"],
        [
            account,
            dye_class,
            creditor,
            debtor,
            financier,
            creditor_account,
            debtor_account,
            financier_account,
            document,
            kind,
            face_minor,
            due_at,
            grace_seconds,
            witness,
        ],
    )
