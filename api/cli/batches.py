"""`dyetrace batch` and `dyetrace evidence`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.files import content
from api.cli.output import note
from api.cli.session import Keystores, Session, Yes, connected, digest_of
from api.errors import Misused
from bridge.money import decimal_text, minor_from_decimal_text
from contracts.ids import name_id

__all__ = ["app", "evidence"]

app = typer.Typer(help="Payout batches, from the file to the bank.", no_args_is_help=True)
evidence = typer.Typer(help="Evidence that agreements require.", no_args_is_help=True)

PAGE = 10_000
ROWS_SHOWN = 20
RESERVATIONS, APPROVALS, CANCELLATIONS = "reservations", "approvals", "cancellations"
COUNTERSIGNATURES = "countersignatures"


@app.command()
@connected
def upload(
    session: Session,
    agreement: str,
    file: Annotated[Path, typer.Argument(help="Payouts, CSV.")],
    control_total: Annotated[str | None, typer.Option(help="What all amounts must add up to.")] = None,
    control_count: Annotated[int | None, typer.Option(help="How many payouts there must be.", min=1)] = None,
    deadline_hours: Annotated[int, typer.Option(help="How long the batch may run.", min=1)] = 72,
    dye_class: Annotated[
        str | None, typer.Option(help="Dye class it draws, where the terms allow another.")
    ] = None,
    document: Annotated[str | None, typer.Option(help="Registered document it pays.")] = None,
) -> None:
    """Make a draft of a payout file, all or nothing."""
    fields = {
        "agreement": agreement,
        "control_total": control_total,
        "control_count": control_count,
        "deadline_hours": deadline_hours,
        "dye_class": dye_class,
        "document": document,
    }
    given = {key: str(value) for key, value in fields.items() if value is not None}
    session.emit(session.client.post_form("/v1/batches", given, [("file", (file.name, content(file)))]))


def _decide(session: Session, batch: str, act: str, keystore: list[Path], yes: bool, field: str) -> None:
    """Sign and perform an act about a batch; `field` of the message must name the batch the API shows."""
    shown = session.client.get(f"/v1/batches/{quote(batch)}")
    named = {shown["draft"], shown["batch"]} - {None}
    if batch.removeprefix("0x").lower() not in named:
        raise Misused("batch-mismatch", "The API shows another batch than you named; do not sign.")
    note(f"{shown['agreement']}: {shown['rows']} payouts, {shown['total']} {shown['currency']}")
    identity = shown["draft"] if field == "root" else shown["batch"]
    expected: dict[str, object] = {} if identity is None else {field: bytes.fromhex(identity)}
    if act in (RESERVATIONS, APPROVALS):
        total_minor = minor_from_decimal_text(shown["total"], shown["currency"])
        expected |= {"count": shown["rows"], "total": total_minor}
    if act in (RESERVATIONS, APPROVALS, COUNTERSIGNATURES):
        expected["document"] = bytes.fromhex(shown["document"] or "00" * 32)
        if shown["document"]:
            note(f"  pays document {shown['document']}")
    if act == APPROVALS:
        _note_payouts(session, batch, shown)
    agreement = session.client.get(f"/v1/agreements/{quote(shown['agreement'])}")
    path = f"/v1/batches/{quote(batch)}/{act}"
    session.emit(
        session.act(path, {}, keystore, yes, expected, shown=[shown, agreement], currency=shown["currency"])
    )


def _note_payouts(session: Session, batch: str, shown: Mapping[str, Any]) -> None:
    """Who would be paid how much: the first rows, then how many more, and the total."""
    rows = session.client.get(f"/v1/batches/{quote(batch)}/payouts", limit=ROWS_SHOWN)["items"]
    for row in rows:
        amount = decimal_text(row["amount_minor"], shown["currency"])
        note(f"  {amount:>16} {shown['currency']}  {row['payee_name']}  {row['payee_account']}")
    more = shown["rows"] - len(rows)
    total = f"total {shown['total']} {shown['currency']}"
    note(f"  … and {more} more; {total}" if more else f"  {total}")


@app.command()
@connected
def confirm(session: Session, batch: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Reserve money for a draft; an operator of the account's controller signs."""
    _decide(session, batch, RESERVATIONS, keystore, yes, "root")


@app.command()
@connected
def approve(session: Session, batch: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Approve exactly this batch; a supervisor of the quorum signs."""
    _decide(session, batch, APPROVALS, keystore, yes, "batch")


@app.command("revoke-approval")
@connected
def revoke_approval(session: Session, batch: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Take an approval back, for good; the supervisor who gave it signs."""
    _decide(session, batch, "revocations", keystore, yes, "batch")


@app.command()
@connected
def countersign(session: Session, batch: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Counter-sign a batch; an operator of an institution that the terms name signs."""
    _decide(session, batch, COUNTERSIGNATURES, keystore, yes, "batch")


@app.command()
@connected
def waive(
    session: Session,
    batch: str,
    clause: Annotated[str, typer.Argument(help="Number or name of the clause.")],
    expires_at: Annotated[
        int | None, typer.Option(help="Chain time, seconds; a day from now if left out.", min=1)
    ] = None,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Let one batch pass a clause; the tree's quorum signs. Approvals, blocked payees and waiting stay."""
    shown = session.client.get(f"/v1/batches/{quote(batch)}")
    expected: dict[str, object] = {"batch": bytes.fromhex(shown["batch"] or shown["draft"])}
    body = {"clause": clause, "expires_at": expires_at}
    path = f"/v1/batches/{quote(batch)}/waivers"
    session.emit(session.act(path, body, keystore, yes, expected, shown=shown))


@app.command()
@connected
def cancel(session: Session, batch: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Release what is not executed yet; an operator signs."""
    _decide(session, batch, CANCELLATIONS, keystore, yes, "batch")


@app.command()
@connected
def release(session: Session, batch: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Give what is not executed yet back, whatever the operators say; the tree's quorum signs."""
    _decide(session, batch, "releases", keystore, yes, "batch")


@app.command()
@connected
def redirect(
    session: Session,
    batch: str,
    custody: Annotated[str, typer.Option(help="Custody of money of the batch's line, hex.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Let what a batch gives back go to a custody instead of its account; the tree's quorum signs."""
    shown = session.client.get(f"/v1/batches/{quote(batch)}")
    expected: dict[str, object] = {
        "batch": bytes.fromhex(shown["batch"] or shown["draft"]),
        "custody": digest_of(custody),
    }
    path = f"/v1/batches/{quote(batch)}/redirections"
    session.emit(session.act(path, {"custody": custody}, keystore, yes, expected))


@app.command()
@connected
def execute(
    session: Session,
    batch: str,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Send refused rows back instead of stopping.")
    ] = False,
) -> None:
    """Execute what is left of a batch."""
    path = f"/v1/batches/{quote(batch)}/executions"
    session.emit(session.client.post(path, {"skip_refused": skip_refused}))


@app.command()
@connected
def show(session: Session, batch: str) -> None:
    """What became of a batch."""
    session.emit(session.client.get(f"/v1/batches/{quote(batch)}"))


@app.command("list")
@connected
def list_batches(session: Session) -> None:
    """All batches, oldest first."""
    session.emit(session.client.items("/v1/batches"))


@app.command()
@connected
def payouts(session: Session, batch: str) -> None:
    """The rows of a batch, and what became of each."""
    session.emit(session.client.items(f"/v1/batches/{quote(batch)}/payouts", limit=PAGE))


@evidence.callback()
def _evidence() -> None:
    """Keeps `attest` a command of its own."""


@evidence.command()
@connected
def attest(
    session: Session,
    batch: str,
    kind: Annotated[str, typer.Argument(help="Kind of evidence, as the agreement names it.")],
    file: Annotated[Path, typer.Argument(help="The document; only a salted commitment goes on chain.")],
    observed_at: Annotated[
        int | None, typer.Option(help="When it was observed, chain time, seconds; now if left out.", min=1)
    ] = None,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Attest evidence about a batch; a witness that the terms name signs."""
    document = ("document", (file.name, content(file)))
    body: dict[str, object] = {"kind": kind}
    expected: dict[str, object] = {"kind": name_id(kind)}
    if observed_at is not None:
        body["observed_at"] = expected["observedAt"] = observed_at
    path = f"/v1/batches/{quote(batch)}/evidence"
    session.emit(session.act(path, body, keystore, yes, expected, [document]))
