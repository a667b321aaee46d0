"""Words that sentences of an agreement share: amounts, durations, days and lists, in both languages."""

from contracts.agreement import values
from contracts.agreement.model import Agreement
from contracts.agreement.texts import Text

__all__ = ["NOTHING", "duration", "filled", "hours", "listed", "money", "one_window", "weekdays", "window"]

NOTHING = Text("", "")

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
    values.EVER: Text("自始至终", "ever"),
}
_ONE_WINDOW = {
    "hour": Text("同一小时内", "within one hour of the clock"),
    "day": Text("同一自然日", "on one calendar day"),
    "week": Text("同一周（周一零时起）", "in one week from Monday 00:00"),
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
_NIGHT = Text("每天 {start} 至次日 {end} ", "from {start} to {end} of the next day")
_EVERY = Text("每 {length}", "in each window of {length}")
_ONE = Text("同一 {length}周期内", "within one window of {length}")
_WEEKDAYS = {
    "mon": Text("周一", "Monday"),
    "tue": Text("周二", "Tuesday"),
    "wed": Text("周三", "Wednesday"),
    "thu": Text("周四", "Thursday"),
    "fri": Text("周五", "Friday"),
    "sat": Text("周六", "Saturday"),
    "sun": Text("周日", "Sunday"),
}


def filled(template: Text, /, **fields: object) -> Text:
    """Both languages of a template, each with its own language of the fields."""
    zh = {key: field.zh if isinstance(field, Text) else field for key, field in fields.items()}
    en = {key: field.en if isinstance(field, Text) else field for key, field in fields.items()}
    return Text(template.zh.format(**zh), template.en.format(**en))


def money(content: Agreement, amount: str) -> Text:
    """An amount of the file with its currency."""
    digits, currency = values.amount_text(values.minor_units(amount), ","), _CURRENCIES[content.currency]
    return Text(currency.zh.format(digits), currency.en.format(digits))


def duration(text: str) -> Text:
    """A duration of the file (`30d`)."""
    number, unit = text[:-1], _UNITS[text[-1]]
    return filled(_DURATION, number=number, unit=unit, plural="" if number == "1" else "s")


def hours(daily: str) -> Text:
    """Daily hours of the file; those over midnight end on the next day."""
    start, end = daily.split("-")
    if (start, end) == ("00:00", "24:00"):
        return _ALL_DAY
    first, last = values.daily_seconds(daily)
    return filled(_HOURS if first < last else _NIGHT, start=start, end=end)


def weekdays(days: tuple[str, ...]) -> Text:
    """Days of the week in their order; nothing where every day is meant."""
    named = [_WEEKDAYS[day] for day in values.WEEKDAYS if day in days]
    if len(named) in (0, len(values.WEEKDAYS)):
        return NOTHING
    zh, en = "、".join(day.zh for day in named), ", ".join(day.en for day in named)
    return Text(f"，仅限{zh}，", f", only on {en},")


def window(every: str) -> Text:
    """The window of a cap."""
    return _WINDOWS.get(every) or filled(_EVERY, length=duration(every))


def one_window(every: str) -> Text:
    """One of the windows of a cap over batches or transfers."""
    return _ONE_WINDOW.get(every) or filled(_ONE, length=duration(every))


def listed(names: tuple[str, ...]) -> Text:
    """Names one after the other."""
    return Text("、".join(names), ", ".join(names))
