# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection costs: ratios between cases that take turns in one run on one machine.

Timings are told, never a reason to fail. A case is a file here with a function `main`, which takes
no arguments and prints; the first line of its docstring says what it is.
"""
