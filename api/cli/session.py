"""What every command that talks to the API shares: where it is, whose key, and how to answer."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from string import hexdigits
from typing import Annotated, Any

import typer

from api.cli import output
from api.client import Client, FormFile
from api.errors import Misused, Refused, Unreachable, VerificationFailed

__all__ = ["AsJson", "Keystores", "Session", "Yes", "connected", "digest_of", "is_digest"]

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Keystores = Annotated[
    list[Path],
    typer.Option("--keystore", help="Keystore to sign with; repeat for more signers.", dir_okay=False),
]
Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking; needed without a terminal.")]
Url = Annotated[str, typer.Option(envvar="DYETRACE_URL", help="Where the API is.")]
Key = Annotated[str | None, typer.Option(envvar="DYETRACE_KEY", help="Your API key.", show_default=False)]


ACTS: dict[str, tuple[str, ...]] = {
    "activations": ("Activation", "Adoption"),
    "allocations": ("Allocation",),
    "approvals": ("Approval",),
    "blocks": ("Block",),
    "cancellations": ("Cancellation",),
    "carvings": ("Carving",),
    "closings": ("Closing",),
    "countersignatures": ("Countersignature",),
    "directory-changes": ("Changes",),
    "directory-recoveries": ("Recovery",),
    "documents": ("Document",),
    "evidence": ("Evidence",),
    "freezes": ("Freeze",),
    "identifications": ("Identification",),
    "lot-freezes": ("LotFreeze",),
    "makings-good": ("MakingGood",),
    "movings": ("Moving",),
    "openings": ("Opening",),
    "pauses": ("Pause",),
    "redirections": ("Redirection",),
    "releases": ("Release",),
    "reservations": ("Reservation",),
    "retirements": ("Retirement",),
    "revocations": ("Revocation",),
    "rotations": ("Rotation",),
    "shortfalls": ("Shortfall",),
    "sortings": ("Sorting",),
    "suspensions": ("Suspension",),
    "thawings": ("Thawing",),
    "waivers": ("Waiver",),
    "withdrawals": ("Withdrawal",),
    "write-offs": ("WriteOff",),
}
"""The kinds of message that an act may ask to sign, by the last part of its path."""


def digest_of(text: str) -> bytes:
    """An id of 32 bytes, given as hex. Raises Misused."""
    if not is_digest(text):
        raise Misused("option-invalid", f"{text!r} is no id; it has 64 hexadecimal digits.")
    return bytes.fromhex(text.removeprefix("0x"))


def is_digest(text: str) -> bool:
    """Whether a text is an id of 32 bytes, as hex."""
    digits = text.removeprefix("0x")
    return len(digits) == 64 and set(digits) <= set(hexdigits)


@dataclass(frozen=True)
class Session:
    """One command's conversation with the API."""

    client: Client
    as_json: bool

    def emit(self, data: Any, for_people: Any = None) -> None:
        """Print the result; `for_people` is the same, flattened into rows."""
        output.emit(data if self.as_json or for_people is None else for_people, self.as_json)

    def act(
        self,
        path: str,
        body: Mapping[str, object],
        keystores: Sequence[Path],
        yes: bool,
        expected: Mapping[str, object] | None = None,
        files: Sequence[FormFile] = (),
        shown: object = None,
        currency: str | None = None,
        about: tuple[str, str] | None = None,
        others: Sequence[str] | None = None,
        only_sign: bool = False,
    ) -> Any:
        """Fetch an act, show it, sign it, perform it.

        `expected`: what the message must say, from what this command was told. With `files` it is a form.
        `shown`: what the API said of the subject; names in it and in `body` are put beside their ids, and
        amounts beside their minor units if the `currency` is known. `about`: the kind of message and the
        contract it must be for. `others`: signatures given elsewhere; an act with those says, when the answer
        is lost, what makes it the same act again. `only_sign`: give the signatures, and what was filled in.
        Raises VerificationFailed, Misused, Refused, Unreachable.
        """
        kinds = (about[0],) if about else ACTS[path.rpartition("/")[2]]

        def post(where: str, content: Mapping[str, object]) -> Any:
            if files:
                return self.client.post_form(where, content, files)
            return self.client.post(where, content)

        # The cryptography takes longer to load than all else: only commands that sign wait for it.
        from api.cli.signing import names_in, sign

        prepared = post(f"{path}/prepare", body)
        if prepared["typed_data"].get("primaryType") not in kinds:
            raise VerificationFailed(
                "message-mismatch",
                "What the API gave to sign is another act than you asked for; find out why.",
            )
        names = names_in(body, shown)
        signatures = sign(prepared, keystores, yes, expected or {}, names, currency, about)
        filled = {name: value for name, value in prepared["request"].items() if name not in body}
        if only_sign:
            return {**filled, "signatures": signatures}
        request = {**prepared["request"], "signatures": [*(others or ()), *signatures]}
        try:
            return post(path, request)
        except (Refused, Unreachable) as error:
            if error.exit_code != Unreachable.exit_code or not (filled or others is not None):
                raise
            if others is None:
                raise Unreachable(
                    error.code,
                    "Whether it was done is not known. Look before you repeat it: if it was, the "
                    "same command is another act.",
                ) from error
            again = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in filled.items())
            raise Unreachable(
                error.code,
                "Whether it was done is not known. Repeat the same command"
                + (f" with {again} added; without, it would be another act." if again else "."),
            ) from error


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --url, --key and --json, and hand it a Session as its first argument."""
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in list(inspect.signature(command).parameters.values())[1:]
    ]
    shared = [
        inspect.Parameter(
            "url", inspect.Parameter.KEYWORD_ONLY, default="http://127.0.0.1:8600", annotation=Url
        ),
        inspect.Parameter("key", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Key),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]

    @wraps(command)
    def run(*, url: str, key: str | None, as_json: bool, **options: Any) -> None:
        with Client(url, key) as client:
            command(Session(client, as_json), **options)

    parameters = [*own, *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__wrapped__
    return run
