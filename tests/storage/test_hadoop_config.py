"""The Hadoop configuration: found where Hadoop looks, read as Hadoop reads it."""

import os
from pathlib import Path

import pytest

from yarnml.errors import ClusterError, JobFileError
from yarnml.storage import hadoop_config
from yarnml.storage.hadoop_config import Address, Configuration, configuration, find_folder


def site(folder: Path, name: str = "core-site.xml", extra: str = "", **values: str) -> dict[str, str]:
    """Write a site file (``__`` for a dot, ``_`` for a dash) and give the variables that lead to it."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {key.replace("__", ".").replace("_", "-"): value for key, value in values.items()}
    lines = [f"<property><name>{key}</name><value>{value}</value></property>" for key, value in named.items()]
    text = '<configuration xmlns:xi="http://www.w3.org/2001/XInclude">' + "\n".join(lines) + extra
    (folder / name).write_text('<?xml version="1.0"?>\n' + text + "</configuration>")
    return {"HADOOP_CONF_DIR": str(folder)}


def plain(**values: str) -> Configuration:
    return Configuration(None, {key.replace("__", ".").replace("_", "-"): value for key, value in values.items()})


def test_where(tmp_path: Path) -> None:
    """HADOOP_CONF_DIR comes first, then etc/hadoop of HADOOP_HOME."""
    site(tmp_path / "home/etc/hadoop", fs__defaultFS="hdfs://home")
    named = site(tmp_path / "named", fs__defaultFS="hdfs://named/")
    home = {"HADOOP_HOME": str(tmp_path / "home")}
    assert configuration(home).default_fs == "hdfs://home"
    assert configuration(home | named).default_fs == "hdfs://named"
    assert configuration(named).folder == tmp_path / "named"
    assert find_folder({"HADOOP_HOME": str(tmp_path)}) in (None, Path("/etc/hadoop/conf"))


def test_no_such_folder(tmp_path: Path) -> None:
    """A HADOOP_CONF_DIR that is not there is an error that names it, and not an empty configuration."""
    with pytest.raises(JobFileError, match=r"HADOOP_CONF_DIR is .*/none, which is not a folder"):
        configuration({"HADOOP_CONF_DIR": str(tmp_path / "none")})


def test_no_default_filesystem() -> None:
    """A call for the cluster's filesystem, where none is set, names the property and where it is looked for."""
    assert plain(fs__defaultFS="hdfs://here/").root == "hdfs://here"
    with pytest.raises(ClusterError, match=r"fs\.defaultFS is not set .* set HADOOP_CONF_DIR"):
        _ = plain().root


def test_broken_file(tmp_path: Path) -> None:
    """A file that is no XML is named."""
    (tmp_path / "hdfs-site.xml").write_text("<configuration><property>")
    with pytest.raises(JobFileError, match=r"hdfs-site\.xml is not readable Hadoop configuration: .*line 1"):
        configuration({"HADOOP_CONF_DIR": str(tmp_path)})


def test_later_files_win_but_for_final(tmp_path: Path) -> None:
    """hdfs-site.xml overrides core-site.xml, except what is final there."""
    fixed = "<property><name>b</name><value>core</value><final>true</final></property>"
    variables = site(tmp_path, a="core", extra=fixed)
    site(tmp_path, "hdfs-site.xml", a="hdfs", b="hdfs")
    settings = configuration(variables)
    assert (settings.get("a"), settings.get("b"), settings.get("c", "default")) == ("hdfs", "core", "default")


def test_includes(tmp_path: Path) -> None:
    """xi:include brings in another file of the same folder; one that is not there is named."""
    variables = site(tmp_path, extra='<xi:include href="more.xml"/>')
    site(tmp_path, "more.xml", a="1")
    assert configuration(variables).get("a") == "1"
    (tmp_path / "more.xml").unlink()
    with pytest.raises(JobFileError, match=r"more\.xml"):
        configuration(variables)


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """${name} is a property, ${env.NAME} a variable of the environment; unknown ones and circles stay."""
    monkeypatch.setenv("WHO", "me")
    settings = plain(
        a="${b}/x", b="${c}", c="1", d="${none}", e="${e}", f="${env.WHO} ${env.NOBODY-HERE} ${env.NO:-you}"
    )
    assert [settings.get(name) for name in "abcdf"] == ["1/x", "1", "1", "${none}", "me  you"]
    assert settings.get("e") == "${e}"
    assert settings.items()["a"] == "1/x"


def test_one_name_node() -> None:
    """Without high availability the URL's host is the NameNode, and its HTTP port the configured one."""
    assert plain().name_nodes("nn:9000") == (Address("nn:9000", "http://nn:9870"),)
    assert plain().name_nodes("nn") == (Address("nn:8020", "http://nn:9870"),)
    wildcard = plain(dfs__namenode__http_address="0.0.0.0:50070")
    assert wildcard.name_nodes("nn:9000") == (Address("nn:9000", "http://nn:50070"),)
    secure = plain(dfs__http__policy="HTTPS_ONLY", dfs__namenode__https_address="nn:1")
    assert secure.name_nodes("nn") == (Address("nn:8020", "https://nn:1"),)


def test_name_services() -> None:
    """Several name services, each with its NameNodes in order; a URL of one of their hosts finds its HTTP port."""
    settings = plain(
        dfs__nameservices="east, west",
        dfs__ha__namenodes__east="nn1,nn2",
        dfs__namenode__rpc_address__east__nn1="e1:8020",
        dfs__namenode__rpc_address__east__nn2="e2",
        dfs__namenode__http_address__east__nn1="e1:1",
        dfs__namenode__rpc_address__west="w:9000",
    )
    east = (Address("e1:8020", "http://e1:1"), Address("e2:8020", "http://e2:9870"))
    assert settings.name_services == {"east": east, "west": (Address("w:9000", "http://w:9870"),)}
    assert settings.name_nodes("east") == east
    assert settings.name_nodes("e1:8020") == (Address("e1:8020", "http://e1:1"),)


def test_resource_managers() -> None:
    """One by its host, its address or both; several with high availability; none where none is named."""
    assert plain().resource_managers == ()
    one = plain(yarn__resourcemanager__hostname="rm")
    assert one.resource_managers == (Address("rm:8032", "http://rm:8088"),)
    address = plain(yarn__resourcemanager__address="rm:1", yarn__resourcemanager__webapp__address="0.0.0.0:2")
    assert address.resource_managers == (Address("rm:1", "http://rm:2"),)
    several = plain(
        yarn__resourcemanager__ha__enabled="true",
        yarn__resourcemanager__ha__rm_ids="a,b",
        yarn__resourcemanager__hostname__a="ra",
        yarn__resourcemanager__address__b="rb:1",
        yarn__resourcemanager__webapp__address__b="rb:2",
    )
    assert several.resource_managers == (Address("ra:8032", "http://ra:8088"), Address("rb:1", "http://rb:2"))
    whole = plain(
        yarn__http__policy="HTTPS_ONLY",
        yarn__resourcemanager__hostname="rm",
        yarn__resourcemanager__webapp__address="${yarn.resourcemanager.hostname}:8088",
    )
    assert whole.resource_managers == (Address("rm:8032", "https://rm:8090"),)


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id that no file names, as in a container of OpenShift, is the user's name."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert hadoop_config.system_user({}) == "4000000"
    assert hadoop_config.system_user({"HADOOP_USER_NAME": "ann"}) == "ann"
