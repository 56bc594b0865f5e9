"""The Jinja environment of the pages."""

from collections.abc import Callable

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from report.html import formats


def page_environment(package: str) -> Environment:
    """Return the environment that renders the pages of a package.

    Parameters
    ----------
    package : str
        Package whose folder ``templates`` is searched first, before that of `report.html` (``style.css``,
        macros).

    Returns
    -------
    Environment
        With autoescaping, errors for undefined names, and the filters ``count``, ``count_of``, ``number``,
        ``measure``, ``signed``, ``percent``, ``probability`` and ``duration`` of `report.html.formats`.
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
