# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep text of portals and files from being rendered as a template on the controller.

Before 2.19, ansible-core renders every text in a variable that isn't marked as unsafe. It marks the
results of modules, actions and lookups, but not what a filter returns. From 2.19 on, only text that
is marked as trusted is rendered, and what plugins read or compose isn't.

This file is private to the collection.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

Filter = Callable[..., Any]


def untrusted(value: Any) -> Any:
    """Mark all text in a value, keys of dictionaries included, so that it is never a template."""
    try:
        from ansible.template import trust_as_template  # noqa: F401
    except ImportError:
        from ansible.utils.unsafe_proxy import wrap_var

        return wrap_var(value)
    return value


def untrusted_filters(filters: Mapping[str, Filter]) -> dict[str, Filter]:
    """Have every filter return untrusted text. Each `FilterModule` of the collection passes here."""
    return {name: _untrusted_filter(function) for name, function in filters.items()}


def _untrusted_filter(function: Filter) -> Filter:
    @functools.wraps(function)
    def wrapper(*args: Any, **options: Any) -> Any:
        return untrusted(function(*args, **options))

    return wrapper
