"""Legend: Q queries, P persons, S seeds, M metrics."""

import numpy as np
import pytest
from scipy import stats

from cada.reporting.statistics import Difference, paired_bootstrap, standard_errors


def random_differences(seed: int, *, queries: int = 40, seeds: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Differences (Q, S, 2) in points, and persons with unequal numbers of queries (Q)."""
    random = np.random.default_rng(seed)
    persons = np.sort(random.integers(0, 9, queries)) * 7 + 100
    return 100.0 * random.integers(-1, 2, (queries, seeds, 2)) + 5, persons


@pytest.mark.parametrize("seeds", [1, 3])
def test_against_plain_loops(seeds: int) -> None:
    differences, persons = random_differences(0, seeds=seeds)
    names = sorted(set(persons.tolist()))
    random = np.random.Generator(np.random.PCG64(5))
    of_persons = random.multinomial(len(names), [1 / len(names)] * len(names), size=50)
    of_seeds = random.multinomial(seeds, [1 / seeds] * seeds, size=50)

    for metric, found in enumerate(paired_bootstrap(differences, persons, samples=50, seed=5)):
        draws = []
        for times, again in zip(of_persons, of_seeds, strict=True):
            values: list[float] = []
            for name, how_often in zip(names, times, strict=True):
                for seed, repeated in enumerate(again):
                    for query in np.flatnonzero(persons == name):
                        values += [differences[query, seed, metric]] * int(how_often * repeated)
            draws.append(sum(values) / len(values))
        low, high = np.percentile(draws, [2.5, 97.5])

        mean = differences[:, :, metric].mean()
        share = len(persons) / len(names)  # queries a person
        residuals = [
            sum(differences[query, :, metric].mean() - mean for query in np.flatnonzero(persons == name)) / share for name in names
        ]
        of_person, of_seed = sum(value**2 for value in residuals) / (len(names) - 1) / len(names), 0.0
        if seeds > 1:
            of_seed = sum((differences[:, seed, metric].mean() - mean) ** 2 for seed in range(seeds)) / (seeds - 1) / seeds
        variance = of_person + of_seed
        freedom = variance**2 / (of_person**2 / (len(names) - 1) + (of_seed**2 / (seeds - 1) if seeds > 1 else 0))
        half = np.sqrt(variance) * stats.t.ppf(0.975, freedom)
        stretch = half / (stats.norm.ppf(0.975) * np.std(draws))

        assert found.mean == pytest.approx(mean)
        assert found.percentiles == pytest.approx((low, high))
        assert found.interval == pytest.approx((mean + stretch * (low - np.mean(draws)), mean + stretch * (high - np.mean(draws))))


def test_what_does_not_vary_has_no_width() -> None:
    (found,) = paired_bootstrap(np.full((12, 3, 1), 2.0), np.repeat(np.arange(4), 3), samples=20)
    assert found.interval == pytest.approx((2, 2)) and found.established
    (same,) = paired_bootstrap(np.zeros((12, 3, 1)), np.repeat(np.arange(4), 3), samples=20)
    assert (same.mean, *same.interval) == (0, 0, 0) and not same.established
    errors, freedom = standard_errors(np.zeros((4, 3, 1)), np.full(4, 3))
    assert (errors.tolist(), freedom.tolist()) == ([0], [3])


def test_the_other_way_round_is_the_same_with_the_other_sign() -> None:
    differences, persons = random_differences(1)
    for one, other in zip(*(paired_bootstrap(sign * differences, persons, samples=200) for sign in (1, -1)), strict=True):
        assert one.mean == pytest.approx(-other.mean)
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))


def test_asking_a_person_everything_twice_adds_no_certainty() -> None:
    differences, persons = random_differences(2)
    once = paired_bootstrap(differences, persons, samples=200)
    twice = paired_bootstrap(np.repeat(differences, 2, axis=0), np.repeat(persons, 2), samples=200)
    assert [found.interval for found in once] == [pytest.approx(found.interval) for found in twice]


def test_the_order_of_queries_and_seeds_is_of_no_effect_on_the_error() -> None:
    sums, counts = np.random.default_rng(3).normal(size=(6, 3, 2)), np.array([3, 1, 2, 5, 4, 3])
    order = np.array([4, 2, 0, 5, 1, 3])
    for one, other in zip(standard_errors(sums, counts), standard_errors(sums[order][:, [2, 0, 1]], counts[order]), strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize(
    ("mean", "interval", "established"),
    [
        (2.14, (0.96, 3.2), True),
        (0.9, (0.0001, 2.0), True),
        (0.9, (0.00004, 2.0), False),
        (-1.0, (-2.0, -0.04), True),
        (-1.0, (-2.0, -0.00004), False),
        (0.2, (-0.9, 1.3), False),
    ],
)
def test_the_verdict_is_that_of_the_printed_numbers(mean: float, interval: tuple[float, float], established: bool) -> None:
    assert Difference(mean, interval, interval).established == established


def coverage(seeds: int, *, person: float, seed: float, both: float, trials: int = 800) -> tuple[float, float]:
    """How often the interval, and the plain percentiles, hold the truth, which is 0.

    Standard deviations, in points, of what is proper to a person, to a seed, and to a person under a seed; 20 to a query.
    """
    random, people, held = np.random.default_rng(0), 100, np.zeros(2)
    for _ in range(trials):
        persons = np.repeat(np.arange(people), random.integers(2, 9, people))
        effects = random.normal(0, person, (people, 1)) + random.normal(0, seed, (1, seeds)) + random.normal(0, both, (people, seeds))
        differences = effects[persons] + random.normal(0, 20, (len(persons), seeds))
        (found,) = paired_bootstrap(differences[:, :, None], persons, samples=500)
        held += [low <= 0 <= high for low, high in (found.interval, found.percentiles)]
    interval, percentiles = held / trials
    return interval, percentiles


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(("person", "seed", "both"), [(15, 0, 0), (15, 0, 20), (15, 1, 20), (15, 2, 5), (5, 3, 5), (0, 2, 5)])
def test_intervals_hold_the_truth_about_95_times_in_100(seeds: int, person: float, seed: float, both: float) -> None:
    interval, _ = coverage(seeds, person=person, seed=seed, both=both)
    assert 0.91 <= interval <= 0.995


def test_plain_percentiles_are_too_narrow_for_three_seeds() -> None:
    """Where most of the variance is between seeds."""
    interval, percentiles = coverage(3, person=5, seed=4, both=5)
    assert percentiles < 0.85 < 0.91 <= interval
