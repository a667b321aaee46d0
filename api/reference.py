"""The reference page at /docs: the OpenAPI document as a page, from this server alone."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FILES = Path(__file__).parent / "pages"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def _file(name: str) -> FileResponse:
    return FileResponse(_FILES / name, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs")
def page() -> FileResponse:
    """The page."""
    return _file("docs.html")


@router.get("/docs/docs.js")
def script() -> FileResponse:
    """Its script."""
    return _file("docs.js")


@router.get("/docs/docs.css")
def style() -> FileResponse:
    """Its style."""
    return _file("docs.css")
