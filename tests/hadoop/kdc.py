"""A Kerberos realm of its own: MIT's KDC in a plain process, which needs no root and changes nothing of the machine."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

REALM = "YARNML.TEST"

PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
"""Programs of the packages krb5-kdc, krb5-admin-server and krb5-user (Debian) or krb5-server (Red Hat)."""

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"  # a user's PATH may lack the administrator's

_CLIENT = """\
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  rdns = false
  dns_canonicalize_hostname = false
  udp_preference_limit = 1
  forwardable = true
  default_ccache_name = FILE:{folder}/nobody
[realms]
  {realm} = {{
    kdc = {address}
  }}
"""

_SERVER = """\
[kdcdefaults]
  kdc_listen = {address}
  kdc_tcp_listen = {address}
[realms]
  {realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/kadm5.acl
    max_life = 24h
    max_renewable_life = 7d
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }}
"""


def missing_programs() -> list[str]:
    """The programs of MIT Kerberos that this machine lacks."""
    return [name for name in PROGRAMS if not shutil.which(name, path=_PATH)]


class Kdc:
    """A realm whose files are in a folder; `command` serves it once its principals are made."""

    def __init__(self, folder: Path, address: str) -> None:
        folder.mkdir(mode=0o700, parents=True)
        self._folder = folder
        self._address = address
        self.configuration = folder / "krb5.conf"
        values = {"realm": REALM, "folder": folder, "address": address}
        self.configuration.write_text(_CLIENT.format(**values))
        (folder / "kdc.conf").write_text(_SERVER.format(**values))
        self._run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "the master key of a realm for tests"])

    @property
    def variables(self) -> dict[str, str]:
        """Variables by which the KDC's own programs find their files."""
        return {
            "KRB5_CONFIG": str(self.configuration),
            "KRB5_KDC_PROFILE": str(self._folder / "kdc.conf"),
            "PATH": _PATH,
        }

    @property
    def command(self) -> list[str]:
        """The line that serves this realm until it is killed."""
        return [shutil.which("krb5kdc", path=_PATH) or "krb5kdc", "-n", "-r", REALM]

    @property
    def answers(self) -> bool:
        """True once somebody serves this realm."""
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            return False
        return True

    def add(self, keytabs: Mapping[str, Iterable[str]]) -> None:
        """Make principals; each keytab, by its name, gets the keys of several."""
        lines = [
            line
            for keytab, principals in keytabs.items()
            for principal in principals
            for line in (f"addprinc -randkey {principal}", f"ktadd -k {self.keytab(keytab)} {principal}")
        ]
        self._run(["kadmin.local", "-r", REALM], "\n".join(lines) + "\n")

    def keytab(self, name: str) -> Path:
        return self._folder / f"{name}.keytab"

    def log_in(self, principal: str, keytab: str, cache: Path, *options: str) -> None:
        """Get a ticket into a cache, as `kinit` does for a user."""
        self._run(["kinit", *options, "-c", f"FILE:{cache}", "-k", "-t", str(self.keytab(keytab)), principal])

    def _run(self, line: list[str], orders: str = "") -> None:
        done = subprocess.run(
            line, input=orders, env=os.environ | self.variables, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{line[0]} failed: {done.stdout}{done.stderr}"
