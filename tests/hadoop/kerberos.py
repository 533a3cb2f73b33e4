"""A secured cluster: Kerberos for every call, tickets for web services, everything encrypted on its way.

Its settings are those of ``docker/secure``: RPC and data are protected by privacy, data by AES, web services by HTTPS
with a private CA, blocks by tokens.  The NameNode has a host name and no address in fs.defaultFS, as on real clusters.
"""

import getpass
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.hadoop.configuration import (
    HOSTS,
    MASTER,
    QUICK_JAVA,
    SECURE,
    Properties,
    admin_variables,
    free_address,
    merged,
    read,
)
from tests.hadoop.kdc import REALM, Kdc
from tests.hadoop.keystores import write_keystores
from tests.hadoop.kms import KeyServer
from tests.hadoop.rest import parsed

ANN = "ann"
"""A user who is this machine's user to Hadoop: the log files of a job must belong to its user."""

BOB = "bob"
"""Another user, whom this machine does not know."""

CAROL = "carol"
"""A third user."""

DAVE = "dave"
"""A fourth user, in the group of the analysts."""

ERIN = "erin"
"""A fifth user."""

ANALYSTS = "analysts"
"""A group of users."""

SERVICE = "airflow"
"""A service that may act in the name of others."""

_DAEMONS = "hadoop"  # the name of the daemons' keytab
_USERS = (ANN, BOB, CAROL, DAVE, ERIN, SERVICE)
_SERVICES = ("nn", "dn", "rm", "nm")
_ADMINISTRATORS = {"hdfs": "nn", "yarn": "rm"}
_CURL_SECONDS = 10


class KerberosAccess:
    """The realm, keys and settings of a secured cluster; an `Access`."""

    scheme = "https"
    name_node_host = "localhost"

    def __init__(
        self,
        folder: Path,
        native: Path,
        token_seconds: int = 0,
        settings: Mapping[str, Mapping[str, str]] = {},
    ) -> None:
        """Make the realm, its principals and keys.

        ``native``: the folder of libhadoop.so, without which a NodeManager can't keep logs of a secured cluster.
        ``token_seconds``: the largest age of a delegation token, which is good for half of it where nobody renews it;
        0 for Hadoop's days.
        ``settings``: other properties than its own, by file.
        """
        self._folder = folder
        self._native = native
        address = free_address(MASTER)
        self._kdc = Kdc(folder / "kdc", address)
        web = [f"HTTP/{host}" for host in (MASTER, "localhost", *HOSTS)]
        self._kdc.add({_DAEMONS: [*(f"{s}/{MASTER}" for s in _SERVICES), *web], **{user: [user] for user in _USERS}})
        write_keystores(folder / "tls", [MASTER, *HOSTS], ["localhost"])
        (folder / "signature").write_text("a secret that signs the cookies of web services")
        self._java = f"-Djava.security.krb5.conf={self._kdc.configuration}"
        # DataNodes, which are hdfs, read for the users of WebHDFS.
        self.key_server = KeyServer(folder, str(self._kdc.keytab(_DAEMONS)), _rules(), ("hdfs", SERVICE))
        self.servers = {"kdc": self._kdc.command, "kms": self.key_server.command}
        self.homes = frozenset({getpass.getuser(), BOB})
        self._lifetimes = {}
        if token_seconds:
            milliseconds = 1000 * token_seconds
            self._lifetimes = {"max-lifetime": f"{milliseconds}", "renew-interval": f"{milliseconds // 2}"}
        self.settings = merged([self._settings(), self.key_server.settings, settings])
        variables = admin_variables(f"{QUICK_JAVA} {self._java}", KRB5_CONFIG=str(self._kdc.configuration))
        self.inside = {"yarn.nodemanager.admin-env": variables}
        self.user = {
            "KRB5_CONFIG": str(self._kdc.configuration),
            "HADOOP_OPTS": self._java,
            "SKEIN_DRIVER_JAVA_OPTIONS": self._java,
            **self.tickets(ANN),
        }

    def tickets(self, user: str) -> dict[str, str]:
        """The variable that says where a user's ticket is."""
        return {"KRB5CCNAME": f"FILE:{self._cache(user)}"}

    def keytab(self, user: str) -> Path:
        return self._kdc.keytab(user)

    def log_in(self, user: str, *options: str, cache: Path | None = None) -> None:
        """Give a user a ticket, into a cache of its own where one is given; ``options`` of kinit."""
        self._kdc.log_in(user, user, cache or self._cache(user), *options)

    def administrator(self, user: str) -> dict[str, str]:
        """The variable that says where the ticket of an administrator of Hadoop is, hdfs or yarn."""
        return {"KRB5CCNAME": f"FILE:{self._cache(_ADMINISTRATORS[user])}"}

    def datanode(self, host: str) -> Properties:
        return {"dfs.datanode.https.address": free_address(host)}

    def nodemanager(self, host: str) -> Properties:
        return {"yarn.nodemanager.webapp.https.address": free_address(host)}

    def daemon(self, name: str) -> Mapping[str, str]:
        if name == "kdc":
            return self._kdc.variables
        native = f" -Djava.library.path={self._native}" if name.startswith("nodemanager") else ""
        return {"KRB5_CONFIG": str(self._kdc.configuration), "HADOOP_OPTS": self._java + native}

    def prepare(self) -> bool:
        if not self._kdc.answers:
            return False
        for service in _ADMINISTRATORS.values():
            self._kdc.log_in(f"{service}/{MASTER}", _DAEMONS, self._cache(service))
        for user in _USERS:
            self.log_in(user)
        return True

    def http(self, url: str, method: str, body: object, user: str) -> Any:
        """Call a web service by curl, which is not what is tested here."""
        line = [
            "curl",
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--negotiate",
            "--user",
            ":",
            "--request",
            method,
        ]
        line += ["--cacert", str(self._folder / "tls/ca.pem"), "--header", "Accept: application/json"]
        if body is not None:
            line += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
        variables = self._kdc.variables | self.administrator(user)
        try:
            done = subprocess.run([*line, url], env=variables, capture_output=True, timeout=_CURL_SECONDS, check=False)
        except subprocess.TimeoutExpired as exc:  # a server that starts on a busy machine
            raise OSError(str(exc)) from exc
        if done.returncode:
            raise OSError(f"{url}: {done.stderr.decode()} {done.stdout.decode()}")
        return parsed(done.stdout)

    def _cache(self, name: str) -> Path:
        return self._folder / f"tickets-{name}"

    def _settings(self) -> dict[str, Properties]:
        keytab = str(self._kdc.keytab(_DAEMONS))
        principals = {service: f"{service}/{MASTER}@{REALM}" for service in _SERVICES}
        stores = self._folder / "tls"
        own = {
            "core-site.xml": {
                "hadoop.security.auth_to_local": _rules(),
                "hadoop.user.group.static.mapping.overrides": f"{DAVE}={ANALYSTS}",
                f"hadoop.proxyuser.{SERVICE}.hosts": "*",
                f"hadoop.proxyuser.{SERVICE}.users": getpass.getuser(),
                "hadoop.http.authentication.kerberos.keytab": keytab,
                "hadoop.http.authentication.signature.secret.file": str(self._folder / "signature"),
            },
            "hdfs-site.xml": {
                "dfs.namenode.kerberos.principal": principals["nn"],
                "dfs.namenode.keytab.file": keytab,
                "dfs.journalnode.kerberos.principal": principals["nn"],
                "dfs.journalnode.keytab.file": keytab,
                "dfs.journalnode.kerberos.internal.spnego.principal": "*",
                "dfs.datanode.kerberos.principal": principals["dn"],
                "dfs.datanode.keytab.file": keytab,
                "dfs.web.authentication.kerberos.keytab": keytab,
                **{f"dfs.namenode.delegation.token.{name}": value for name, value in self._lifetimes.items()},
            },
            "yarn-site.xml": {
                "yarn.resourcemanager.principal": principals["rm"],
                "yarn.resourcemanager.keytab": keytab,
                "yarn.nodemanager.principal": principals["nm"],
                "yarn.nodemanager.keytab": keytab,
                **{f"yarn.resourcemanager.delegation.token.{name}": value for name, value in self._lifetimes.items()},
            },
            "ssl-server.xml": {
                "ssl.server.keystore.location": str(stores / "keystore.p12"),
                "ssl.server.truststore.location": str(stores / "truststore.p12"),
            },
            "ssl-client.xml": {"ssl.client.truststore.location": str(stores / "truststore.p12")},
        }
        return {name: _shared(name) | properties for name, properties in own.items()}


def _rules() -> str:
    """The rules of hadoop.security.auth_to_local, by which Ann is this machine's user."""
    own = f"RULE:[1:$1@$0]({ANN}@{REALM})s/.*/{getpass.getuser()}/\n"
    return own + _shared("core-site.xml")["hadoop.security.auth_to_local"]


def _shared(name: str) -> Properties:
    """The properties of a file of ``docker/secure``, without those of the open cluster that it includes."""
    return read(SECURE / name)
