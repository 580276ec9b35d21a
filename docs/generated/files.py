"""The steps with the files that they read and write, from the table of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from cada.pipeline import Every, Input, Step, steps


def page() -> str:
    """A section for each step. {dataset}, {variant}, {seed} and {target} stand for names."""
    return "\n".join(section(step) for step in steps(datasets=2))


def section(step: Step) -> str:
    """Command, recipe, inputs and outputs of one step."""
    lines = [f"### {step.name}", "", f"{step.message}: `{step.command}`", "", f"- recipe: `{short(step.recipe)}`"]
    for name, given in (("reads", step.inputs), ("writes", step.outputs)):
        if given:
            lines += [f"- {name}:", *(f"    - {files}" for files in together(given))]
    return "\n".join(lines) + "\n"


def short(path: str) -> str:
    return path.replace("results/{dataset}/", "R/")


def together(given: Sequence[Input]) -> Iterator[str]:
    """One entry a folder; names with the same endings are in one: `R/tables/`: `[ablation, pairs].[csv, html]`."""
    folders: dict[tuple[str, str], dict[str, list[str]]] = {}
    for path in given:
        each = f", of every {' and '.join(path.over)}" if isinstance(path, Every) else ""
        file = PurePath(path.pattern if isinstance(path, Every) else path)
        folders.setdefault((each, short(f"{file.parent}/")), {}).setdefault(file.stem, []).append(file.suffix[1:])
    for (each, folder), stems in folders.items():
        names: dict[tuple[str, ...], list[str]] = {}
        for stem, endings in stems.items():
            names.setdefault(tuple(endings), []).append(stem)
        shown = [f"`{_any_of(found)}.{_any_of(endings)}`" for endings, found in names.items()]
        yield f"`{folder}`: {', '.join(shown)}{each}"


def _any_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
