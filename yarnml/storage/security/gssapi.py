"""Kerberos by the system's libgssapi_krb5, which hdfs-native uses too: whose ticket there is, and SPNEGO.

By ctypes: the Python packages for it have no wheels for Linux and would want a compiler on the edge node.  RFC 2744
has the functions, RFC 4178 SPNEGO.
"""

import base64
import ctypes
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
def library() -> Any:
    """The system's library; PermissionError says what to install where it is missing."""
    try:
        return ctypes.CDLL("libgssapi_krb5.so.2")
    except OSError as exc:
        raise PermissionError(
            f"Kerberos needs the system's libgssapi_krb5.so.2 ({exc}); install libgssapi-krb5-2 (Debian) or krb5-libs "
            "(Red Hat)"
        ) from exc


def ticket() -> Ticket:
    """The ticket of the default cache or the client keytab; PermissionError, in Kerberos' words, where there is none.

    A keytab named by KRB5_CLIENT_KTNAME is used to log in.
    """
    functions = library()
    minor = c_uint32()
    credential = c_void_p()
    name = c_void_p()
    text = _Buffer()
    seconds = c_uint32()
    try:
        major = functions.gss_acquire_cred(
            byref(minor), None, c_uint32(_INDEFINITE), None, c_int(_INITIATE), byref(credential), None, None
        )
        _check(major, minor)
        _check(functions.gss_inquire_cred(byref(minor), credential, byref(name), byref(seconds), None, None), minor)
        _check(functions.gss_display_name(byref(minor), name, byref(text), None), minor)
        return Ticket(text.text(), seconds.value)
    finally:
        functions.gss_release_buffer(byref(minor), byref(text))
        functions.gss_release_name(byref(minor), byref(name))
        functions.gss_release_cred(byref(minor), byref(credential))


def log_in(principal: str) -> None:
    """Get a ticket by the keytab that KRB5_CLIENT_KTNAME names, into the cache that KRB5CCNAME names.

    Raises PermissionError, in Kerberos' words, where the keytab is not there, or not for this principal.
    """
    functions = library()
    minor = c_uint32()
    credential = c_void_p()
    name = c_void_p()
    text = principal.encode()
    given = _Buffer(len(text), ctypes.cast(c_char_p(text), c_void_p))
    try:
        _check(functions.gss_import_name(byref(minor), byref(given), byref(_PRINCIPAL), byref(name)), minor)
        major = functions.gss_acquire_cred(
            byref(minor), name, c_uint32(_INDEFINITE), None, c_int(_INITIATE), byref(credential), None, None
        )
        _check(major, minor)
        # Only a question about the credential has Kerberos get it.
        _check(functions.gss_inquire_cred(byref(minor), credential, None, None, None, None), minor)
    finally:
        functions.gss_release_name(byref(minor), byref(name))
        functions.gss_release_cred(byref(minor), byref(credential))


def negotiate(host: str) -> str:
    """An Authorization header for the web services of a host; PermissionError in its words without a ticket."""
    functions = library()
    minor = c_uint32()
    target = c_void_p()
    context = c_void_p()
    token = _Buffer()
    service = f"HTTP@{host}".encode()
    named = _Buffer(len(service), ctypes.cast(c_char_p(service), c_void_p))
    try:
        _check(functions.gss_import_name(byref(minor), byref(named), byref(_HOST_BASED), byref(target)), minor)
        major = functions.gss_init_sec_context(
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
        functions.gss_release_buffer(byref(minor), byref(token))
        functions.gss_release_name(byref(minor), byref(target))
        functions.gss_delete_sec_context(byref(minor), byref(context), None)


def _check(major: int, minor: c_uint32) -> None:
    if not major & _ERRORS:
        return
    words = _words(minor.value, _MECHANISM_STATUS) if minor.value else "Success"
    raise PermissionError(_words(major, _ROUTINE_STATUS) if words == "Success" else words)


def _words(code: int, kind: int) -> str:
    functions = library()
    text = _Buffer()
    place = c_uint32()
    minor = c_uint32()
    functions.gss_display_status(byref(minor), c_uint32(code), c_int(kind), None, byref(place), byref(text))
    words = text.text()
    functions.gss_release_buffer(byref(minor), byref(text))
    return words
