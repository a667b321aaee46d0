"""The bank's electronic channel: send payment files, collect messages, tell it they are safe.

    BridgeError
    └── BankError
        ├── BankUnreachable   no answer: whether the bank acted is unknown
        └── BankRefused       the bank answered that it did not act

The order that loses nothing: `fetch_messages` → store the bytes → `acknowledge`. A message may
be fetched again until it is acknowledged, so the store deduplicates on `BankFile.key`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar

import httpx

from bridge.errors import BridgeError

__all__ = [
    "BankConnection",
    "BankError",
    "BankFile",
    "BankRefused",
    "BankUnreachable",
    "HttpBank",
    "Submission",
]

_Shape = TypeVar("_Shape", dict[str, Any], list[dict[str, Any]])

MAX_MESSAGES: Final = 500
"""Messages handed over by one `fetch_messages`; the next call continues."""


class BankError(BridgeError):
    """Anything that went wrong on the way to the bank."""


class BankUnreachable(BankError):
    """`bank-unreachable`: no usable answer, so the outcome is unknown.

    A payment file is then asked about (pain.002, mailbox, statement) and, if sent again, sent as
    the same bytes; never under a new id.
    """


class BankRefused(BankError):
    """`bank-refused`: the bank answered and did nothing."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The bank's immediate answer to a payment file; the pain.002 is the answer that counts."""

    outcome: Literal["received", "rejected", "duplicate"]
    """`duplicate`: the bank has a file with this message id already, so ours *was* received."""
    reason_code: str | None
    status_code: int
    body: bytes
    """As it came, to be kept."""


@dataclass(frozen=True, slots=True)
class BankFile:
    """One message from the bank, unread."""

    position: int
    """Grows with every message the bank sends; the cursor of `fetch_messages`."""
    key: str
    """The bank's own name for this message, once; opaque."""
    kind: str
    """As the bank labels it, with version: `camt.053.001.08`."""
    received: bytes


class BankConnection(Protocol):
    """What the bridge needs of a bank, whatever the channel."""

    def send_payment_file(self, file: bytes) -> Submission:
        """Hand in one payment file. Raises BankUnreachable or BankRefused."""
        ...

    def fetch_messages(self, after: int = 0) -> list[BankFile]:
        """Messages past position `after` that nobody acknowledged, oldest first, at most 500.

        Takes nothing away. Raises BankUnreachable or BankRefused.
        """
        ...

    def replay_messages(self, after: int = 0) -> list[BankFile]:
        """As `fetch_messages`, acknowledged ones too: for a start after a crash or a restore."""
        ...

    def acknowledge(self, keys: Collection[str]) -> None:
        """Tell the bank these messages are stored. Unknown keys are no error."""
        ...


class HttpBank:
    """A bank that speaks mock-bank's wire; `client` carries time-outs and credentials."""

    def __init__(self, base_url: str, client: httpx.Client) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = client

    def send_payment_file(self, file: bytes) -> Submission:
        """See BankConnection. 202 is received, 422 rejected or a duplicate."""
        response = self._ask("POST", "/payments", content=file, headers={"content-type": "application/xml"})
        if response.status_code == httpx.codes.ACCEPTED:
            return Submission("received", None, response.status_code, response.content)
        if response.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
            raise _refused(response)
        reason = _json(response, dict).get("reason")
        return Submission(
            outcome="duplicate" if reason == "DUPL" else "rejected",
            reason_code=reason,
            status_code=response.status_code,
            body=response.content,
        )

    def fetch_messages(self, after: int = 0) -> list[BankFile]:
        """See BankConnection. `?leave` matters: without it the bank forgets what it lists."""
        return self._files("/_mock/mailbox?leave", after)

    def replay_messages(self, after: int = 0) -> list[BankFile]:
        """See BankConnection. The bank lists what it ever sent and still holds."""
        return self._files("/_mock/messages", after)

    def acknowledge(self, keys: Collection[str]) -> None:
        """See BankConnection.

        This bank can only hand over everything it holds. What it hands over beyond `keys` is put
        back; should that be cut short, `replay_messages` still lists it.
        """
        if not keys or not any(row["key"] in keys for row in self._rows("/_mock/mailbox?leave")):
            return
        for row in self._rows("/_mock/mailbox"):
            if row["key"] not in keys:
                self._expect_ok("POST", f"/_mock/mailbox/{int(row['id'])}/unread")

    def _files(self, path: str, after: int) -> list[BankFile]:
        rows = [row for row in self._rows(path) if int(row["id"]) > after]
        return [
            BankFile(
                position=int(row["id"]),
                key=str(row["key"]),
                kind=str(row["type"]),
                received=self._expect_ok("GET", f"/_mock/mailbox/{int(row['id'])}").content,
            )
            for row in sorted(rows, key=lambda row: int(row["id"]))[:MAX_MESSAGES]
        ]

    def _rows(self, path: str) -> list[dict[str, Any]]:
        return _json(self._expect_ok("GET", path), list)

    def _expect_ok(self, method: str, path: str) -> httpx.Response:
        response = self._ask(method, path)
        if response.status_code != httpx.codes.OK:
            raise _refused(response)
        return response

    def _ask(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One request; a server error says nothing about what was done, as no answer does."""
        try:
            response = self._client.request(
                method, self._base_url + path, content=content, headers=headers, follow_redirects=False
            )
        except httpx.TransportError as exc:
            raise _unreachable(type(exc).__name__) from exc
        if response.is_server_error:
            raise _unreachable(f"HTTP {response.status_code}", status_code=response.status_code)
        return response


def _json(response: httpx.Response, shape: type[_Shape]) -> _Shape:
    try:
        value = response.json()
    except ValueError as exc:
        raise _unreachable("an answer that is not JSON", status_code=response.status_code) from exc
    if not isinstance(value, shape):
        raise _unreachable("an answer of another shape", status_code=response.status_code)
    return value


def _unreachable(what: str, **details: object) -> BankUnreachable:
    return BankUnreachable(
        "bank-unreachable",
        f"the bank gave no usable answer ({what}), so the outcome is unknown; ask it before sending again.",
        **details,
    )


def _refused(response: httpx.Response) -> BankRefused:
    return BankRefused(
        "bank-refused",
        f"the bank answered HTTP {response.status_code} and did nothing; see its words, correct and repeat.",
        status_code=response.status_code,
        answer=response.text[:500],
    )
