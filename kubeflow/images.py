"""References of container images."""

import re

_DIGEST = re.compile(r"@[a-z0-9]+:[0-9a-f]{32,}$")
_TAG = re.compile(r":[\w][\w.-]{0,127}$")


def names_no_version(image: str) -> bool:
    """Return whether a reference has neither digest nor tag, or the tag ``latest``, which moves.

    The cache of Kubeflow Pipelines knows an image by its reference only, so that code behind one that moves
    is not run again.
    """
    tag = _TAG.search(image)
    return not _DIGEST.search(image) and (tag is None or tag[0] == ":latest")
