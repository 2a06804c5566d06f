# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start decides at a glance is what the long look would decide."""

from __future__ import annotations

import re
import uuid
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.connection import (
    _PLAIN,
    read_url,
    secrets_in,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    clean,
    normal_uuid,
)

UUID = re.compile(
    r"(\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{12})(?(1)\})",
    re.ASCII | re.IGNORECASE,
)
UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def spellings(identity: uuid.UUID, upper: bool, form: str, slip: tuple[int, str]) -> str:
    """A UUID in one of its forms, with a character of it replaced or left as it is."""
    text = form.format(identity, identity.hex)
    text = text.upper() if upper else text
    at, character = slip
    return text[: at % 40] + character + text[at % 40 + 1 :] if character else text


@given(
    st.builds(
        spellings,
        st.uuids(),
        st.booleans(),
        st.sampled_from(["{0}", "{1}", "{{{0}}}", "{{{1}}}", "{{{0}", "{0}}}", "urn:uuid:{0}"]),
        st.tuples(
            st.integers(0, 39), st.sampled_from(["", "", "g", "-", "{", "}", " ", "\n", "１"])
        ),
    )
)
@example("2f4c1e0a5b7d-4c3e-9a61-0d8e7f6b5a43")
@example("2f4c1e0a-5b7d4c3e-9a610-d8e7f6b5a43")
@example("{}")
@example("{")
@example("")
def test_an_id(text: str) -> None:
    found = UUID.fullmatch(text)
    assert normal_uuid(text) == ("-".join(found.group(2, 4, 5, 6, 7)).lower() if found else None)


@given(st.text(st.characters(), max_size=20))
@example("a\u202eb")
@example("\ud83d")
@example("soft\u00adhyphen\u2060")
def test_a_text_of_the_server(text: str) -> None:
    assert clean(text) == UNCLEAN.sub("\ufffd", text)


@given(st.from_regex(_PLAIN, fullmatch=True))
def test_an_address_of_which_nothing_is_said(url: str) -> None:
    secrets: set[str] = set()
    assert read_url(url, secrets) == url
    assert not secrets


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://docs.example.com/",
            "https://docs.example.com//a",
            "https://docs.example.com/a/",
        ),
        *(
            "HTTPS://docs.example.com",
            "https://docs.example.com:0",
            "https://docs.example.com:65536",
        ),
        *("https://me:pass@docs.example.com", "https://docs.example.com?a=b", "https://[::1]"),
        *("https://docs.example.com\n", " https://docs.example.com", "https://docs.example.com/ä"),
        *("docs.example.com", "https://", "ftp://docs.example.com", "https://docs.example.com#a"),
    ],
)
def test_an_address_that_is_looked_at(url: str) -> None:
    assert not _PLAIN.fullmatch(url)


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("https://me:p%40ss@docs.example.com/a", {"me:p%40ss", "me:p@ss", "p%40ss", "p@ss"}),
        ("http:/me:pass@docs.example.com", {"me:pass", "pass"}),
        ("me:pass@docs.example.com", {"me:pass", "pass"}),
        ("https://docs.example.com/a?sig=a%2Fb&n", {"sig=a%2Fb&n", "sig=a/b&n", "a%2Fb", "a/b"}),
        ("https://docs.example.com/a?sig=a/b", {"sig=a/b", "a/b", "a%2Fb"}),
        ("https://docs.example.com/a#tok=en", {"tok=en", "en"}),
        ("https://docs.example.com/a", set()),
        ("", set()),
    ],
)
def test_what_of_an_address_is_secret(address: str, secrets: set[str]) -> None:
    found = secrets_in(address)
    assert secrets <= found <= secrets | {quote(secret, safe="") for secret in secrets}
    assert secrets_in(address, 5) == {secret for secret in found if len(secret) >= 5}
