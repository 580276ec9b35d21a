"""The descriptions of switches and losses: in a report of those in which a run is not as published, in docs/deviations.md of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cada.config.base import Parameters
from cada.config.procedures import Procedure
from cada.config.switches import DEFINITIONS, Switch, Switches
from cada.objectives import OBJECTIVES


class Deviation(Parameters):
    """One switch: what it decides, what the paper's code does, and what the variants do instead."""

    switch: str
    decides: str
    published: str
    here: str


def deviations(switches: Mapping[str, Switches], published: Switches) -> tuple[Deviation, ...]:
    """The switches in which at least one variant, by name, is not as published."""
    found = []
    for name, theirs in published:
        own = DEFINITIONS[name]
        values = {variant: getattr(chosen, name) for variant, chosen in switches.items()}
        if any(value != theirs for value in values.values()):
            owners = {value: ", ".join(variant for variant, chosen in values.items() if chosen == value) for value in values.values()}
            here = "; ".join(own.meaning(value) + (f" ({named})" if len(owners) > 1 else "") for value, named in owners.items())
            found.append(Deviation(switch=name, decides=own.decides, published=own.meaning(theirs), here=here))
    return tuple(found)


def switch_table(published: Procedure, robust: Procedure) -> str:
    """All switches as a table in Markdown."""
    return _table(("switch", "what it decides", "`published`", "`robust`", "why", "where", "test"), _switch_rows(published, robust))


def _switch_rows(published: Procedure, robust: Procedure) -> Iterator[tuple[str, ...]]:
    for name, own in DEFINITIONS.items():
        theirs, ours = getattr(published.switches, name), getattr(robust.switches, name)
        others = [value for value in own.values if value not in (theirs, ours)]
        cells = (_cell(own, theirs), "; ".join(_cell(own, value) for value in (ours, *others)))
        yield (f"`{name}`", own.decides, *cells, own.why, own.where, own.tests)


def _cell(switch: Switch, value: str | float) -> str:
    return f"`{value}`: {switch.meaning(value)}" if isinstance(value, str) else switch.meaning(value)


def loss_table(published: Procedure, robust: Procedure) -> str:
    """All objectives as a table in Markdown, with their weights."""
    rows = (
        (
            f"`{name}`",
            own.description,
            *(f"{given.weights.get(name, 0):g}" for given in (published, robust)),
            f"`{own.module.replace('.', '/')}.py`",
        )
        for name, own in OBJECTIVES.items()
    )
    return _table(("loss", "what it is", "`published`", "`robust`", "where"), rows)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---").replace("--- |", "---|") + "\n"
