"""A guard in a sentence: every kind is one entry of a table, the two languages side by side."""

from contracts.agreement import values
from contracts.agreement._wording import (
    NOTHING,
    duration,
    filled,
    hours,
    listed,
    money,
    one_window,
    weekdays,
    window,
)
from contracts.agreement.guard_models import (
    AgreementBalance,
    AgreementState,
    Approval,
    BatchCap,
    Blacklist,
    Calendar,
    Countersignature,
    Document,
    DyeClass,
    Evidence,
    GuardModel,
    LifetimeCap,
    LineCap,
    PayeeCap,
    PayeeRoster,
    PayoutCap,
    TimeWindow,
    Waiting,
    WindowCap,
)
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.texts import Text

__all__ = ["guard_text"]

_GUARDS: dict[str, Text] = {
    "approval": Text(
        "“{quorum}”共 {size} 家机构（{members}），至少 {needed} 家各自批准该付款批次{quota}",
        "at least {needed} of the {size} institutions of “{quorum}” ({members}) approve the exact "
        "batch{quota}",
    ),
    "payee_roster": Text(
        "收款人须在收款人名册 {file} 上{payees}", "the payee is on the payee roster {file}{payees}"
    ),
    "payout_cap": Text("每笔不超过 {amount}", "each payment is {amount} at most"),
    "batch_cap": Text("每个付款批次不超过 {amount}", "each batch is {amount} at most"),
    "lifetime_cap": Text(
        "自始至终预留的付款批次累计不超过 {amount}", "all batches ever reserved add up to {amount} at most"
    ),
    "lifetime_cap_of_transfers": Text(
        "自始至终拨款累计不超过 {amount}", "all transfers ever made add up to {amount} at most"
    ),
    "payee_cap": Text(
        "对同一收款人{every}合计不超过 {amount}{timezone}",
        "payments to one payee add up to {amount} at most {every}{timezone}",
    ),
    "line_cap": Text(
        "自始至终从“{dye_class}”类资金预留的付款批次累计不超过 {amount}，其他类别不受此限",
        "all batches ever reserved from money of the class “{dye_class}” add up to {amount} at most; "
        "other classes are not limited by this",
    ),
    "window_cap": Text(
        "{one}预留的付款批次合计不超过 {amount}，不论何时付款（时区 UTC{timezone}）",
        "batches reserved {one} add up to {amount} at most, whenever they are paid (time zone UTC{timezone})",
    ),
    "window_cap_of_transfers": Text(
        "{one}的拨款合计不超过 {amount}（时区 UTC{timezone}）",
        "transfers {one} add up to {amount} at most (time zone UTC{timezone})",
    ),
    "time_window": Text(
        "只在 {first} 至 {last}（含首尾两日）{days}{hours}付款（时区 UTC{timezone}）",
        "payment is on a day from {first} to {last}, both included{days} {hours} (time zone UTC{timezone})",
    ),
    "calendar": Text(
        "只在 {first} 至 {last}（含首尾两日）的日历允许日付款，{rule}：{named}（共 {count} 日可付款，"
        "时区 UTC{timezone}）",
        "payment is on an allowed day from {first} to {last}, both included; {rule}: {named} "
        "({count} days allow payment, time zone UTC{timezone})",
    ),
    "evidence": Text(
        "{witness} 已就该付款批次出具“{evidence}”证明，且不早于付款前 {fresh}",
        "{witness} has attested “{evidence}” for the batch, not more than {fresh} before payment",
    ),
    "several_evidence": Text(
        "“{quorum}”（{members}）中至少 {needed} 家机构已就该付款批次出具“{evidence}”证明，"
        "且不早于付款前 {fresh}",
        "at least {needed} institutions of “{quorum}” ({members}) have attested “{evidence}” for the batch, "
        "not more than {fresh} before payment",
    ),
    "blacklist": Text(
        "收款人未被“{quorum}”（{members}）列入黑名单",
        "the payee is not blocked by “{quorum}” ({members})",
    ),
    "dye_class": Text(
        "付款批次动用“{dye_class}”类资金", "the batch draws on money of the class “{dye_class}”"
    ),
    "countersignature": Text(
        "{institution} 的经办人已会签该付款批次", "an operator of {institution} has counter-signed the batch"
    ),
    "agreement_state": Text("协议“{agreement}”处于“{state}”状态", "the agreement “{agreement}” is {state}"),
    "agreement_balance": Text(
        "协议“{agreement}”的账户至少有 {amount} 的“{dye_class}”类资金",
        "the account of the agreement “{agreement}” holds at least {amount} of the class “{dye_class}”",
    ),
    "waiting": Text(
        "“{quorum}”（{members}）中至少 {needed} 家机构批准后已满 {wait}",
        "{wait} have passed since {needed} institutions of “{quorum}” ({members}) had approved",
    ),
    "document": Text(
        "付款批次引用一份由 {institution} 登记的“{document}”，收款人与其一致，且其余额足够；"
        "同一单据全网只登记一次",
        "the batch names a “{document}” registered by {institution}, of the same payee and with enough of "
        "its "
        "amount left; a document is registered once in the whole network",
    ),
}

_STATES = {
    "open": Text("进行中", "open"),
    "released": Text("已放款", "released"),
    "expired": Text("已到期", "expired"),
    "refunded": Text("已退款", "refunded"),
    "disputed": Text("有争议", "disputed"),
}
_KINDS = {
    "bank": Text("银行", "banks"),
    "agency": Text("监管机构", "agencies"),
    "enterprise": Text("企业", "enterprises"),
    "auditor": Text("审计机构", "auditors"),
}
_QUOTA = Text("，其中至少：{kinds}", ", among them at least: {kinds}")
_QUOTA_ITEM = Text("{kind} {least} 家", "{least} of the {kind}")
_PAYEES = Text("（共 {count} 名收款人）", " ({count} payees)")
_TIMEZONE = Text("（时区 UTC{timezone}）", " (time zone UTC{timezone})")
_ALLOWED = Text("允许日", "allowed days")
_EXCLUDED = Text("除外日", "excluded days")


def guard_text(content: Agreement, payees: int | None, guard: GuardModel) -> Text:
    """What must be so for the guard to hold. `payees` is None while no roster has been read."""
    return filled(_GUARDS[_sentence(content, guard)], **_operands(content, payees, guard))


def _sentence(content: Agreement, guard: GuardModel) -> str:
    """Which sentence says the guard: caps count batches when they are reserved, or transfers."""
    if isinstance(guard, Evidence) and guard.institutions > 1:
        return "several_evidence"
    if isinstance(guard, WindowCap | LifetimeCap) and content.template_name == "allocation":
        return f"{guard.kind}_of_transfers"
    return guard.kind


def _members(content: Agreement, quorum: str) -> dict[str, object]:
    return {"quorum": quorum, "members": listed(content.institutions_of(quorum))}


def _operands(content: Agreement, payees: int | None, guard: GuardModel) -> dict[str, object]:
    """What the sentence of a guard says, by the names in its template."""
    match guard:
        case Approval():
            size = len(content.institutions_of(guard.quorum))
            quorum = _members(content, guard.quorum)
            return {**quorum, "needed": guard.at_least, "size": size, "quota": _quota(guard)}
        case PayeeRoster():
            count = NOTHING if payees is None else filled(_PAYEES, count=payees)
            return {"file": guard.file, "payees": count}
        case PayoutCap() | BatchCap() | LifetimeCap():
            return {"amount": money(content, guard.amount)}
        case LineCap():
            return {"amount": money(content, guard.amount), "dye_class": guard.dye_class}
        case WindowCap():
            amount = money(content, guard.amount)
            return {"amount": amount, "one": one_window(guard.every), "timezone": guard.timezone}
        case PayeeCap():
            zone = NOTHING if guard.timezone is None else filled(_TIMEZONE, timezone=guard.timezone)
            return {"amount": money(content, guard.amount), "every": window(guard.every), "timezone": zone}
        case TimeWindow():
            return {
                "first": guard.from_day,
                "last": guard.until,
                "days": weekdays(guard.days),
                "hours": hours(guard.daily),
                "timezone": guard.timezone,
            }
        case Calendar():
            return _calendar(guard)
        case Evidence():
            return _evidence(content, guard)
        case Blacklist():
            return _members(content, guard.quorum)
        case DyeClass():
            return {"dye_class": guard.dye_class}
        case Countersignature():
            return {"institution": institution_of(content, guard.by)}
        case AgreementState():
            return {"agreement": guard.agreement, "state": _STATES[guard.state]}
        case AgreementBalance():
            amount = money(content, guard.at_least)
            return {"agreement": guard.agreement, "amount": amount, "dye_class": guard.dye_class}
        case Waiting():
            wait = duration(guard.wait)
            return {**_members(content, guard.quorum), "needed": guard.at_least, "wait": wait}
        case Document():
            return {"document": guard.document, "institution": institution_of(content, guard.by)}


def _quota(guard: Approval) -> Text:
    if not guard.quota:
        return NOTHING
    items = [filled(_QUOTA_ITEM, kind=_KINDS[kind], least=least) for kind, least in guard.quota.items()]
    kinds = Text("、".join(item.zh for item in items), ", ".join(item.en for item in items))
    return filled(_QUOTA, kinds=kinds)


def _calendar(guard: Calendar) -> dict[str, object]:
    days = values.day_number(guard.until) - values.day_number(guard.from_day) + 1
    named = guard.allowed or guard.excluded
    return {
        "first": guard.from_day,
        "last": guard.until,
        "rule": _ALLOWED if guard.allowed else _EXCLUDED,
        "named": listed(tuple(sorted(named))),
        "count": len(named) if guard.allowed else days - len(named),
        "timezone": guard.timezone,
    }


def _evidence(content: Agreement, guard: Evidence) -> dict[str, object]:
    said: dict[str, object] = {"evidence": guard.evidence, "fresh": duration(guard.fresh_for)}
    if guard.institutions > 1:
        return {**said, **_members(content, guard.quorum or ""), "needed": guard.institutions}
    return {**said, "witness": institution_of(content, guard.by or "")}
