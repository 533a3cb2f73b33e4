"""Kerberos by the system's libkrb5, which libgssapi_krb5 brings along: its configuration, the ticket cache, the KDC."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_void_p
from functools import cache
from typing import Any

from yarnml.storage.security import gssapi

_CREDENTIAL_BYTES = 1024
"""More than a ``krb5_creds`` takes on any platform."""

_NO_KDC = {
    -1765328228,  # KRB5_KDC_UNREACH: none of a realm's KDCs answers
    -1765328230,  # KRB5_REALM_UNKNOWN: neither krb5.conf nor DNS names a KDC
    -1765328164,  # KRB5_REALM_CANT_RESOLVE: the name of none has an address
}


@cache
def _kerberos() -> Any:
    gssapi.library()
    return ctypes.CDLL("libkrb5.so.3")


def configuration_file() -> str:
    """The path of Kerberos' configuration."""
    return os.environ.get("KRB5_CONFIG", "/etc/krb5.conf")


def default_realm() -> str:
    """The realm of names without one; empty where krb5.conf sets none."""
    with _context() as context:
        realm = c_char_p()
        if _kerberos().krb5_get_default_realm(context, byref(realm)):
            return ""
        text = (realm.value or b"").decode()
        _kerberos().krb5_free_default_realm(context, realm)
        return text


def cache_name() -> str:
    """The cache of tickets, such as FILE:/tmp/krb5cc_1000 or KCM:1000; empty where that can't be told."""
    with _context() as context:
        function = _kerberos().krb5_cc_default_name
        function.restype = c_char_p
        return (function(context) or b"").decode()


def kdc_ahead() -> float | None:
    """Seconds by which the KDC's clock was ahead of this machine's when it gave the ticket; None where nobody tells.

    MIT's kinit keeps the difference in the cache, and its clients go by it; Java's do not.
    """
    seconds = c_int()
    microseconds = c_int()
    with _context() as context, _owner(context) as (_, principal):  # which reads the cache
        if not principal or _kerberos().krb5_get_time_offsets(context, byref(seconds), byref(microseconds)):
            return None
        return seconds.value + microseconds.value / 1e6


def ask_kdc() -> None:
    """Ask the KDC for a renewal of the ticket and drop its answer: a refusal shows as well that it is there.

    Raises PermissionError, in Kerberos' words, where no KDC can be found or none answers: after 10 to 30 seconds.
    """
    functions = _kerberos()
    message = functions.krb5_get_error_message
    message.restype = c_char_p
    with _context() as context, _owner(context) as (cache, principal):
        if not principal:
            return
        renewed = ctypes.create_string_buffer(_CREDENTIAL_BYTES)
        code = functions.krb5_get_renewed_creds(context, renewed, principal, cache, None)
        if not code:
            functions.krb5_free_cred_contents(context, renewed)
        if code in _NO_KDC:
            raise PermissionError((message(context, c_int(code)) or b"no KDC answers").decode())


@contextmanager
def _owner(context: c_void_p) -> Iterator[tuple[c_void_p, c_void_p]]:
    """The default cache and the principal that it is of; null pointers where there is none."""
    functions = _kerberos()
    cache = c_void_p()
    principal = c_void_p()
    try:
        if not functions.krb5_cc_default(context, byref(cache)):
            functions.krb5_cc_get_principal(context, cache, byref(principal))
        yield cache, principal
    finally:
        if principal:
            functions.krb5_free_principal(context, principal)
        if cache:
            functions.krb5_cc_close(context, cache)


@contextmanager
def _context() -> Iterator[c_void_p]:
    context = c_void_p()
    if _kerberos().krb5_init_context(byref(context)):
        raise PermissionError(f"Kerberos' configuration {configuration_file()} can't be read; correct it")
    try:
        yield context
    finally:
        _kerberos().krb5_free_context(context)
