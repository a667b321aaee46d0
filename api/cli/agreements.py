"""`dyetrace agreement`, `dyetrace document` and `dyetrace allocation`."""

import base64
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer
import yaml

from api.cli.files import content
from api.cli.output import emit, note
from api.cli.session import AsJson, Keystores, Session, Yes, connected
from api.client import FormFile
from api.errors import Misused, Refused, VerificationFailed
from bridge.money import minor_from_decimal_text
from contracts.ids import name_id

__all__ = ["allocations", "app", "documents"]

app = typer.Typer(
    help="Agreements: check, explain, simulate, replay, deploy, activate, act.", no_args_is_help=True
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
        file = path.read_bytes()
        rosters = [name for name in _roster_names(file) if (path.parent / name).is_file()]
        return [
            ("file", (path.name, file)),
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


def _open_ends(session: Session, path: Path) -> list[str]:
    """Accounts of a file from which no agreement in force, nor its own, takes the money that gets there."""
    try:
        session.client.post_form("/v1/agreements/check-together", {}, _workflow([path]))
    except Refused as refused:
        faults = refused.problem.get("errors") or []
        return [str(fault["detail"]) for fault in faults if fault.get("code") == "no-exit"]
    return []


def _emit_noted(session: Session, found: dict[str, Any], notes: list[str]) -> None:
    """Print a result; for people what is to be noted stands beside it."""
    session.emit({**found, "notes": notes}, found)
    if not session.as_json:
        for each in notes:
            note(f"note: {each}")


@app.command()
def schema(as_json: AsJson = False) -> None:
    """The JSON Schema of agreement files, for editors; it is JSON with --json or without."""
    from contracts.agreement import json_schema

    emit(json_schema(), as_json=True)


@app.command()
@connected
def check(session: Session, files: AgreementPaths) -> None:
    """Check a file against the directory, and name every fault; several are checked as one workflow.

    One alone may be the first of a workflow: where money could not leave yet is noted and is no fault.
    """
    if len(files) == 1:
        notes = _open_ends(session, files[0])
        _emit_noted(session, session.client.post_form("/v1/agreements/check", {}, _files(files[0])), notes)
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
    notes = _open_ends(session, file)
    _emit_noted(session, session.client.post_form("/v1/agreements", {}, _files(file)), notes)


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


@app.command()
@connected
def status(session: Session, agreement: str) -> None:
    """How an agreement stands on chain, and the acts it has."""
    session.emit(session.client.get(f"/v1/agreements/{quote(agreement)}/status"))


AMOUNT_FIELDS = {"amount": "amount", "to_payee": "toPayee", "to_payer": "toPayer", "price": "price"}
NAME_FIELDS = ("holder", "to", "account")
SIGNATURE = re.compile("0x[0-9a-fA-F]{130}")
NONCE_FIELDS = {"nonce": "nonce", "payer_nonce": "payerNonce", "payee_nonce": "payeeNonce"}
PLAIN_FIELDS = {
    "claim": "claim",
    "receipt": "receipt",
    "deadline": "deadline",
    "observed_at": "observedAt",
    **NONCE_FIELDS,
}
Nonce = Annotated[int | None, typer.Option(help="Which act it is, to do exactly one again.", min=0)]
DecimalText = Annotated[str | None, typer.Option(help="Decimal text: 1000.00")]


@app.command()
@connected
def act(
    session: Session,
    agreement: str,
    act: Annotated[str, typer.Argument(help="What to do, as `agreement status` lists it: release, claim.")],
    milestone: Annotated[str | None, typer.Option(help="Its name in the file.")] = None,
    amount: DecimalText = None,
    to_payee: Annotated[str | None, typer.Option(help="What the payee gets, decimal text.")] = None,
    to_payer: Annotated[
        str | None, typer.Option(help="What the payer gets at least: the rest is the payer's too.")
    ] = None,
    price: DecimalText = None,
    by: Annotated[str | None, typer.Option(help="Who disputes: payer or payee.")] = None,
    holder: Annotated[str | None, typer.Option(help="Institution that is owed the money.")] = None,
    to: Annotated[str | None, typer.Option(help="Institution it is passed on to.")] = None,
    account: Annotated[str | None, typer.Option(help="Account that is repaid.")] = None,
    claim: Annotated[int | None, typer.Option(help="Its number.", min=0)] = None,
    receipt: Annotated[int | None, typer.Option(help="Its number.", min=1)] = None,
    reference: Annotated[str | None, typer.Option(help="Makes the act unique.")] = None,
    document: Annotated[
        Path | None,
        typer.Option(
            help="What was seen, up to 11 MiB; only a salted commitment goes on chain.", dir_okay=False
        ),
    ] = None,
    observed_at: Annotated[
        int | None, typer.Option(help="When it was observed, chain time, seconds; now if left out.", min=1)
    ] = None,
    deadline: Annotated[
        int | None, typer.Option(help="Chain time, seconds; a day from now if left out.", min=1)
    ] = None,
    number: Annotated[str | None, typer.Option(help="The delivered document's own number.")] = None,
    nonce: Nonce = None,
    payer_nonce: Nonce = None,
    payee_nonce: Nonce = None,
    signature: Annotated[
        list[str], typer.Option(help="A signature given elsewhere, 0x-hex; repeat for more.")
    ] = [],  # noqa: B006 - read only
    sign_only: Annotated[
        bool, typer.Option("--sign-only", help="Give signatures for another to hand in.")
    ] = False,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Do what an agreement's parties decide, or without a keystore what anyone may do.

    Parties who sit apart sign the same: who is first only signs, and passes on what comes of it, signature,
    nonces and times, which the next one adds; the last one's command does it.
    """
    told: dict[str, Any] = {
        "milestone": milestone,
        "amount": amount,
        "to_payee": to_payee,
        "to_payer": to_payer,
        "price": price,
        "by": by,
        "holder": holder,
        "to": to,
        "account": account,
        "claim": claim,
        "receipt": receipt,
        "reference": reference,
        "number": number,
        "observed_at": observed_at,
        "deadline": deadline,
        "nonce": nonce,
        "payer_nonce": payer_nonce,
        "payee_nonce": payee_nonce,
    }
    body = {name: value for name, value in told.items() if value is not None}
    if document is not None:
        body["document"] = base64.b64encode(content(document)).decode()
    if not all(SIGNATURE.fullmatch(each) for each in signature):
        raise Misused("signature-invalid", "A signature has 65 bytes, r, s and v, as 0x-hex.")
    if keystore:
        session.emit(_sign_act(session, agreement, act, body, signature, sign_only, keystore, yes))
    elif sign_only:
        raise Misused("keystore-missing", "This needs a signature; name a keystore with --keystore.")
    else:
        session.emit(session.client.post(_path(agreement, act), {**body, "signatures": signature}))


def _path(agreement: str, act: str) -> str:
    return f"/v1/agreements/{quote(agreement)}/acts/{quote(act)}"


def _sign_act(
    session: Session,
    agreement: str,
    act: str,
    told: dict[str, Any],
    others: list[str],
    only_sign: bool,
    keystores: list[Path],
    yes: bool,
) -> Any:
    """Check what the API gives to sign against what was told, sign it, and hand it in unless only to sign."""
    shown = session.client.get(f"/v1/agreements/{quote(agreement)}")
    about = _about(shown, act)
    if others and about is not None:
        _check_same(about[0], told)
    expected = _expected(told, shown["currency"])
    if "milestone" in told or "to_payee" in told:
        expected |= _by_status(session, agreement, told)
    return session.act(
        _path(agreement, act),
        told,
        keystores,
        yes,
        expected,
        shown=shown,
        currency=shown["currency"],
        about=about,
        others=others,
        only_sign=only_sign,
    )


def _by_status(session: Session, agreement: str, told: dict[str, Any]) -> dict[str, object]:
    """The number of the milestone that was told; notes it, and what a division leaves to the payer."""
    standing = session.client.get(f"/v1/agreements/{quote(agreement)}/status")
    if "to_payee" in told:
        note(
            f"{standing['resting']} {standing['currency']} rests: what is named for nobody goes to the payer"
        )
    if "milestone" not in told:
        return {}
    milestone, names = told["milestone"], [each["milestone"] for each in standing.get("milestones", [])]
    number = names.index(milestone) if milestone in names else None
    note(f"milestone {number} is {milestone!r}")
    return {"milestone": number}


def _about(shown: dict[str, Any], act: str) -> tuple[str, str] | None:
    """The kind of message an act is signed as, and its contract; None for an act the API will refuse."""
    # The language of agreements takes as long to load as the cryptography: only who signs waits for it.
    from contracts.agreement.calls import CALLS

    call = CALLS.get(shown["template"].partition("@")[0], {}).get(act)
    return None if call is None or call.kind is None else (call.kind, shown["address"])


def _check_same(kind: str, told: dict[str, Any]) -> None:
    """Raise Misused unless everything that the first party was given is told: else another act is signed."""
    from contracts.typed_data import MESSAGE_FIELDS

    names = {field: name for name, field in PLAIN_FIELDS.items()}
    given = ("deadline", "observedAt", *NONCE_FIELDS.values())
    missing = [
        names[field] for field, _ in MESSAGE_FIELDS[kind] if field in given and names[field] not in told
    ]
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise Misused("options-missing", f"Add what the first party was given, to sign the same: {options}.")


def _expected(told: dict[str, Any], currency: str) -> dict[str, object]:
    """What the message must say, from what was told."""
    amounts = {
        field: minor_from_decimal_text(told[name], currency)
        for name, field in AMOUNT_FIELDS.items()
        if name in told
    }
    names = {name: name_id(told[name]) for name in NAME_FIELDS if name in told}
    plain = {field: told[name] for name, field in PLAIN_FIELDS.items() if name in told}
    reference = {"reference": name_id(told["reference"])} if "reference" in told else {}
    return amounts | names | plain | reference


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
