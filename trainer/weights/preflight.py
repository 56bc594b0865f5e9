"""Check before a run whether the configured weights are available. Does not import TensorFlow.

``keras.applications`` downloads ImageNet weights on first use, perhaps after an hour of ingest. On machines
without network access (compute nodes, many observatories) the problem must be reported at the start.
"""

import hashlib
import importlib.util
import os
import threading
import urllib.request
from pathlib import Path

from preprocessing.paths import unreadable_file
from trainer.backbones.names import FACTS, BackboneFacts, backbone_facts
from trainer.weights.check import file_problem

KERAS_WEIGHTS_URL = "https://storage.googleapis.com/keras-applications/"


def keras_cache() -> Path:
    """Return the folder in which Keras keeps downloaded weights (``KERAS_HOME``, else ``~/.keras``)."""
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    # The same rule as in keras.utils.get_file. Keras creates a folder that does not exist yet.
    if os.path.exists(home) and not os.access(home, os.W_OK):
        home = Path("/tmp/.keras")
    return home / "models"


def file_digest(path: Path, algorithm: str) -> str:
    """Return the hexadecimal digest of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def is_reachable(url: str, *, timeout: float = 3.0) -> bool:
    """Return whether a URL answers within `timeout` seconds, through a proxy if one is set."""
    answered = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=timeout) as response:
                answered.append(response.status < 400)
        except (OSError, ValueError):  # URLError and HTTPError are OSErrors
            answered.append(False)

    # In a thread, because the timeout does not cover name resolution.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    return bool(answered and answered[0])


def _download_problem(facts: BackboneFacts) -> str | None:
    cached = keras_cache() / facts.keras_file
    if not unreadable_file(cached) and file_digest(cached, "md5") == facts.keras_md5:
        return None
    if is_reachable(KERAS_WEIGHTS_URL + facts.keras_file):
        return None
    offline = ", ".join(name for name, other in FACTS.items() if other.package)
    return (
        f"the ImageNet weights of {facts.name} are downloaded on first use, but {KERAS_WEIGHTS_URL} does not "
        f"answer from this machine and {cached} is missing or incomplete: copy {facts.keras_file} there "
        f"(`galmorph fetch weights {facts.name}` downloads it, also from a mirror), or set "
        f'[model] weights = "path/to/{facts.keras_file}", or choose a backbone whose weights are installed '
        f"({offline})"
    )


def _package_problem(facts: BackboneFacts) -> str | None:
    if importlib.util.find_spec(facts.package or "") is not None:
        return None
    package = (facts.package or "").replace("_", "-")
    return f"the ImageNet weights of {facts.name} come with the package {package}, which is not installed"


def _file_problem(path: Path, sha256: str | None, facts: BackboneFacts) -> str | None:
    unreadable = unreadable_file(path)
    if unreadable in ("does not exist", "is not a file"):
        return f'[model] weights: there is no file {path} (other possible values are "imagenet" and "none")'
    if unreadable:
        return f"[model] weights: {path} {unreadable}"
    try:
        digest = file_digest(path, "sha256") if sha256 else None
    except OSError as error:
        return f"[model] weights: {path} cannot be read: {error.strerror}"
    if sha256 and digest != sha256.lower():
        return f"[model] weights: {path} has SHA-256 {digest}, but weights_sha256 = {sha256.lower()}"
    problem = file_problem(path, facts.name)
    return f"[model] weights: {problem}" if problem else None


def imagenet_weights_problem(backbone: str, weights: str, sha256: str | None = None) -> str | None:
    """Return why the configured weights are not available, or None if they are.

    Parameters
    ----------
    backbone : str
        A name of `trainer.backbones.names.FACTS`.
    weights : str
        ``"imagenet"``, ``"none"`` or the path of a file.
    sha256 : str, optional
        Expected SHA-256 of the file.

    Returns
    -------
    str or None
        One sentence for the user.

    Notes
    -----
    Takes at most about three seconds, most of it waiting for the network or the disk: a file is read as a
    whole.
    """
    facts = backbone_facts(backbone)
    if weights == "none":
        return None
    if "://" in weights:  # not shown: a URI may contain credentials
        return "[model] weights: it is a URI; a file of weights must lie on a disk, such as a mounted volume"
    if weights != "imagenet":
        return _file_problem(Path(weights).expanduser(), sha256, facts)
    if facts.keras_md5:
        return _download_problem(facts)
    if facts.package:
        return _package_problem(facts)
    return f'{facts.name} has no ImageNet weights: set [model] weights = "none"'
