"""Events: queries and polled filters."""

from typing import Any

from node.rpc import params
from node.rpc.format import Json
from node.rpc.logs import LogQuery, find_logs, parse_query, validate_order
from node.rpc.methods.service import Methods, Service, takes


@takes(parse_query)
def logs(service: Service, query: LogQuery) -> list[Json]:
    """The events a filter object asks for."""
    return find_logs(service.chain, query)


@takes(parse_query)
def new_filter(service: Service, query: LogQuery) -> str:
    """Installs a filter of events; returns its id."""
    validate_order(query)
    return service.filters.install("logs", query)


def new_block_filter(service: Service) -> str:
    """Installs a filter of block hashes; returns its id."""
    return service.filters.install("blocks")


def new_pending_transaction_filter(service: Service) -> str:
    """Installs a filter of hashes of transactions that become ready; returns its id."""
    return service.filters.install("transactions")


@takes(params.text)
def filter_changes(service: Service, identifier: str) -> list[Any]:
    """What came since the last question to a filter."""
    return service.filters.changes(identifier)


@takes(params.text)
def filter_logs(service: Service, identifier: str) -> list[Any]:
    """All events of a log filter's own range."""
    return service.filters.logs(identifier)


@takes(params.text)
def uninstall_filter(service: Service, identifier: str) -> bool:
    """Forgets a filter; whether it existed."""
    return service.filters.uninstall(identifier)


METHODS: Methods = {
    "eth_getLogs": logs,
    "eth_newFilter": new_filter,
    "eth_newBlockFilter": new_block_filter,
    "eth_newPendingTransactionFilter": new_pending_transaction_filter,
    "eth_getFilterChanges": filter_changes,
    "eth_getFilterLogs": filter_logs,
    "eth_uninstallFilter": uninstall_filter,
}
