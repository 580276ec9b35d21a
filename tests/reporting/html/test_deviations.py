from typing import get_args

from cada.config import PROCEDURES, Switches
from cada.reporting.html.deviations import SWITCHES, VALUES, deviations

PUBLISHED = PROCEDURES["published"]


def test_every_switch_and_every_value_of_it_is_explained() -> None:
    assert list(SWITCHES) == list(Switches.model_fields)
    named = {name: set(get_args(field.annotation)) for name, field in Switches.model_fields.items()}
    assert {name: set(texts) for name, texts in VALUES.items()} == {name: values for name, values in named.items() if values}


def test_the_published_procedure_deviates_in_nothing() -> None:
    assert deviations({"published": PUBLISHED}, PUBLISHED, {}) == []


def test_the_robust_procedure_deviates_in_what_differs() -> None:
    published, robust = (PROCEDURES[name].model_dump() for name in ("published", "robust"))
    found = {deviation.switch: deviation for deviation in deviations({"dual": PROCEDURES["robust"]}, PUBLISHED, {"queries": "why"})}
    assert set(found) == {name for name in published if published[name] != robust[name]}
    assert (found["ara_rate"].published, found["ara_rate"].here) == ("0.4", "0.8")
    assert found["queries"].here == "all"
    assert {name: deviation.idle for name, deviation in found.items() if deviation.idle} == {"queries": "why"}


def test_variants_that_differ_are_named() -> None:
    several = {"dual": PROCEDURES["robust"], "three": PROCEDURES["robust"].model_copy(update={"group_count": 3})}
    found = {deviation.switch: deviation for deviation in deviations(several | {"published": PUBLISHED}, PUBLISHED, {})}
    assert found["group_count"].here == "2 (dual, published); 3 (three)"
    assert found["ara_rate"].here == "0.8 (dual, three); 0.4 (published)"
