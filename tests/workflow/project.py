"""A copy of the working tree in a temporary folder, and the tools run in it; a fake `cada` for the tests of the graphs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Writes what the real steps declare; the content follows from the parameters and the step before, as in the real ones.
FAKE_CADA = """#!{python}
import hashlib, sys
from pathlib import Path
words = [word for word in sys.argv[1:] if not word.startswith("--")]
step = words.pop(0)
words = words[1:] if step == "data" else words
dataset, cell = words[0], "/".join(words[1:])
root, params = Path("results", dataset), Path("params", dataset)
model = ["model.safetensors", "config.json", "vocab.txt"]
made, read = {{
    "data": (["data/manifest.json"], [params / "data.yaml"]),
    "phrases": (["phrases.parquet"], [root / "data/manifest.json", params / "phrases.yaml"]),
    "initial": ([f"initial/{{name}}" for name in model], [root / "data/manifest.json", params / "initial.yaml"]),
    "train": (
        [f"models/{{cell}}/{{name}}" for name in model] + [f"history/{{cell}}.csv"],
        [root / "phrases.parquet", root / "initial/model.safetensors", params / "train.yaml", Path("params/variants", words[1] + ".yaml")]
        if step == "train" else [],
    ),
    "evaluate": (
        [f"metrics/{{cell}}.json", f"rankings/{{cell}}.parquet"],
        [root / f"models/{{cell}}/model.safetensors", params / "evaluate.yaml"],
    ),
    "tables": (
        [f"tables/{{name}}.{{kind}}" for name in ("ablation", "comparison") for kind in ("csv", "md", "tex")],
        sorted((root / "metrics").rglob("*.json")),
    ),
}}[step]
digest = hashlib.sha256(b"".join(path.read_bytes() for path in read)).hexdigest()
with open("ran.txt", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
for name in made:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(f"{{step}} {{dataset}} {{cell}} {{name}} {{digest}}\\n")
"""


@dataclass
class Project:
    """A copy of the working tree, and the tools run in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in the project; its output and errors as one text."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        return self.run("snakemake", "--cores", "2", *arguments, "--", "all", check=check)

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.run("dvc", *arguments, check=check)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message", "state")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that must be there in a file."""
        path = self.root / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    def ran(self) -> list[str]:
        """The commands of the fake `cada` since the last call, sorted."""
        log = self.root / "ran.txt"
        lines = sorted(log.read_text().splitlines()) if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def files(self) -> dict[str, bytes]:
        """What is under results/, less the logs and the times."""
        results = self.root / "results"
        paths = (path.relative_to(results) for path in results.rglob("*") if path.is_file())
        return {str(path): (results / path).read_bytes() for path in paths if path.parts[1] not in ("logs", "benchmarks")}


def copy_working_tree(target: Path) -> None:
    """The files that git knows or would add, as they are on the disk."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
