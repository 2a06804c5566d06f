# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what an exception of `requests` means for the task, and whether the request was sent.

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .errors import LONGEST_DETAIL, DocSpaceError, Effect, config_error, protocol_error
from .values import Mask, clean

# Names of classes of requests, urllib3 and Python, whose modules differ between versions.
_TIMEOUTS = {"ReadTimeoutError", "ConnectTimeoutError", "ConnectTimeout", "ReadTimeout", "timeout"}
_TIMEOUTS.add("TimeoutError")
_NOT_REACHED = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
_TLS = {"SSLError", "SSLCertVerificationError", "CertificateError"}
_CUT = re.compile("EOF occurred|UNEXPECTED_EOF|reset by peer|Broken pipe|closed \\(EOF\\)")
_CUT_KINDS = {"SSLEOFError", "SSLZeroReturnError", "ConnectionResetError", "BrokenPipeError"}
_BODY = {"ChunkedEncodingError", "ContentDecodingError", "DecodeError", "IncompleteRead"}
# Caused by our own input, before anything is sent.
_OPTIONS = {"InvalidURL", "MissingSchema", "LocationParseError", "UnicodeError"}
# Python's message when a proxy refuses a connection to the portal.
_NO_TUNNEL = "Tunnel connection failed"
_PROXIES = {"InvalidProxyURL", "ProxySchemeUnknown", "ProxySchemeUnsupported"}


def from_exception(error: Exception, host: str, mask: Mask) -> DocSpaceError:
    """Return the error that an exception of `requests`, or of a library below it, means."""
    causes = list(_causes(error))
    kinds = {base.__name__ for cause in causes for base in type(cause).__mro__}
    words = " ".join(map(str, causes))
    detail = _detail(causes, mask)
    shown = detail[:LONGEST_DETAIL]
    if kinds & _PROXIES or "InvalidSchema" in kinds or (kinds & _OPTIONS and not kinds & _TLS):
        return config_error(_advice(kinds, words, host, shown))
    if kinds & _TIMEOUTS and "NewConnectionError" not in kinds:
        outcome = Effect.NONE if kinds & _NOT_REACHED else Effect.UNKNOWN
        return DocSpaceError(
            "timeout",
            f"{host} didn't answer in time. Check that the portal is up and not overloaded, or "
            "raise 'timeout'.",
            detail=detail,
            effect=outcome,
        )
    cut = bool(kinds & _CUT_KINDS or _CUT.search(words)) and "CERTIFICATE_VERIFY" not in words
    # A CA bundle that holds no certificate is a bare OSError.
    bare = "OSError" in kinds and not kinds & {"RequestException", "HTTPError", "ValueError"}
    if not cut and (kinds & _TLS or bare):
        return DocSpaceError(
            "tls",
            f"No trusted TLS connection to {host}: {shown}. Check the portal's certificate and "
            "host name; for a private certificate authority give its file in 'ca_path'.",
            detail=detail,
            effect=Effect.NONE if "CERTIFICATE_VERIFY" in words else Effect.UNKNOWN,
        )
    if _breaks_http(causes, kinds):
        return protocol_error(
            f"The answer of {host} isn't valid HTTP, so it is ignored: {shown}. Check proxies and "
            "other servers before the portal.",
            status=None,
            detail=detail,
        )
    outcome = Effect.UNKNOWN
    # urllib3 also raises a ProxyError if a proxy received the request and then closed the connection.
    unsent = kinds & _NOT_REACHED or _NO_TUNNEL in words
    if "ProxyError" in kinds and unsent:
        sentence = f"The proxy before {host} refuses: {shown}. Check the proxy variables"
        outcome = Effect.NONE
    elif "ProxyError" in kinds:
        sentence = f"The proxy before {host} closed the connection: {shown}. Look into its log"
    elif kinds & _TLS:
        sentence = (
            f"{host} cut the TLS connection off: {shown}. Run again; a proxy may be reloading"
        )
    elif kinds & _BODY:
        sentence = f"{host} cut its answer off: {shown}. Run again; check proxies before the portal"
    elif kinds & _NOT_REACHED:
        sentence = f"{host} can't be reached: {shown}. Check 'url', firewalls and the portal"
        outcome = Effect.NONE
    else:
        sentence = f"{host} closed the connection without an answer: {shown}. Run again"
    return DocSpaceError("connection", f"{sentence}.", detail=detail, effect=outcome)


def _causes(error: object) -> Iterator[BaseException]:
    """Yield an exception and its causes. Not its context, which may be another request's."""
    seen: list[object] = [error]
    for one in seen:
        if isinstance(one, BaseException):
            yield one
            inner = [*one.args, getattr(one, "reason", None), one.__cause__]
            seen += [item for item in inner if item not in seen]


def _detail(causes: list[BaseException], mask: Mask) -> str:
    """Return the message of the cause, without object representations and credentials."""
    inner = causes[1] if len(causes) > 1 else causes[0]
    inner = getattr(inner, "reason", None) or inner
    # urllib3 writes ('Connection aborted.', what it was).
    aborted = getattr(inner, "args", ())[1:2]
    words = str(aborted[0] if aborted and isinstance(aborted[0], Exception) else inner)
    words = re.sub(r"<[^>]* object at 0x\w+>[:,]? ?|\w+\(host=[^)]*\)[:,]? ?", "", mask(words))
    # Once more, because what stood around the removed words may make one.
    return clean(re.sub(r"//[^@\s]*@", "//***@", mask(words)))


def _advice(kinds: set[str], words: str, host: str, shown: str) -> str:
    if "SOCKS" in words:
        return (
            "The environment names a SOCKS proxy, for which requests needs PySocks. Install it "
            "where the module runs (pip install 'requests[socks]'), or change the proxy variables."
        )
    if kinds & _PROXIES:
        return (
            "The proxy's address can't be parsed. Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY "
            "in the environment where the module runs."
        )
    return f"No request can be made to {host}: {shown}. Check 'url'."


def _breaks_http(causes: list[BaseException], kinds: set[str]) -> bool:
    for cause in causes:
        # A missing length of a chunk means that the connection was cut.
        if type(cause).__name__ == "InvalidChunkLength":
            return bool(getattr(cause, "length", b""))
        # urllib3 before 1.26: the text instead of a length.
        partial = getattr(cause, "partial", b"")
        if partial and isinstance(partial, bytes) and getattr(cause, "expected", 0) is None:
            return True
    cut_or_lost = {"IncompleteRead", "ConnectionError", "ProxyError"} | _BODY
    return "InvalidHeader" in kinds or ("ValueError" in kinds and not kinds & cut_or_lost)
