# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where backups are stored. This fragment is private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  folder_id:
    description:
      - The folder that takes the backups. Short for the parameter V(folderId) in O(storage_params).
      - Needed for O(storage_type=documents), where it is a number, and for O(storage_type=third_party_documents), where it
        is not.
    type: str
  path:
    description:
      - The folder on the portal's server that takes the backups. It must exist there, or the backup fails in the end.
        Short for the parameter V(filePath) in O(storage_params).
      - Needed for O(storage_type=local).
    type: str
  storage_params:
    description:
      - More parameters of the storage, by the server's names, which are case-sensitive. O(storage_type=third_party_consumer)
        needs V(module) and what that module asks for.
      - For O(storage_type=third_party_consumer), use the same V(module), bucket, region and V(subdir) for all backups of a
        server, manual and scheduled, of all its portals. When the history is listed, the server looks for all copies in an
        object storage in the place of the first one, and drops the records of those that it doesn't find there. The files
        stay.
      - Values are text, numbers or booleans. The same parameter given twice is an error.
      - They are logged and returned as they are. Put secrets into O(storage_secrets). A value of eight characters or more
        whose name says that it is a secret, such as V(secretaccesskey), is masked as if it stood there.
    type: dict
  storage_secrets:
    description:
      - Parameters of the storage like O(storage_params), whose values appear in no result, diff or log.
      - Text in a form that Ansible takes for a dictionary, JSON or C(key=value), is read as one. Other text is refused.
    type: dict
"""
