"""The wheel in an empty environment. `tests/pipeline/test_gate_runs.py` runs pipelines from it."""

import zipfile

from built_wheel import PROJECT, run


def test_every_template_and_configuration_is_in_it(wheel):
    there = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(PROJECT).as_posix()
        for pattern in (
            "report/*/templates/**/*",
            "configs/*.toml",
            "serving/config/*",
            "serving/manifests/**/*",
            "kubeflow/manifests/**/*",
        )
        for path in PROJECT.glob(pattern)
        if path.is_file()
    }
    assert len(wanted) > 20 and wanted <= there
    assert not [name for name in there if name.startswith(("tests", "benchmarks", "docs"))]


def test_the_command_works_in_a_folder_of_the_user(installed_galmorph, tmp_path):
    help_ = run(installed_galmorph, "--help", folder=tmp_path)
    assert help_.returncode == 0 and "simulate" in help_.stdout
    survey = ("--galaxies", 5, "--seed", 5, "--size", 32)
    assert run(installed_galmorph, "simulate", "survey", *survey, folder=tmp_path).returncode == 0
    assert (tmp_path / "survey/labels.csv").is_file()
