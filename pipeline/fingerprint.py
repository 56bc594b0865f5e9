"""Fingerprints of galmorph's code, so that a new version does not reuse artifacts of an old one.

A node's fingerprint covers the modules of this project that its executor imports, directly or through others,
and the templates beside them. The import statements are parsed; nothing is imported here.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

PACKAGES: tuple[str, ...] = (
    "catalog",
    "components",
    "configs",
    "evaluation",
    "fetch",
    "kubeflow",
    "pipeline",
)
PACKAGES += ("preprocessing", "report", "serving", "simulation", "trainer")
"""The packages that belong to galmorph. Every other import is a library."""

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
    "HeldOutReference": ("components.held_out_reference.component",),
    "Trainer": ("trainer.train",),
    "FoldExporter": ("components.fold_exporter.component",),
    "PredictionGen": ("components.prediction_gen.component",),
    "IncumbentPredictionGen": ("components.prediction_gen.component",),
    "Evaluator": ("components.model_evaluator.executor",),
    "ServingValidator": ("components.serving_validator.component",),
    "ModelCard": ("components.model_card.component",),
    "Pusher": ("components.atomic_pusher.executor",),
    "MorphologyReport": ("components.morphology_report.component",),
    "Incumbent": ("kubeflow.nodes.incumbent",),
    "KubeflowReport": ("kubeflow.nodes.kubeflow_report",),
    "PublicationGate": ("kubeflow.nodes.publication_gate",),
}
"""The modules that TFX loads by import path, for every node that runs galmorph's code.

IncumbentResolver is left out because TFX never caches a Resolver; StatisticsGen, ExampleValidator and
InfraValidator, because they run none of galmorph's code; RunSettings, because it is never cached. The last
three nodes exist on Kubeflow Pipelines only.
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
        If the node is not known, or it imports a galmorph module that does not exist.
    """
    digest = hashlib.sha256()
    for path in code_files(NODE_CODE[node], project):
        digest.update(f"{path.relative_to(project).as_posix()}\0".encode())
        digest.update(_digest(path))
    return digest.hexdigest()[:16]


@cache
def code_files(modules: tuple[str, ...], project: Path = PROJECT) -> tuple[Path, ...]:
    """Return the source files that modules depend on.

    Parameters
    ----------
    modules : tuple of str
        Names, such as ``"trainer.train"``.
    project : Path, optional
        Folder of the packages.

    Returns
    -------
    tuple of Path
        Sorted. The modules themselves; all modules of `PACKAGES` that they import anywhere in a file or name
        in a string (such as ``"trainer.weights.check"``, which runs in a child process); their packages; and
        all files in a folder ``templates`` beside a module.

    Raises
    ------
    LookupError
        If a galmorph module does not exist.
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
            waiting.append(name.rpartition(".")[0])  # importing a module loads its package, too
        if path.name != "__init__.py":
            found.update(_templates(path.parent))
    return tuple(sorted(found))


@cache
def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@cache
def _imported(path: Path, project: Path) -> tuple[str, ...]:
    """Return the galmorph modules that a file imports or names in a string."""
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
        # "trainer.weights.check" is a module; "trainer.train.run_fn" is a function in one.
        for name in (text, text.rpartition(".")[0]):
            module = _module_path(name, project)
            if "." in name and module is not None and module.name != "__init__.py":
                found.add(name)
    return tuple(sorted(found))


def _imports(body: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Find the import statements at any depth. Expressions are skipped to save time."""
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
