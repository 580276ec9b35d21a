"""In place of the command `cada` in tests of the graphs: writes what a step of cada/pipeline.py declares, and nothing real.

The content follows from the recipe and the inputs, as that of the real steps does. Recipes are the real ones.
"""

import hashlib
import re
import sys
from itertools import product
from pathlib import Path

from cada.cli import main
from cada.files import read_json
from cada.paths import WORKFLOW
from cada.pipeline import Every, Step, steps

PLACE = re.compile(r"\\{(\w+)\\}")  # {dataset}, escaped


def called(arguments: list[str]) -> tuple[Step, dict[str, str]]:
    """The step that a command line calls, and for what."""
    workflow = Path(arguments[arguments.index("--workflow") + 1]) if "--workflow" in arguments else WORKFLOW
    for step in steps(workflow):
        pattern = PLACE.sub(r"(?P<\1>[^ ]+)", re.escape(step.command))
        if found := re.fullmatch(pattern, " ".join(["cada", *arguments])):
            return step, found.groupdict()
    raise SystemExit(f"no step is called by {arguments}")


def inputs(step: Step, own: dict[str, str], values: dict) -> list[Path]:
    """The files that the step reads, of every listed variant and seed where it takes them all."""
    listed = {"variant": [row["name"] for row in values.get("rows", [])], "seed": values.get("seeds", [])}
    listed["dataset"] = listed["target"] = values.get("datasets") or values.get("workflow", {}).get("datasets", [])
    found = []
    for path in step.inputs:
        if isinstance(path, Every):
            chosen = [dict(zip(path.over, values, strict=True)) for values in product(*(listed[name] for name in path.over))]
            found += [path.pattern.format(**own | one) for one in chosen if one.get("dataset") != one.get("target", "")]
        else:
            found.append(path.format(**own))
    return [Path(name) for name in found]


if __name__ == "__main__":
    if sys.argv[1] == "recipes":
        sys.exit(main())
    step, own = called(sys.argv[1:])
    recipe = Path(step.recipe.format(**own))
    read = [recipe, *inputs(step, own, read_json(recipe)["values"])]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in read)).hexdigest()
    with Path("ran.txt").open("a") as file:
        file.write(" ".join(sys.argv[1:]) + "\n")
    for path in (Path(pattern.format(**own)) for pattern in step.outputs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{' '.join(sys.argv[1:])} {path.name} {digest}\n")
