"""The switches: each is one difference between the published code and a careful reproduction, and defined once, here.

Their values are in params/procedures/. The overrides of data sets and variants, the table of docs/deviations.md and what a report
says of a run's switches follow from these definitions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, create_model

from cada.config.base import Parameters, Positive, Probability
from cada.objectives import OBJECTIVES

Sampling = Literal["random", "lookalikes"]
HardNegatives = Literal["published", "hardest", "sampled"]
LocalGroups = Literal["fixed", "parts"]
Padding = Literal["fixed", "batch"]
Masking = Literal["words", "phrases"]
AraMean = Literal["process", "batch"]
Fusion = Literal["published", "calibrated"]
Selection = Literal["test", "val"]
AbsentVal = Literal["test", "held_out"]
Queries = Literal["first_two", "all"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Switch:
    """What a switch `decides`, `why` its robust value is not the published one, `where` it acts, and the `tests` of it.

    `steps` are those that read it: where an objective names it among its own, for a variant with such an objective only.
    `values` says what each word means.
    """

    decides: str
    why: str
    where: str
    tests: str
    steps: tuple[str, ...] = ("train",)
    values: Mapping[str, str] = field(default_factory=dict)

    def meaning(self, value: str | float) -> str:
        """What a value means; a number means itself."""
        return self.values[value] if isinstance(value, str) else f"{value:g}"


class Switches(Parameters):
    """The switches of docs/deviations.md."""

    batches: Annotated[
        Sampling,
        Switch(
            decides="Which captions meet in a training batch",
            values={"random": "any", "lookalikes": "those of persons whose captions share the most words, among others"},
            why="a batch of 64 out of thousands of persons seldom holds two who are alike. With `lookalikes` a caption brings captions of "
            "the two persons along whose captions share the most words with its own person's. The drawn sets have it, since it helps "
            "there: [ablation.md](ablation.md)",
            where="`cada/training/sampling.py`",
            tests="`tests/training/test_sampling.py`",
        ),
    ]
    hard_negatives: Annotated[
        HardNegatives,
        Switch(
            decides="Which wrong images and captions ATP learns to tell from the right ones",
            values={
                "published": "argmax of the softmax of raw products / 0.07; where it underflows, the first of the batch, right or wrong",
                "hardest": "the most similar one of another person",
                "sampled": "one of another person, at random by the softmax of cosine / 0.07",
            },
            why="with feature norms of 5 and more the softmax underflows, and argmax returns index 0, perhaps a true pair (such rows are "
            "logged as `degenerate`). An untrained match head learns nothing from the hardest negatives alone, so the drawn sets have "
            "`sampled`",
            where="`hard_negatives` in `cada/losses.py`",
            tests="`tests/test_losses.py`: `..._negatives_...`",
        ),
    ]
    local_groups: Annotated[
        LocalGroups,
        Switch(
            decides="What the groups of tokens are that ATP matches beside the whole caption",
            values={
                "fixed": "fixed positions, padding included: of two groups 1-36 and 37-72",
                "parts": "equal parts of the caption's own word pieces",
            },
            why="a short caption's second group was nothing but padding",
            where="`token_groups` in `cada/losses.py`",
            tests="`test_fixed_groups_include_the_padding`, `test_parts_hold_the_word_pieces_only`",
        ),
    ]
    group_count: Annotated[
        Positive,
        Switch(
            decides="How many such groups there are",
            why="no difference: a value to try",
            where="`token_groups` in `cada/losses.py`",
            tests="`test_parts_hold_the_word_pieces_only`, `test_fixed_groups_of_another_number_are_equal_parts`",
        ),
    ]
    padding: Annotated[
        Padding,
        Switch(
            decides="To which length captions are filled up",
            values={"fixed": "the longest that is allowed, 73", "batch": "the longest of the batch, whose captions are of like length"},
            why="time. States of real tokens are the same, but which captions meet in a batch, and so as negatives, is not",
            where="`token_batch` in `cada/datasets/loading.py`, `cada/training/sampling.py`",
            tests="`tests/training/test_sampling.py`, `test_padding_does_not_change_a_caption`",
        ),
    ]
    ara_masking: Annotated[
        Masking,
        Switch(
            decides="What ARA masks of a caption and predicts from the image",
            values={
                "words": "single word pieces that NLTK tags JJ, NN, NNS, NNP or NNPS in the caption before it is cut, and [SEP] always; "
                "never [CLS] or the padding",
                "phrases": "whole phrases of the phrase table, never [SEP]",
            },
            why="the paper's abstract says phrases; the code's phrase branch is switched off",
            where="`cada/training/captions.py`, `cada/phrases/`",
            tests="`tests/training/test_captions.py`, `tests/phrases/test_masking.py`",
        ),
    ]
    ara_rate: Annotated[
        Probability,
        Switch(
            decides="With which probability ARA masks each of these phrases or words",
            why="0.8 is what the code has for phrases, in the branch that is switched off; 0.4 is for its words",
            where="`loss` in `cada/objectives/ara.py`, `select_groups` in `cada/losses.py`",
            tests="`test_groups_are_chosen_at_the_rate_and_never_none`",
        ),
    ]
    ara_mean: Annotated[
        AraMean,
        Switch(
            decides="Over which masked tokens ARA's loss is averaged",
            values={"process": "those of each process, then over processes", "batch": "all of the batch"},
            why="the published value depends on how many processes share the batch",
            where="`divisor` in `cada/objectives/ara.py`",
            tests="`tests/runtime/test_distributed.py`",
        ),
    ]
    fusion: Annotated[
        Fusion,
        Switch(
            decides="How cosine and match score make one score in re-ranking",
            values={
                "published": "match logit + cosine",
                "calibrated": "log-softmax of the match + w cosine, w chosen on val; the published sum is reported beside it",
            },
            why="logits and cosines have no common scale",
            where="`cada/retrieval/ranking.py`, `choose_weight` in `cada/retrieval/search.py`",
            tests="`tests/retrieval/test_ranking.py`",
            steps=("train", "evaluate"),
        ),
    ]
    selection: Annotated[
        Selection,
        Switch(
            decides="Which split chooses the checkpoint",
            values={"test": "test, by (R@1 + R@5 + R@10) / 3 + mAP, which then is no test any more", "val": "val, by mAP"},
            why="a model chosen on test has seen it",
            where="`validation` in `cada/training/finetune.py`",
            tests="`tests/training/test_selection.py`",
            steps=("train", "evaluate"),
        ),
    ]
    absent_val: Annotated[
        AbsentVal,
        Switch(
            decides="Where val comes from if the data set has none",
            values={"test": "it is test", "held_out": "train persons held out by a fixed rule"},
            why="a model chosen on test has seen it; ICFG-PEDES has no val split",
            where="`cada/datasets/holdout.py`",
            tests="`tests/datasets/test_holdout.py`",
            steps=("train", "evaluate"),
        ),
    ]
    queries: Annotated[
        Queries,
        Switch(
            decides="Which captions of val and test are queries",
            values={"first_two": "the first two of each image", "all": "all"},
            why="the other methods' numbers use all",
            where="`take_split` in `cada/datasets/loading.py`",
            tests="`tests/datasets/test_loading.py`",
            steps=("train", "evaluate", "probe", "transfer"),
        ),
    ]


DEFINITIONS: Mapping[str, Switch] = {
    name: next(item for item in found.metadata if isinstance(item, Switch)) for name, found in Switches.model_fields.items()
}
_fields: dict[str, Any] = {name: (Annotated[(found.annotation, *found.metadata)], None) for name, found in Switches.model_fields.items()}
_Given = create_model("_Given", __base__=Parameters, **_fields)


def _some(values: Any) -> Any:
    return (
        values if isinstance(values, Switches) else Switches.model_construct(**_Given.model_validate(values).model_dump(exclude_unset=True))
    )


# Any subset of the switches: the others are no attributes, so that code which reads one more fails.
SomeSwitches = Annotated[Switches, BeforeValidator(_some)]


def read_by(step: str, switches: Switches, objectives: Collection[str]) -> Switches:
    """Those of the switches that a step reads for a variant with these objectives: the others are no attributes of the result."""
    owned = {name for objective in OBJECTIVES.values() for name in objective.switches}
    own = {name for objective in objectives for name in OBJECTIVES[objective].switches}
    read = {name for name, definition in DEFINITIONS.items() if step in definition.steps and (name in own or name not in owned)}
    return Switches.model_construct(**{name: value for name, value in switches if name in read})
