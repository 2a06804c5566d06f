# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation as a site: antsibull-docs writes pages, Sphinx makes them HTML.

A warning is an error. Nothing is fetched. `make docs` runs it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLLECTION = "onlyoffice.docspace"


def build(collections: Path, site: Path) -> None:
    """Make the site anew. collections: the folder with `ansible_collections` in it."""
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "PATH": place}
    with tempfile.TemporaryDirectory() as pages:
        write: list[str | Path] = [
            *("antsibull-docs", "--config-file", HERE / "antsibull-docs.cfg", "collection"),
            *("--use-current", "--squash-hierarchy", "--fail-on-error"),
            *("--dest-dir", pages, COLLECTION),
        ]
        subprocess.run(write, check=True, env=environment, stdout=subprocess.DEVNULL)
        # It refers to pages of Ansible's own site.
        Path(pages, "environment_variables.rst").unlink(missing_ok=True)
        shutil.rmtree(site, ignore_errors=True)
        make: list[str | Path] = [
            *(sys.executable, "-m", "sphinx", "--builder", "html", "--quiet", "--conf-dir", HERE),
            *("--fail-on-warning", "--keep-going", "--doctree-dir", Path(pages, ".doctrees")),
            *(pages, site),
        ]
        subprocess.run(make, check=True, env=environment)


def main() -> None:
    """The way in."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site.")
    parser.add_argument("collections", type=Path, help="the folder with ansible_collections in it")
    parser.add_argument("site", type=Path, help="the folder to make; what is in it goes")
    given = parser.parse_args()
    build(given.collections, given.site)
    print(f"The documentation is in {given.site.resolve() / 'index.html'}")


if __name__ == "__main__":
    main()
