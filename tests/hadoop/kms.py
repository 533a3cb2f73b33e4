"""The key server of a secured cluster (Hadoop's KMS), and its encryption zones."""

from collections.abc import Iterable
from pathlib import Path

from tests.hadoop.configuration import MASTER, Properties, free_address
from tests.hadoop.lines import daemon

_EVERYBODY = "*"
_ACTS = ("MANAGEMENT", "GENERATE_EEK", "DECRYPT_EEK", "READ")


class KeyServer:
    """A KMS of which a secured cluster's NameNode and clients get the keys of encryption zones.

    ``url``: of its web service.
    ``command``: the line that serves it.
    ``settings``: properties of Hadoop and its own, by file.
    """

    KEY = "zones"
    """The name of the key of all zones."""

    def __init__(self, folder: Path, keytab: str, rules: str, services: Iterable[str]) -> None:
        """Choose its address.

        ``folder``: of the cluster, where it keeps its keys.
        ``keytab``: that has its principal.
        ``rules``: those of hadoop.security.auth_to_local.
        ``services``: the users who may act in the name of others.
        """
        address = free_address("localhost")
        self.url = f"https://{address}/kms/v1"
        self.command = daemon("kms", {})
        self.settings: dict[str, Properties] = {
            "core-site.xml": {"hadoop.security.key.provider.path": f"kms://https@{address}/kms"},
            "kms-site.xml": {
                "hadoop.kms.http.host": MASTER,
                "hadoop.kms.http.port": address.rpartition(":")[2],
                "hadoop.kms.ssl.enabled": "true",
                "hadoop.kms.key.provider.uri": f"jceks://file@{folder}/keys.jceks",
                "hadoop.kms.authentication.type": "kerberos",
                "hadoop.kms.authentication.kerberos.principal": _EVERYBODY,
                "hadoop.kms.authentication.kerberos.keytab": keytab,
                "hadoop.kms.authentication.kerberos.name.rules": rules,
                **{
                    f"hadoop.kms.proxyuser.{name}.{what}": _EVERYBODY
                    for name in services
                    for what in ("hosts", "users")
                },
            },
            "kms-acls.xml": {f"default.key.acl.{act}": _EVERYBODY for act in _ACTS},
        }
