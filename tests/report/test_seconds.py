from pathlib import Path

import pytest

from cada.report.seconds import Seconds, mean_seconds, read_seconds

HEAD = "s\th:m:s\tmax_rss\tcpu_time\n"


@pytest.fixture
def measured(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{seed}.tsv" for seed in range(3)]
    for path, line in zip(paths, ("10.0\t0:00:10\t1.5\t8.0", "20.0\t0:00:20\t1.5\t12.0", "0.4\t0:00:00\tNA\tNA"), strict=True):
        path.write_text(f"{HEAD}{line}\n")
    return paths


def test_means_over_the_runs(measured: list[Path]) -> None:
    assert mean_seconds(measured[:2]) == Seconds(15.0, 10.0)


def test_a_run_too_short_to_be_sampled_has_no_cpu_time(measured: list[Path]) -> None:
    assert read_seconds(measured[2]) == Seconds(0.4, None)
    assert mean_seconds(measured[1:]) == Seconds(10.2, None)


def test_a_mean_of_some_of_the_seeds_is_none(measured: list[Path], tmp_path: Path) -> None:
    assert read_seconds(tmp_path / "absent.tsv") is None
    assert mean_seconds([*measured, tmp_path / "absent.tsv"]) is None
