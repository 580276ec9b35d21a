"""Print the ablation table of every data set that params/workflow.yaml lists."""

from cada.config import load_workflow
from cada.runtime.console import console
from cada.storage.files import read_text
from cada.storage.paths import Layout

with console("tables"):
    for dataset in load_workflow().datasets:
        print(read_text(Layout(dataset).tables() / "ablation.md"))
