"""What there is of the data sets."""

from __future__ import annotations

from cada import config
from cada.datasets.catalogue import PUBLIC_SETS
from cada.datasets.status import describe
from cada.storage.paths import Layout


def show_status() -> None:
    """Print what is there of each set of params/, the public ones among them."""
    for dataset in config.known_datasets():
        public = PUBLIC_SETS.get(dataset)
        print(dataset + (f" ({public.title})" if public else ""))
        for what, state in describe(dataset, config.load_dataset(dataset).data, public=public, manifest=Layout(dataset).manifest):
            print(f"  {what:12}{state}")
