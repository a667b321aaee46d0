"""`dyetrace account`: supervised accounts and the trees below them."""

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.output import note
from api.cli.session import Keystores, Session, Yes, connected, digest_of, is_digest
from api.errors import Misused, VerificationFailed
from bridge.money import decimal_text
from contracts.ids import account_line, name_id, pieces_hash

__all__ = ["app"]

app = typer.Typer(help="Supervised accounts and the accounts below them.", no_args_is_help=True)


@app.command("list")
@connected
def list_accounts(session: Session) -> None:
    """Supervised accounts with their trees and balances, minor units."""
    trees = session.client.items("/v1/accounts")
    rows = [
        {
            "account": account["account"],
            "controller": account["controller"],
            "currency": tree["currency"],
            "balances_minor": account["balances_minor"],
            "suspense_minor": tree["suspense_minor"] if account["parent"] is None else None,
            "frozen": account["frozen"],
            "closed": account["closed"],
        }
        for tree in trees
        for account in tree["accounts"]
    ]
    session.emit(trees, rows)


@app.command()
@connected
def supervise(
    session: Session,
    name: str,
    bank: Annotated[str, typer.Option(help="Institution that keeps the account.")],
    controller: Annotated[str, typer.Option(help="Institution whose operators act for it.")],
    quorum: Annotated[str, typer.Option(help="Quorum that supervises it.")],
    number: Annotated[str, typer.Option(help="Account number or IBAN at the bank.")],
    currency: Annotated[str, typer.Option(help="ISO 4217.")],
    holder: Annotated[str, typer.Option(help="Name of the holder, as the bank writes it.")],
    opening_minor: Annotated[int, typer.Option(help="Minor units in the account before.", min=0)] = 0,
) -> None:
    """Supervise a bank account from now on."""
    body = {
        "name": name,
        "bank": bank,
        "controller": controller,
        "quorum": quorum,
        "number": number,
        "currency": currency,
        "holder": holder,
        "opening_minor": opening_minor,
    }
    session.emit(session.client.post("/v1/accounts/supervised", body))


@app.command("open")
@connected
def open_account(
    session: Session,
    account: str,
    parent: Annotated[str, typer.Option(help="Account it is opened below.")],
    controller: Annotated[str, typer.Option(help="Institution whose operators act for it.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Open an account below another; an operator of the parent's controller signs."""
    body = {"account": account, "parent": parent, "controller": controller}
    expected = {key: name_id(value) for key, value in body.items()}
    session.emit(session.act("/v1/accounts/openings", body, keystore, yes, expected))


def _set_frozen(session: Session, account: str, frozen: bool, keystore: list[Path], yes: bool) -> None:
    body = {"account": account, "frozen": frozen}
    expected = {"account": name_id(account), "frozen": frozen}
    session.emit(session.act("/v1/freezes", body, keystore, yes, expected))


@app.command()
@connected
def freeze(session: Session, account: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Freeze an account at once: it starts nothing. One supervisor of the quorum signs."""
    _set_frozen(session, account, True, keystore, yes)


@app.command()
@connected
def unfreeze(session: Session, account: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Let a frozen account work again; the quorum signs."""
    _set_frozen(session, account, False, keystore, yes)


@app.command("freeze-lot")
@connected
def freeze_lot(
    session: Session,
    lot: Annotated[str, typer.Argument(help="The lot in suspense, as `account tasks` names it.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Take what is in suspense of a lot into custody; one supervisor of the quorum signs."""
    session.emit(session.act("/v1/lot-freezes", {"lot": lot}, keystore, yes, {"lot": digest_of(lot)}))


@app.command()
@connected
def thaw(
    session: Session,
    custody: Annotated[str, typer.Argument(help="The custody, as `account list --json` names it.")],
    account: Annotated[str, typer.Option(help="Account it was carved from; of a lot's money any account.")],
    dye_class: Annotated[str, typer.Option(help="Dye class it has; of a lot's money the one it gets.")],
    amount_minor: Annotated[int, typer.Option(help="How much, minor units, from the front.", min=1)],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Let money go out of custody; the tree's quorum signs."""
    body = {"custody": custody, "account": account, "dye_class": dye_class, "amount_minor": amount_minor}
    expected = {
        "custody": digest_of(custody),
        "account": name_id(account),
        "dyeClass": name_id(dye_class),
        "amount": amount_minor,
    }
    currency = _currency_of(session, account)
    session.emit(session.act("/v1/thawings", body, keystore, yes, expected, currency=currency))


Credit = Annotated[
    str | None,
    typer.Option(help="Credit whose money it is: the bank's reference, or a lot.", show_default=False),
]
Pieces = Annotated[
    list[str] | None,
    typer.Option("--piece", help="START-END, minor units; instead of all that the credit has there."),
]
Reversed = Annotated[
    bool, typer.Option("--reversed", help="Against what the bank took back of the credit, not into custody.")
]


@app.command()
@connected
def carve(
    session: Session,
    account: Annotated[str, typer.Argument(help="A frozen account.")],
    dye_class: Annotated[str, typer.Option(help="Dye class it is carved from.")],
    credit: Credit = None,
    piece: Pieces = None,
    of_reversed: Reversed = False,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Take a credit's own money out of an account, into custody or against its reversal; the quorum signs."""
    line = account_line(name_id(account), name_id(dye_class))
    place = {"account": account, "dye_class": dye_class}
    currency = _currency_of(session, account)
    _carve(session, place, line, _named(session, place, credit, piece, of_reversed), keystore, yes, currency)


@app.command("carve-custody")
@connected
def carve_custody(
    session: Session,
    custody: Annotated[str, typer.Argument(help="The custody, as `account list --json` names it.")],
    credit: Credit = None,
    piece: Pieces = None,
    of_reversed: Reversed = False,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Take a credit's own money out of a custody, into another or against its reversal; the quorum signs."""
    place = {"custody": custody}
    named = _named(session, place, credit, piece, of_reversed)
    _carve(session, place, digest_of(custody), named, keystore, yes, None)


def _named(
    session: Session, place: dict[str, str], credit: str | None, pieces: list[str] | None, of_reversed: bool
) -> dict[str, Any]:
    """The pieces to carve, the reversed credit they are images of, and what is left for another carving."""
    if pieces:
        if of_reversed == (credit is None):
            raise Misused(
                "credit-missing", "Beside --piece, --credit (in hex) and --reversed go together, or neither."
            )
        reference = digest_of(credit).hex() if of_reversed and credit else None
        return {"pieces": [_piece(each) for each in pieces], "reversed_credit": reference, "more_minor": 0}
    if credit is None:
        raise Misused("credit-missing", "Name a credit with --credit, or positions with --piece.")
    query = {**place, "credit": credit, "of_reversed": str(of_reversed).lower()}
    found: dict[str, Any] = session.client.get("/v1/carvings/pieces", **query)
    if is_digest(credit) and digest_of(credit) != bytes.fromhex(found["credit"]):
        raise VerificationFailed("message-mismatch", "The API gave another credit than you named.")
    reference = found["credit"] if of_reversed else None
    return {"pieces": found["pieces"], "reversed_credit": reference, "more_minor": found["more_minor"]}


def _piece(text: str) -> dict[str, int]:
    start, _, end = text.partition("-")
    if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
        raise Misused("option-invalid", f"{text!r} is not of the form START-END, START below END.")
    return {"start": int(start), "end": int(end)}


def _carve(
    session: Session,
    place: dict[str, str],
    line: bytes,
    named: dict[str, Any],
    keystore: list[Path],
    yes: bool,
    currency: str | None,
) -> None:
    """Show what would be carved, sign and carve it: the message holds only the hash of the pieces."""
    pieces = [(each["start"], each["end"]) for each in named["pieces"]]
    amount = sum(end - start for start, end in pieces)
    for start, end in pieces:
        note(f"  positions {start}-{end}: {end - start} minor units")
    note(f"  in all {amount}" + (f"  ({decimal_text(amount, currency)} {currency})" if currency else ""))
    reference = named["reversed_credit"]
    expected = {
        "line": line,
        "pieces": pieces_hash(pieces),
        "reference": bytes(32) if reference is None else digest_of(reference),
    }
    body = {**place, "pieces": named["pieces"], "reversed_credit": reference}
    done = session.act("/v1/carvings", body, keystore, yes, expected)
    session.emit({**done, "amount_minor": amount, "more_minor": named["more_minor"]})


@app.command()
@connected
def sort(
    session: Session,
    account: Annotated[str, typer.Argument(help="A frozen account.")],
    dye_class: Annotated[str, typer.Option(help="Dye class its money has.")],
    to_class: Annotated[str, typer.Option(help="Dye class it gets.")],
    amount_minor: Annotated[int, typer.Option(help="How much, minor units, from the front.", min=1)],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Give money of a frozen account another dye class; the tree's quorum signs."""
    body = {"account": account, "dye_class": dye_class, "to_class": to_class, "amount_minor": amount_minor}
    expected = {
        "account": name_id(account),
        "dyeClass": name_id(dye_class),
        "toClass": name_id(to_class),
        "amount": amount_minor,
    }
    currency = _currency_of(session, account)
    session.emit(session.act("/v1/sortings", body, keystore, yes, expected, currency=currency))


@app.command("make-good")
@connected
def make_good(
    session: Session,
    account: Annotated[str, typer.Argument(help="Account that bears it.")],
    dye_class: Annotated[str, typer.Option(help="Dye class it is taken from.")],
    amount_minor: Annotated[int, typer.Option(help="How much, minor units, from the front.", min=1)],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Make good what the bank took back; the tree's quorum signs."""
    body = {"account": account, "dye_class": dye_class, "amount_minor": amount_minor}
    expected = {"account": name_id(account), "dyeClass": name_id(dye_class), "amount": amount_minor}
    currency = _currency_of(session, account)
    session.emit(session.act("/v1/makings-good", body, keystore, yes, expected, currency=currency))


@app.command()
@connected
def close(session: Session, account: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Close an account for good; operators of its controller and its parent's sign."""
    expected = {"account": name_id(account)}
    session.emit(session.act("/v1/accounts/closings", {"account": account}, keystore, yes, expected))


@app.command()
@connected
def move(
    session: Session,
    account: str,
    parent: Annotated[str, typer.Option(help="Account it is put below.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Put an account, and all below it, under another; operators of all three controllers sign."""
    body = {"account": account, "parent": parent}
    expected = {key: name_id(value) for key, value in body.items()}
    session.emit(session.act("/v1/accounts/movings", body, keystore, yes, expected))


def _set_paused(session: Session, paused: bool, keystore: list[Path], yes: bool) -> None:
    session.emit(session.act("/v1/pauses", {"paused": paused}, keystore, yes, {"paused": paused}))


@app.command()
@connected
def pause(session: Session, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Stop whatever would start, on every account; one supervisor signs."""
    _set_paused(session, True, keystore, yes)


@app.command()
@connected
def resume(session: Session, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """End a pause; supervisors of two institutions sign."""
    _set_paused(session, False, keystore, yes)


@app.command()
@connected
def rules(session: Session, account: str, file: Path) -> None:
    """Replace the identification rules of an account by those of a JSON or YAML file."""
    import yaml

    try:
        found = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise Misused("file-unreadable", f"{file.name} cannot be read as YAML or JSON.") from error
    body = {"rules": json.loads(json.dumps(found, default=str))}
    session.emit(session.client.put(f"/v1/accounts/{quote(account)}/rules", body))


@app.command()
@connected
def tasks(session: Session) -> None:
    """Work that waits for a teller."""
    session.emit(session.client.items("/v1/tasks"))


@app.command()
@connected
def identify(
    session: Session,
    lot: Annotated[str, typer.Argument(help="The lot in suspense, as `account tasks` names it.")],
    account: Annotated[str, typer.Option(help="Account it belongs to.")],
    dye_class: Annotated[str, typer.Option(help="Dye class it gets.")],
    amount_minor: Annotated[int, typer.Option(help="How much, minor units, from the lot's front.", min=1)],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Map money in suspense to an account; two tellers of the bank sign."""
    body = {"lot": lot, "account": account, "dye_class": dye_class, "amount_minor": amount_minor}
    expected = {
        "lot": digest_of(lot),
        "account": name_id(account),
        "dyeClass": name_id(dye_class),
        "amount": amount_minor,
    }
    currency = _currency_of(session, account)
    path = "/v1/accounts/identifications"
    session.emit(session.act(path, body, keystore, yes, expected, currency=currency))


@app.command("return")
@connected
def give_back(
    session: Session,
    lot: Annotated[str, typer.Argument(help="The credit in suspense, as `account tasks` names it.")],
    payout: Annotated[
        list[str],
        typer.Argument(help="End-to-end ids; ID=MINOR: a part of one. Eight at most.", metavar="ID[=MINOR]…"),
    ],
) -> None:
    """Say that a credit in suspense brings payouts back; then close it with `close-return`."""
    body = {"lot": lot, "rows": [_returned(each) for each in payout]}
    session.emit(session.client.post("/v1/accounts/returns", body))


def _returned(text: str) -> dict[str, object]:
    identity, _, amount = text.partition("=")
    if amount and not amount.isdecimal():
        raise Misused("option-invalid", f"{text!r} is not of the form ID or ID=MINOR.")
    return {"end_to_end_id": identity, "amount_minor": int(amount) if amount else None}


@app.command("close-return")
@connected
def close_return(session: Session, lot: str) -> None:
    """Close a credit that brought payouts back; what is left waits in suspense for two tellers."""
    session.emit(session.client.post("/v1/accounts/returns/closings", {"lot": lot}))


def _currency_of(session: Session, account: str) -> str | None:
    trees = session.client.items("/v1/accounts")
    held = (tree["currency"] for tree in trees if account in (each["account"] for each in tree["accounts"]))
    return next(held, None)
