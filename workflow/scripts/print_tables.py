"""Print the ablation table of every data set that params/workflow.yaml lists."""

from cada.config import load_workflow
from cada.console import console
from cada.files import read_text
from cada.paths import Layout

with console("tables"):
    for dataset in load_workflow().datasets:
        print(read_text(Layout(dataset).tables() / "ablation.md"))
