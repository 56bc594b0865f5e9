"""Conclusions of a comparison, as sentences."""

from collections.abc import Iterator, Mapping

from evaluation.comparison import SIGNIFICANCE, p_text
from evaluation.paired import Difference
from preprocessing.features import HOLDOUT, TEST, TRAIN, UNCERTAIN, VALIDATION
from report.comparison.common import ABSENT, OTHER_LABEL, OTHER_PLACE
from report.comparison.pairs import Pair
from report.html.formats import count_of, format_count, format_signed

_FATES = {
    TRAIN: "in the training split of {}",
    VALIDATION: "in the validation split of {}",
    HOLDOUT: "in the holdout of {}",
    UNCERTAIN: "labelled uncertain in {}",
    ABSENT: "not in {}",
    OTHER_LABEL: "with another label in {}",
    OTHER_PLACE: "at another sky position in {}, so a different galaxy of the same name",
}
_RANKINGS = {"auc": "AUC", "loss": "log loss"}


def verdict(pair: Pair) -> str:
    """Say which of two runs is significantly better, if either is."""
    one, other, n = pair.one.letter, pair.other.letter, format_count(pair.n)
    if not pair.n:
        return f"{one} and {other} have no test galaxy in common, so they cannot be compared."
    return " ".join((*_by_accuracy(pair, one, other, n), *_by_rankings(pair, one, other)))


def _by_accuracy(pair: Pair, one: str, other: str, n: str) -> Iterator[str]:
    only_one, only_other = len(pair.only_one), len(pair.only_other)
    if not only_one + only_other:
        yield f"{one} and {other} classify the same of the {n} common test galaxies correctly."
        return
    significant = pair.p_value < SIGNIFICANCE
    if significant:
        better, worse = (one, other) if only_one > only_other else (other, one)
        yield f"{better} is significantly more accurate than {worse} ({p_text(pair.p_value)})."
    else:
        yield f"The accuracies of {one} and {other} do not differ significantly ({p_text(pair.p_value)})."
    yield (
        f"Of {n} common test galaxies, {format_count(only_one)} are correct only in {one} and"
        f" {format_count(only_other)} only in {other}. Accuracy of {one} minus that of {other}:"
        f" {_range(pair.differences['accuracy'])}."
    )
    if not significant:
        yield "This does not show that the two are equally good."


def _by_rankings(pair: Pair, one: str, other: str) -> Iterator[str]:
    """Yield a sentence for each of AUC and loss that differs significantly."""
    for key, title in _RANKINGS.items():
        difference = pair.differences[key]
        if difference.interval and not difference.interval[0] <= 0 <= difference.interval[1]:
            yield f"The {title} differs significantly ({one} minus {other}: {_range(difference)})."


def _range(difference: Difference) -> str:
    low, high = difference.interval or (None, None)
    return f"{format_signed(difference.value)}, 95 % interval {format_signed(low)} to {format_signed(high)}"


def notes(pair: Pair) -> list[str]:
    """Say which test galaxies of two runs are left out of the comparison, and why."""
    common = pair.common
    if pair.n and common.same_split:
        return [f"Both runs have the same {count_of(pair.n, 'test galaxy', 'test galaxies')}."]
    return [
        left_out(common.of_one, pair.one.letter, pair.other.letter),
        left_out(common.of_other, pair.other.letter, pair.one.letter),
    ]


def left_out(counts: Mapping[str, int], one: str, other: str) -> str:
    """Say which test galaxies of a run are left out of the comparison, and why.

    Parameters
    ----------
    counts : mapping of str to int
        See `report.comparison.common.Common`.
    one, other : str
        Names of the runs.

    Returns
    -------
    str
    """
    total = format_count(sum(counts.values()))
    lost = {name: count for name, count in counts.items() if name != TEST}
    if not counts:
        return f"The test split of {one} is empty."
    if not lost:
        return f"All {total} test galaxies of {one} are test galaxies of {other}."
    reasons = "; ".join(f"{format_count(count)} {_FATES[name].format(other)}" for name, count in lost.items())
    return f"{format_count(sum(lost.values()))} of {total} test galaxies of {one} are left out: {reasons}."
