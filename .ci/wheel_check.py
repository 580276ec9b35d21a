"""What `.ci/wheel` checks inside of an environment that has the wheel and its dependencies alone.

python wheel_check.py WEIGHTS FILES    the folder of a model, and the files of cada/ that git tracks
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions, files, requires
from pathlib import Path

import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cada.model.folder import load_model
from cada.retrieval.encoding import encode_queries

MOST = 40  # distributions beside torch's own


def with_dependencies(package: str) -> set[str]:
    """The installed distributions that a package asks for, itself among them."""
    found, waiting = set(), [package]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in installed and name not in found:
            found.add(name)
            waiting += [wanted.name for wanted in map(Requirement, requires(name) or []) if not wanted.marker or wanted.marker.evaluate()]
    return found


installed = {canonicalize_name(found.name) for found in distributions()}
beside = installed - with_dependencies("torch") - {"cada"}
print(f"wheel: {len(beside)} distributions beside torch's own: {', '.join(sorted(beside))}")
assert len(beside) <= MOST
weights, *tracked = sys.argv[1:]
packed = {str(path) for path in files("cada") or []}
assert set(tracked) <= packed, f"not in the wheel: {set(tracked) - packed}"
assert not any(path.startswith(("tests", "benchmarks")) for path in packed)

model = load_model(Path(weights))
captions = model.tokenizer(["A woman in a red coat carries a black bag.", "A man with a blue cap."])
features = encode_queries(model, captions, batch_size=2, device=torch.device("cpu"))
assert features.shape == (2, model.text_projection.out_features)
assert torch.allclose(features.norm(dim=1), torch.ones(2), atol=1e-5)
assert features[0] @ features[1] < 0.999, "two captions with one feature"

for command, extra in {("data", "fetch", "cuhk_pedes"): "train", ("figures", "cuhk_pedes"): "pipeline"}.items():
    done = subprocess.run(["cada", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and f"cada[{extra}]" in done.stderr, done.stderr
