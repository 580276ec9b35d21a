"""What there is of the data sets."""

from __future__ import annotations

from cada import config
from cada.data.catalogue import PUBLIC_SETS, data_parameters
from cada.data.status import describe
from cada.paths import Layout


def show_status() -> None:
    """Print what is there of each set of params/ and of each public set."""
    for dataset in dict.fromkeys([*config.known_datasets(), *PUBLIC_SETS]):
        public = PUBLIC_SETS.get(dataset)
        print(dataset + (f" ({public.title})" if public else ""))
        for what, state in describe(dataset, data_parameters(dataset), public=public, manifest=Layout(dataset).manifest):
            print(f"  {what:12}{state}")
