"""The agreements of a workflow, checked together before any of them is deployed."""

from collections.abc import Mapping
from dataclasses import replace

from bridge.platform import Platform
from bridge.services import agreements
from contracts.agreement import AgreementFile, check_together, load
from contracts.errors import AgreementInvalid, Fault

__all__ = ["check"]


def check(
    platform: Platform, contents: Mapping[str, bytes], rosters: Mapping[str, bytes]
) -> tuple[AgreementFile, ...]:
    """Check files by name, each by itself and all together. Raises AgreementInvalid with every fault found.

    The place of a fault begins with the name of its file.
    """
    faults: list[Fault] = []
    files: dict[str, AgreementFile] = {}
    for name, content in contents.items():
        try:
            files[name] = load(content)
        except AgreementInvalid as invalid:
            faults += _placed(name, invalid.faults)
    found = check_together(tuple(files.values()), agreements.directory_facts(platform), rosters)
    for name, each in zip(files, found, strict=True):
        faults += _placed(name, each)
    if faults:
        raise AgreementInvalid(tuple(faults))
    return tuple(files.values())


def _placed(name: str, faults: tuple[Fault, ...]) -> list[Fault]:
    return [replace(fault, where=f"{name}: {fault.where}") for fault in faults]
