"""What a template says beside clauses, or instead of them: rules of an allocation, one section a template."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from contracts.agreement._fields import AccountName, Amount, Duration, Hash, Moment, Name, Percent, Slug
from contracts.agreement.codes import Code
from contracts.agreement.guard_models import MARK, Model

__all__ = [
    "MAX_CLAIMS",
    "MAX_MILESTONES",
    "MAX_PARTS",
    "MAX_RULES",
    "SECTIONS",
    "Delivery",
    "Escrow",
    "Guarantee",
    "Milestone",
    "Receivable",
    "Rest",
    "Rule",
    "Section",
    "Share",
    "Split",
    "SplitPart",
    "TopUp",
]

# The bounds of `Split.vy`, `Escrow.vy`, `Guarantee.vy` and `Allocation.vy`.
MAX_PARTS = 14
MAX_MILESTONES = 16
MAX_CLAIMS = 32
MAX_RULES = 32

SECTIONS = {
    "escrow": "escrow",
    "guarantee": "guarantee",
    "split": "split",
    "delivery-versus-payment": "delivery",
    "receivable": "receivable",
}
"""Template without clauses -> the key of its section."""


class TopUp(Model):
    """Brings an account's balance up to an amount."""

    to: AccountName
    mode: Literal["top_up"]
    amount: Amount


class Share(Model):
    """Gives an account a share of all that comes in."""

    to: AccountName
    mode: Literal["share"]
    share: Percent


class Rest(Model):
    """Gives an account what the rules before leave."""

    to: AccountName
    mode: Literal["rest"]


_MODES = ("top_up", "share", "rest")


def _mode_tag(value: object) -> str | None:
    mode = value.get("mode") if isinstance(value, dict) else getattr(value, "mode", None)
    return MARK + mode if isinstance(mode, str) and mode in _MODES else None


Rule = Annotated[
    Annotated[TopUp, Tag(MARK + "top_up")]
    | Annotated[Share, Tag(MARK + "share")]
    | Annotated[Rest, Tag(MARK + "rest")],
    Discriminator(
        _mode_tag,
        custom_error_type=str(Code.RULE_MODE_UNKNOWN),
        custom_error_message=f"a rule needs a mode: {', '.join(_MODES)}",
    ),
]


class Milestone(Model):
    """Part of an escrow's price. A witness who observed its `evidence` by `due` lets anyone release it."""

    name: Name
    amount: Amount
    due: Moment
    evidence: Slug | None = None
    by: Slug | None = None


class Escrow(Model):
    """The roles payer, payee and arbiter; after `timeout`, and an open dispute's, anyone ends it."""

    payer_account: AccountName
    payee_account: AccountName
    milestones: tuple[Milestone, ...] = Field(min_length=1, max_length=MAX_MILESTONES)
    timeout: Moment
    dispute_timeout: Duration


class Guarantee(Model):
    """The roles guarantor, applicant, beneficiary, witness: collateral pays claims the witness attests."""

    applicant_account: AccountName
    beneficiary_account: AccountName
    amount: Amount
    evidence: Slug
    document: Hash
    issue_by: Moment
    expires: Moment
    claim_grace: Duration
    max_claims: int = Field(ge=1, le=MAX_CLAIMS)


class SplitPart(Model):
    """A part of every receipt: a fee first, then a share of what all fees leave; together at most a cap."""

    to: AccountName
    fee: Amount = "0.00"
    share: Percent = "0%"
    cap: Amount | None = None


class Split(Model):
    """Who gets what of every receipt. `refund_to` is the payer's account."""

    parts: tuple[SplitPart, ...] = Field(min_length=1, max_length=MAX_PARTS)
    remainder_to: AccountName
    refund_to: AccountName


class Delivery(Model):
    """The roles buyer, seller and witness: a document of a kind against its price, by a deadline."""

    buyer_account: AccountName
    seller_account: AccountName
    price: Amount
    document: Slug
    deadline: Moment


class Receivable(Model):
    """The roles creditor, debtor, financier and, if it confirms the invoice too, witness."""

    creditor_account: AccountName
    debtor_account: AccountName | None = None
    financier_account: AccountName
    document: Hash
    document_kind: Slug
    face: Amount
    due: Moment
    grace: Duration


Section = Escrow | Guarantee | Split | Delivery | Receivable
