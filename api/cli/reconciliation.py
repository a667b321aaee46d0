"""`dyetrace reconcile`, `dyetrace break` and `dyetrace invariants`."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from api.cli.reports import break_text, run_text
from api.cli.session import Keystores, Session, Yes, connected
from api.errors import VerificationFailed
from contracts.ids import name_id

__all__ = ["breaks", "invariants", "reconcile"]

breaks = typer.Typer(help="Differences between chain and bank.", no_args_is_help=True)


@connected
def reconcile(session: Session, account: str) -> None:
    """Reconcile a supervised account now."""
    run = session.client.post("/v1/reconciliations", {"account": account})
    session.emit(run, run_text(run))


@connected
def invariants(session: Session) -> None:
    """Check what must always hold; exit code 7 if something does not."""
    found = session.client.get("/v1/invariants")
    session.emit(found)
    broken = sorted(name for name, each in found.items() if not each["holds"])
    if broken:
        raise VerificationFailed(
            "invariant-broken", f"{', '.join(broken)} does not hold; stop paying and find out why."
        )


@breaks.command("list")
@connected
def list_breaks(
    session: Session,
    state: Annotated[
        Literal["open", "proposed", "confirmed", "gone"] | None,
        typer.Option(help="Only these; without it, all but those that are gone."),
    ] = None,
) -> None:
    """Breaks, oldest first."""
    found = session.client.items("/v1/breaks", **({"state": state} if state else {}))
    session.emit(found, "\n\n".join(map(break_text, found)) or [])


@breaks.command()
@connected
def propose(
    session: Session,
    fingerprint: str,
    resolution: Annotated[Literal["explained", "bank-corrects", "write-off"], typer.Option()],
    note: Annotated[str, typer.Option(help="Why.")],
    reference: Annotated[str, typer.Option(help="The bank's or the ledger's posting that proves it.")],
) -> None:
    """Propose how a break is resolved."""
    body = {"resolution": resolution, "note": note, "reference": reference}
    session.emit(session.client.post(f"/v1/breaks/{quote(fingerprint)}/proposals", body))


@breaks.command()
@connected
def confirm(session: Session, fingerprint: str) -> None:
    """Confirm what another person proposed."""
    session.emit(session.client.post(f"/v1/breaks/{quote(fingerprint)}/confirmations", {}))


@breaks.command("write-off")
@connected
def write_off(
    session: Session,
    fingerprint: str,
    account: Annotated[str, typer.Option(help="Account the charge is taken from.")],
    dye_class: Annotated[str, typer.Option(help="Dye class it is taken from.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Take a confirmed charge of the bank off the ledger; the account's quorum signs."""
    body = {"account": account, "dye_class": dye_class}
    expected = {"account": name_id(account), "dyeClass": name_id(dye_class)}
    path = f"/v1/breaks/{quote(fingerprint)}/write-offs"
    currency = _break(session, fingerprint).get("currency")
    session.emit(session.act(path, body, keystore, yes, expected, currency=currency))


def _break(session: Session, fingerprint: str) -> dict[str, Any]:
    """What the API says of a break; nothing for one it does not list."""
    held = (each for each in session.client.items("/v1/breaks") if each["fingerprint"] == fingerprint)
    return next(held, {})


@breaks.command()
@connected
def shortfall(session: Session, fingerprint: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Record a confirmed debit for which nothing stands here; payouts stop until it is made good."""
    held = _break(session, fingerprint)
    expected = {"amount": held["amount_minor"]} if held else {}
    path = f"/v1/breaks/{quote(fingerprint)}/shortfalls"
    session.emit(session.act(path, {}, keystore, yes, expected, currency=held.get("currency")))


@breaks.command()
@connected
def reverse(
    session: Session,
    fingerprint: str,
    credit: Annotated[str, typer.Argument(help="The credit taken back: a lot, or the bank's reference.")],
) -> None:
    """Record that a confirmed debit takes back a credit; what is not made good stops payouts."""
    path = f"/v1/breaks/{quote(fingerprint)}/reversals"
    session.emit(session.client.post(path, {"credit": credit}))
