# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the code in small ways, one at a time, and sees whether a test notices.

`python -m tests.mutation --help`. A mutant that no test kills is a line whose meaning no test tells:
a test is missing, or the code says more than it has to. Some can't be killed, because they mean the
same as before; nobody has to chase the last one.

All that changes stays in copies of the tree, in a folder that is removed at the end. First the whole
suite runs once, under coverage, to learn which test reaches which line; then each mutant is run
against the tests that reach its line, the quickest files first, until one fails. Lines that only a
process of their own runs (the interruption tests) count as not covered.

Not mutated: texts, annotations, decorators. mutmut breaks only the bodies of functions, messages among
them, and cosmic-ray runs one fixed command for each mutant; neither takes a sample.
"""
