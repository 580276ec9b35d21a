from pathlib import Path

import pytest

from cada.datasets.loading import take_split
from cada.datasets.records import Record
from cada.steps.evaluate import require_several
from tests.messages import refused


@pytest.mark.parametrize("persons", [1, 2])
def test_a_split_of_one_person_is_named(persons: int) -> None:
    records = [Record(f"{number}.png", number % persons, ("A hat.",), "val") for number in range(4)]
    split = take_split(records, "val", root=Path("data/mine"))
    if persons == 2:
        require_several(split, "data/mine: val")
    else:
        with refused("data/mine: val", "one person"):
            require_several(split, "data/mine: val")
