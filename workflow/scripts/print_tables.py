"""Print the ablation table of every data set that params/workflow.yaml lists."""

from cada.config import load_workflow
from cada.paths import Layout

for dataset in load_workflow().datasets:
    print((Layout(dataset).tables() / "ablation.md").read_text(encoding="utf-8"))
