"""Where a run's artifacts go."""

import re
from urllib.parse import urlsplit

from kubeflow.submit.errors import SubmitError

_SCHEMES = ("minio", "s3", "gs")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def check_pipeline_root(root: str) -> None:
    """Raise `SubmitError` if a pipeline root is none that the pods of a run can reach.

    Parameters
    ----------
    root : str
        ``minio://``, ``s3://`` or ``gs://``, a bucket, and possibly a path and a query (``?region=...``).
    """
    ways = "minio://BUCKET/PATH, s3://BUCKET/PATH or gs://BUCKET/PATH"
    try:
        parts = urlsplit(root)
    except ValueError:
        raise SubmitError(f"--pipeline-root {root} is no URI; write {ways}") from None
    if not parts.scheme or "://" not in root:
        kind = "a path of this machine" if root.startswith("/") else "a relative path"
        raise SubmitError(f"--pipeline-root {root} is {kind}, which pods cannot reach; write {ways}")
    if parts.scheme not in _SCHEMES:
        raise SubmitError(
            f"--pipeline-root {root}: KFP does not store artifacts at {parts.scheme}://; write {ways}"
        )
    if not _BUCKET.fullmatch(parts.netloc):
        raise SubmitError(f"--pipeline-root {root}: {parts.netloc!r} is no name of a bucket; write {ways}")
