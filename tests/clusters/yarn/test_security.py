"""The words of doctor about a secured cluster, from the facts that it finds."""

import struct
from pathlib import Path

import click
import pytest

from yarnml.cli.commands import submit_command
from yarnml.clusters.yarn.edge.clocks import MAX_SECONDS, compare_with_servers
from yarnml.clusters.yarn.edge.encryption import (
    AES,
    CIPHERS,
    DATA_ENCRYPTION,
    DATA_PROTECTION,
    RPC_PROTECTION,
    Advice,
    check_encryption,
)
from yarnml.clusters.yarn.edge.machine import TOKENS_JAR, check_yarn_command
from yarnml.clusters.yarn.edge.security import key_servers
from yarnml.clusters.yarn.edge.skein_answers import refusal
from yarnml.errors import ClusterError
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security import kerberos


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        ({"the KDC": 0.4, "rm": -1.9}, "this machine's agrees with those of the KDC, rm"),
        ({"the KDC": 0.0, "rm": 30.2}, "beside this machine's rm's is 30 s ahead"),
        ({"the KDC": -20.0, "rm": 30.0}, "beside this machine's the KDC's is 20 s behind, rm's is 30 s ahead"),
    ],
)
def test_clocks_of_servers(ahead: dict[str, float], words: str) -> None:
    """A slight difference is none; every other is told with its server."""
    assert compare_with_servers(ahead) == words


def test_clocks_that_kerberos_refuses() -> None:
    """More than Kerberos allows is wrong, and all that differ are named."""
    ahead = {"the KDC": MAX_SECONDS + 1, "nn": 0.0, "rm": -3.0}
    with pytest.raises(ClusterError, match=r"clock the KDC's is 301 s ahead, rm's is 3 s behind, .* set by NTP"):
        compare_with_servers(ahead)


@pytest.mark.parametrize("seconds", [0, 600, -600])
def test_the_clock_of_the_kdc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """It is in the header of the cache that kinit wrote: format 4 of MIT's files, tag 1."""
    offset = struct.pack(">HHii", 1, 8, seconds, 0)
    principal = struct.pack(">IIII", 1, 1, 4, 3)[:8] + struct.pack(">I4sI3s", 4, b"CORP", 3, b"ann")
    cache = tmp_path / "tickets"
    cache.write_bytes(b"\x05\x04" + struct.pack(">H", len(offset)) + offset + principal)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{cache}")
    assert kerberos.kdc_ahead() == seconds


def test_no_ticket_tells_of_no_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cache nothing is known of the KDC's clock."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none")
    assert kerberos.kdc_ahead() is None


@pytest.mark.parametrize(
    ("provider", "addresses"),
    [
        ("kms://https@kms:9700/kms", ["kms:9700"]),
        ("kms://http@kms1;kms2:9700/kms", ["kms1:9700", "kms2:9700"]),
        ("kms://https@kms/kms", ["kms:9600"]),
        ("jceks://file/etc/keys.jceks", []),
    ],
)
def test_key_servers(provider: str, addresses: list[str]) -> None:
    """Hadoop's URL of a key server names several hosts before one port."""
    assert key_servers(provider) == addresses


def test_jars_that_collect_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skein needs one jar more on a cluster with Kerberos."""
    (tmp_path / "yarn").write_text("#!/bin/sh\necho /lib/hadoop-common-3.4.3.jar:/lib/$MORE\n")
    (tmp_path / "yarn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert check_yarn_command(kerberos=False) == f"{tmp_path}/yarn, 1 jars"
    with pytest.raises(ClusterError, match=f"names no {TOKENS_JAR}"):
        check_yarn_command(kerberos=True)
    monkeypatch.setenv("MORE", f"{TOKENS_JAR}-3.4.3.jar")
    assert check_yarn_command(kerberos=True) == f"{tmp_path}/yarn, 2 jars"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--keytab", "k", "--principal", "p", "--proxy-user", "ann"], "must not get the key of a service"),
        (["--keytab", "k"], "--keytab and --principal go together"),
        (["--keep-alive", "1", "--detach"], "it can't be detached"),
    ],
)
def test_options_that_contradict_each_other(options: list[str], sentence: str) -> None:
    """The key of a service stays on the edge node, and who watches can't leave."""
    with pytest.raises(click.UsageError, match=sentence):
        submit_command.main(["job.yaml", *options], standalone_mode=False)


def test_a_refusal_without_words() -> None:
    """The driver's beginning alone, as where a key server refuses a service, is completed by what to look at."""
    assert "does not say why; where the cluster has a key server" in refusal(
        "Failed to submit application, exception:\n"
    )
    whole = "Failed to submit application, exception:\norg.apache.hadoop.yarn.exceptions.YarnException: no queue"
    assert refusal(whole) == "no queue"


KERBEROS = {"hadoop.security.authentication": "kerberos"}
SUITES = {CIPHERS: f" {AES} "}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "RPC is protected by authentication, data by nothing"),
        (KERBEROS | {DATA_PROTECTION: "integrity"}, "RPC is protected by authentication, data by integrity"),
        (KERBEROS | {RPC_PROTECTION: "privacy", DATA_PROTECTION: "privacy"} | SUITES, "data by privacy with AES"),
        (KERBEROS | {DATA_PROTECTION: "authentication, privacy"}, None),
        ({DATA_PROTECTION: "privacy"}, "data by privacy"),  # which means nothing without Kerberos
        ({DATA_ENCRYPTION: "true"}, None),
        ({DATA_ENCRYPTION: "true"} | SUITES, "data by AES"),
    ],
)
def test_ciphers(values: dict[str, str], words: str | None) -> None:
    """Encrypted data without AES is slower by far, and the property that mends it is named; all else is told."""
    settings = Configuration(None, values)
    if words is None:
        with pytest.raises(Advice, match=rf"have {CIPHERS} set to {AES} in the cluster's"):
            check_encryption(settings)
    else:
        assert words in check_encryption(settings)
