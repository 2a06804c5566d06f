# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write copies with their manifests into a folder: lay.py FOLDER NAME DAYS [NAME DAYS]..."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

ENTRIES = {"databases/core/tenants_tenants": b"<tenants/>", "storage/restore_info": b"<storage/>"}

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as packed:
    for name, content in ENTRIES.items():
        info = tarfile.TarInfo(name)
        info.size = len(content)
        packed.addfile(info, io.BytesIO(content))
content = archive.getvalue()
folder, *rest = sys.argv[1:]
now = datetime.datetime.now(datetime.timezone.utc)
for name, days in zip(rest[::2], rest[1::2]):
    created_on = now - datetime.timedelta(days=int(days))
    manifest = {
        "format": 1,
        "portal": "https://docspace.example.com",
        "id": f"2f4c1e0a-5b7d-4c3e-9a61-{int(days):012d}",
        "file_name": "workspace.tar.gz",
        "storage_type": "data_store",
        "created_on": created_on.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "dump": False,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "entries": len(ENTRIES),
    }
    Path(folder, name).write_bytes(content)
    Path(folder, f"{name}.json").write_text(json.dumps(manifest))
