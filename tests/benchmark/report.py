# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a case reports, and how it is printed."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata


@dataclass
class Ratio:
    """A figure beside its goal. at_most: whether less is better."""

    what: str
    value: float
    goal: float | None = None
    at_most: bool = True

    def row(self) -> list[str]:
        """The cells of a table."""
        if self.goal is None:
            return [self.what, f"{self.value:.2f}", "", ""]
        met = self.value <= self.goal if self.at_most else self.value >= self.goal
        sign = "<=" if self.at_most else ">="
        return [
            self.what,
            f"{self.value:.2f}",
            f"{sign} {self.goal:g}",
            "met" if met else "missed",
        ]


@dataclass
class Report:
    """Measured costs, with the ratios that matter, and what one must know to read them."""

    head: Sequence[str]
    costs: Sequence[Sequence[str]]
    ratios: Sequence[Ratio] = field(default_factory=list)
    notes: Sequence[str] = field(default_factory=list)

    def text(self) -> str:
        """The report as plain text."""
        parts = [table(self.head, self.costs)]
        if self.ratios:
            parts.append(table(["ratio", "", "goal", ""], [ratio.row() for ratio in self.ratios]))
        parts += self.notes
        return "\n\n".join(parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def machine() -> str:
    """What the figures depend on."""
    versions = [f"{name} {metadata.version(name)}" for name in ("ansible-core", "requests")]
    return ", ".join(
        [*versions, f"Python {platform.python_version()}", f"{os.cpu_count()} processors"]
    )
