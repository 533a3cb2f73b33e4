"""Tickets of a real KDC: who has none is told why, and what to do about it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clusters.yarn.secured import NEEDS_KERBEROS
from tests.hadoop.configuration import free_address, write
from tests.hadoop.kdc import Kdc
from tests.processes import wait_for
from yarnml.clusters.yarn.edge.admission import check_kdc, check_ticket
from yarnml.errors import ClusterError, JobFileError
from yarnml.storage.hadoop_config import configuration
from yarnml.storage.security import keytab

pytestmark = NEEDS_KERBEROS

ANN = "ann@YARNML.TEST"


class Realm(NamedTuple):
    """The folder of a realm, and its KDC."""

    folder: Path
    server: subprocess.Popen[bytes]


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """A realm with caches and keytabs of all kinds; the configuration of a cluster is there, too."""
    folder = tmp_path_factory.mktemp("realm") / "kdc"
    kdc = Kdc(folder, free_address("127.0.0.1"))
    kdc.add({"ann": ["ann", "HTTP/ann"], "old": ["bob"], "new": ["bob"]})  # each keytab gets a new key
    server = subprocess.Popen(kdc.command, env=os.environ | kdc.variables, stderr=subprocess.DEVNULL)
    try:
        wait_for("the KDC", lambda: kdc.answers)
        kdc.log_in("ann", "ann", folder / "ended", "-l", "1s")
        kdc.log_in("ann", "ann", folder / "tickets")
        (folder / "text").write_text("neither a cache nor a keytab")
        (folder / "broken.conf").write_text("[realms")
        (folder / "empty.keytab").write_bytes(b"\5\2")
        (folder / "torn.keytab").write_bytes((folder / "ann.keytab").read_bytes()[:20])
        write(folder / "core-site.xml", {"hadoop.security.authentication": "kerberos"})
        yield Realm(folder, server)
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def realm(running: Realm) -> Path:
    return running.folder


@pytest.fixture(autouse=True)
def _in_realm(realm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process, which has no ticket, use the realm."""
    monkeypatch.delenv(keytab.VARIABLE, raising=False)
    for name, value in {
        "HADOOP_CONF_DIR": realm,
        "KRB5_CONFIG": realm / "krb5.conf",
        "KRB5CCNAME": f"FILE:{realm}/none",
    }.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, r"wants a Kerberos ticket: No Kerberos credentials available .*; run kinit\.$"),
        ({"KRB5CCNAME": "FILE:{realm}/text"}, r"Unsupported credentials cache format .*; run kinit\.$"),
        ({"KRB5CCNAME": "KCM:"}, r"in KCM:, which Java can't read; run `export KRB5CCNAME=FILE:\S+` and kinit\.$"),
        ({"KRB5CCNAME": "KEYRING:persistent:0"}, "in KEYRING:persistent:0, which Java can't read"),
        ({"KRB5CCNAME": "DIR:{realm}"}, "which Java can't read"),
        (
            {"KRB5CCNAME": "FILE:{realm}/tickets", "KRB5_CONFIG": "/nowhere"},
            f"has no default realm, so {ANN} has no name on the cluster; set default_realm in krb5.conf",
        ),
        (
            {"KRB5_CONFIG": "{realm}/broken.conf"},
            r"Kerberos' configuration \S+/broken.conf can't be read; correct it\.$",
        ),
        (
            {keytab.VARIABLE: "FILE:{realm}/nothing"},
            "nothing that KRB5_CLIENT_KTNAME names is not a file that can be",
        ),
        ({keytab.VARIABLE: "{realm}/text"}, "text that KRB5_CLIENT_KTNAME names is not a keytab"),
        (
            {keytab.VARIABLE: "{realm}/ann.keytab", "KRB5CCNAME": "FILE:/nowhere/tickets"},
            "that KRB5_CLIENT_KTNAME names gives no ticket for FILE:/nowhere/tickets",
        ),
    ],
)
def test_no_ticket(realm: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str) -> None:
    """No cache, a wrong one, one that Java can't read, no realm, a keytab that gives no ticket: each with its mend."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(realm=realm))
    with pytest.raises(ClusterError, match=words):
        check_ticket(configuration())


def test_a_ticket_that_has_ended(realm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and that another one helps."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{realm}/ended")
    deadline = time.monotonic() + 10
    while "expired" not in (text := refusal()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "expired; run kinit." in text


def refusal() -> str:
    """The sentence of a check of the ticket; empty where it is good."""
    try:
        check_ticket(configuration())
    except ClusterError as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize(
    ("file", "principal", "words"),
    [
        ("nothing", ANN, "is not a file that can be read; give the keytab of ann@YARNML.TEST"),
        ("text", ANN, "text is not a keytab"),
        ("torn.keytab", ANN, "is not a keytab"),
        ("empty.keytab", ANN, "has no keys"),
        ("ann.keytab", "bob", "has keys of ann@YARNML.TEST, HTTP/ann@YARNML.TEST alone; give the keytab of bob"),
        ("ann.keytab", "ann@OTHER.TEST", "has keys of ann@YARNML.TEST, HTTP/ann@YARNML.TEST alone"),
    ],
)
def test_a_keytab_by_which_nobody_can_log_in(realm: Path, file: str, principal: str, words: str) -> None:
    """It is told what the file is, and whose keys it has."""
    with pytest.raises(JobFileError, match=f"--keytab .*{words}"), keytab.used(realm / file, principal):
        pass


@pytest.mark.parametrize("principal", [ANN, "ann", "HTTP/ann"])
def test_a_keytab(realm: Path, principal: str) -> None:
    """Its key gives a ticket, by the principal with and without its realm."""
    with keytab.used(realm / "ann.keytab", principal):
        assert check_ticket(configuration()).startswith(f"{principal.removesuffix('@YARNML.TEST')}@YARNML.TEST has one")


def test_a_key_that_the_kdc_has_changed(realm: Path) -> None:
    """A keytab with an old key is told in Kerberos' own words."""
    words = r"bob can't log in by the keytab \S+old.keytab: .+"
    with pytest.raises(ClusterError, match=words), keytab.used(realm / "old.keytab", "bob"):
        pass


def test_the_kdc_answers(realm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so by a refusal, too: the ticket can't be renewed."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{realm}/tickets")
    assert check_kdc(configuration()) == "that of realm YARNML.TEST answers"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("kdc = {closed}", "Cannot contact any KDC"),
        ("admin_server = {closed}", "Cannot find KDC"),
        ("kdc = kdc.invalid", "Cannot (resolve network address for|contact any) KDC"),
    ],
)
def test_no_kdc(realm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str, words: str) -> None:
    """A ticket alone is not enough: one that runs nowhere, that krb5.conf does not name, whose name is unknown."""
    lines = (realm / "krb5.conf").read_text().splitlines()
    wrong = place.format(closed=free_address("127.0.0.1"))
    config = tmp_path / "krb5.conf"
    config.write_text("\n".join(wrong if line.split()[:2] == ["kdc", "="] else line for line in lines))
    monkeypatch.setenv("KRB5_CONFIG", str(config))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{realm}/tickets")
    with pytest.raises(
        ClusterError, match=rf"The KDC of realm YARNML\.TEST does not answer: {words}.*correct {config}\.$"
    ):
        check_kdc(configuration())


def test_a_silent_kdc(running: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command waits for it without a word: its time limit is named, and the command ends."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{running.folder}/tickets")
    running.server.send_signal(signal.SIGSTOP)
    try:
        ended = subprocess.run([sys.executable, "-m", "yarnml", "ls"], capture_output=True, text=True, check=False)
    finally:
        running.server.send_signal(signal.SIGCONT)
    assert ended.stderr.startswith("error: The KDC of realm YARNML.TEST does not answer: no answer within 10 s; ")
    assert ended.returncode == 1
