from pathlib import Path

from cada.reporting.results.seconds import mean_seconds, read_seconds


def test_the_mean_over_the_runs_where_all_were_measured(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.tsv" for seed in range(2)]
    for path, line in zip(paths, ("10.0\t0:00:10\t1.5\t8.0", "0.4\t0:00:00\tNA\tNA"), strict=True):
        path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{line}\n")
    assert mean_seconds(paths) == 5.2
    absent = tmp_path / "absent.tsv"
    assert read_seconds(absent) is None and mean_seconds([*paths, absent]) is None
