"""An agreement in sentences, Chinese and English side by side, to be read before signing.

Every sentence is one entry of a table: the two languages stand next to each other and take the same values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.agreement import values
from contracts.agreement.compile import CompiledAgreement
from contracts.agreement.guards import BY_ROW, kind_of, refusal_code, witness_of
from contracts.agreement.model import (
    Agreement,
    AgreementFile,
    Approval,
    Clause,
    Evidence,
    GuardModel,
    PayeeRoster,
    PayoutCap,
    TimeWindow,
    WindowCap,
)
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
        "付款方 {payer} 从账户 {account} 向名册上的收款人付款，只动用“{dye_class}”类资金，币种 {currency}。",
        "{payer} pays payees of a roster from the account {account}, "
        "with money of the class “{dye_class}” only, in {currency}.",
    ),
    "allocation": Text(
        "付款方 {payer} 从账户 {account} 只向下列账户拨款：{funds}，只动用“{dye_class}”类资金，"
        "币种 {currency}。",
        "{payer} moves money from the account {account} to these accounts only: {funds}, "
        "with money of the class “{dye_class}” only, in {currency}.",
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
        "{number}. {name}：{guards}。每项额度各自累计，付款计入第一项尚有余量的额度。{refusal}",
        "{number}. {name}: {guards}. Each cap counts by itself, and a payment counts against the first that "
        "has room. {refusal}",
    ),
    "expected": Text(
        "签署前须在模拟中逐项核对 {count} 项预期结果：应付款 {paid} 项，应拒绝 {refused} 项。",
        "Before anyone signs, a simulation must show {count} expected results: "
        "{paid} paid, {refused} refused.",
    ),
}

_GUARDS = {
    Kind.APPROVAL: Text(
        "“{quorum}”共 {size} 家机构（{members}），至少 {needed} 家各自批准该付款批次",
        "at least {needed} of the {size} institutions of “{quorum}” ({members}) approve the exact batch",
    ),
    Kind.ROSTER: Text(
        "收款人须在收款人名册 {file} 上{payees}", "the payee is on the payee roster {file}{payees}"
    ),
    Kind.PAYOUT_CAP: Text("每笔不超过 {amount}", "each payment is {amount} at most"),
    Kind.WINDOW_CAP: Text(
        "{every}合计不超过 {amount}（时区 UTC{timezone}）",
        "payments add up to {amount} at most {every} (time zone UTC{timezone})",
    ),
    Kind.TIME_WINDOW: Text(
        "只在 {first} 至 {last}（含首尾两日）{hours}付款（时区 UTC{timezone}）",
        "payment is on a day from {first} to {last}, both included, {hours} (time zone UTC{timezone})",
    ),
    Kind.EVIDENCE: Text(
        "{witness} 已就该付款批次出具“{evidence}”证明，且不早于付款前 {fresh}",
        "{witness} has attested “{evidence}” for the batch, not more than {fresh} before payment",
    ),
}

# What happens when a clause is not satisfied, by what is refused.
_REFUSALS = {
    "row": Text(
        "否则拒绝该笔付款（{code}），款项退回原账户，批次内其他付款不受影响。",
        "Otherwise that payment is refused ({code}) and its money goes back to the account; "
        "other payments of the batch go on.",
    ),
    "reservation": Text(
        "超出时拒绝整个批次（{code}），不占用任何资金；取消的批次退还额度。",
        "Above that the whole batch is refused ({code}) and no money is set aside; "
        "a cancelled batch gives its room back.",
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
}
_CURRENCIES = {
    "CNY": Text("{} 元人民币", "CNY {}"),
    "EUR": Text("{} 欧元", "EUR {}"),
    "HKD": Text("{} 港元", "HKD {}"),
    "USD": Text("{} 美元", "USD {}"),
}
_WINDOWS = {
    "hour": Text("每小时", "in each hour"),
    "day": Text("每个自然日", "on each calendar day"),
    "week": Text("每周（周一零时起）", "in each week from Monday 00:00"),
}
_UNITS = {
    "s": Text("秒", "second"),
    "m": Text("分钟", "minute"),
    "h": Text("小时", "hour"),
    "d": Text("天", "day"),
}
_DURATION = Text("{number} {unit}", "{number} {unit}{plural}")
_ALL_DAY = Text("全天", "at any hour")
_HOURS = Text("每天 {start} 至 {end} ", "from {start} to {end}")
_EVERY = Text("每 {length}", "in each window of {length}")
_PAYEES = Text("（共 {count} 名收款人）", " ({count} payees)")
_NOTHING = Text("", "")


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
    yield _filled(
        _FRAME["title"],
        title=Text(content.title.zh, content.title.en),
        version=content.version,
        agreement=content.agreement,
    )
    yield _filled(_FRAME["template"], kind=_TEMPLATES[content.template_name], template=content.template)
    yield _filled(_FRAME["parties"], parties=_parties(content))
    yield _filled(
        _FRAME[content.template_name],
        payer=_list(content.institutions_of("payer")),
        account=accounts.pays_from,
        dye_class=accounts.dye_class,
        currency=content.currency,
        funds=_list(accounts.funds),
    )
    yield _filled(_FRAME["clauses"], count=len(content.clauses))
    for number, clause in enumerate(content.clauses, start=1):
        yield _clause(view, number, clause)
    paid = sum(case.then == "paid" for case in content.expected)
    count = len(content.expected)
    yield _filled(_FRAME["expected"], count=count, paid=paid, refused=count - paid)


def _clause(view: _View, number: int, clause: Clause) -> Text:
    guards = [_guard(view, guard) for guard in clause.any_of]
    refusal = _filled(_REFUSALS[_what_is_refused(view.content, clause)], code=refusal_code(clause))
    if len(guards) == 1:
        return _filled(_FRAME["one"], number=number, name=clause.name, guard=guards[0], refusal=refusal)
    listed = Text(
        "；".join(f"（{place}）{guard.zh}" for place, guard in enumerate(guards, start=1)),
        "; ".join(f"({place}) {guard.en}" for place, guard in enumerate(guards, start=1)),
    )
    frame = "any_window_cap" if isinstance(clause.any_of[0], WindowCap) else "any"
    return _filled(_FRAME[frame], number=number, name=clause.name, guards=listed, refusal=refusal)


def _what_is_refused(content: Agreement, clause: Clause) -> str:
    kinds = {kind_of(guard) for guard in clause.any_of}
    if content.template_name == "allocation":
        return "transfer"
    if kinds & BY_ROW:
        return "row"
    return "reservation" if Kind.WINDOW_CAP in kinds else "execution"


def _guard(view: _View, guard: GuardModel) -> Text:
    return _filled(_GUARDS[kind_of(guard)], **_operands(view, guard))


def _operands(view: _View, guard: GuardModel) -> dict[str, object]:
    """What the sentence of a guard says, by the names in its template."""
    content = view.content
    match guard:
        case Approval():
            members = content.institutions_of(guard.quorum)
            return {
                "quorum": guard.quorum,
                "needed": guard.at_least,
                "size": len(members),
                "members": _list(members),
            }
        case PayeeRoster():
            payees = _NOTHING if view.payees is None else _filled(_PAYEES, count=view.payees)
            return {"file": guard.file, "payees": payees}
        case PayoutCap():
            return {"amount": _money(content, guard.amount)}
        case WindowCap():
            return {
                "amount": _money(content, guard.amount),
                "every": _window(guard.every),
                "timezone": guard.timezone,
            }
        case TimeWindow():
            return {
                "first": guard.from_day,
                "last": guard.until,
                "hours": _hours(guard.daily),
                "timezone": guard.timezone,
            }
        case Evidence():
            return {
                "witness": witness_of(content, guard),
                "evidence": guard.evidence,
                "fresh": _duration(guard.fresh_for),
            }


def _filled(template: Text, /, **fields: object) -> Text:
    """Both languages of a template, each with its own language of the fields."""
    zh = {key: field.zh if isinstance(field, Text) else field for key, field in fields.items()}
    en = {key: field.en if isinstance(field, Text) else field for key, field in fields.items()}
    return Text(template.zh.format(**zh), template.en.format(**en))


def _money(content: Agreement, amount: str) -> Text:
    digits, currency = values.amount_text(values.minor_units(amount), ","), _CURRENCIES[content.currency]
    return Text(currency.zh.format(digits), currency.en.format(digits))


def _duration(text: str) -> Text:
    number, unit = text[:-1], _UNITS[text[-1]]
    return _filled(_DURATION, number=number, unit=unit, plural="" if number == "1" else "s")


def _hours(daily: str) -> Text:
    start, end = daily.split("-")
    return _ALL_DAY if (start, end) == ("00:00", "24:00") else _filled(_HOURS, start=start, end=end)


def _window(every: str) -> Text:
    return _WINDOWS.get(every) or _filled(_EVERY, length=_duration(every))


def _parties(content: Agreement) -> Text:
    named = {role: _list(content.institutions_of(role)) for role in content.parties}
    return Text(
        "；".join(f"{role}：{names.zh}" for role, names in named.items()),
        "; ".join(f"{role}: {names.en}" for role, names in named.items()),
    )


def _list(names: tuple[str, ...]) -> Text:
    return Text("、".join(names), ", ".join(names))
