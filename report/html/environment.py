"""Templates: those of a package, and those that all pages share."""

from collections.abc import Callable

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from report.html import formats


def page_environment(package: str) -> Environment:
    """Return the environment that renders the pages of a package.

    Parameters
    ----------
    package : str
        Whose folder ``templates`` is searched first, then that of `report.html` (``style.css``, macros).

    Returns
    -------
    Environment
        It escapes what is not marked as safe, refuses names that are not defined, and knows the filters
        ``count``, ``count_of``, ``number``, ``measure``, ``signed``, ``percent``, ``probability`` and
        ``duration`` of `report.html.formats`.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("report.html")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "count": formats.format_count,
        "count_of": formats.count_of,
        "number": formats.format_number,
        "measure": formats.format_measure,
        "signed": formats.format_signed,
        "percent": formats.format_percent,
        "probability": formats.format_probability,
        "duration": formats.format_duration,
    }
    environment.filters |= filters
    return environment
