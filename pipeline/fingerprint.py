"""Fingerprints of our own code, so that a new version does not reuse an old version's artifacts.

A node's fingerprint covers the modules of this project that its executor imports, directly or through others,
and the templates beside them. It is read off the import statements: nothing is imported here.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

PACKAGES: tuple[str, ...] = ("components", "configs", "evaluation", "fetch", "pipeline", "preprocessing")
PACKAGES += ("report", "simulation", "trainer")
"""Those that are installed. All else that is imported is a library."""

_QUOTED = re.compile(rf"""["']((?:{"|".join(PACKAGES)})(?:\.\w+)+)["']""")

NODE_CODE = {
    "FitsExampleGen": ("components.fits_example_gen.executor",),
    "ExampleSchema": ("components.example_schema.component",),
    "AnomalyGate": ("components.anomaly_gate.component",),
    "Transform": ("preprocessing.transform",),
    "PictureGate": ("components.picture_gate.component",),
    "FeatureExtractor": ("components.feature_extractor.component",),
    "FoldTrainer": ("components.fold_trainer.component",),
    "CrossValidation": ("components.cross_validation.component",),
    "HeadTrainer": ("components.head_trainer.component",),
    "Trainer": ("trainer.train",),
    "FoldExporter": ("components.fold_exporter.component",),
    "PredictionGen": ("components.prediction_gen.component",),
    "IncumbentPredictionGen": ("components.prediction_gen.component",),
    "Evaluator": ("components.model_evaluator.executor",),
    "ModelCard": ("components.model_card.component",),
    "Pusher": ("components.atomic_pusher.executor",),
    "MorphologyReport": ("components.morphology_report.component",),
}
"""For every node that runs code of ours: the modules that TFX loads for it by import path.

IncumbentResolver is not among them: TFX never takes a Resolver from its cache. StatisticsGen and
ExampleValidator run no code of ours.
"""


@cache
def code_fingerprint(node: str, project: Path = PROJECT) -> str:
    """Return the fingerprint of the code that a node runs.

    Parameters
    ----------
    node : str
        A key of `NODE_CODE`.
    project : Path, optional
        Folder of the packages.

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    LookupError
        If the node is not known, or a module of ours that it imports does not exist.
    """
    digest = hashlib.sha256()
    for path in code_files(NODE_CODE[node], project):
        digest.update(f"{path.relative_to(project).as_posix()}\0".encode())
        digest.update(_digest(path))
    return digest.hexdigest()[:16]


@cache
def code_files(modules: tuple[str, ...], project: Path = PROJECT) -> tuple[Path, ...]:
    """Return the files on which modules depend.

    Parameters
    ----------
    modules : tuple of str
        Names, such as ``"trainer.train"``.
    project : Path, optional
        Folder of the packages.

    Returns
    -------
    tuple of Path
        Sorted: the modules, all modules of `PACKAGES` that these import, wherever in a file the statement
        stands, or name in a string (``"trainer.weights.check"`` of a child process), the packages that they
        lie in, and all files of the folder ``templates`` beside a module.

    Raises
    ------
    LookupError
        If a module of ours does not exist.
    """
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _module_path(name, project)
        if path is None:
            raise LookupError(f"there is no module {name} in {project}")
        if path in found:
            continue
        found.add(path)
        waiting += _imported(path, project)
        if "." in name:
            waiting.append(name.rpartition(".")[0])  # a package is loaded before what lies in it
        if path.name != "__init__.py":
            found.update(_templates(path.parent))
    return tuple(sorted(found))


@cache
def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@cache
def _imported(path: Path, project: Path) -> tuple[str, ...]:
    """Return the modules of ours that a file names."""
    source = path.read_text(encoding="utf-8")
    found: set[str] = set()
    for statement in _imports(ast.parse(source, path).body):
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names if _ours(alias.name))
            continue
        package = statement.module or ""
        if statement.level:
            folder = path.parents[statement.level - 1].relative_to(project)
            package = ".".join((*folder.parts, package)).rstrip(".")
        if _ours(package):
            inside = (f"{package}.{alias.name}" for alias in statement.names)
            found.update((package, *(name for name in inside if _module_path(name, project))))
    for text in _QUOTED.findall(source):
        # "trainer.weights.check" is a module, and "trainer.train.run_fn" stands for one.
        for name in (text, text.rpartition(".")[0]):
            module = _module_path(name, project)
            if "." in name and module is not None and module.name != "__init__.py":
                found.add(name)
    return tuple(sorted(found))


def _imports(body: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Find the import statements, however deep; only statements are looked into, which is what takes time."""
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
        else:
            for block in ("body", "orelse", "finalbody", "handlers", "cases"):
                inner = getattr(statement, block, ())
                if isinstance(inner, list):
                    yield from _imports(inner)


def _ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


@cache
def _module_path(name: str, project: Path) -> Path | None:
    path = project.joinpath(*name.split("."))
    places = (path.with_suffix(".py"), path / "__init__.py")
    return next((place for place in places if place.is_file()), None)


@cache
def _templates(folder: Path) -> tuple[Path, ...]:
    return tuple(entry for entry in folder.glob("templates/**/*") if entry.is_file())
