"""The descriptions of switches: of every one and of every value, and of those in which a run differs."""

from __future__ import annotations

from typing import get_args

from cada.config import Switches
from cada.config.deviations import deviations
from cada.config.switches import DEFINITIONS
from cada.objectives import OBJECTIVES
from tests.training.tiny import PUBLISHED, ROBUST


def test_every_value_of_a_switch_is_explained() -> None:
    named = {name: set(get_args(field.annotation)) for name, field in Switches.model_fields.items()}
    assert {name: set(own.values) for name, own in DEFINITIONS.items()} == named


def test_the_switches_of_objectives_are_switches() -> None:
    assert {name for own in OBJECTIVES.values() for name in own.switches} < set(DEFINITIONS)


def test_the_published_procedure_deviates_in_nothing() -> None:
    assert deviations({"published": PUBLISHED}, PUBLISHED) == ()


def test_the_robust_procedure_deviates_in_what_differs() -> None:
    published, robust = PUBLISHED.model_dump(), ROBUST.model_dump()
    found = {deviation.switch: deviation for deviation in deviations({"dual": ROBUST}, PUBLISHED)}
    assert set(found) == {name for name in published if published[name] != robust[name]}
    assert (found["ara_rate"].published, found["ara_rate"].here) == ("0.4", "0.8")
    assert found["queries"].here == "all"


def test_variants_that_differ_are_named() -> None:
    several = {"dual": ROBUST, "three": ROBUST.model_copy(update={"group_count": 3}), "published": PUBLISHED}
    found = {deviation.switch: deviation for deviation in deviations(several, PUBLISHED)}
    assert found["group_count"].here == "2 (dual, published); 3 (three)"
    assert found["ara_rate"].here == "0.8 (dual, three); 0.4 (published)"
