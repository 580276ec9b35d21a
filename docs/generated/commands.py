"""The commands with their arguments, from the command line's own definitions."""

from __future__ import annotations

import re

import typer
import typer.main
from typer.cli import get_docs_for_click

from cada.cli import app


def page() -> str:
    """A section for each command."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="cada")
    text = text[text.index("\n## ") :]  # what all commands are is in the contents
    text = re.sub(r"^\* `--help`: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\*\*Options\*\*:\n\n(?=\n|$)", "", text)
    text = re.sub(r"\*\*Usage\*\*:\n\n```console\n\$ (.*)\n```", r"```sh\n\1\n```", text)
    return re.sub(r"\[(required|default: [^\]]*|x[<>][^\]]*)\]", r"(\1)", text)
