"""Rules of an allocation and the sections of templates without clauses, in sentences."""

from collections.abc import Iterator

from contracts.agreement import values
from contracts.agreement._wording import NOTHING, duration, filled, money
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import (
    Delivery,
    Escrow,
    Guarantee,
    Milestone,
    Receivable,
    Rest,
    Rule,
    Share,
    Split,
    SplitPart,
)
from contracts.agreement.texts import Text

__all__ = ["section_lines"]

_RULES = {
    "head": Text(
        "任何人都可触发以下自动拨款，按顺序执行，受全部条款约束：",
        "Anyone may set off these transfers, in this order, within all clauses:",
    ),
    "top_up": Text(
        "{number}. 将 {to} 的余额补足至 {amount}。",
        "{number}. The balance of {to} is brought up to {amount}.",
    ),
    "share": Text(
        "{number}. 将全部进账的 {share} 拨至 {to}。", "{number}. {share} of all that comes in goes to {to}."
    ),
    "rest": Text("{number}. 其余全部拨至 {to}。", "{number}. All the rest goes to {to}."),
}

_ESCROW = {
    "head": Text(
        "付款方 {payer} 的款项存放在账户 {account}；放款至收款方 {payee} 的账户 {payee_account}，"
        "退款至 {payer_account}。",
        "The money of the payer {payer} rests on {account}; it is released to {payee_account} of the payee "
        "{payee}, or goes back to {payer_account}.",
    ),
    "milestone": Text(
        "{number}. {name}：{amount}，期限 {due}。付款方可放款{attested}。",
        "{number}. {name}: {amount}, due {due}. The payer may release it{attested}.",
    ),
    "attested": Text(
        "；{witness} 在期限前观察到并证明“{evidence}”后，任何人可放款",
        "; once {witness} has attested “{evidence}”, observed by then, anyone may",
    ),
    "people": Text(
        "收款方可退款或放弃余款；双方可共同约定分配；任一方可提出争议。",
        "The payee may refund or renounce the rest; both together may divide it; either may dispute.",
    ),
    "dispute": Text(
        "争议期间停止放款和退款，由 {arbiter} 裁决分配。",
        "A dispute stops releases and refunds, and {arbiter} divides what rests.",
    ),
    "exit": Text(
        "{timeout} 之后任何人可结束；有争议的，还须自提出争议起已过 {wait}："
        "已证明的里程碑付给收款方，其余退回付款方。",
        "After {timeout} anyone may end it, in a dispute {wait} after it was raised at the earliest: "
        "attested milestones are paid, the rest goes back to the payer.",
    ),
}

_GUARANTEE = {
    "head": Text(
        "担保方 {guarantor} 为 {applicant} 向受益方 {beneficiary} 出具保函，金额 {amount}，"
        "保证金存放在账户 {account}，"
        "文件摘要 {document}。",
        "The guarantor {guarantor} guarantees {amount} to the beneficiary {beneficiary} for {applicant}; the "
        "collateral rests on {account}, the document's hash is {document}.",
    ),
    "issue": Text(
        "须在 {issue_by} 之前出具，否则任何人可将保证金退回 {applicant_account}。",
        "It is issued by {issue_by}, or anyone may send the collateral back to {applicant_account}.",
    ),
    "claim": Text(
        "受益方可在 {expires} 之前索赔，最多 {claims} 次；{witness} 在 {grace} 内证明“{evidence}”后，"
        "任何人可将索赔款付至 {beneficiary_account}，未证明的索赔失效。",
        "The beneficiary may claim until {expires}, {claims} times at most; once {witness} has attested "
        "“{evidence}” within {grace}, anyone may pay the claim to {beneficiary_account}; a claim that is not "
        "attested lapses.",
    ),
    "exit": Text(
        "受益方可随时解除；{expires} 之后且无待证明的索赔时，任何人可结束：已证明的索赔支付，其余退回 "
        "{applicant_account}。",
        "The beneficiary may discharge it at any time; after {expires}, once no claim waits for its witness, "
        "anyone may end it: attested claims are paid, the rest goes back to {applicant_account}.",
    ),
}

_SPLIT = {
    "head": Text(
        "账户 {account} 上的款项每次清分视为一笔收款，任何人可触发：先按顺序扣固定费用，"
        "再按比例分配费用之后的余额。",
        "All that rests on {account} is one receipt whenever anyone clears it: fixed fees first, in this "
        "order, "
        "then shares of what all fees leave.",
    ),
    "part": Text("{number}. {to}：{takes}{cap}。", "{number}. {to}: {takes}{cap}."),
    "fee": Text("固定费用 {fee}", "a fee of {fee}"),
    "share": Text("余额的 {share}", "{share} of the rest"),
    "cap": Text("，合计不超过 {cap}", ", together {cap} at most"),
    "rest": Text(
        "其余（含分配尾差）归 {remainder_to}。", "What remains, rounding included, goes to {remainder_to}."
    ),
    "refund": Text(
        "{payer} 可将一笔收款退回 {refund_to}：各方按所得比例退回，缺一不退。",
        "{payer} may refund a receipt to {refund_to}: all give back in proportion to what they got, or none.",
    ),
}

_DELIVERY = {
    "head": Text(
        "买方 {buyer} 与卖方 {seller} 以 {price} 交割一份“{document}”：卖方交付、{witness} 确认后，"
        "单据锁定于此。",
        "The buyer {buyer} and the seller {seller} exchange a “{document}” for {price}: the seller "
        "delivers it, "
        "{witness} confirms it, and it is locked here.",
    ),
    "settle": Text(
        "价款到达账户 {account} 后任何人可在 {deadline} 之前交割：单据归买方，价款付至 {seller_account}，"
        "多余部分退回 {buyer_account}；两者同时发生或都不发生。",
        "Once the price rests on {account} anyone may settle until {deadline}: the document becomes the "
        "buyer's, "
        "the price goes to {seller_account}, anything above it back to {buyer_account}; both or neither.",
    ),
    "exit": Text(
        "{deadline} 之后任何人可结束，双方也可共同取消：单据仍归卖方，款项退回 {buyer_account}。",
        "After {deadline} anyone may end it, and both together may cancel it before: the document stays the "
        "seller's, the money goes back to {buyer_account}.",
    ),
}

_RECEIVABLE = {
    "head": Text(
        "债务人 {debtor} 欠债权人 {creditor} 应收账款 {face}，到期日 {due}；“{kind}”摘要 {document}，"
        "由双方{witness}确认，全网只登记一次。",
        "The debtor {debtor} owes the creditor {creditor} {face}, due {due}; the hash of the “{kind}” is "
        "{document}, confirmed by both{witness} and registered once in the whole network.",
    ),
    "witness": Text("及 {witness} ", " and by {witness}"),
    "finance": Text(
        "持有人可转让部分债权；资金方 {financier} 从 {financier_account} 付款买入的部分，"
        "价款同时付给持有人。",
        "Holders may pass parts of it on; for a part the financier {financier} buys, the price is paid from "
        "{financier_account} in the same step.",
    ),
    "repaid": Text(
        "账户 {account} 收到的还款按各持有人尚欠余额比例分配，超出部分归债权人账户 {creditor_account}；"
        "{repays}。任何人可触发分配。",
        "What arrives on {account} is divided among the holders in proportion to what each is still owed, "
        "any "
        "excess goes to {creditor_account}; {repays}. Anyone may set that off.",
    ),
    "from": Text("债务人可从 {debtor_account} 还款", "the debtor may repay from {debtor_account}"),
    "bank": Text("债务人通过其银行还款", "the debtor repays through its bank"),
    "exit": Text(
        "到期后再过 {grace} 仍未还清，任何人可宣告逾期；之后到账的款项照常分配。",
        "When {grace} after the due time it is not repaid, anyone may call it expired; what comes later "
        "is divided "
        "all the same.",
    ),
}


def section_lines(content: Agreement) -> Iterator[Text]:
    """What the section of the template says, or an allocation's rules; nothing where there is neither."""
    match content.section:
        case Escrow() as escrow:
            yield from _escrow(content, escrow)
        case Guarantee() as guarantee:
            yield from _guarantee(content, guarantee)
        case Split() as split:
            yield from _split(content, split)
        case Delivery() as delivery:
            yield from _delivery(content, delivery)
        case Receivable() as receivable:
            yield from _receivable(content, receivable)
        case None:
            yield from _rules(content)


def _roles(content: Agreement, *roles: str) -> dict[str, object]:
    return {role: institution_of(content, role) for role in roles}


def _rules(content: Agreement) -> Iterator[Text]:
    if content.rules:
        yield _RULES["head"]
    for number, rule in enumerate(content.rules, start=1):
        yield filled(_RULES[rule.mode], number=number, to=rule.to, **_rule(content, rule))


def _rule(content: Agreement, rule: Rule) -> dict[str, object]:
    if isinstance(rule, Rest):
        return {}
    if isinstance(rule, Share):
        return {"share": rule.share}
    return {"amount": money(content, rule.amount)}


def _escrow(content: Agreement, escrow: Escrow) -> Iterator[Text]:
    yield filled(
        _ESCROW["head"],
        account=content.accounts.pays_from,
        payer_account=escrow.payer_account,
        payee_account=escrow.payee_account,
        **_roles(content, "payer", "payee"),
    )
    for number, milestone in enumerate(escrow.milestones, start=1):
        yield filled(
            _ESCROW["milestone"],
            number=number,
            name=milestone.name,
            amount=money(content, milestone.amount),
            due=milestone.due,
            attested=_attested(content, milestone),
        )
    yield _ESCROW["people"]
    yield filled(_ESCROW["dispute"], **_roles(content, "arbiter"))
    yield filled(_ESCROW["exit"], timeout=escrow.timeout, wait=duration(escrow.dispute_timeout))


def _attested(content: Agreement, milestone: Milestone) -> Text:
    if milestone.evidence is None:
        return NOTHING
    witness = institution_of(content, milestone.by or "")
    return filled(_ESCROW["attested"], witness=witness, evidence=milestone.evidence)


def _guarantee(content: Agreement, guarantee: Guarantee) -> Iterator[Text]:
    said: dict[str, object] = {
        **_roles(content, "guarantor", "applicant", "beneficiary", "witness"),
        "account": content.accounts.pays_from,
        "applicant_account": guarantee.applicant_account,
        "beneficiary_account": guarantee.beneficiary_account,
        "amount": money(content, guarantee.amount),
        "document": guarantee.document,
        "evidence": guarantee.evidence,
        "issue_by": guarantee.issue_by,
        "expires": guarantee.expires,
        "grace": duration(guarantee.claim_grace),
        "claims": guarantee.max_claims,
    }
    for line in _GUARANTEE.values():
        yield filled(line, **said)


def _split(content: Agreement, split: Split) -> Iterator[Text]:
    yield filled(_SPLIT["head"], account=content.accounts.pays_from)
    for number, part in enumerate(split.parts, start=1):
        cap = NOTHING if part.cap is None else filled(_SPLIT["cap"], cap=money(content, part.cap))
        yield filled(_SPLIT["part"], number=number, to=part.to, takes=_takes(content, part), cap=cap)
    yield filled(_SPLIT["rest"], remainder_to=split.remainder_to)
    yield filled(_SPLIT["refund"], refund_to=split.refund_to, **_roles(content, "payer"))


def _takes(content: Agreement, part: SplitPart) -> Text:
    said = []
    if values.minor_units(part.fee):
        said.append(filled(_SPLIT["fee"], fee=money(content, part.fee)))
    if values.basis_points(part.share):
        said.append(filled(_SPLIT["share"], share=part.share))
    return Text("，另加".join(text.zh for text in said), " and ".join(text.en for text in said))


def _delivery(content: Agreement, delivery: Delivery) -> Iterator[Text]:
    said: dict[str, object] = {
        **_roles(content, "buyer", "seller", "witness"),
        "account": content.accounts.pays_from,
        "buyer_account": delivery.buyer_account,
        "seller_account": delivery.seller_account,
        "price": money(content, delivery.price),
        "document": delivery.document,
        "deadline": delivery.deadline,
    }
    for line in _DELIVERY.values():
        yield filled(line, **said)


def _receivable(content: Agreement, receivable: Receivable) -> Iterator[Text]:
    roles = _roles(content, "creditor", "debtor", "financier")
    confirmed = "witness" in content.parties
    yield filled(
        _RECEIVABLE["head"],
        face=money(content, receivable.face),
        due=receivable.due,
        kind=receivable.document_kind,
        document=receivable.document,
        witness=filled(_RECEIVABLE["witness"], **_roles(content, "witness")) if confirmed else NOTHING,
        **roles,
    )
    yield filled(_RECEIVABLE["finance"], financier_account=receivable.financier_account, **roles)
    debtor_account = receivable.debtor_account
    repays = _RECEIVABLE["bank"] if debtor_account is None else _RECEIVABLE["from"]
    yield filled(
        _RECEIVABLE["repaid"],
        account=content.accounts.pays_from,
        creditor_account=receivable.creditor_account,
        repays=filled(repays, debtor_account=debtor_account),
    )
    yield filled(_RECEIVABLE["exit"], grace=duration(receivable.grace))
