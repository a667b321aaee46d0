"""The API over HTTP, with its problems as errors."""

import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from api.errors import Misused, Refused, Unreachable
from api.kinds import KINDS, PROBLEM_TYPE

__all__ = ["Client", "FormFile"]

FormFile = tuple[str, tuple[str, bytes]]
"""(field, (file name, content))"""

_TIMEOUT = httpx.Timeout(600, connect=10)
"""Executing a large batch takes minutes; a lost answer can be asked for again."""


_KEY = re.compile(r"dt_[A-Za-z0-9_-]{43}")


class Client:
    """Calls of `/v1`. Raises Refused, Unreachable."""

    def __init__(self, url: str, key: str | None) -> None:
        """Raises Misused for a URL or a key that cannot be one."""
        if not url.startswith(("http://", "https://")):
            raise Misused("url-invalid", "--url begins with http:// or https://.")
        if key is not None and not _KEY.fullmatch(key):
            raise Misused(
                "key-invalid",
                "A key is dt_ and 43 letters, digits, - or _; paste the one that dyetrace key new printed.",
            )
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Any:
        """One document."""
        return self._answer("GET", path, params=query)

    def items(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """A whole list, page by page."""
        found: list[dict[str, Any]] = []
        page = self.get(path, **query)
        found += page["items"]
        while page.get("next") is not None:
            page = self.get(path, **{**query, "after": page["next"]})
            found += page["items"]
        return found

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """A document for a document."""
        return self._answer("POST", path, json=dict(body))

    def put(self, path: str, body: Mapping[str, object]) -> Any:
        """Replace a document."""
        return self._answer("PUT", path, json=dict(body))

    def post_form(self, path: str, fields: Mapping[str, object], files: Sequence[FormFile]) -> Any:
        """A document for a form with files."""
        return self._answer("POST", path, data=dict(fields), files=list(files))

    def _answer(self, method: str, path: str, **parts: Any) -> Any:
        try:
            response = self._http.request(method, path, **parts)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unreachable(
                "api-unreachable",
                f"The API gave no answer ({type(error).__name__}); check --url, and repeat the same command.",
            ) from error
        try:
            content = response.json()
        except ValueError as error:
            raise _unusable(response) from error
        if response.is_success:
            return content
        raise _problem(response, content)


def _problem(response: httpx.Response, content: Any) -> Refused | Unreachable:
    if not isinstance(content, dict) or not {"type", "code", "detail"} <= content.keys():
        return _unusable(response)
    kind = KINDS.get(str(content["type"]).removeprefix(PROBLEM_TYPE))
    return Refused(content, kind.exit_code if kind is not None else 1)


def _unusable(response: httpx.Response) -> Unreachable:
    return Unreachable(
        "api-answer-unusable",
        f"What answered HTTP {response.status_code} is not this API; check --url.",
    )
