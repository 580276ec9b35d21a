"""A data set's data.yaml and phrases.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cada.config.base import Parameters, Positive
from cada.datasets.formats import known_format
from cada.datasets.reading import annotation_names

Format = Annotated[str, AfterValidator(known_format)]


class Persons(Parameters):
    """How many persons are drawn for each split; those of `pretrain` have one image each."""

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
    """Where a set lies and in which format: all that is needed to read its records.

    annotation: the annotation's file name in `root`, where the format does not fix it. test_persons: how many persons become test
    where the annotation has no splits.
    """

    format: Format
    root: Path
    annotation: Annotated[str, Field(pattern=r"^[^/\\]+$")] | None = None
    test_persons: Positive | None = None

    @model_validator(mode="after")
    def _the_annotation_is_named(self) -> Source:
        annotation_names(self.format, self.annotation)
        return self


class Data(Source):
    """params/<dataset>/data.yaml. With `synthesis` the set is drawn, without it user-supplied.

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
        return Source(**{name: getattr(self, name) for name in Source.model_fields})


class Phrases(Parameters):
    """params/<dataset>/phrases.yaml."""

    tagger: Literal["lexicon"]
