"""A data set's data.yaml and phrases.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cada.config.base import Parameters, Positive, Several
from cada.datasets.formats import known_format
from cada.datasets.reading import annotation_names

Format = Annotated[str, AfterValidator(known_format)]


class Persons(Parameters):
    """How many persons are drawn for each split."""

    pretrain: Annotated[int, Field(ge=0)] = 0  #: persons that weights are made from, with one image each
    train: Positive  #: persons to train on
    val: Positive  #: persons that choose checkpoints and thresholds
    test: Positive  #: persons that are searched for


class Synthesis(Parameters):
    """How SynthPEDES is drawn."""

    seed: int  #: another seed draws other persons
    persons: Persons  #: how many persons are drawn for each split
    images_per_person: tuple[Positive, Positive]  #: the fewest and the most
    size: tuple[Positive, Positive]  #: [pixels] height and width


class Counts(Parameters):
    """What a split of a public set holds."""

    persons: Positive  #: persons of the split
    images: Positive  #: images of the split
    captions: Positive  #: captions of the split


class Source(Parameters):
    """Where a set lies and in which format: all that is needed to read its records."""

    format: Format  #: how the annotation is read: a row of `cada/datasets/formats.py`
    root: Path  #: the folder with the annotation and `imgs/`
    #: the annotation's file name in `root`, where the format does not fix it
    annotation: Annotated[str, Field(pattern=r"^[^/\\]+$")] | None = None
    test_persons: Several | None = None  #: how many persons become test where the annotation has no splits

    @model_validator(mode="after")
    def _the_annotation_is_named(self) -> Source:
        annotation_names(self.format, self.annotation)
        return self


class Data(Source):
    """params/<dataset>/data.yaml."""

    gallery_parts: Positive = 1  #: the test gallery is also searched in so many parts, for smaller galleries
    synthesis: Synthesis | None = None  #: how the set is drawn; without it the set is user-supplied
    expected: dict[str, Counts] | None = None  #: the published counts of each split; other ones are refused
    held_out_persons: Several | None = None  #: train persons that become val where the annotation has none (the switch `absent_val`)
    remark: str | None = None  #: what the report shall say of the persons

    @property
    def source(self) -> Source:
        return Source(**{name: getattr(self, name) for name in Source.model_fields})


class Phrases(Parameters):
    """params/<dataset>/phrases.yaml."""

    tagger: Literal["lexicon"]  #: what finds attribute phrases: word lists and a grammar of this project
