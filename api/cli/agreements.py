"""`dyetrace agreement`, `dyetrace document` and `dyetrace allocation`."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer
import yaml

from api.cli.session import Keystores, Session, Yes, connected
from api.client import FormFile
from api.errors import Misused, VerificationFailed
from bridge.money import minor_from_decimal_text
from contracts.ids import name_id

__all__ = ["allocations", "app", "documents"]

app = typer.Typer(
    help="Agreements: check, explain, simulate, replay, deploy, activate.", no_args_is_help=True
)
documents = typer.Typer(help="Documents that batches can pay.", no_args_is_help=True)
allocations = typer.Typer(help="Funding accounts under an allocation agreement.", no_args_is_help=True)

AgreementPath = Annotated[
    Path, typer.Argument(help="Agreement, YAML; the rosters it names are read beside it.", metavar="FILE")
]


AgreementPaths = Annotated[
    list[Path],
    typer.Argument(help="Agreements, YAML; the rosters they name are read beside them.", metavar="FILE..."),
]


def _workflow(paths: list[Path]) -> list[FormFile]:
    """The agreements of a workflow, and the rosters that stand beside them, each once."""
    fields = [field for path in paths for field in _files(path)]
    named = {(kind, file[0]): (kind, file) for kind, file in fields}
    return [("files" if kind == "file" else kind, file) for kind, file in named.values()]


def _files(path: Path) -> list[FormFile]:
    """The agreement and the rosters that stand beside it; what is missing or wrong, the API names."""
    try:
        content = path.read_bytes()
        rosters = [name for name in _roster_names(content) if (path.parent / name).is_file()]
        return [
            ("file", (path.name, content)),
            *(("rosters", (name, (path.parent / name).read_bytes())) for name in rosters),
        ]
    except OSError as error:
        raise Misused("file-unreadable", f"{path.name} cannot be read: {error.strerror}.") from error


def _roster_names(content: bytes) -> list[str]:
    """File names of payee rosters, plain names only."""
    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError:
        return []
    names = [guard.get("file") for guard in _guards(found) if guard.get("kind") == "payee_roster"]
    plain = {name for name in names if isinstance(name, str) and Path(name).name == name}
    return sorted(plain)


def _guards(found: Any) -> list[dict[str, Any]]:
    clauses = found.get("clauses") if isinstance(found, dict) else None
    return [
        guard
        for clause in (clauses if isinstance(clauses, list) else [])
        for guard in (clause.get("any") or [] if isinstance(clause, dict) else [])
        if isinstance(guard, dict)
    ]


@app.command()
@connected
def check(session: Session, files: AgreementPaths) -> None:
    """Check a file against the directory, and name every fault; several are checked as one workflow."""
    if len(files) == 1:
        session.emit(session.client.post_form("/v1/agreements/check", {}, _files(files[0])))
    else:
        session.emit(session.client.post_form("/v1/agreements/check-together", {}, _workflow(files)))


@app.command()
@connected
def explain(
    session: Session,
    file: AgreementPath,
    language: Annotated[Literal["zh", "en"], typer.Option(help="For people; --json gives both.")] = "zh",
) -> None:
    """Say an agreement in sentences."""
    text = session.client.post_form("/v1/agreements/explain", {}, _files(file))
    session.emit(text if session.as_json else text[language])


@app.command()
@connected
def simulate(session: Session, file: AgreementPath) -> None:
    """Try a file against the expected results written in it."""
    trial = session.client.post_form("/v1/agreements/simulate", {}, _files(file))
    session.emit(trial)
    if not trial["ok"]:
        raise VerificationFailed(
            "trial-failed",
            "The agreement does not do what its file expects; correct the clauses or the expected results.",
        )


@app.command()
@connected
def replay(session: Session, file: AgreementPath) -> None:
    """Try a new version over what the version in force paid, and list every changed verdict."""
    session.emit(session.client.post_form("/v1/agreements/replay", {}, _files(file)))


@app.command()
@connected
def deploy(session: Session, file: AgreementPath) -> None:
    """Put an agreement on chain, inactive, if every expected result came out."""
    session.emit(session.client.post_form("/v1/agreements", {}, _files(file)))


@app.command()
@connected
def activate(session: Session, agreement: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Let an agreement draw on its accounts, or adopt a new version; supervisors of the quorum sign."""
    shown = session.client.get(f"/v1/agreements/{quote(agreement)}")
    expected = {
        "agreement": shown["address"],
        "file": bytes.fromhex(shown["file_hash"][2:]),
        "results": bytes.fromhex(shown["results_hash"][2:]),
    }
    path = f"/v1/agreements/{quote(agreement)}/activations"
    session.emit(session.act(path, {}, keystore, yes, expected, shown=shown))


@app.command()
@connected
def retire(session: Session, agreement: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Take an agreement's accounts away from it, for good; supervisors of the quorum sign."""
    shown = session.client.get(f"/v1/agreements/{quote(agreement)}")
    path = f"/v1/agreements/{quote(agreement)}/retirements"
    session.emit(session.act(path, {}, keystore, yes, {"agreement": shown["address"]}, shown=shown))


@app.command()
@connected
def block(
    session: Session,
    agreement: str,
    payee: Annotated[str, typer.Argument(help="Account number of the payee.")],
    off: Annotated[bool, typer.Option("--off", help="Let the payee in again; the quorum signs.")] = False,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Block a payee at once; one supervisor of the quorum that the terms name signs."""
    body = {"payee": payee, "blocked": not off}
    path = f"/v1/agreements/{quote(agreement)}/blocks"
    session.emit(session.act(path, body, keystore, yes, {"blocked": not off}))


@documents.command()
@connected
def register(
    session: Session,
    agreement: str,
    kind: Annotated[str, typer.Argument(help="Kind of document, as the agreement names it.")],
    number: Annotated[str, typer.Argument(help="The issuer's own number of it.")],
    amount: Annotated[str, typer.Argument(help="Decimal text: 1000.00")],
    payee: Annotated[str, typer.Option(help="Account number of whom it pays.")],
    holder: Annotated[str, typer.Option(help="Institution it belongs to.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Register a document that batches can pay; a witness that the terms name signs."""
    body = {"kind": kind, "number": number, "holder": holder, "payee": payee, "amount": amount}
    currency = session.client.get(f"/v1/agreements/{quote(agreement)}")["currency"]
    expected: dict[str, object] = {
        "kind": name_id(kind),
        "holder": name_id(holder),
        "amount": minor_from_decimal_text(amount, currency),
    }
    path = f"/v1/agreements/{quote(agreement)}/documents"
    session.emit(session.act(path, body, keystore, yes, expected, currency=currency))


@documents.command("list")
@connected
def list_documents(session: Session) -> None:
    """Registered documents; `batch upload --document` takes the id of one."""
    session.emit(session.client.items("/v1/documents"))


@app.command()
@connected
def show(session: Session, agreement: str) -> None:
    """An agreement as it stands."""
    session.emit(session.client.get(f"/v1/agreements/{quote(agreement)}"))


@app.command("list")
@connected
def list_agreements(session: Session) -> None:
    """Every deployed agreement."""
    session.emit(session.client.items("/v1/agreements"))


@allocations.callback()
def _allocations() -> None:
    """Keeps `make` a command of its own."""


@allocations.command()
@connected
def make(
    session: Session,
    agreement: str,
    account: Annotated[str, typer.Argument(help="Account to fund.")],
    amount: Annotated[str, typer.Argument(help="Decimal text: 1000.00")],
    reference: Annotated[str, typer.Option(help="Makes the allocation unique; the same again does nothing.")],
    deadline: Annotated[
        int | None, typer.Option(help="Chain time, seconds; an hour from now if left out.", min=1)
    ] = None,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Fund an account; an operator of the source account's controller signs."""
    body = {
        "agreement": agreement,
        "account": account,
        "amount": amount,
        "reference": reference,
        "deadline": deadline,
    }
    currency = session.client.get(f"/v1/agreements/{quote(agreement)}")["currency"]
    expected: dict[str, object] = {
        "destination": name_id(account),
        "amount": minor_from_decimal_text(amount, currency),
        "reference": name_id(reference),
    }
    if deadline is not None:
        expected["deadline"] = deadline
    session.emit(session.act("/v1/allocations", body, keystore, yes, expected, currency=currency))
