"""Fisher's exact test for two shares."""

from scipy.stats import fisher_exact


def fisher(part: int, n: int, other_part: int, other_n: int) -> float:
    """Return the p-value of Fisher's exact test, two-sided.

    Parameters
    ----------
    part, n : int
        Number of successes and of all galaxies in the first group.
    other_part, other_n : int
        The same in the second group.

    Returns
    -------
    float
        Probability of a difference at least this large if the shares are equal, given the totals. It is 1 if
        a group is empty, or if all galaxies or none are successes.

    References
    ----------
    Fisher, R. A. 1922, Journal of the Royal Statistical Society 85, 87.
    """
    return float(fisher_exact([[part, n - part], [other_part, other_n - other_part]]).pvalue)
