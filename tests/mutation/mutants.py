# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be broken in a file of Python."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any, NamedTuple, Union

Code = Union[ast.expr, ast.stmt]

SWAPS: dict[type[ast.AST], type[Any]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
# What can only be joined: a minus between them is no mistake that anybody makes.
JOINED = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.ListComp)
# As a whole condition: what is not swapped within.
TESTS = (ast.Name, ast.Attribute, ast.Call, ast.NamedExpr)


class Mutant(NamedTuple):
    """One place of a file, and what stands there instead. start, end: in bytes.

    first: the line on which its statement begins, in a function; 0 for what an import runs.
    """

    file: str
    line: int
    first: int
    start: int
    end: int
    before: str
    after: str
    text: str

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]

    def __str__(self) -> str:
        before, after = (" ".join(text.split())[:100] for text in (self.before, self.after))
        return f"{self.file}:{self.line}: {self.text.strip()}\n      {before}  ->  {after}"


def mutants(file: str, source: bytes) -> list[Mutant]:
    """All of a file, in order. Each stands in brackets where an expression may be part of one."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = source.decode().splitlines()
    found = []
    for node, after, first in _walk(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        before = source[start:end].decode()
        text = lines[node.lineno - 1]
        found.append(Mutant(file, node.lineno, first, start, end, before, after, text))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.end, mutant.after))


def _walk(node: ast.AST, inside: bool = False, first: int = 0) -> Iterator[tuple[Code, str, int]]:
    if isinstance(node, ast.stmt):
        first = node.lineno if inside else 0
    if isinstance(node, (ast.expr, ast.stmt)):
        for place, changed in _changes(node):
            text = ast.unparse(ast.fix_missing_locations(changed))
            yield place, f"({text})" if isinstance(place, ast.expr) else text, first
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        deeper = inside or (isinstance(node, ast.FunctionDef) and name == "body")
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST) and not _left_out(child):
                yield from _walk(child, deeper, first)


def _left_out(node: ast.AST) -> bool:
    """Texts are for people; a main guard and imports for types are run by no test."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test).startswith(("__name__", "TYPE_CHECKING"))
    return isinstance(node, ast.JoinedStr)


def _changes(node: Code) -> Iterator[tuple[Code, ast.AST]]:
    """What can be broken at this node itself: the place, and what is to stand there."""
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            ops = [*node.ops[:number], SWAPS[operator.__class__](), *node.ops[number + 1 :]]
            yield node, ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, (ast.BoolOp, ast.BinOp, ast.AugAssign)):
        if node.op.__class__ in SWAPS and not _joins(node):
            yield node, _with(node, op=SWAPS[node.op.__class__]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield node, ast.Constant(node.value + 1)
    elif isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield node, ast.Return(ast.Constant(None))
    elif isinstance(node, (ast.Raise, ast.Expr)):
        if isinstance(node, ast.Raise) or isinstance(node.value, ast.Call):
            yield node, ast.Pass()
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        for name in ("lower", "upper"):
            bound = getattr(node.slice, name)
            if bound and not isinstance(bound, ast.Constant):
                moved = ast.BinOp(bound, ast.Add(), ast.Constant(1))
                yield node, _with(node, slice=_with(node.slice, **{name: moved}))
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)) and isinstance(node.test, TESTS):
        yield node.test, ast.UnaryOp(ast.Not(), node.test)


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _joins(node: ast.AST) -> bool:
    return any(
        isinstance(child, JOINED)
        or (isinstance(child, ast.Constant) and isinstance(child.value, (str, bytes)))
        or (isinstance(child, ast.BinOp) and _joins(child))
        for child in ast.iter_child_nodes(node)
    ) and not isinstance(node, ast.BoolOp)
