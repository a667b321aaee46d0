"""`dyetrace institution`: who takes part."""

import time
from typing import Annotated, Any

import typer

from api.cli.output import note
from api.cli.session import Keystores, Session, Yes, connected
from api.errors import Misused

__all__ = ["app"]

app = typer.Typer(help="Institutions, signers and quorums.", no_args_is_help=True)

POLL_SECONDS = 0.2


@app.command("list")
@connected
def list_institutions(session: Session) -> None:
    """Institutions with their signers, and the quorums they form."""
    institutions, quorums = session.client.items("/v1/institutions"), session.client.items("/v1/quorums")
    signers = [
        {"institution": row["institution"], "kind": row["kind"], **signer}
        for row in institutions
        for signer in row["signers"] or [{}]
    ]
    session.emit({"institutions": institutions, "quorums": quorums}, {"signers": signers, "quorums": quorums})


Institutions = Annotated[
    list[str] | None, typer.Option("--institution", help="NAME=KIND; bank, agency, enterprise or auditor.")
]
Signers = Annotated[list[str] | None, typer.Option("--signer", help="INSTITUTION=ADDRESS=ROLE,ROLE…")]
Quorums = Annotated[list[str] | None, typer.Option("--quorum", help="NAME=THRESHOLD=MEMBER,MEMBER…")]
Leaving = Annotated[list[str] | None, typer.Option("--leave", help="QUORUM=MEMBER that leaves it.")]
Suspended = Annotated[list[str] | None, typer.Option("--suspend", help="Address that loses every role.")]


@app.command()
@connected
def add(
    session: Session,
    institution: Institutions = None,
    signer: Signers = None,
    quorum: Quorums = None,
    leave: Leaving = None,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
    wait_seconds: Annotated[
        int, typer.Option(help="How long to wait until the changes are applied; 0: do not.", min=0)
    ] = 60,
) -> None:
    """Add institutions, signers and quorum members, or have members leave; governors of two sign."""
    body = _changes(institution, signer, quorum, leave)
    done = session.act("/v1/directory-changes", body, keystore, yes, _expected(body))
    done["applied"] = _wait_until_applied(session, body, wait_seconds)
    session.emit(done)


@app.command()
@connected
def recover(
    session: Session,
    institution: Institutions = None,
    signer: Signers = None,
    quorum: Quorums = None,
    leave: Leaving = None,
    suspend: Suspended = None,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Change the directory without its governors, when those are lost or rogue; recovery signers sign.

    It is applied after twice the directory's delay, and until then no other change is.
    """
    body = _changes(institution, signer, quorum, leave) | {"suspensions": suspend or []}
    session.emit(session.act("/v1/directory-recoveries", body, keystore, yes, _expected(body)))


def _changes(
    institution: list[str] | None, signer: list[str] | None, quorum: list[str] | None, leave: list[str] | None
) -> dict[str, list[Any]]:
    return {
        "institutions": [_new_institution(each) for each in institution or []],
        "signers": [_new_signer(each) for each in signer or []],
        "quorums": [_new_quorum(each) for each in quorum or []],
        "leaving": [_leaving(each) for each in leave or []],
    }


def _expected(body: dict[str, list[Any]]) -> dict[str, object]:
    """What the message must say: it holds only the hash of the changes, so they are made here too."""
    # web3 takes long to load: only commands that sign changes wait for it.
    from api.changes import changes_of
    from bridge.keep import change_content

    for kind, changes in body.items():
        for each in changes:
            note(f"  {kind}: {each if isinstance(each, str) else ', '.join(_words(each))}")
    try:
        return {"changes": change_content(changes_of(body))}
    except (KeyError, ValueError) as error:
        raise Misused("option-invalid", f"There is no such kind, role or address: {error}.") from error


def _words(change: dict[str, Any]) -> list[str]:
    return [
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in change.items()
    ]


def _address(text: str) -> str:
    """An address as messages hold it. Raises Misused."""
    from web3 import Web3

    if not Web3.is_address(text):
        raise Misused("option-invalid", f"{text!r} is no address; it has 20 bytes, hex.")
    return str(Web3.to_checksum_address(text))


def _leaving(text: str) -> dict[str, str]:
    quorum, member = _parts(text, 2, "QUORUM=MEMBER")
    return {"quorum": quorum, "member": member}


def _parts(text: str, count: int, form: str) -> list[str]:
    parts = text.split("=")
    if len(parts) != count or not all(parts):
        raise Misused("option-invalid", f"{text!r} is not of the form {form}.")
    return parts


def _new_institution(text: str) -> dict[str, Any]:
    name, kind = _parts(text, 2, "NAME=KIND")
    return {"name": name, "kind": kind}


def _new_signer(text: str) -> dict[str, Any]:
    institution, address, roles = _parts(text, 3, "INSTITUTION=ADDRESS=ROLE,ROLE")
    return {"institution": institution, "address": address, "roles": roles.split(",")}


def _new_quorum(text: str) -> dict[str, Any]:
    name, threshold, members = _parts(text, 3, "NAME=THRESHOLD=MEMBER,MEMBER")
    if not threshold.isdecimal():
        raise Misused("option-invalid", f"{threshold!r} is not a number of institutions.")
    return {"name": name, "threshold": int(threshold), "members": members.split(",")}


def _wait_until_applied(session: Session, body: dict[str, list[dict[str, Any]]], seconds: int) -> bool:
    deadline = time.monotonic() + seconds
    while not _is_applied(session, body):
        if time.monotonic() >= deadline:
            note("announced; the platform applies it when the directory's delay is over")
            return False
        # The API has no call that waits for the directory's delay.
        time.sleep(POLL_SECONDS)
    return True


def _is_applied(session: Session, body: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether the directory shows what was announced. Changes are applied all at once."""
    institutions = session.client.items("/v1/institutions")
    signers = {each["address"].lower() for row in institutions for each in row["signers"] if each["roles"]}
    quorums = {row["quorum"]: row for row in session.client.items("/v1/quorums")}
    return (
        {each["name"] for each in body["institutions"]} <= {row["institution"] for row in institutions}
        and {each["address"].lower() for each in body["signers"]} <= signers
        and all(
            each["name"] in quorums
            and quorums[each["name"]]["threshold"] == each["threshold"]
            and set(each["members"]) <= set(quorums[each["name"]]["members"])
            for each in body["quorums"]
        )
        and all(
            each["member"] not in quorums.get(each["quorum"], {"members": []})["members"]
            for each in body["leaving"]
        )
    )


@app.command()
@connected
def suspend(session: Session, address: str, keystore: Keystores = [], yes: Yes = False) -> None:  # noqa: B006
    """Take every role from a signer at once; a governor of its institution signs, or governors of two."""
    expected = {"signer": _address(address)}
    session.emit(session.act("/v1/suspensions", {"address": address}, keystore, yes, expected))


@app.command()
@connected
def rotate(
    session: Session,
    address: Annotated[str, typer.Argument(help="The signer's key.")],
    successor: Annotated[str, typer.Argument(help="The key that follows.")],
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Give a signer another key at once; both keys sign, and another governor of its institution."""
    body = {"address": address, "successor": successor}
    expected = {"signer": _address(address), "successor": _address(successor)}
    session.emit(session.act("/v1/rotations", body, keystore, yes, expected))


@app.command()
@connected
def pending(session: Session) -> None:
    """Changes that are announced and wait until their delay is over."""
    session.emit(session.client.items("/v1/directory-changes"))


@app.command()
@connected
def withdraw(
    session: Session,
    nonce: Annotated[int, typer.Argument(help="As `institution pending` numbers them.", min=0)],
    recovery: Annotated[bool, typer.Option("--recovery", help="It is a recovery; its signers sign.")] = False,
    keystore: Keystores = [],  # noqa: B006 - read only
    yes: Yes = False,
) -> None:
    """Stop announced changes for ever; governors of two institutions sign."""
    body = {"nonce": nonce, "recovery": recovery}
    session.emit(session.act("/v1/directory-changes/withdrawals", body, keystore, yes))
