"""The command `cada` and its groups of commands."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Text-to-image person retrieval by cross-modal adaptive dual association.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data = typer.Typer(help="Fetch, draw, validate and look at data sets.", no_args_is_help=True)
weights = typer.Typer(help="Weights to start from.", no_args_is_help=True)
track = typer.Typer(help="The MLflow store.", no_args_is_help=True)
GROUPS = {"data": data, "weights": weights, "track": track}
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
