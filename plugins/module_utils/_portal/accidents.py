# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that came out empty, or as no number anybody means. Nothing may happen by accident.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import config_error

# No option has a use for more, and some of Python's conversions break on it.
LARGEST = 10**15


def refuse_accidents(
    given: dict[str, Any],
    spec: dict[str, Any],
    *,
    null: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> None:
    """Refuse what came out empty: it would mean everything, nothing, or a default unasked for.

    A null isn't an option that is left out: a template that yields nothing is null since
    ansible-core 2.19, and so is a blank answer of a survey. given: the options of a task. null,
    empty: those for which that is an answer.
    """
    for name, value in given.items():
        if name.startswith("_ansible_"):
            continue
        kind = spec.get(name, {}).get("type")
        items = value if isinstance(value, list) else [value]
        # Not a number is neither larger nor smaller.
        if any(isinstance(item, (int, float)) and not abs(item) < LARGEST for item in items):
            raise config_error(f"{name}: the number is too large, or none.")
        if isinstance(value, bool) and kind in ("int", "float"):
            raise config_error(f"{name}: give a number. Was 'yes' or 'on' meant as text?")
        fine: tuple[Any, ...] = (None,) if name in null else ([], "") if name in empty else ()
        if value in fine or (kind == "dict" and value == {}):
            continue
        if _is_blank(value):
            what = "null" if None in items else "empty"
            raise config_error(
                f"{name}: it is {what}, which may mean more than was meant. Leave it out, or use "
                'omit: "{{ a_variable | default(omit, true) }}".'
            )


def _is_blank(value: Any) -> bool:
    """Whether there is nothing in a value, or in an item of a list, which may be a text."""
    if isinstance(value, (list, tuple)):
        return not value or any(map(_is_blank, value))
    return value is None or value == {} or not str(value).replace(",", "").strip()
