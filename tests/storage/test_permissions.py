"""Files on HDFS have the permissions that Hadoop's own client would give them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hadoop import Hadoop
from tests.hadoop.configuration import read, write
from tests.tiers import cases
from yarnml import storage
from yarnml.clusters.yarn.packaging.home import prepare
from yarnml.errors import JobFileError, ProvisionError
from yarnml.storage import permissions
from yarnml.storage.hadoop_config import Configuration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("022", 0o022),
        ("0022", 0o022),
        ("+027", 0o027),
        (" 077 ", 0o077),
        ("0", 0),
        ("777", 0o777),
        ("u=rwx,g=rx,o=", 0o027),
        ("u=rwx, g=rx, o=rx", 0o022),
        ("u=rwx,go=", 0o077),
        ("a=rx", 0o222),
        ("=rwx", 0),
        ("u+rwx,g+r,o-rwx", 0o037),
        ("a=rwx,o=", 0o007),
    ],
)
def test_umask(text: str, expected: int) -> None:
    """Octal numbers are what is taken away, symbols what is left, as Hadoop reads them."""
    assert permissions.umask(text) == expected


@pytest.mark.parametrize("text", ["", "08", "1777", "rwx", "u=rwz", "u=rwx;g=", "0o22", "u"])
def test_a_umask_that_is_none(text: str) -> None:
    """A typo is refused: nobody may read more than the cluster allows because of it."""
    with pytest.raises(JobFileError, match=r"fs\.permissions\.umask-mode in the Hadoop configuration is '.*'; it must"):
        permissions.umask(text)


def test_where_the_umask_is() -> None:
    """It is 022 without a setting, and the old name of the property counts too."""
    assert Configuration().umask == 0o022
    assert Configuration(None, {"dfs.umaskmode": "077"}).umask == 0o077
    assert Configuration(None, {"dfs.umaskmode": "077", "fs.permissions.umask-mode": "${m}", "m": "027"}).umask == 0o027


def configure(folder: Path, cluster: Hadoop, monkeypatch: pytest.MonkeyPatch, umask: str) -> None:
    """Have this process be a user of the cluster with a umask."""
    shutil.copytree(cluster.conf_dir, folder)
    site = read(folder / "core-site.xml") | {"fs.permissions.umask-mode": umask}
    write(folder / "core-site.xml", site)
    for name, value in (cluster.environment | {"HADOOP_CONF_DIR": str(folder)}).items():
        monkeypatch.setenv(name, value)


def mode(cluster: Hadoop, path: str) -> str:
    return str(cluster.webhdfs(path, "GETFILESTATUS")["FileStatus"]["permission"])


@pytest.fixture(params=["hdfs", "webhdfs"])
def root(request: pytest.FixtureRequest, hadoop: Hadoop) -> Iterator[str]:
    """A folder that is not there yet, by either protocol."""
    base = {"hdfs": hadoop.hdfs, "webhdfs": hadoop.hdfs_web.replace("http", "webhdfs")}[request.param]
    yield f"{base}/tmp/modes-{request.param}"
    hadoop.webhdfs(f"/tmp/modes-{request.param}", "DELETE&recursive=true", "DELETE")


@pytest.mark.cluster("yarn")
@pytest.mark.parametrize(
    ("umask", "file", "folder"), [("022", "644", "755"), ("u=rwx,g=rx,o=", "640", "750"), ("077", "600", "700")]
)
def test_modes(
    root: str, hadoop: Hadoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: str, file: str, folder: str
) -> None:
    """The umask of the configuration holds for all that is made, and changes nothing that was there."""
    configure(tmp_path / "conf", hadoop, monkeypatch, umask)
    path = root[root.index("/tmp") :]
    storage.write(f"{root}/a/b/x", b"1")
    assert [mode(hadoop, f"{path}{name}") for name in ("/a/b/x", "/a/b", "/a")] == [file, folder, folder]
    hadoop.webhdfs(f"{path}/a", "SETPERMISSION&permission=711", "PUT")
    storage.write(f"{root}/a/y", b"1")
    storage.write(f"{root}/a/b/x", b"2")
    assert [mode(hadoop, f"{path}{name}") for name in ("/a/y", "/a/b/x", "/a")] == [file, file, "711"]
    prepare(f"{root}/home/.yarnml")
    storage.write(f"{root}/home/.yarnml/compiled/x", b"1")
    assert [mode(hadoop, f"{path}/home{name}") for name in ("", "/.yarnml", "/.yarnml/compiled")] == [
        folder,
        "700",
        folder,
    ]


@pytest.mark.parametrize("root", cases(["hdfs", "webhdfs"], {"hdfs"}), indirect=True)
@pytest.mark.cluster("yarn")
def test_default_acls(root: str, hadoop: Hadoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default ACL of the folder decides instead of the umask, as with Hadoop's own client."""
    configure(tmp_path / "conf", hadoop, monkeypatch, "077")
    path = root[root.index("/tmp") :]
    hadoop.webhdfs(path, "MKDIRS&permission=777", "PUT")
    acl = (
        "user::rwx,group::rwx,other::rwx,default:user::rwx,default:user:alice:rwx,default:group::r-x,default:other::---"
    )
    hadoop.webhdfs(path, f"SETACL&aclspec={acl}", "PUT")
    storage.write(f"{root}/ours/x", b"1")
    reference = f"{hadoop.hdfs}{path}/reference"
    done = hadoop.command("hdfs", "dfs", "-D", "fs.permissions.umask-mode=077", "-mkdir", reference)
    assert done.returncode == 0, done.stderr
    done = hadoop.command("hdfs", "dfs", "-D", "fs.permissions.umask-mode=077", "-touchz", f"{reference}/x")
    assert done.returncode == 0, done.stderr
    for name in ("", "/x"):
        ours = hadoop.webhdfs(f"{path}/ours{name}", "GETACLSTATUS")["AclStatus"]
        assert ours == hadoop.webhdfs(f"{path}/reference{name}", "GETACLSTATUS")["AclStatus"]
        assert "user:alice:rwx" in ours["entries"]


@pytest.mark.cluster("yarn")
def test_a_home_of_somebody_else(root: str, hadoop: Hadoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ~/.yarnml that another user owns is refused: what lies there is run."""
    configure(tmp_path / "conf", hadoop, monkeypatch, "022")
    path = root[root.index("/tmp") :]
    hadoop.webhdfs(f"{path}/.yarnml", "MKDIRS&permission=777", "PUT", user="alice")
    with pytest.raises(ProvisionError, match=r"\.yarnml can't be used: .*Permission denied"):
        prepare(f"{root}/.yarnml")


@pytest.mark.cluster("yarn")
def test_leftovers_go_by_their_age(root: str, hadoop: Hadoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A submit removes what others left half-stored days ago, and not what is being stored now."""
    configure(tmp_path / "conf", hadoop, monkeypatch, "022")
    path = root[root.index("/tmp") :]
    folder = f"{root}/.yarnml/environments"
    draft = f".tmp-{'0a' * 16}-abc.tar.gz"
    for name in (draft, draft.replace("0a", "0b"), ".abc.tar.gz.0123abcd", "abc.tar.gz", ".mine"):
        storage.write(f"{folder}/{name}", b"1")
    for name in (draft, ".abc.tar.gz.0123abcd", "abc.tar.gz", ".mine"):
        hadoop.webhdfs(f"{path}/.yarnml/environments/{name}", "SETTIMES&modificationtime=1000", "PUT")
    prepare(f"{root}/.yarnml")
    assert storage.names(folder) == [".mine", draft.replace("0a", "0b"), "abc.tar.gz"]
