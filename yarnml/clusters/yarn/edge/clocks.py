"""The comparison of clocks: certificates and tickets are refused where they are too far apart."""

from collections.abc import Mapping

from yarnml.errors import ClusterError

SLIGHT_SECONDS = 2.0
"""Difference of two clocks that nobody has to hear of."""

MAX_SECONDS = 300.0
"""Difference of two clocks that Kerberos allows."""


def compare_clocks(node: float, before: float, after: float) -> str:
    """Compare the clock of a node with that of this machine, both in seconds since 1970; the words that follow a fact.

    Raises ClusterError where they are so far apart that Kerberos refuses tickets.

    ``node``: when the node's clock was read; it was between ``before`` and ``after`` on this one.
    """
    if before - SLIGHT_SECONDS <= node <= after + SLIGHT_SECONDS:
        return "; its clock is right"
    seconds = node - after if node > after else before - node
    apart = f"{seconds:.0f} s {'ahead of' if node > after else 'behind'} this machine's"
    if seconds > MAX_SECONDS:
        raise ClusterError(
            f"The node's clock is {apart}; have both set by NTP, or certificates and tickets are refused."
        )
    return f"; its clock is {apart}"


def compare_with_servers(ahead: Mapping[str, float]) -> str:
    """The differences of servers' clocks from this machine's, in words; ClusterError for one that Kerberos refuses.

    ``ahead``: seconds by which a clock is ahead of this machine's, by the name of the server.
    """
    apart = {
        name: f"{name}'s is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
        for name, seconds in ahead.items()
        if abs(seconds) > SLIGHT_SECONDS
    }
    if any(abs(seconds) > MAX_SECONDS for seconds in ahead.values()):
        raise ClusterError(
            f"Beside this machine's clock {', '.join(apart.values())}, and Kerberos allows {MAX_SECONDS:.0f} s; have "
            "all set by NTP."
        )
    if apart:
        return f"beside this machine's {', '.join(apart.values())}"
    return f"this machine's agrees with those of {', '.join(ahead)}"
