"""An agreement in sentences, Chinese and English side by side, to be read before signing.

Every sentence is one entry of a table: the two languages stand next to each other and take the same values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.agreement._explain_guards import guard_text
from contracts.agreement._explain_sections import section_lines
from contracts.agreement._places import drawable_classes
from contracts.agreement._wording import filled, listed
from contracts.agreement.compile import CompiledAgreement
from contracts.agreement.expectations import Outcome
from contracts.agreement.guard_models import Clause
from contracts.agreement.guards import BY_ROW, CODES_OF_KIND, COUNTED, kind_of, refusal_codes
from contracts.agreement.model import Agreement, AgreementFile
from contracts.agreement.sections import SECTIONS
from contracts.agreement.texts import Text
from contracts.terms import Kind

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """The whole agreement as text: the same lines in both languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class _View:
    """What sentences are made from. `payees` is None while no roster has been read."""

    content: Agreement
    payees: int | None


_FRAME = {
    "title": Text("《{title}》第 {version} 版（{agreement}）", "“{title}”, version {version} ({agreement})"),
    "template": Text("类型：{kind}，模板 {template}。", "Type: {kind}, template {template}."),
    "parties": Text("当事方：{parties}。", "Parties: {parties}."),
    "disbursement": Text(
        "付款方 {payer} 从账户 {account} 向名册上的收款人付款，只动用{classes}类资金，币种 {currency}。",
        "{payer} pays payees of a roster from the account {account}, "
        "with money of {classes} only, in {currency}.",
    ),
    "allocation": Text(
        "付款方 {payer} 从账户 {account} 只向下列账户拨款：{funds}，只动用{classes}类资金，币种 {currency}。",
        "{payer} moves money from the account {account} to these accounts only: {funds}, "
        "with money of {classes} only, in {currency}.",
    ),
    "clearing": Text(
        "付款方 {payer} 的账户 {account} 只按下列规则自动拨款，只动用{classes}类资金，币种 {currency}。",
        "Money moves from the account {account} of {payer} by the rules below only, money of {classes} only, "
        "in {currency}.",
    ),
    "section": Text(
        "只动用{classes}类资金，币种 {currency}。",
        "Only money of {classes}, in {currency}.",
    ),
    "clauses": Text(
        "以下 {count} 条条款须全部满足，缺一不付：",
        "All of these {count} clauses must be satisfied, or nothing is paid:",
    ),
    "one": Text("{number}. {name}：{guard}。{refusal}", "{number}. {name}: {guard}. {refusal}"),
    "any": Text(
        "{number}. {name}：下列条件满足任一项即可。{guards}。{refusal}",
        "{number}. {name}: any one of these is enough. {guards}. {refusal}",
    ),
    "any_window_cap": Text(
        "{number}. {name}：下列条件满足任一项即可。{guards}。"
        "每项额度各自累计，只计入第一项尚有余量的额度。{refusal}",
        "{number}. {name}: any one of these is enough. {guards}. Each counts by itself, and only the first "
        "that has room counts. {refusal}",
    ),
    "expected": Text(
        "签署前须在模拟中逐项核对 {count} 项预期结果：应付款 {paid} 项，应拒绝 {refused} 项。",
        "Before anyone signs, a simulation must show {count} expected results: "
        "{paid} paid, {refused} refused.",
    ),
}

# What is asked when a batch is reserved.
_AT_RESERVE = frozenset({*COUNTED, Kind.BATCH_CAP, Kind.DYE_CLASS})

# What happens when a clause is not satisfied, by what is refused.
_REFUSALS = {
    "row": Text(
        "否则拒绝该笔付款（{code}），款项退回原账户，批次内其他付款不受影响。",
        "Otherwise that payment is refused ({code}) and its money goes back to the account; "
        "other payments of the batch go on.",
    ),
    "reservation": Text(
        "否则拒绝整个批次（{code}），不占用任何资金。",
        "Otherwise the whole batch is refused ({code}) and no money is set aside.",
    ),
    "count": Text(
        "超出时拒绝整个批次（{code}），不占用任何资金；取消的批次退还额度。",
        "Above that the whole batch is refused ({code}) and no money is set aside; "
        "a cancelled batch gives its room back.",
    ),
    "document": Text(
        "否则拒绝整个批次（{code}），不占用任何资金；取消的批次退还额度。"
        "付给其他收款人的付款被拒绝（{of_payee}），款项退回原账户。",
        "Otherwise the whole batch is refused ({code}) and no money is set aside; a cancelled batch gives "
        "its room back. A payment to another payee is refused ({of_payee}) and its money goes back to the "
        "account.",
    ),
    "execution": Text(
        "否则整个批次暂不付款（{code}），资金保留在批次中，期限过后退回原账户。",
        "Otherwise nothing of the batch is paid ({code}); its money stays set aside "
        "and goes back to the account after the deadline.",
    ),
    "transfer": Text(
        "否则拒绝该笔拨款（{code}），资金不动。",
        "Otherwise the transfer is refused ({code}) and nothing moves.",
    ),
}

_TEMPLATES = {
    "disbursement": Text("批量代付", "batch payout"),
    "allocation": Text("资金下拨", "allocation of funds"),
    "escrow": Text("资金托管", "escrow"),
    "guarantee": Text("履约保函", "guarantee"),
    "split": Text("收款分账", "split of receipts"),
    "delivery-versus-payment": Text("货款对付", "delivery versus payment"),
    "receivable": Text("应收账款", "receivable"),
}


def explain(agreement: AgreementFile | CompiledAgreement) -> Explanation:
    """Every clause and guard in sentences: amounts, caps, hours, parties, and what a refusal means.

    A file alone can be explained while it is being written; a compiled agreement also tells the number of
    payees, and is what a person signs.
    """
    if isinstance(agreement, CompiledAgreement):
        view = _View(agreement.file.content, len(agreement.roster))
    else:
        view = _View(agreement.content, None)
    lines = tuple(_lines(view))
    return Explanation("\n".join(line.zh for line in lines), "\n".join(line.en for line in lines))


def _lines(view: _View) -> Iterator[Text]:
    content, accounts = view.content, view.content.accounts
    yield filled(
        _FRAME["title"],
        title=Text(content.title.zh, content.title.en),
        version=content.version,
        agreement=content.agreement,
    )
    yield filled(_FRAME["template"], kind=_TEMPLATES[content.template_name], template=content.template)
    yield filled(_FRAME["parties"], parties=_parties(content))
    if content.template_name in SECTIONS:
        yield filled(_FRAME["section"], classes=_classes(content), currency=content.currency)
        yield from section_lines(content)
        yield _expected(content)
        return
    yield filled(
        _FRAME["clearing" if content.rules and not accounts.funds else content.template_name],
        payer=listed(content.institutions_of("payer")),
        account=accounts.pays_from,
        classes=_classes(content),
        currency=content.currency,
        funds=listed(accounts.funds),
    )
    yield filled(_FRAME["clauses"], count=len(content.clauses))
    for number, clause in enumerate(content.clauses, start=1):
        yield _clause(view, number, clause)
    yield from section_lines(content)
    yield _expected(content)


def _classes(content: Agreement) -> Text:
    """The classes of money that can be drawn on."""
    classes = sorted(drawable_classes(content))
    one = "the class" if len(classes) == 1 else "the classes"
    shown = listed(tuple(f"“{each}”" for each in classes))
    return Text(shown.zh, f"{one} {shown.en}")


def _expected(content: Agreement) -> Text:
    count = len(content.expected)
    paid = sum(case.then == "paid" or isinstance(case.then, Outcome) for case in content.expected)
    return filled(_FRAME["expected"], count=count, paid=paid, refused=count - paid)


def _clause(view: _View, number: int, clause: Clause) -> Text:
    guards = [guard_text(view.content, view.payees, guard) for guard in clause.any_of]
    refusal = _refusal(view.content, clause)
    if len(guards) == 1:
        return filled(_FRAME["one"], number=number, name=clause.name, guard=guards[0], refusal=refusal)
    listed = Text(
        "；".join(f"（{place}）{guard.zh}" for place, guard in enumerate(guards, start=1)),
        "; ".join(f"({place}) {guard.en}" for place, guard in enumerate(guards, start=1)),
    )
    counts = all(kind_of(guard) in COUNTED for guard in clause.any_of)
    frame = "any_window_cap" if counts else "any"
    return filled(_FRAME[frame], number=number, name=clause.name, guards=listed, refusal=refusal)


def _refusal(content: Agreement, clause: Clause) -> Text:
    """What happens when a clause is not satisfied, and the codes that the chain gives."""
    what, codes = _what_is_refused(content, clause), refusal_codes(clause)
    if what != "document":
        return filled(_REFUSALS[what], code=_either(codes))
    of_payee = CODES_OF_KIND[Kind.DOCUMENT][1]
    whole = tuple(code for code in codes if code != of_payee)
    return filled(_REFUSALS[what], code=_either(whole), of_payee=of_payee)


def _either(codes: tuple[str, ...]) -> str:
    return " / ".join(codes)


def _what_is_refused(content: Agreement, clause: Clause) -> str:
    kinds = {kind_of(guard) for guard in clause.any_of}
    if content.template_name == "allocation":
        return "transfer"
    if kinds & BY_ROW:
        return "row"
    if not kinds <= _AT_RESERVE:
        return "execution"
    if Kind.DOCUMENT in kinds:
        return "document"
    return "count" if kinds <= COUNTED else "reservation"


def _parties(content: Agreement) -> Text:
    named = {role: listed(content.institutions_of(role)) for role in content.parties}
    return Text(
        "；".join(f"{role}：{names.zh}" for role, names in named.items()),
        "; ".join(f"{role}: {names.en}" for role, names in named.items()),
    )
