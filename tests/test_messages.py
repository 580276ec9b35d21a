"""What the tests of messages rest on: a fact is found whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cada.errors import CadaError
from tests.messages import Fact, carries, line_with, refused

MESSAGE = "params/a/data.yaml: held_out_persons is 13, and train has 3,102 persons or 40 % (found [])."


@pytest.mark.parametrize("fact", [13, "held_out_persons", Path("a/data.yaml"), "3,102 persons", "40 %", "found []", "(found"])
def test_a_whole_fact_is_found(fact: Fact) -> None:
    assert carries(MESSAGE, fact)


@pytest.mark.parametrize("fact", [3, 1, 102, 0, "held_out", "persons is 1", "dat", "ata.yaml", "rams", "val"])
def test_a_part_of_a_longer_word_or_number_is_none(fact: Fact) -> None:
    with pytest.raises(AssertionError, match=str(fact)):
        carries(MESSAGE, "train", fact)


def test_the_class_the_facts_and_the_cause_all_count() -> None:
    def fail() -> None:
        try:
            Path("/nowhere").read_text()
        except OSError as error:
            raise CadaError(f"{error.filename}: missing") from error

    with refused("/nowhere", cause=FileNotFoundError):
        fail()
    for facts, wanted in ((("/else",), {}), (("/nowhere",), {"cause": ValueError})):
        with pytest.raises(AssertionError), refused(*facts, **wanted):
            fail()
    with pytest.raises(CadaError), refused("/nowhere", by=ValueError):
        fail()
    with pytest.raises(pytest.fail.Exception), refused("/nowhere"):
        pass


def test_all_facts_are_in_one_line_and_no_other_has_them() -> None:
    page = "one: 1 of 2\ntwo: 2 of 2\nthree: 1 of 3"
    assert line_with(page, 1, "of 3") == "three: 1 of 3"
    for facts in ((1,), ("one", 3)):
        with pytest.raises(AssertionError):
            line_with(page, *facts)
