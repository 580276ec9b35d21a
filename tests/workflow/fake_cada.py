"""In place of the command `cada` in tests of the graphs: writes what a step of cada/pipeline.py declares, and nothing real.

The content follows from the recipe and the inputs, as that of the real steps does. Recipes are the real ones. It is started
hundreds of times, so it imports the package once for each workflow file and keeps the table of steps.
"""

import hashlib
import json
import os
import re
import sys
from itertools import product
from pathlib import Path

PLACE = re.compile(r"\\{(\w+)\\}")  # {dataset}, escaped


def table_of(workflow: str) -> list[dict]:
    """The steps, as plain values."""
    kept = Path(".cada", f"fake-{hashlib.sha256(workflow.encode()).hexdigest()[:8]}.json")
    if not kept.exists():
        from cada.pipeline import Every, steps

        def plain(path: str | Every) -> list:
            return [path.pattern, path.over] if isinstance(path, Every) else [path, []]

        table = [
            {"command": step.command, "recipe": step.recipe, "inputs": [plain(path) for path in step.inputs], "outputs": list(step.outputs)}
            for step in steps(Path(workflow))
        ]
        kept.parent.mkdir(exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(table))
        partial.replace(kept)
    return json.loads(kept.read_text())


def called(arguments: list[str]) -> tuple[dict, dict[str, str]]:
    """The step that a command line calls, and for what."""
    workflow = arguments[arguments.index("--workflow") + 1] if "--workflow" in arguments else "params/workflow.yaml"
    line = " ".join(word for word in ["cada", *arguments] if word != workflow)
    for step in table_of(workflow):
        command = re.sub(r" --workflow .*", " --workflow", step["command"])
        if found := re.fullmatch(PLACE.sub(r"(?P<\1>[^ ]+)", re.escape(command)), line):
            return step, found.groupdict()
    raise SystemExit(f"no step is called by {arguments}")


def inputs(step: dict, own: dict[str, str], values: dict) -> list[Path]:
    """The files that the step reads, of every listed variant and seed where it takes them all."""
    listed = {"variant": [row["name"] for row in values.get("rows", [])], "seed": values.get("seeds", [])}
    listed["dataset"] = listed["target"] = values.get("datasets") or values.get("workflow", {}).get("datasets", [])
    chosen = [
        (pattern, own | dict(zip(over, found, strict=True)))
        for pattern, over in step["inputs"]
        for found in product(*(listed[name] for name in over))
    ]
    return [Path(pattern.format(**one)) for pattern, one in chosen if one.get("dataset") != one.get("target", "")]


if __name__ == "__main__":
    if sys.argv[1] == "recipes":
        from cada.cli import main

        sys.exit(main())
    step, own = called(sys.argv[1:])
    recipe = Path(step["recipe"].format(**own))
    read = [recipe, *inputs(step, own, json.loads(recipe.read_text())["values"])]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in read)).hexdigest()
    with Path("ran.txt").open("a") as file:
        file.write(" ".join(sys.argv[1:]) + "\n")
    for path in (Path(pattern.format(**own)) for pattern in step["outputs"]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{' '.join(sys.argv[1:])} {path.name} {digest}\n")
