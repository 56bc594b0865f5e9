"""What to conclude from a comparison, in words."""

from collections.abc import Iterator, Mapping

from evaluation.comparison import SIGNIFICANCE
from evaluation.paired import Difference
from preprocessing.features import HOLDOUT, TEST, TRAIN, UNCERTAIN, VALIDATION
from report.comparison.common import ABSENT, OTHER_LABEL, OTHER_PLACE
from report.comparison.pairs import Pair
from report.topics.words import p_text
from report.html.formats import count_of, format_count, format_signed

_FATES = {
    TRAIN: "in the training split of {}, which has learned from them",
    VALIDATION: "in the validation split of {}, which was chosen by them",
    HOLDOUT: "in the holdout of {}",
    UNCERTAIN: "without a label in {}",
    ABSENT: "not in {}",
    OTHER_LABEL: "under another label in {}",
    OTHER_PLACE: "elsewhere on the sky in {}, so another galaxy of the same name",
}
_RANKINGS = {"auc": "AUC", "loss": "log loss"}


def verdict(pair: Pair) -> str:
    """Say which of two runs is better, if that can be told."""
    one, other, n = pair.one.letter, pair.other.letter, format_count(pair.n)
    if not pair.n:
        return f"{one} and {other} have no test galaxy in common, so they cannot be compared."
    return " ".join((_by_accuracy(pair, one, other, n), *_by_rankings(pair, one, other)))


def _by_accuracy(pair: Pair, one: str, other: str, n: str) -> str:
    only_one, only_other = len(pair.only_one), len(pair.only_other)
    if not only_one + only_other:
        return f"{one} and {other} are right on the same of the {n} common test galaxies."
    counts = f"{format_count(only_one)} only {one} calls right, {format_count(only_other)} only {other}"
    found = f"of {n} common test galaxies {counts}; {p_text(pair.p_value)}"
    difference = f"accuracy of {one} less that of {other}: {_range(pair.differences['accuracy'])}"
    if pair.p_value >= SIGNIFICANCE:
        text = f"The accuracies of {one} and {other} do not differ significantly ({found})"
        return f"{text}, which does not show that they are alike ({difference})."
    better, worse = (one, other) if only_one > only_other else (other, one)
    return f"{better} is right more often than {worse} ({found}; {difference})."


def _by_rankings(pair: Pair, one: str, other: str) -> Iterator[str]:
    """Speak of AUC and loss where they can be told apart."""
    for key, title in _RANKINGS.items():
        difference = pair.differences[key]
        if difference.interval and not difference.interval[0] <= 0 <= difference.interval[1]:
            yield f"The {title} of {one} differs from that of {other}: {_range(difference)}."


def _range(difference: Difference) -> str:
    low, high = difference.interval or (None, None)
    return f"{format_signed(difference.value)}, 95 % interval {format_signed(low)} to {format_signed(high)}"


def notes(pair: Pair) -> list[str]:
    """Say on which galaxies two runs are not compared, and why."""
    common = pair.common
    if pair.n and common.same_split:
        return [f"Both were tested on the same {count_of(pair.n, 'galaxy', 'galaxies')}."]
    return [
        left_out(common.of_one, pair.one.letter, pair.other.letter),
        left_out(common.of_other, pair.other.letter, pair.one.letter),
    ]


def left_out(counts: Mapping[str, int], one: str, other: str) -> str:
    """Say which test galaxies of a run cannot be compared, and why.

    Parameters
    ----------
    counts : mapping of str to int
        See `report.comparison.common.Common`.
    one, other : str
        What the runs are called.

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
    return f"Of {total} test galaxies of {one} {format_count(sum(lost.values()))} are left out: {reasons}."
