"""Remove metrics, rankings and histories of variants and seeds that params/workflow.yaml no longer lists.

DVC's `tables` and `figures` depend on whole folders, for dvc.yaml cannot list the files of a matrix: a file that no step
makes would be recorded with them, and no clone could restore that. The models stay.
A sweep's files are left alone: .dvcignore hides them.
"""

from cada.config import load_workflow
from cada.paths import Layout

matrix = load_workflow()
for dataset in matrix.datasets:
    layout = Layout(dataset)
    cells = [(variant, seed) for variant in matrix.rows for seed in matrix.seeds]
    for place in (layout.metrics, layout.rankings, layout.history):
        listed = {place(*cell) for cell in cells}
        for path in sorted((layout.root / place.__name__).glob("*/*.*")):
            if path not in listed and "=" not in path.parent.name:
                path.unlink()
                print(f"{path}: removed, params/workflow.yaml does not list it")
