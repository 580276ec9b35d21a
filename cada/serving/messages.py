"""What clients send and get, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from cada.datasets.text import MAX_WORDS
from cada.gallery.query import MAX_PARTS
from cada.serving.limits import BODY, LETTERS, RERANK, STARS, WEIGHT, K

Id = Annotated[int, Field(ge=0, lt=2**53, description="An image's number in the index.")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=LETTERS, pattern=r"\S")]


class Asked(BaseModel):
    """What is not expected is refused: a misspelt name would be ignored."""

    model_config = ConfigDict(extra="forbid")


class TextAsked(Asked):
    """A sentence."""

    text: Text

    @field_validator("text")
    @classmethod
    def _not_too_long(cls, text: str) -> str:
        if len(text.split()) > MAX_WORDS:
            raise ValueError(f"the model reads {MAX_WORDS} words, and these are {len(text.split())}")
        return text


class PartAsked(Asked):
    """A sentence, an image of the index, or an image's file in base64; a weight below zero excludes it."""

    text: Text | None = None
    image: Id | None = None
    upload: Annotated[Base64Bytes, Field(max_length=BODY)] | None = None
    weight: Annotated[float, Field(ge=-WEIGHT, le=WEIGHT, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.text, self.image, self.upload].count(None) != 2:
            raise ValueError("a part has either a text, an image or an upload")
        if not self.weight:
            raise ValueError("a weight of 0 asks for nothing; leave the part out")
        if self.text is not None:
            TextAsked(text=self.text)
        return self


class SearchAsked(Asked):
    """A search."""

    parts: Annotated[list[PartAsked], Field(min_length=1, max_length=MAX_PARTS)]
    k: Annotated[int, Field(ge=1, le=K, description="How many images to find.")] = 24
    rerank: (
        Annotated[int, Field(ge=0, le=RERANK, description="How many of them the match head compares; without it, as released.")] | None
    ) = None
    path: Annotated[str, Field(max_length=200, description="A pattern of paths below the images' common folder: * and ?.")] | None = None
    since: datetime | None = None
    until: datetime | None = None
    phrases: Annotated[bool, Field(description="Say how well each phrase matches alone.")] = False

    @field_validator("path")
    @classmethod
    def _few_stars(cls, path: str | None) -> str | None:
        if path is not None and path.count("*") > STARS:
            raise ValueError(f"a pattern has at most {STARS} stars")
        return path


class ExplainAsked(TextAsked):
    """An image and a sentence to explain."""

    image: Id


class Found(BaseModel):
    """An image that was found, as in `cada.gallery.Hit`; `path` where the server shows paths."""

    id: int
    name: str
    path: str | None
    cosine: float
    match: float | None
    score: float
    confidence: Literal["confident", "possible", "unlikely"] | None
    time: datetime
    box: list[float] | None
    copies: int
    phrases: dict[str, float]


class Answer(BaseModel):
    """The images that were found, best first. nobody: whether all of them are unlikely; None where that is not known.

    unknown: words of the query that are none to the model, which guesses at them.
    """

    hits: list[Found]
    nobody: bool | None
    unknown: list[str]
    milliseconds: int


class PhraseFound(BaseModel):
    """A phrase, and where it stands in the text."""

    text: str
    start: int
    end: int


class Phrases(BaseModel):
    """A text as the model reads it, and its phrases."""

    text: str
    phrases: list[PhraseFound]


class Word(BaseModel):
    """A word, or a part of one, that is expected with a probability."""

    word: str
    probability: float


class MaskedWord(BaseModel):
    """A masked word, and what is expected in its place, the likeliest first."""

    word: str
    expected: list[Word]


class PhraseExplained(BaseModel):
    """How well a phrase matches alone; the patches (rows, columns) that its words attend to, as shares of the highest, by reader; the words
    that are expected in its place.
    """

    text: str
    match: float
    maps: dict[str, list[list[float]]]
    words: list[MaskedWord]


class Explained(BaseModel):
    """How well a sentence matches an image, and each of its phrases."""

    match: float
    phrases: list[PhraseExplained]


class Limits(BaseModel):
    """What a request may ask for."""

    letters: int = LETTERS
    words: int = MAX_WORDS
    parts: int = MAX_PARTS
    k: int = K
    rerank: int = RERANK
    body: int = BODY


class Info(BaseModel):
    """The index. top_k: how many images are re-ranked where nothing is said; 0 where the model has no match head.

    thresholds: the lowest score of a hit of each confidence, or None where none is known.
    """

    images: int
    model: str
    top_k: int
    thresholds: dict[str, float] | None
    limits: Limits
