"""Choose a backend for a catalogue, export the network for it, and check it against the SavedModel."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.backends.agreement import Agreement, compare
from catalog.classifier import Classifier, ModelSpec
from catalog.errors import CatalogError
from catalog.objects import Input
from catalog.plan import read_plan
from catalog.store import Store
from serving.predict.classifier import Answer
from serving.predict.quiet import without_native_messages

FOLDER = "backend"
"""Where the network lies in the work folder of the catalogue.

Every worker reaches that folder, also on a cluster, and the network goes with it: a cache in the home folder
would need an own export on each machine and a rule for its size."""
AGREEMENT = f"{FOLDER}/agreement.json"
ENOUGH, MOST_ROWS = 512, 8192
"""Objects of the input on which the backends are compared, and rows that are read for them at most."""
SUBJECT = "backend"
"""Key of the backend in `catalog.plan.Plan.subject`."""


@dataclass(frozen=True)
class Backend:
    """A backend that has been checked.

    Attributes
    ----------
    spec : ModelSpec
    about : str
        What was chosen, in words.
    agreement : Agreement or None
        With the SavedModel; None for the SavedModel itself.
    speed : float
        How many times as fast as the SavedModel it was in that comparison; NaN if unknown.
    notice : str
        Why another precision is used than was tried first; empty if it is the same.
    """

    spec: ModelSpec
    about: str
    agreement: Agreement | None = None
    speed: float = float("nan")
    notice: str = ""


def chosen(backend: str, precision: str | None, store: Store) -> tuple[str, str]:
    """Return the backend and its precision.

    Parameters
    ----------
    backend : str
        One of `catalog.classifier.BACKENDS`.
    precision : str or None
        One of `catalog.backends.openvino_network.PRECISIONS`. None is that of the unfinished catalogue, and
        without one the fastest of this machine.
    store : Store
        Work folder.

    Returns
    -------
    backend, precision : str

    Raises
    ------
    CatalogError
        If the backend is not installed, or has no choice of precision.
    """
    if backend == "tensorflow":
        if precision not in (None, "float32"):
            raise CatalogError(f"--precision {precision} needs --backend openvino; TensorFlow has float32")
        return backend, "float32"
    with without_native_messages():
        from catalog.backends.openvino_network import PRECISIONS, fastest_precision

    plan = read_plan(store)
    earlier = plan.subject.get(SUBJECT, "").removeprefix(f"{backend} ") if plan else ""
    return backend, precision or (earlier if earlier in PRECISIONS else fastest_precision())


def subject(backend: str, precision: str) -> dict[str, str]:
    """Return what a catalogue that is continued must have in common, for `catalog.plan.Plan.subject`."""
    return {SUBJECT: f"{backend} {precision}"}


def prepare(
    spec: ModelSpec,
    source: Input,
    store: Store,
    fingerprint: str,
    batch: int,
    say: Callable[[str], None],
    *,
    fall_back: bool = False,
) -> Backend:
    """Export the network of a model for its backend, and compare the two.

    Parameters
    ----------
    spec : ModelSpec
        With backend and precision.
    source : Input
        Its first objects serve for the comparison.
    store : Store
        Work folder. The network is taken from there if it has been exported.
    fingerprint : str
        Of the model.
    batch : int
        Objects that are classified at once.
    say : callable
        Gets a sentence for each step.
    fall_back : bool
        Whether float32 may be used if another precision does not agree. An unfinished catalogue keeps its
        precision all the same.

    Returns
    -------
    Backend

    Raises
    ------
    CatalogError
        If the network cannot be exported, or the backends do not agree.
    """
    if spec.backend == "tensorflow":
        return Backend(spec, "TensorFlow, float32")
    is_new = read_plan(store) is None
    try:
        return _prepared(spec, source, store, fingerprint, batch, say, fall_back=fall_back and is_new)
    except CatalogError:
        if is_new:  # so that the next command does not find an unfinished catalogue
            store.remove([FOLDER])
        raise


def _prepared(
    spec: ModelSpec,
    source: Input,
    store: Store,
    fingerprint: str,
    batch: int,
    say: Callable[[str], None],
    *,
    fall_back: bool,
) -> Backend:
    from catalog.backends import openvino_network as network

    name = f"{FOLDER}/{fingerprint[:16]}-openvino-{network.version()}.zip"
    if not store.exists(name):
        say("converting the network for OpenVINO")
        with without_native_messages():
            from catalog.backends.graph import network_graph

            graph, _ = network_graph(spec.path, spec.signature)
            content = network.converted(graph)
        store.write(name, content)
    spec = replace(spec, network=f"{store.place}/{name}")
    key = {"network": name, "chip": network.chip()}
    if (known := _known(store, {**key, "precision": spec.precision})) is not None:
        return Backend(spec, _about(spec), known[0], known[1])
    say(f"comparing OpenVINO with TensorFlow on up to {ENOUGH:,} objects")
    flux = sample(source, batch)
    expected, slow = _timed(replace(spec, backend="tensorflow"), flux, batch)

    def compared(spec: ModelSpec) -> tuple[Agreement, float, str]:
        found, fast = _timed(spec, flux, batch)
        agreement = compare(expected, found)
        problem = (
            f"{spec.path}: {_about(spec)} does not agree with TensorFlow: {agreement.problem} ({agreement})"
        )
        return agreement, slow / fast, problem if agreement.problem else ""

    agreement, speed, problem = compared(spec)
    notice = ""
    if problem and fall_back and spec.precision != "float32":
        notice = f"{problem}; float32 is used"
        spec = replace(spec, precision="float32")
        agreement, speed, problem = compared(spec)
    if problem:
        others = "--precision float32 or " if spec.precision != "float32" else ""
        raise CatalogError(f"{problem}; {others}--backend tensorflow")
    entry = {**key, "precision": spec.precision, "agreement": agreement.entry(), "speed": speed}
    store.write(AGREEMENT, json.dumps(entry).encode())
    return Backend(spec, _about(spec), agreement, speed, notice)


def _about(spec: ModelSpec) -> str:
    from catalog.backends import openvino_network as network

    about = f"OpenVINO {network.version()}, {spec.precision}, {network.usable_cores()} threads"
    if spec.precision == "float32" and network.fastest_precision() == "float32":
        about += " (this chip has no bfloat16)"
    return about


def sample(source: Input, batch: int, enough: int = ENOUGH, max_rows: int = MOST_ROWS) -> NDArray[np.float32]:
    """Return the flux of the first objects of an input.

    Parameters
    ----------
    source : Input
    batch : int
        Objects that are read at once.
    enough : int
        Objects that are returned, at most.
    max_rows : int
        Rows that are read for them, at most.

    Returns
    -------
    numpy.ndarray, float32, shape (`enough` at most, side, side, 3)

    Raises
    ------
    CatalogError
        If none of them can be read.
    """
    found: list[NDArray[np.float32]] = []
    count = row = 0
    for rows in source.groups:
        for start in range(row, row + rows, enough):
            if start >= max_rows or count >= enough:
                break
            objects = source.objects.slice(start, min(enough, row + rows - start))
            objects = objects.filter(objects.column("reason").is_null()).combine_chunks()
            for each in source.reader(objects, batch) if len(objects) else ():
                found.append(each.flux)
                count += len(each.flux)
        row += rows
    if not count:
        raise CatalogError(
            f"none of the first {min(row, max_rows):,} objects can be read: --backend openvino cannot"
            " be compared with TensorFlow: --backend tensorflow"
        )
    return np.concatenate(found)[:enough]


def answers(classifier: Classifier, flux: NDArray[np.float32], batch: int) -> Answer:
    """Classify flux in batches, and return one answer."""
    found = [classifier.classify(flux[start : start + batch])[0] for start in range(0, len(flux), batch)]

    def column(name: str) -> Any:
        parts = [getattr(answer, name) for answer in found]
        return None if parts[0] is None else np.concatenate(parts)

    numbers = {name: column(name) for name in ("p_elliptical", "p_spiral", "novelty", "novelty_distance")}
    words = [word for answer in found for word in answer.morphology]
    return Answer(**numbers, morphology=words, version=found[0].version)


def _timed(spec: ModelSpec, flux: NDArray[np.float32], batch: int) -> tuple[Answer, float]:
    """Return the answer of a backend, and the seconds that it took, without those of its start."""
    classifier = Classifier(spec)
    classifier.classify(flux[:batch])
    started = time.monotonic()
    answer = answers(classifier, flux, batch)
    return answer, time.monotonic() - started


def recorded(store: Store) -> dict[str, Any]:
    """Return what is known of the comparison, for the lineage; empty if there was none."""
    try:
        content = json.loads(store.read(AGREEMENT))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _known(store: Store, key: dict[str, str]) -> tuple[Agreement, float] | None:
    """Return what an earlier command found with the same network, precision and chip."""
    content = recorded(store)
    if any(content.get(each) != value for each, value in key.items()):
        return None
    try:
        entry = content["agreement"]
        agreement = Agreement(
            **{**entry, "novelty": float("nan") if entry["novelty"] is None else entry["novelty"]}
        )
        return agreement, float(content["speed"])
    except (ValueError, KeyError, TypeError):
        return None
