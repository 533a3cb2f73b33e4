"""Certificates of applications, and clocks that differ."""

import datetime

import pytest
from cryptography import x509

from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.edge.clocks import MAX_SECONDS, compare_clocks
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.calls import Heartbeat, HeartbeatReply
from yarnml.control.credentials import Certificate
from yarnml.control.roles import ProcessId
from yarnml.control.rpc import ControlClient, ControlServer
from yarnml.errors import ClusterError, WorkerLost

HOST = "127.0.0.1"
DAY = datetime.timedelta(days=1)
CALL = Heartbeat(ProcessId("worker", 0))


def certificate(security: skein.Security) -> Certificate:
    return Certificate(security.cert_bytes, security.key_bytes, "skein-internal")


def shifted_certificate(by: datetime.timedelta) -> Certificate:
    """The certificate that a machine makes whose clock is off by so much."""
    return certificate(credentials.new_security(datetime.datetime.now(datetime.UTC) + by))


def test_a_certificate_s_dates() -> None:
    """It is valid from a day before, for a clock that is behind, and for years, for a job that runs on."""
    made = credentials.new_security()
    decoded = x509.load_pem_x509_certificate(made.cert_bytes)
    now = datetime.datetime.now(datetime.UTC)
    assert decoded.not_valid_before_utc <= now - DAY
    assert decoded.not_valid_after_utc >= now + 3650 * DAY
    assert made.cert_bytes != credentials.new_security().cert_bytes


@pytest.mark.parametrize("hours", [-23, 0, 24 * 365 * 9])
def test_a_clock_that_differs(hours: int) -> None:
    """A process whose clock is a day behind, or that starts years later, is let in."""
    own = shifted_certificate(datetime.timedelta(hours=-hours))
    server = ControlServer(lambda call: HeartbeatReply(7), HOST, own)
    client = ControlClient(server.address, own, 20)
    assert client.call(CALL) == HeartbeatReply(7)
    client.close()
    server.shutdown()


@pytest.mark.parametrize("days", [3, -4000])
def test_a_clock_that_is_off_is_named(days: int) -> None:
    """A certificate that is not valid here and now: the sentence says whose clock it is, and what it shows."""
    own = shifted_certificate(days * DAY)
    server = ControlServer(lambda call: HeartbeatReply(7), HOST, own)
    client = ControlClient(server.address, own, 0.5)
    with pytest.raises(
        WorkerLost, match=r"does not answer for 0 s; the clock of \S+ is off: it says 20\d\d-.* is valid"
    ):
        client.call(CALL)
    client.close()
    server.shutdown()


def test_another_job_is_not_taken_for_a_clock() -> None:
    """A certificate of another application is refused in words that leave both open."""
    server = ControlServer(lambda call: HeartbeatReply(7), HOST, certificate(credentials.new_security()))
    client = ControlClient(server.address, certificate(credentials.new_security()), 0.5)
    with pytest.raises(WorkerLost, match=r"TLS refuses: the other process is none of this job, or the clock"):
        client.call(CALL)
    client.close()
    server.shutdown()


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (100.0, "; its clock is right"),
        (110.0, "; its clock is right"),
        (99.0, "; its clock is right"),
        (90.0, "; its clock is 10 s behind this machine's"),
        (130.0, "; its clock is 20 s ahead of this machine's"),
    ],
)
def test_clocks_are_compared(node: float, words: str) -> None:
    """A node's clock was read between two looks at this machine's."""
    assert compare_clocks(node, 100.0, 110.0) == words


@pytest.mark.parametrize("node", [100.0 - MAX_SECONDS - 1, 110.0 + MAX_SECONDS + 1])
def test_clocks_that_are_far_apart(node: float) -> None:
    """Kerberos would refuse, so doctor says so."""
    with pytest.raises(
        ClusterError, match=r"The node's clock is 301 s (behind|ahead of) this machine's; have both set"
    ):
        compare_clocks(node, 100.0, 110.0)
