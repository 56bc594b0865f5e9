"""Whether two shares differ by more than chance explains."""

from scipy.stats import fisher_exact


def fisher(part: int, n: int, other_part: int, other_n: int) -> float:
    """Return the p-value of Fisher's exact test, two-sided.

    Parameters
    ----------
    part, n : int
        So many of so many.
    other_part, other_n : int
        Likewise, of other galaxies.

    Returns
    -------
    float
        How often equal shares would differ so much or more, given how many there are in all; 1 where they
        cannot differ: without galaxies on one side, and where all or none are a part of it.

    References
    ----------
    Fisher, R. A. 1922, Journal of the Royal Statistical Society 85, 87.
    """
    return float(fisher_exact([[part, n - part], [other_part, other_n - other_part]]).pvalue)
