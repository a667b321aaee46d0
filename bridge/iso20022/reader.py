"""A bounded, streaming walk over an untrusted XML file.

lxml is told to expand no entity, load no DTD and open no network; libxml2 then still accepts a
DOCTYPE and drops what it declares, so any DOCTYPE is refused here. Memory is bounded by the
distance between two parts that the caller takes: whatever fills that distance (text, attributes,
unknown elements) is the same refusal. libxml2 itself stops at a depth of 256.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

from lxml import etree

from bridge.errors import MessageRefused

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

__all__ = ["MAX_FILE_BYTES", "first_elements", "local_name", "parts"]

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_PART_BYTES: Final = 1024 * 1024
"""Between the ends of two parts: far more than any transaction or report header needs."""

_CHUNK_BYTES: Final = 64 * 1024
_PROLOG_BYTES: Final = 4096


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def first_elements(data: bytes, count: int) -> list[tuple[str, str]]:
    """(namespace, local name) of the first `count` elements in document order, fewer if it ends.

    Refuses an empty, DOCTYPE-carrying or malformed beginning. Raises MessageRefused.
    """
    if b"<!DOCTYPE" in data[:_PROLOG_BYTES].replace(b"\0", b""):
        raise _doctype()
    seen: list[tuple[str, str]] = []
    for element in _events(data[: 2 * MAX_PART_BYTES], event="start", names=("*",), whole=False):
        namespace, _, name = element.tag.rpartition("}")
        seen.append((namespace[1:], name))
        if len(seen) == count:
            break
    if not seen:
        raise MessageRefused(
            "message-not-xml", "the file holds no XML element; fetch it from the bank again."
        )
    return seen


def parts(
    data: bytes, names: Sequence[str], released: Sequence[str], max_bytes: int = MAX_FILE_BYTES
) -> Iterator[Element]:
    """Yield each element whose local name is in `names`, complete, in order of its end.

    An element whose name is in `released` stays readable until the next part is asked for and
    is then forgotten, so a file of any number of them takes bounded memory. Raises
    MessageRefused: `message-too-large`, `message-too-deep`, `message-not-xml`, `message-doctype`.
    """
    if len(data) > max_bytes:
        raise _too_large(f"the file has {len(data)} bytes and {max_bytes} are read", "split it")
    for element in _events(data, event="end", names=names, whole=True):
        yield element
        name = local_name(element)
        if name in released:
            _forget(element, name)


def _forget(element: Element, name: str) -> None:
    """Empty `element` and drop the emptied one before it.

    Never `element` itself: libxml2 may still be appending to the text that follows it.
    """
    del element[:]
    parent, previous = element.getparent(), element.getprevious()
    if parent is not None and previous is not None and local_name(previous) == name:
        parent.remove(previous)


def _events(
    data: bytes, *, event: Literal["start", "end"], names: Sequence[str], whole: bool
) -> Iterator[Element]:
    """The elements of one kind of parser event; `whole` insists on the document's end."""
    parser: etree.XMLPullParser = etree.XMLPullParser(
        events=(event,),
        tag=[f"{{*}}{name}" for name in names],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    waiting_bytes = 0
    checked = False
    try:
        for start in range(0, len(data), _CHUNK_BYTES):
            parser.feed(data[start : start + _CHUNK_BYTES])
            waiting_bytes += _CHUNK_BYTES
            for element in _elements(parser):
                if not checked:
                    _refuse_doctype(element)
                    checked = True
                yield element
                waiting_bytes = 0
            if waiting_bytes > MAX_PART_BYTES:
                raise _too_large(f"one part is larger than {MAX_PART_BYTES} bytes", "look at it")
        if whole:
            _refuse_doctype(parser.close())
    except etree.XMLSyntaxError as exc:
        raise _syntax(exc) from exc


def _elements(parser: etree.XMLPullParser) -> Iterator[Element]:
    for _, found in parser.read_events():
        if isinstance(found, etree._Element):
            yield found


def _refuse_doctype(element: Element) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise _doctype()


def _doctype() -> MessageRefused:
    return MessageRefused(
        "message-doctype",
        "the file declares a DOCTYPE, which no ISO 20022 message has; ask the sender where it came from.",
    )


def _too_large(what: str, todo: str) -> MessageRefused:
    return MessageRefused("message-too-large", f"{what}; ask the sender to {todo}.")


def _syntax(exc: etree.XMLSyntaxError) -> MessageRefused:
    """libxml2's words → our code; its resource limits carry one number, so the words decide."""
    reason = (exc.msg or "it has no content")[:200]
    if "depth" in reason:
        return MessageRefused(
            "message-too-deep", "the elements nest deeper than 256; ask the sender where it came from."
        )
    if "too long" in reason or "Huge" in reason or "Buffer size limit" in reason:
        return _too_large("one text, name or attribute is longer than is read", "look at it")
    return MessageRefused(
        "message-not-xml",
        f"the file is not well-formed XML ({reason}); fetch it again, then ask the sender.",
        reason=reason,
    )
