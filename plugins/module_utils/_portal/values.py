# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse and format values: UUIDs, texts, numbers, times, durations, addresses. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

import ipaddress
import json
import re
import string
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from .errors import config_error

Mask = Callable[[str], str]

_UUID = re.compile(
    "(\\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\\3([0-9a-f]{4})\\3([0-9a-f]{4})\\3([0-9a-f]{12})(?(1)\\})",
    re.ASCII | re.IGNORECASE,
)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
# Control characters, unpaired surrogates (Ansible refuses a result that has one), and characters that
# break a line or change its direction.
_UNCLEAN = "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
# The port of an address that names none.
PORTS = {"http": 80, "https": 443}
# A part of an IPv4 address: hexadecimal, octal or decimal.
_NUMBER = re.compile(r"(0x)[0-9a-f]+|(0)[0-7]+|[1-9]\d*|0", re.ASCII)
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
# A shorter spelling of a secret would mask other texts.
SHORTEST_SPELLING = 6
# By how many seconds clocks may differ: what is dated this far in the future counts as now.
CLOCK_TOLERANCE = 300
# Parts of ids and times, and words of results.
_IN_RESULTS = re.compile(
    "[0-9a-fA-F:TZ-]{,7}|true|false|null|local|documents|data_store|daily|weekly|monthly|backup"
)
_WHOLE_NUMBER = re.compile("[0-9]{1,15}")
_PART = re.compile("([0-9]{1,15})([a-z])")
_PARTS = re.compile("(?:[0-9]{1,15}[a-z])+")
_SECONDS = {"y": 365 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600}
_AGES = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def normal_uuid(text: str) -> str | None:
    """Return a UUID in lower case with hyphens, None for anything else.

    It may be in braces, and with all hyphens or none.
    """
    found = _UUID.fullmatch(text)
    return "-".join(found.group(2, 4, 5, 6, 7)).lower() if found else None


def clean(value: object) -> str:
    """Return a text of the server in one line that every output can carry."""
    return re.sub(_UNCLEAN, "\ufffd", str(value))


def first_line(value: object) -> str:
    """Return the first line of a message that isn't blank, without a stack trace after it (C10)."""
    lines = (line.strip() for line in str(value).splitlines())
    return clean(next(filter(None, lines), ""))


def has_surrogate(value: object) -> bool:
    """Whether a text, or one in a list or dictionary, holds an unpaired surrogate.

    No file, request or result can carry it.
    """
    if isinstance(value, str):
        return not value.isascii() and re.search("[\ud800-\udfff]", value) is not None
    if isinstance(value, dict):
        return has_surrogate([*value.keys(), *value.values()])
    return isinstance(value, (list, tuple)) and any(map(has_surrogate, value))


def printable(value: Any) -> Any:
    """Return a result with all texts cleaned but for line breaks, which diffs need.

    Lists and dictionaries are changed in place.
    """
    if isinstance(value, str):
        return "\n".join(map(clean, value.split("\n")))
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = printable(item)
    elif isinstance(value, list):
        value[:] = map(printable, value)
    elif isinstance(value, tuple):
        return list(map(printable, value))
    return value


def spellings(secret: str) -> set[str]:
    """Return a secret as servers and libraries spell it: plain, quoted, percent-encoded, escaped."""
    encoded = secret.encode("utf-8", "replace")
    quoted = {quote(secret, errors="replace"), quote(secret, "", errors="replace")}
    quoted.add(quote_plus(secret, errors="replace"))
    lower = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), one) for one in quoted}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    # As a library quotes it, and as a header that is read as Latin-1.
    in_python = {repr(secret)[1:-1], repr(encoded)[2:-1], encoded.decode("latin-1")}
    found = {secret, escape(secret), *quoted, *lower, *in_json, *in_python}
    return {one for one in found if one == secret or len(one) >= SHORTEST_SPELLING}


def is_common(text: str) -> bool:
    """Whether masking this text would make a result unreadable."""
    return len(text) < 4 or _IN_RESULTS.fullmatch(text) is not None


def is_int(value: object) -> bool:
    """Whether a decoded value is an integer, which true and false aren't."""
    return isinstance(value, int) and not isinstance(value, bool)


def parse_int(value: object, low: int, high: int) -> int:
    """Read an integer of the server, also as text or with a zero fraction.

    Raises a ValueError for other values, and for one that isn't from low to high.
    """
    if isinstance(value, float) and value == value // 1:  # not infinite either: inf // 1 is nan
        value = int(value)
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,15}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"not an integer from {low} to {high}")
    return value


def format_age(seconds: int) -> str:
    """Format an age for tables: `12 hours`, `3 days`. The rest of the unit is cut."""
    if seconds < -CLOCK_TOLERANCE:
        return "in the future"
    seconds = max(seconds, 0)
    size, unit = next(one for one in _AGES if seconds >= one[0] or one[0] == 1)
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'}"


def is_future(time: datetime, now: datetime) -> bool:
    """Whether a time is after now by more than clocks may differ."""
    return (time - now).total_seconds() > CLOCK_TOLERANCE


def parse_time(value: object) -> datetime:
    """Read an ISO 8601 date, or date and time with seconds, as an aware time in UTC.

    Without an offset it is UTC. Fractions are cut to microseconds. Raises a ValueError otherwise.
    """
    # datetime.fromisoformat of Python 3.9 knows neither Z nor the server's seven digits.
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not an ISO 8601 time such as 2026-03-01T02:15:00Z")
    year, month, day, hour, minute, second, fraction, sign, offset_h, offset_m = found.groups()
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(fraction[:6].ljust(6, "0")) if fraction else 0,
            timezone.utc,
        )
        if sign:
            if int(offset_h) > 23 or int(offset_m) > 59:
                raise ValueError(f"no such offset: {sign}{offset_h}:{offset_m}")
            offset = timedelta(hours=int(offset_h), minutes=int(offset_m))
            moment = moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is not a time: {error}") from error
    return moment


def format_time(moment: datetime) -> str:
    """Format an aware time in UTC, cut to seconds: `2026-11-05T03:00:00Z`."""
    utc = moment.astimezone(timezone.utc)
    return utc.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def normalize_portal(url: str) -> str:
    """Return the normal form of a portal's address: scheme, host, port, path.

    The host is in lower case, in ASCII and without a final dot, IPv4 and IPv6 in their usual form;
    the scheme's own port is left out; the path has no dot segments, needless slashes or escapes.
    `HTTPS://Docs.Example.com.:443/x/../team/` becomes `https://docs.example.com/team`.
    Raises a ValueError, which doesn't repeat the address, if it isn't one or has other parts.
    """
    if re.search(r"[\s\x00-\x1f\x7f\\?#@]", url):
        raise ValueError("the address may contain only scheme, host, port and path")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        host = _normal_host(host) if host else None
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or port == 0:
        raise ValueError("the address must begin with http:// or https:// and a host")
    place = f"[{host}]" if ":" in host else host
    if port not in (None, PORTS[parts.scheme]):
        place += f":{port}"
    return f"{parts.scheme}://{place}{_normal_prefix(parts.path)}"


def portal_key(url: str) -> tuple[str, int | None, str]:
    """Return what all addresses of one portal have in common. Every comparison uses it.

    The scheme doesn't count, nor do its ports, 80 and 443. Names of the machine itself are equal:
    `localhost`, `127.0.0.1`, `::1`, `0.0.0.0`. An alias in DNS isn't found. Raises as
    `normalize_portal` does.
    """
    parts = urlsplit(normalize_portal(url))
    host, port = parts.hostname or "", parts.port
    if host == "localhost" or _is_own_machine(host):
        host = "localhost"
    return host, None if port in PORTS.values() else port, parts.path


def is_same_portal(one: str, other: str) -> bool:
    """Whether two addresses are spellings of one."""
    return portal_key(one) == portal_key(other)


def _normal_host(host: str) -> str:
    """Normalize a host. Raises a ValueError for an impossible one."""
    if ":" in host:
        # The zone of a link-local address stands behind %, in an address %25.
        address = ipaddress.IPv6Address(host.replace("%25", "%", 1))
        return str(address.ipv4_mapped or address)
    host = _decode_unreserved(host)
    if not host.isascii():
        # As UTS 46, which requests uses: invisible characters don't count.
        host = unicodedata.normalize("NFKC", host)
        host = "".join(one for one in host if unicodedata.category(one) != "Cf")
        host = unicodedata.normalize("NFKC", host.lower())
    host = re.sub("[\u3002\uff0e\uff61]", ".", host).lower()
    host = re.sub(r"(?<=[^.])\.$", "", host)
    labels = [
        label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
        for label in host.split(".")
    ]
    if any(len(label) > 63 for label in labels if label.startswith("xn--")):
        raise ValueError
    return _dotted(labels) or ".".join(labels)


def _dotted(labels: list[str]) -> str | None:
    """Return an IPv4 address in dotted decimal form, None if the labels aren't one.

    Resolvers take up to four decimal, octal (0177) or hexadecimal (0x7f) numbers, of which the last
    one fills all remaining bytes.
    """
    numbers = []
    for label in labels:
        form = _NUMBER.fullmatch(label)
        if form is None or len(label) > 63:
            return None
        numbers.append(int(label, 16 if form[1] else 8 if form[2] else 10))
    last = 256 ** (5 - len(numbers))
    if len(numbers) > 4 or numbers[-1] >= last or any(number > 255 for number in numbers[:-1]):
        return None
    value = sum(number << (24 - 8 * at) for at, number in enumerate(numbers[:-1])) + numbers[-1]
    return str(ipaddress.IPv4Address(value))


def _is_own_machine(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # A connection to 0.0.0.0 or :: leads to the machine itself.
    return address.is_loopback or address.is_unspecified


def _normal_prefix(path: str) -> str:
    path = _decode_unreserved(path)
    # All but what requests escapes itself.
    path = quote(path, safe="!#$%&'()*+,/:;=?@[]~", errors="surrogatepass")
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "".join(f"/{segment}" for segment in kept)


def _decode_unreserved(text: str) -> str:
    """Remove needless escapes, and write the others in capital letters."""

    def decode(escape: re.Match[str]) -> str:
        character = chr(int(escape[1], 16))
        return character if character in _UNRESERVED else f"%{escape[1].upper()}"

    return re.sub("%([0-9a-fA-F]{2})", decode, re.sub("%(?![0-9a-fA-F]{2})", "%25", text))


def moment(params: dict[str, Any], option: str) -> datetime | None:
    """Return an option that is a time, None if it isn't given."""
    try:
        return None if params[option] is None else parse_time(params[option])
    except ValueError as error:
        raise config_error(f"{option}: {error}.") from error


def duration(params: dict[str, Any], option: str) -> int | None:
    """Return an option that is a duration in seconds, None if it isn't given."""
    try:
        return None if params[option] is None else parse_duration(params[option], option)
    except ValueError as error:
        raise config_error(f"{error}.") from error


def parse_duration(value: object, option: str) -> int:
    """Read a duration such as `90d`, `36h`, `2w`, `1y`, `1d12h`, or a number of seconds, as seconds.

    Parts are in any order, each unit at most once; a year is 365 days. There is no upper limit, so
    compare ages in seconds, not points in time. Raises a ValueError.
    """
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    parts = _PART.findall(text) if _PARTS.fullmatch(text) else []
    units = [unit for _number, unit in parts]
    if "m" in units:
        raise ValueError(f"{option}: {value!r} has m, which is no unit here; write 30d or 720h")
    if units and len(units) == len(_SECONDS.keys() & units):
        return sum(int(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(
        f"{option}: {value!r} is not a duration; write it like 90d, 36h, 2w, 1y or 1d12h"
        " (each unit at most once), or as a number of seconds"
    )
