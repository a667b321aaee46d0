"""What watches a node: GET /healthz for load balancers, GET /metrics in Prometheus' text format."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from node.replica import Status
from node.rpc.format import Json
from node.service import Node

LAG_SECONDS_MAX = 30.0
"""A replica that hasn't been level with the followed node for longer isn't healthy."""


def monitor_routes(node: Node) -> list[Route]:
    """The routes; whoever may reach the port may read them."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(node))
    ProcessCollector(registry=registry)

    async def healthz(_: Request) -> Response:
        healthy, body = health(node)
        return JSONResponse(body, status_code=200 if healthy else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


def health(node: Node) -> tuple[bool, Json]:
    """Whether callers should be sent to this node, and why."""
    head = node.chain.head.block_number
    if node.follower is None:
        return True, {"healthy": True, "head": head}
    status = node.follower.status
    healthy = (
        status.divergence is None and status.level_at is not None and status.lag_seconds <= LAG_SECONDS_MAX
    )
    return healthy, {
        "healthy": healthy,
        "state": state_of(status, head),
        "head": head,
        "followed_head": status.followed_head,
        "lag_seconds": round(status.lag_seconds, 3),
        "failure": status.failure,
        "divergence": status.divergence.model_dump(mode="json") if status.divergence else None,
    }


def state_of(status: Status, head: int) -> str:
    """In one word what a replica does."""
    if status.divergence is not None:
        return "diverged"
    if status.failure is not None:
        return "failing"
    if status.followed_head is None:
        return "starting"
    return "level" if status.followed_head <= head else "catching-up"


class NodeCollector(Collector):
    """The node's numbers at the moment they are asked for."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """All metrics; those of following only on a replica."""
        head = self._node.chain.head.block_number
        yield GaugeMetricFamily("dyetrace_node_head_block", "Number of the last block", head)
        if self._node.follower is not None:
            yield from _replica_metrics(self._node.follower.status)


def _replica_metrics(status: Status) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "dyetrace_replica_followed_head_block",
        "Number of the followed node's last block, as it claims",
        status.followed_head or 0,
    )
    yield GaugeMetricFamily(
        "dyetrace_replica_lag_seconds",
        "How long the head hasn't been known to be the followed node's",
        status.lag_seconds,
    )
    yield GaugeMetricFamily(
        "dyetrace_replica_last_contact_timestamp_seconds",
        "When the followed node last gave a usable answer; 0: never",
        status.contact_at or 0,
    )
    yield CounterMetricFamily(
        "dyetrace_replica_verified_blocks", "Blocks verified since the start", status.verified
    )
    yield CounterMetricFamily(
        "dyetrace_replica_failures", "Attempts without a usable answer since the start", status.failures
    )
    divergence = GaugeMetricFamily(
        "dyetrace_replica_divergence",
        "1 if the followed node's chain was found wrong, with the block and what is wrong",
        labels=["block", "kind"],
    )
    found = status.divergence
    divergence.add_metric([str(found.block), found.kind] if found else ["", "none"], 1 if found else 0)
    yield divergence
