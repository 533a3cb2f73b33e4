"""Our name on a cluster: the user of the system, or whom a Kerberos ticket names."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yarnml.errors import ClusterError, JobFileError
from yarnml.storage.hadoop_config import Configuration, configuration, system_user
from yarnml.storage.security import auth_to_local, gssapi, kerberos, keytab, tokens
from yarnml.storage.security.gssapi import Ticket

PROXY_USER = "HADOOP_PROXY_USER"
"""Hadoop's variable for the user in whose name a service acts: Java, hdfs-native and we look for it."""

_JAVA_READS = re.compile(r"FILE:|/|$")


def user() -> str:
    """Our name on the cluster: the user in whose name we act, or else who has logged in."""
    return proxied() or login_user()


def proxied() -> str:
    """The user in whose name we act; empty for nobody else."""
    return "" if tokens.in_container() else os.environ.get(PROXY_USER, "")


@contextmanager
def as_ourselves() -> Iterator[None]:
    """Act in nobody's name for the length of a block."""
    name = os.environ.pop(PROXY_USER, None)
    try:
        yield
    finally:
        if name is not None:
            os.environ[PROXY_USER] = name


def login_user() -> str:
    """The name on the cluster of who has logged in; ClusterError where it wants a ticket and there is none."""
    settings = configuration()
    if not settings.wants_kerberos:
        return system_user()
    if tokens.in_container():  # a container: YARN says whose it is
        return os.environ.get("USER") or system_user()
    return short_name(valid_ticket().principal, settings)


def login_name() -> str:
    """The principal of who has logged in to a cluster that wants tickets; their name on any other."""
    settings = configuration()
    if not settings.wants_kerberos or tokens.in_container():
        return login_user()
    return valid_ticket().principal


def actor() -> str:
    """The name of who acts, for others to read, and in whose name where that is another's."""
    return f"{login_name()}, in the name of {proxied()}," if proxied() else login_name()


def home() -> str:
    """The URL of our folder on the default filesystem."""
    settings = configuration()
    prefix = settings.get("dfs.user.home.dir.prefix", "/user").rstrip("/")
    return f"{settings.root}{prefix}/{user()}"


def short_name(principal: str, settings: Configuration) -> str:
    """The cluster's name for a principal; ClusterError where its rules have no name for it."""
    name = "hadoop.security.auth_to_local"
    realm = kerberos.default_realm()
    try:
        return auth_to_local.short_name(
            principal,
            settings.get(name),
            realm,
            settings.get(f"{name}.mechanism", "hadoop"),
        )
    except PermissionError as exc:
        if not realm:
            raise ClusterError(
                f"Kerberos has no default realm, so {principal} has no name on the cluster; set default_realm in "
                "krb5.conf, or KRB5_CONFIG to the file that has it."
            ) from exc
        raise ClusterError(
            f"{name} in {settings.folder}/core-site.xml: {exc}; log in as another principal, or have it corrected."
        ) from exc
    except (ValueError, re.error) as exc:
        raise JobFileError(f"{name} in {settings.folder}/core-site.xml: {exc}; correct it.") from exc


def valid_ticket() -> Ticket:
    """The ticket that we log in with; ClusterError says why there is none and what to do."""
    try:
        ticket = gssapi.ticket()
    except PermissionError as exc:
        if file := os.environ.get(keytab.VARIABLE):
            cache = os.environ.get(keytab.CACHE, "the usual cache")
            fault = keytab.fault_of(Path(file.removeprefix("FILE:"))) or f"gives no ticket for {cache}"
            raise ClusterError(
                f"The cluster wants a Kerberos ticket: {exc}; the keytab {file} that {keytab.VARIABLE} names {fault}."
            ) from exc
        raise ClusterError(f"The cluster wants a Kerberos ticket: {exc}; run kinit.") from exc
    if not ticket.seconds:
        raise ClusterError(f"The Kerberos ticket of {ticket.principal} has ended; run kinit.")
    return ticket


def check_java_reads(cache: str) -> None:
    """Refuse a ticket cache that Java, and so Skein's driver, can't read; ClusterError says how to have another."""
    if not _JAVA_READS.match(cache):
        raise ClusterError(
            f"The ticket is in {cache}, which Java can't read; run `export KRB5CCNAME=FILE:/tmp/krb5cc_{os.getuid()}` "
            "and kinit."
        )
