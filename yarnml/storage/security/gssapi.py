"""Kerberos by the system's libgssapi_krb5, which hdfs-native uses too: whose ticket there is, and SPNEGO.

By ctypes: the Python packages for it have no wheels for Linux and would want a compiler on the edge node.  RFC 2744
has the functions, RFC 4178 SPNEGO.
"""

import base64
import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from functools import cache
from typing import Any, NamedTuple

_ERRORS = 0xFFFF0000
_INITIATE = 1
_MUTUAL = 2
_INDEFINITE = 0xFFFFFFFF
_ROUTINE_STATUS = 1
_MECHANISM_STATUS = 2


class Ticket(NamedTuple):
    """A ticket to log in with; ``seconds`` until its end, and 0 for one that has ended."""

    principal: str
    seconds: int


class _Oid(ctypes.Structure):
    _fields_ = (("length", c_uint32), ("elements", c_void_p))


class _Buffer(ctypes.Structure):
    _fields_ = (("length", c_size_t), ("value", c_void_p))

    def text(self) -> str:
        return ctypes.string_at(self.value, self.length).decode(errors="replace")


def _oid(data: bytes) -> _Oid:
    return _Oid(len(data), ctypes.cast(c_char_p(data), c_void_p))


_HOST_BASED = _oid(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04")
_PRINCIPAL = _oid(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01")
_SPNEGO = _oid(b"\x2b\x06\x01\x05\x05\x02")


@cache
def _library() -> Any:
    try:
        return ctypes.CDLL("libgssapi_krb5.so.2")
    except OSError as exc:
        raise PermissionError(
            f"Kerberos needs the system's libgssapi_krb5.so.2 ({exc}); install libgssapi-krb5-2 (Debian) or krb5-libs "
            "(Red Hat)"
        ) from exc


@cache
def _kerberos() -> Any:
    _library()  # it brings libkrb5 along
    return ctypes.CDLL("libkrb5.so.3")


def ticket() -> Ticket:
    """The ticket of the default cache or the client keytab; PermissionError, in Kerberos' words, where there is none.

    A keytab named by KRB5_CLIENT_KTNAME is used to log in.
    """
    library = _library()
    minor = c_uint32()
    credential = c_void_p()
    name = c_void_p()
    text = _Buffer()
    seconds = c_uint32()
    try:
        major = library.gss_acquire_cred(
            byref(minor), None, c_uint32(_INDEFINITE), None, c_int(_INITIATE), byref(credential), None, None
        )
        _check(major, minor)
        _check(library.gss_inquire_cred(byref(minor), credential, byref(name), byref(seconds), None, None), minor)
        _check(library.gss_display_name(byref(minor), name, byref(text), None), minor)
        return Ticket(text.text(), seconds.value)
    finally:
        library.gss_release_buffer(byref(minor), byref(text))
        library.gss_release_name(byref(minor), byref(name))
        library.gss_release_cred(byref(minor), byref(credential))


def log_in(principal: str) -> None:
    """Get a ticket by the keytab that KRB5_CLIENT_KTNAME names, into the cache that KRB5CCNAME names.

    Raises PermissionError, in Kerberos' words, where the keytab is not there, or not for this principal.
    """
    library = _library()
    minor = c_uint32()
    credential = c_void_p()
    name = c_void_p()
    text = principal.encode()
    given = _Buffer(len(text), ctypes.cast(c_char_p(text), c_void_p))
    try:
        _check(library.gss_import_name(byref(minor), byref(given), byref(_PRINCIPAL), byref(name)), minor)
        major = library.gss_acquire_cred(
            byref(minor), name, c_uint32(_INDEFINITE), None, c_int(_INITIATE), byref(credential), None, None
        )
        _check(major, minor)
        # Only a question about the credential has Kerberos get it.
        _check(library.gss_inquire_cred(byref(minor), credential, None, None, None, None), minor)
    finally:
        library.gss_release_name(byref(minor), byref(name))
        library.gss_release_cred(byref(minor), byref(credential))


def negotiate(host: str) -> str:
    """An Authorization header for the web services of a host; PermissionError in its words without a ticket."""
    library = _library()
    minor = c_uint32()
    target = c_void_p()
    context = c_void_p()
    token = _Buffer()
    service = f"HTTP@{host}".encode()
    named = _Buffer(len(service), ctypes.cast(c_char_p(service), c_void_p))
    try:
        _check(library.gss_import_name(byref(minor), byref(named), byref(_HOST_BASED), byref(target)), minor)
        major = library.gss_init_sec_context(
            byref(minor),
            None,
            byref(context),
            target,
            byref(_SPNEGO),
            c_uint32(_MUTUAL),
            c_uint32(0),
            None,
            None,
            None,
            byref(token),
            None,
            None,
        )
        _check(major, minor)
        return "Negotiate " + base64.b64encode(ctypes.string_at(token.value, token.length)).decode()
    finally:
        library.gss_release_buffer(byref(minor), byref(token))
        library.gss_release_name(byref(minor), byref(target))
        library.gss_delete_sec_context(byref(minor), byref(context), None)


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
    library = _kerberos()
    with _context() as context:
        cache = c_void_p()
        principal = c_void_p()
        seconds = c_int()
        microseconds = c_int()
        if library.krb5_cc_default(context, byref(cache)):
            return None
        try:
            if library.krb5_cc_get_principal(context, cache, byref(principal)):
                return None
            library.krb5_free_principal(context, principal)
            if library.krb5_get_time_offsets(context, byref(seconds), byref(microseconds)):
                return None
            return seconds.value + microseconds.value / 1e6
        finally:
            library.krb5_cc_close(context, cache)


@contextmanager
def _context() -> Iterator[c_void_p]:
    context = c_void_p()
    if _kerberos().krb5_init_context(byref(context)):
        file = os.environ.get("KRB5_CONFIG", "/etc/krb5.conf")
        raise PermissionError(f"Kerberos' configuration {file} can't be read; correct it")
    try:
        yield context
    finally:
        _kerberos().krb5_free_context(context)


def _check(major: int, minor: c_uint32) -> None:
    if not major & _ERRORS:
        return
    words = _words(minor.value, _MECHANISM_STATUS) if minor.value else "Success"
    raise PermissionError(_words(major, _ROUTINE_STATUS) if words == "Success" else words)


def _words(code: int, kind: int) -> str:
    library = _library()
    text = _Buffer()
    place = c_uint32()
    minor = c_uint32()
    library.gss_display_status(byref(minor), c_uint32(code), c_int(kind), None, byref(place), byref(text))
    words = text.text()
    library.gss_release_buffer(byref(minor), byref(text))
    return words
