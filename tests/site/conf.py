# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx makes the site of what antsibull-docs writes. See build.py."""

from __future__ import annotations

from typing import Any

from docutils import nodes

project = "onlyoffice.docspace"
html_title = "Ansible collection onlyoffice.docspace"
extensions = ["sphinx_antsibull_ext"]
html_theme = "sphinx_rtd_theme"
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
nitpicky = True
# Variables of the environment are described where they are named.
nitpick_ignore_regex = [("envvar", ".*")]
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False

# The labels of Ansible's own site that a page of ours may name. They are written down here instead
# of in an inventory that Sphinx would fetch, so that the site can be built without a network.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
LABELS = {
    "action_plugins": "plugins/action.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def elsewhere(_app: Any, _env: Any, node: Any, shown: nodes.Element) -> nodes.reference | None:
    """The link for a label that isn't ours."""
    page = LABELS.get(node["reftarget"])
    return None if page is None else nodes.reference("", "", shown, refuri=ANSIBLE + page)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", elsewhere)
