"""params/storage.yaml: what is kept under .cada/. No result depends on it, so it is in no step's recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cada.config.base import Parameters, Rate


class Storage(Parameters):
    """How many states of interrupted trainings are kept beside the one in use, and for how many days."""

    states: Annotated[int, Field(ge=0)]  #: interrupted states that are kept of each training, beside the one in use
    state_days: Rate  #: [days] older states are removed by the next training of the same variant and seed

    def __str__(self) -> str:
        return f"{self.states} of each training, for {self.state_days:g} days"
