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
    """The account that is funded, below `pays_from`."""
    mode: Literal["top_up"]
    amount: Amount
    """What its balance is brought up to."""


class Share(Model):
    """Gives an account a share of all that comes in."""

    to: AccountName
    """The account that is funded, below `pays_from`."""
    mode: Literal["share"]
    share: Percent
    """Its share of all that comes in."""


class Rest(Model):
    """Gives an account what the rules before leave."""

    to: AccountName
    """The account that is funded, below `pays_from`."""
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
    """What people and acts call the milestone."""
    amount: Amount
    """Its part of the price."""
    due: Moment
    """By when it must be performed; before the timeout."""
    evidence: Slug | None = None
    """The kind of evidence that lets anyone release it; with `by`."""
    by: Slug | None = None
    """Who attests the evidence; with `evidence`."""


class Escrow(Model):
    """The roles payer, payee and arbiter; after `timeout`, and an open dispute's, anyone ends it."""

    payer_account: AccountName
    """Where money goes back to."""
    payee_account: AccountName
    """Where released money goes."""
    milestones: tuple[Milestone, ...] = Field(min_length=1, max_length=MAX_MILESTONES)
    """The parts of the price."""
    timeout: Moment
    """After this moment anyone may end it."""
    dispute_timeout: Duration
    """How long a dispute keeps it from ending at least."""


class Guarantee(Model):
    """The roles guarantor, applicant, beneficiary, witness: collateral pays claims the witness attests."""

    applicant_account: AccountName
    """Where collateral goes back to."""
    beneficiary_account: AccountName
    """Where claims are paid to."""
    amount: Amount
    """What is guaranteed."""
    evidence: Slug
    """The kind of evidence that the witness attests for a claim."""
    document: Hash
    """Hash of the guarantee's text."""
    issue_by: Moment
    """After this moment it can no longer be issued."""
    expires: Moment
    """After this moment nothing more is claimed."""
    claim_grace: Duration
    """How long after that claims made before may still be attested and paid."""
    max_claims: int = Field(ge=1, le=MAX_CLAIMS)
    """How many claims there may be."""


class SplitPart(Model):
    """A part of every receipt: a fee first, then a share of what all fees leave; together at most a cap."""

    to: AccountName
    """The account that gets the part."""
    fee: Amount = "0.00"
    """What it gets first of every receipt."""
    share: Percent = "0%"
    """Its share of what all fees leave."""
    cap: Amount | None = None
    """The most it gets of one receipt."""


class Split(Model):
    """Who gets what of every receipt. `refund_to` is the payer's account."""

    parts: tuple[SplitPart, ...] = Field(min_length=1, max_length=MAX_PARTS)
    """Who gets what, in this order."""
    remainder_to: AccountName
    """The account that gets the rest, rounding included."""
    refund_to: AccountName
    """The payer's account, to which refunds go."""


class Delivery(Model):
    """The roles buyer, seller and witness: a document of a kind against its price, by a deadline."""

    buyer_account: AccountName
    """Where money goes back to."""
    seller_account: AccountName
    """Where the price goes."""
    price: Amount
    """What the document costs."""
    document: Slug
    """The kind of document that is delivered."""
    deadline: Moment
    """After this moment anyone may end it."""


class Receivable(Model):
    """The roles creditor, debtor, financier and, if it confirms the invoice too, witness."""

    creditor_account: AccountName
    """Where the creditor is paid."""
    debtor_account: AccountName | None = None
    """Where the debtor repays from; left out if it pays through its bank only."""
    financier_account: AccountName
    """Where the financier pays from and is repaid."""
    document: Hash
    """Hash of the invoice."""
    document_kind: Slug
    """The kind of document the debt is confirmed by."""
    face: Amount
    """What is owed."""
    due: Moment
    """When it is due."""
    grace: Duration
    """How long after that it may be called expired."""


Section = Escrow | Guarantee | Split | Delivery | Receivable
