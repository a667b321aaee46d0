"""Events: queries and polled filters."""

from typing import Any

from node.errors import InvalidParams
from node.rpc.format import Json
from node.rpc.logs import find_logs, parse_query
from node.rpc.methods.service import Methods, Service


def logs(service: Service, query: object) -> list[Json]:
    """The events a filter object asks for."""
    return find_logs(service.chain, parse_query(query))


def new_filter(service: Service, query: object) -> str:
    """Installs a filter of events; returns its id."""
    return service.filters.install("logs", parse_query(query))


def new_block_filter(service: Service) -> str:
    """Installs a filter of block hashes; returns its id."""
    return service.filters.install("blocks")


def new_pending_transaction_filter(service: Service) -> str:
    """Installs a filter of hashes of transactions that become ready; returns its id."""
    return service.filters.install("transactions")


def filter_changes(service: Service, identifier: object) -> list[Any]:
    """What came since the last question to a filter."""
    return service.filters.changes(_filter_id(identifier))


def filter_logs(service: Service, identifier: object) -> list[Any]:
    """All events of a log filter's own range."""
    return service.filters.logs(_filter_id(identifier))


def uninstall_filter(service: Service, identifier: object) -> bool:
    """Forgets a filter; whether it existed."""
    return service.filters.uninstall(_filter_id(identifier))


def _filter_id(identifier: object) -> str:
    if not isinstance(identifier, str):
        raise InvalidParams("filter: a filter id expected")
    return identifier


METHODS: Methods = {
    "eth_getLogs": logs,
    "eth_newFilter": new_filter,
    "eth_newBlockFilter": new_block_filter,
    "eth_newPendingTransactionFilter": new_pending_transaction_filter,
    "eth_getFilterChanges": filter_changes,
    "eth_getFilterLogs": filter_logs,
    "eth_uninstallFilter": uninstall_filter,
}
