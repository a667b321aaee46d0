"""A replica: a node of another institution that follows one node, verifies every block and believes none."""

from node.replica.divergence import Divergence
from node.replica.follower import Follower, Status
from node.replica.network import adopt_network
from node.replica.source import parse_url

__all__ = ["Divergence", "Follower", "Status", "adopt_network", "parse_url"]
