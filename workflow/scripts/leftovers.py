"""Remove metrics files of variants and seeds that params/workflow.yaml no longer lists.

DVC's `tables` depends on the whole folder of metrics, for dvc.yaml cannot list the files of a matrix: a file that no step
makes would be recorded with it, and no clone could restore that. The models stay, and give the metrics again in seconds.
A sweep's files are left alone: .dvcignore hides them.
"""

from cada.config import load_workflow
from cada.paths import Layout

matrix = load_workflow()
for dataset in matrix.datasets:
    layout = Layout(dataset)
    listed = {layout.metrics(variant, seed) for variant in matrix.rows for seed in matrix.seeds}
    for path in sorted((layout.root / "metrics").glob("*/*.json")):
        if path not in listed and "=" not in path.parent.name:
            path.unlink()
            print(f"{path}: removed, params/workflow.yaml does not list it")
