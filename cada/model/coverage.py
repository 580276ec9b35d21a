"""The account of an import: what every weight came from, and what was left out."""

from __future__ import annotations

from collections import Counter

from cada.model.folder import count_parameters
from cada.model.importing import Imported


def summary(imported: Imported) -> list[str]:
    """One line per part of the model, one per kind of entry that was left out, and what was assumed."""
    lines = []
    for part in dict.fromkeys(_part(name) for name in imported.weights):
        names = [name for name in imported.weights if _part(name) == part]
        sources = Counter(_part(imported.origins[name]) for name in names if name in imported.origins)
        made = Counter(imported.made[name] for name in names if name in imported.made)
        found = [f"{count} of {len(names)} from {top}.*" for top, count in sources.items()]
        found += [f"{count} {how}" for how, count in made.items()]
        lines.append(f"{part:18} {'; '.join(found)}")
    lines += [f"left out: {count} {reason}" for reason, count in Counter(imported.ignored.values()).items()]
    lines += [f"note: {note}" for note in imported.notes]
    return [*lines, f"{count_parameters(imported.weights):,} parameters"]


def listing(imported: Imported) -> str:
    """Every weight with its source, then every entry of the file that was left out, then the notes."""
    rows = [f"{name}  <-  {imported.origins.get(name) or imported.made[name]}" for name in imported.weights]
    rows += [f"left out: {key}  ({reason})" for key, reason in imported.ignored.items()]
    rows += [f"note: {note}" for note in imported.notes]
    return "\n".join(rows) + "\n"


def _part(name: str) -> str:
    return name.partition(".")[0]
