"""The one error a user sees; everything else is a bug and keeps its traceback."""

from __future__ import annotations


class CadaError(Exception):
    """Something the user can mend: names the file, the key or record, what is wrong and what to do."""
