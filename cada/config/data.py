"""A data set's data.yaml and phrases.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cada.config.base import Parameters, Positive

Format = Literal["cuhk_pedes", "icfg_pedes", "rstpreid"]


class Persons(Parameters):
    """How many persons are drawn for each split; those of `pretrain` have one picture each."""

    pretrain: Annotated[int, Field(ge=0)] = 0
    train: Positive
    val: Positive
    test: Positive


class Synthesis(Parameters):
    """How SynthPEDES is drawn."""

    seed: int
    persons: Persons
    images_per_person: tuple[Positive, Positive]
    size: tuple[Positive, Positive]


class Counts(Parameters):
    """What a split of a public set holds."""

    persons: Positive
    images: Positive
    captions: Positive


class Source(Parameters):
    """Where a set lies and in which format: all that is needed to read its records."""

    format: Format
    root: Path


class Data(Source):
    """params/<dataset>/data.yaml. With `synthesis` the set is drawn, without it the user brings it.

    `expected` are the published counts per split of the annotation. `held_out_persons` train persons become val where
    the annotation has none (see `Switches.absent_val`). `remark`: what the report shall say of the persons.
    """

    gallery_parts: Positive = 1
    synthesis: Synthesis | None = None
    expected: dict[str, Counts] | None = None
    held_out_persons: Positive | None = None
    remark: str | None = None

    @property
    def source(self) -> Source:
        return Source(format=self.format, root=self.root)


class Phrases(Parameters):
    """params/<dataset>/phrases.yaml."""

    tagger: Literal["lexicon"]
