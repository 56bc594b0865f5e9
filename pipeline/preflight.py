"""Checks of configuration, input and published model before any component runs."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from components.prediction_gen.compatibility import incompatibility
from evaluation.formats.exported_model import METADATA_FILE
from pipeline.config import Settings
from pipeline.errors import InputError
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL
from preprocessing.fits.files import StampError
from preprocessing.fits.reading import read_image
from preprocessing.labels.reading import LabelledObject, LabelTable, TableError
from preprocessing.labels.schemes import CODES
from preprocessing.locations import Location, is_uri
from preprocessing.paths import unreachable, unwritable_folder
from preprocessing.rejects import Reject, usual_reasons
from preprocessing.rows.division import label_files, stamp_reader
from preprocessing.rows.exclusion import read_rows
from preprocessing.rows.fingerprint import input_fingerprint
from preprocessing.stamp_index import StampIndex
from preprocessing.stamps import StampReader
from preprocessing.storage_errors import StorageError
from report.inspection.advice import suggest
from report.inspection.flux_findings import misfits
from report.inspection.picture_findings import picture_findings, sampled_pictures
from report.inspection.sample import spread
from report.inspection.survey import survey_stamps
from serving.published import published_versions
from trainer.weights.preflight import imagenet_weights_problem

SAMPLE = 64
"""Number of stamps per band whose size is checked."""


_LABEL = re.compile(r"label ('.*'|\".*\") is none of ")
_WORDS = 10


@dataclass(frozen=True)
class Preflight:
    """Results of the checks before a run.

    Attributes
    ----------
    fingerprint : str
        Fingerprint of table and stamps.
    classes : dict of str to int
        Number of rows by class name.
    rows : int
    refused : dict of str to int
        Number of rows that cannot be used, by reason code.
    notes : tuple of str
        Remarks on the tables and the splits.
    warnings : tuple of str
        Problems of the pictures.
    """

    fingerprint: str
    classes: dict[str, int]
    rows: int
    refused: dict[str, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def check_before_run(settings: Settings) -> Preflight:
    """Check the configuration against the input and against the published model.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Preflight

    Raises
    ------
    InputError
        See `check_data` and `check_weights`; if Docker is needed and does not answer; if root or push
        directory cannot be written; or if the new model could not be compared with the published one.
    """
    check_folder("[pipeline] root", settings.pipeline.root)
    check_folder("[push] directory", settings.push.directory)
    table = _read_table(settings)
    checked = _check_table(settings, table)
    check_weights(settings)
    _check_docker(settings)
    _check_incumbent(settings)
    return replace(checked, warnings=tuple(_check_pictures(settings, table.objects)))


def check_folder(key: str, folder: str) -> None:
    """Raise `InputError` if an output folder cannot be made or written."""
    if "://" not in folder and (problem := unwritable_folder(Path(folder))):
        raise InputError(f"{key}: {folder} {problem}")


def check_weights(settings: Settings) -> None:
    """Raise `InputError` if the initial weights of the network are not available."""
    model = settings.model
    problem = imagenet_weights_problem(model.backbone, model.weights, model.weights_sha256)
    if problem:
        raise InputError(problem)


def _check_docker(settings: Settings) -> None:
    """Raise `InputError` if TF Serving's image is asked for and Docker does not answer."""
    if settings.serving.validator != "docker":
        return
    import docker  # a dependency of TFX, for its InfraValidator

    try:
        docker.from_env(timeout=10).ping()
    except Exception as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"[serving] validator = 'docker': Docker does not answer: {cause}") from error


def check_data(settings: Settings) -> Preflight:
    """Check configuration against table and stamps.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Preflight

    Raises
    ------
    InputError
        If the table is missing or unusable, a class has no objects or fewer than folds, a band has no files,
        or the stamps are smaller than the cut.
    """
    return _check_table(settings, _read_table(settings))


def _read_table(settings: Settings) -> LabelTable:
    try:
        return read_rows(settings.data)
    except TableError as error:
        raise InputError(f"[data] {error.key}: {error}") from error


def _check_table(settings: Settings, table: LabelTable) -> Preflight:
    classes = Counter(CLASS_NAMES[entry.label] for entry in table.objects)
    for label in (SPIRAL, ELLIPTICAL):
        if not classes[CLASS_NAMES[label]]:
            raise InputError(
                f"[data] labels: {settings.data.labels} has no {CLASS_NAMES[label]} object"
                f"{_rejected(table.rejects)}"
            )
    reader = stamp_reader(settings.data, settings.example_bands, settings.example_side)
    index = StampIndex(reader.template)
    with _readable_store():
        _check_stamps(reader, index, table.objects)
        _check_folds(settings, classes)
        fingerprint = input_fingerprint(label_files(settings.data), table.objects, reader, index)
    refused = Counter(reject.reason for reject in table.rejects)
    notes = (*table.notes, *_few_test_galaxies(settings, classes))
    return Preflight(fingerprint, dict(classes), table.rows, dict(refused), notes)


@contextmanager
def _readable_store() -> Iterator[None]:
    """Turn the failure of an object store into `InputError`."""
    try:
        yield
    except StorageError as error:
        raise InputError(f"[data] stamps: {error}") from error


def _few_test_galaxies(settings: Settings, classes: Mapping[str, int]) -> Iterator[str]:
    """Yield a note if the test split will have fewer galaxies of a class than the gate needs."""
    counts = {name: classes[name] for name in (CLASS_NAMES[SPIRAL], CLASS_NAMES[ELLIPTICAL])}
    share, least = settings.split.test, settings.gate.min_galaxies
    name, count = min(counts.items(), key=lambda item: item[1])
    most = math.ceil(count * share - 1e-6)
    if most < least:
        yield (
            f"no model can be published: the test split gets at most {most} of {count} {name} galaxies, but"
            f" [gate] min_galaxies = {least}"
        )


def _check_folds(settings: Settings, classes: Mapping[str, int]) -> None:
    """Refuse more folds than training and validation split have galaxies of a class."""
    split = settings.split
    if settings.cross_validation.trained(settings.train) == "none":
        return
    for name in (CLASS_NAMES[SPIRAL], CLASS_NAMES[ELLIPTICAL]):
        learning = int(classes[name] * (split.train + split.val) + 1e-6)
        if learning < split.folds:
            raise InputError(
                f"[split] folds = {split.folds}, but only {learning} of {classes[name]} {name} objects are in"
                " the training and validation splits, and every fold needs one: set fewer folds, or"
                ' [cross_validation] phases = "none"'
            )


def _rejected(rejects: Sequence[Reject]) -> str:
    """Return the reasons for which rows were refused, and the labels that were not understood."""
    reasons = usual_reasons(rejects)
    words = Counter(found[1] for reject in rejects if (found := _LABEL.match(reject.message)))
    listed = ", ".join(word for word, _ in words.most_common(_WORDS))
    more = " ..." if len(words) > _WORDS else ""
    said = f"; unknown labels: {listed}{more}; known labels: {', '.join(CODES)}" if words else ""
    return f" (rows refused: {reasons}{said})" if reasons else ""


def _check_stamps(reader: StampReader, index: StampIndex, objects: Sequence[LabelledObject]) -> None:
    side = reader.side
    for band in reader.file_bands:
        found = _sample_files(index, objects, band)
        if not found:
            example = reader.template.replace("{band}", band).replace("{name}", objects[0].name)
            if not is_uri(example) and (barred := unreachable(Path(example))):
                raise InputError(f"[data] stamps: {barred}")
            what = f"band {band} has no files" if band else "there are no files"
            raise InputError(f"[data] stamps: {what} (for example, there is no {example})")
        largest = (0, 0)
        for path in found:
            try:
                height, width = read_image(path, reader.planes)[0].shape[-2:]
            except StampError:
                continue  # the ingest will report it
            largest = max(largest, (height, width), key=min)
            if min(largest) >= side:
                break
        if 0 < min(largest) < side:
            of_band = f" of band {band}" if band else ""
            raise InputError(
                f"[image] cut = {side} is larger than the stamps{of_band}: the largest of {len(found)}"
                f" checked has {largest[1]} x {largest[0]} pixels"
            )


def _check_pictures(settings: Settings, objects: Sequence[LabelledObject]) -> list[str]:
    """Refuse pictures that show nothing, and return warnings about others, judged on a sample of objects."""
    image, data = settings.image, settings.data
    sample, reader = spread(objects), stamp_reader(data, image.bands, image.cut)
    with _readable_store():
        survey = survey_stamps(sample, reader)
    peaks = {band: found.median("peak") for band, found in survey.bands.items()}
    suggestion = suggest(image.bands, survey.bands)
    with _readable_store():
        findings = picture_findings(sampled_pictures(sample, reader, image), "sampled galaxies")
    suited = f" A stretch of {suggestion.stretch:g} suits the sky noise." if suggestion.stretch > 0 else ""
    for finding in findings:
        if finding.kind == "stop":
            raise InputError(f"[image] stretch = {image.stretch:g}: {finding.text}{suited} {finding.remedy}")
    # Black and saturated pixels are counted later, over all galaxies, when their pictures are made.
    found = misfits(survey, peaks, suggestion, image, data)
    return [f"{finding.text} {finding.remedy}" for finding in found if finding.kind == "warning"]


def _sample_files(index: StampIndex, objects: Sequence[LabelledObject], band: str) -> list[Location]:
    """Return up to `SAMPLE` stamps of a band, spread over the table; empty only if there are none."""
    spread = objects[:: max(1, len(objects) // SAMPLE)]
    found = list(_existing(index, spread, band))[:SAMPLE]
    return found or list(islice(_existing(index, objects, band), 1))


def _existing(index: StampIndex, objects: Iterable[LabelledObject], band: str) -> Iterator[Location]:
    return filter(None, (index.find(entry.name, band) for entry in objects))


def _check_incumbent(settings: Settings) -> None:
    """Refuse a run whose Examples the published model cannot read: the gate could not compare with it."""
    directory = Path(settings.push.directory)
    descriptions = {
        version: path
        for version in published_versions(directory)
        if (path := directory / str(version) / METADATA_FILE).is_file()
    }
    if not descriptions:
        return
    version, description = max(descriptions.items())
    try:
        problem = incompatibility(
            json.loads(description.read_text()),
            settings.example_bands,
            settings.example_side,
            settings.data.flux,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise InputError(f"[push] directory: {description} was not written by galmorph") from None
    if problem is not None:
        key, text = problem
        raise InputError(f"{key}: the published model (version {version}) {text}")
