"""Code fingerprints in a copy of the project. The imports are compared with those that grimp finds."""

import shutil
import time
import tomllib
from functools import cache
from pathlib import Path

import caching_table
import grimp
import pytest

from pipeline import fingerprint
from pipeline.fingerprint import NODE_CODE, PACKAGES, PROJECT, code_files, code_fingerprint

MODULES = sorted(
    path.relative_to(PROJECT).as_posix() for package in PACKAGES for path in (PROJECT / package).rglob("*.py")
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def fingerprints(project: Path) -> dict[str, str]:
    code_fingerprint.cache_clear()
    fingerprint._digest.cache_clear()
    return {node: code_fingerprint(node, project) for node in NODE_CODE}


@pytest.fixture(scope="module")
def before(copy) -> dict[str, str]:
    return fingerprints(copy)


NAMED = {
    "components.model_evaluator.tfma_results": "components.model_evaluator.metrics",
    "serving.validation.process": "serving.validation.child",
}
"""Modules that others name in a string, to be imported or run by file; grimp does not see these."""


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


@cache
def dependencies(node: str) -> frozenset[str]:
    """Modules that a node imports, and the packages that they lie in."""
    found = {name for root in NODE_CODE[node] for name in imports().find_upstream_modules(root)}
    found |= set(NODE_CODE[node])
    for named in (NAMED[name] for name in tuple(found) if name in NAMED):
        found |= {named, *imports().find_upstream_modules(named)}
    for name in tuple(found):
        while "." in name:
            name = name.rpartition(".")[0]
            found |= {name, *imports().find_upstream_modules(name)}
    return frozenset(found)


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.parametrize("file", MODULES)
def test_a_changed_line_changes_exactly_the_nodes_that_import_the_module(file, copy, before):
    path = copy / file
    content = path.read_text()
    try:
        path.write_text(content + "# changed\n")
        after = fingerprints(copy)
    finally:
        path.write_text(content)
    changed = {node for node in NODE_CODE if after[node] != before[node]}
    assert changed == {node for node in NODE_CODE if module_name(file) in dependencies(node)}


def test_modules_that_the_former_list_left_out_count():
    assert "components.cross_validation.summary" in dependencies("FoldExporter")
    assert all(
        "evaluation.scores" in dependencies(node) for node in ("Trainer", "HeadTrainer", "FoldTrainer")
    )


def test_a_changed_template_makes_card_and_report_again(copy, before):
    path = copy / "report/card/templates/model_card.md.j2"
    content = path.read_text()
    path.write_text(content + "\n")
    after = fingerprints(copy)
    path.write_text(content)
    assert {node for node in NODE_CODE if after[node] != before[node]} == {"ModelCard", "MorphologyReport"}


def test_the_place_of_the_project_does_not_count(copy, before):
    assert fingerprints(PROJECT) == before


@pytest.fixture
def small_project(tmp_path) -> Path:
    files = {
        "trainer/__init__.py": "",
        "trainer/train.py": """
            def run_fn():
                try:
                    from trainer import late
                except ImportError:
                    import evaluation.scores as scores
            """,
        "trainer/late.py": "from .deep.inner import value\nimport numpy\n",
        "trainer/deep/__init__.py": "from trainer.aside import name\n",
        "trainer/deep/inner.py": 'COMMAND = ["-m", "trainer.started"]\nvalue = "trainer.deep"\n',
        "trainer/deep/templates/sections/page.j2": "",
        "trainer/aside.py": 'FUNCTION = "trainer.given.run_fn"\nTEXT = "trainer.nothing.at.all"\n',
        "trainer/started.py": "",
        "trainer/given.py": "",
        "trainer/other.py": "",
        "evaluation/__init__.py": "",
        "evaluation/scores.py": "",
        "numpy/__init__.py": "",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.removeprefix(" " * 12) for line in content.splitlines()))
    return tmp_path


def test_statements_count_wherever_they_stand_and_so_do_names_in_strings(small_project):
    found = set(code_files(("trainer.train",), small_project))
    every = {path for path in small_project.rglob("*") if path.is_file()}
    assert found == every - {small_project / "trainer/other.py", small_project / "numpy/__init__.py"}


def test_a_module_that_does_not_exist_is_an_error(small_project):
    with pytest.raises(LookupError, match=r"trainer\.trian"):
        code_files(("trainer.trian",), small_project)
    (small_project / "trainer/other.py").write_text("import evaluation.score\n")
    with pytest.raises(LookupError, match=r"evaluation\.score "):
        code_files(("trainer.other",), small_project)
    with pytest.raises(LookupError):
        code_fingerprint("Trianer")


def test_all_packages_that_are_installed_are_ours():
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    included = settings["tool"]["setuptools"]["packages"]["find"]["include"]
    assert sorted(PACKAGES) == sorted(pattern.removesuffix("*") for pattern in included)


def test_every_dynamic_import_names_its_module_in_a_string():
    dynamic = ("import_module(", "__import__(", "runpy.")
    found = [file for file in MODULES if any(call in (PROJECT / file).read_text() for call in dynamic)]
    # cli.py imports the verbs, which no node imports; safe_python.py runs what its callers name in a string.
    assert sorted(found) == ["pipeline/cli.py", "preprocessing/safe_python.py"]


def test_fingerprints_are_fast():
    for name in ("code_files", "_imported", "_module_path", "_templates"):
        getattr(fingerprint, name).cache_clear()
    started = time.process_time()
    fingerprints(PROJECT)
    assert time.process_time() - started < 1.5


def test_the_table_of_the_documentation_is_up_to_date():
    assert caching_table.DOCUMENT.read_text() == caching_table.document(), "make docs-table"
