"""Errors as `application/problem+json` (RFC 9457): one form for ours, for bad requests and for surprises."""

from collections.abc import Iterable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.kinds import KINDS, PROBLEM_TYPE, Kind, kind_of
from api.schemas import sentence
from bridge.batch_file import BatchFileRefused
from bridge.errors import BridgeError
from contracts.errors import AgreementInvalid, ContractsError, RowsInvalid

__all__ = ["MEDIA_TYPE", "Problem", "ProblemError", "install", "problem_response", "too_large"]

MEDIA_TYPE = "application/problem+json"

_HTTP_KINDS = {
    400: ("malformed", "request-malformed"),
    404: ("not-found", "route-unknown"),
    405: ("method-not-allowed", "method-not-allowed"),
    413: ("too-large", "body-too-large"),
}
_HTTP_DETAILS = {
    "request-malformed": "The body cannot be read; check its form and its Content-Type.",
    "route-unknown": "There is no such route; /v1/openapi.json lists them all.",
    "method-not-allowed": "This route takes other methods; see the Allow header.",
    "body-too-large": "The body is larger than this route takes; send less at a time.",
}


class ProblemError(BaseModel):
    """One thing to correct."""

    model_config = ConfigDict(extra="allow")

    code: str
    detail: str = Field(description="What is wrong; the last sentence says what to do.")
    location: str | None = Field(None, description="body, query, path, header, or file")
    pointer: str | None = Field(None, description="Where: a JSON pointer, or a place in an agreement file.")
    row: int | None = Field(None, description="Of a payout file, as a spreadsheet numbers it.")
    column: str | None = None
    value: str | None = Field(None, description="What stood there, made safe to show.")


class Problem(BaseModel):
    """RFC 9457, with a stable code. A refusal by the contracts names clause, guard, limit and observed."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[ProblemError] = []
    clause: int | None = Field(None, description="Number of the clause that refused.")
    guard: int | None = None
    limit: int | None = None
    observed: int | None = None


def problem_response(
    request: Request,
    kind: Kind,
    code: str,
    detail: str,
    more: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem with the headers its kind asks for; `more` are extension members, or `errors`."""
    sent = dict(headers or {})
    if kind.retry_after_seconds is not None:
        sent["Retry-After"] = str(kind.retry_after_seconds)
    if kind.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    request.state.problem = code
    content = {
        "errors": [],
        **(more or {}),
        "type": PROBLEM_TYPE + kind.name,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "request_id": request.state.request_id,
    }
    return JSONResponse(content, status_code=kind.status, headers=sent, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.add_exception_handler(BridgeError, _bridge_error)
    app.add_exception_handler(AgreementInvalid, _contracts_error)
    app.add_exception_handler(RowsInvalid, _contracts_error)
    app.add_exception_handler(RequestValidationError, _request_invalid)
    app.add_exception_handler(HTTPException, _http_error)


async def _bridge_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, BridgeError):
        raise error
    kind = kind_of(error)
    more = dict(error.details) if kind.status < 500 else {}
    if isinstance(error, BatchFileRefused):
        more["errors"] = _row_faults(error)
    elif "cases" in more:
        more["errors"] = [{"code": error.code, **case} for case in _cases(more.pop("cases"))]
    return problem_response(request, kind, error.code, error.message, more)


def _row_faults(error: BatchFileRefused) -> list[dict[str, object]]:
    return [
        {
            "location": "file",
            "row": fault.row,
            "column": fault.column,
            "code": fault.code,
            "detail": fault.message,
            "value": fault.value,
        }
        for fault in error.faults
    ]


def _cases(found: object) -> Iterable[dict[str, object]]:
    """Failed cases of a trial as errors: the case's name says where."""
    for case in found if isinstance(found, list) else []:
        yield {"location": "file", "pointer": case["case"], "detail": case["message"]}


async def _contracts_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, AgreementInvalid):
        errors = [
            {"location": "file", "pointer": fault.where, "code": fault.code, "detail": fault.message}
            for fault in error.faults
        ]
        detail = (
            "The agreement file has 1 fault; correct it and send the file again."
            if len(errors) == 1
            else f"The agreement file has {len(errors)} faults; correct them all and send it again."
        )
        return problem_response(request, kind_of(error), error.code, detail, {"errors": errors})
    if not isinstance(error, ContractsError):
        raise error
    return problem_response(request, kind_of(error), error.code, str(error))


async def _request_invalid(request: Request, error: Exception) -> JSONResponse:
    """What was sent is never repeated: it may be a secret or somebody's name."""
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {
            "location": str(each["loc"][0]),
            "pointer": "".join(f"/{_escaped(part)}" for part in each["loc"][1:]),
            "code": str(each["type"]).replace("_", "-"),
            "detail": sentence(each),
        }
        for each in error.errors()
    ]
    detail = "The request does not have the form this route takes; correct what errors name."
    return problem_response(request, KINDS["invalid"], "request-invalid", detail, {"errors": errors})


def too_large(request: Request) -> JSONResponse:
    """For a body that says it is too large."""
    return problem_response(request, KINDS["too-large"], "body-too-large", _HTTP_DETAILS["body-too-large"])


def _escaped(part: object) -> str:
    """A reference token of RFC 6901."""
    return str(part).replace("~", "~0").replace("/", "~1")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException) or error.status_code not in _HTTP_KINDS:
        raise error
    name, code = _HTTP_KINDS[error.status_code]
    return problem_response(request, KINDS[name], code, _HTTP_DETAILS[code], headers=error.headers)
