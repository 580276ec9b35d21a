"""Lay aside the results that params/workflow.yaml no longer lists (cada/aside.py), before DVC looks at their folders."""

from cada.aside import ASIDE, lay_aside
from cada.config import load_workflow
from cada.console import console

with console("leftovers"):
    for path in lay_aside(load_workflow()):
        print(f"{path}: params/workflow.yaml does not list it, moved to {ASIDE}")
