"""Move the results that params/workflow.yaml no longer lists (cada/storage/unlisted.py), before DVC looks at their folders."""

from cada.config import load_workflow
from cada.runtime.console import console
from cada.storage.unlisted import UNLISTED, move_unlisted

with console("unlisted"):
    for path in move_unlisted(load_workflow()):
        print(f"{path}: params/workflow.yaml does not list it, moved to {UNLISTED}")
