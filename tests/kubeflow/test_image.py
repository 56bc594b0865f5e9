"""What can be said of the image without building it; `make image` and `make check-image` do the rest."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from kubeflow.checks import check_for_pods
from pipeline.config import load_settings

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = (PROJECT / "kubeflow/Dockerfile").read_text()
INSTALL = (PROJECT / "kubeflow/install_packages.sh").read_text()


def instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    return re.findall(rf"^{name} +(.*)$", joined, re.MULTILINE)


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes by package."""
    text = (PROJECT / name).read_text()
    entries = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)((?: \\\n +--hash=\S+)*)", text, re.MULTILINE)
    return {
        package: (version, frozenset(re.findall(r"--hash=(\S+)", hashes)))
        for package, version, hashes in entries
    }


def test_the_base_is_a_required_argument():
    before_the_first_stage = DOCKERFILE[: DOCKERFILE.index("\nFROM")]
    assert re.search(r"^ARG BASE$", before_the_first_stage, re.MULTILINE)
    stages = [line.partition(" AS ")[::2] for line in instructions("FROM")]
    names = {name for _, name in stages}
    assert [base for base, _ in stages if base not in names] == ["${BASE}"]


def test_the_user_is_a_number_and_not_root():
    *_, last = instructions("USER")
    user, _, group = last.partition(":")
    assert int(user) > 0 and group == "0"  # OpenShift runs any user, always of group 0


def test_nothing_is_installed_in_the_last_stage():
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM") :]
    (run,) = re.findall(r"^RUN (.*)$", last, re.MULTILINE)
    assert run.endswith(">>/etc/passwd")


def test_secrets_are_mounted_and_never_copied():
    assert re.search(r"--mount=type=secret,id=pip\.conf", DOCKERFILE)
    assert not [name for name in instructions("ARG") if re.search("INDEX|PROXY|TOKEN|PASSWORD", name)]
    assert not [name for name in instructions("ENV") if re.search("INDEX|PROXY|TOKEN|PASSWORD", name)]


def test_every_package_is_checked_against_its_hashes():
    assert "--require-hashes" in INSTALL and "--no-deps" in INSTALL and "--no-build-isolation" in INSTALL
    for variant in ("cpu", "gpu"):
        packages = locked(f"kubeflow/requirements-{variant}.lock")
        assert len(packages) > 200 and all(hashes for _, hashes in packages.values())


def test_the_image_has_the_versions_that_were_tested():
    tested, cpu = locked("requirements.lock"), locked("kubeflow/requirements-cpu.lock")
    assert cpu.items() <= tested.items()
    assert not {"pytest", "ruff", "mypy", "moto", "uv"} & cpu.keys()


def test_the_variant_for_gpus_adds_the_libraries_of_nvidia():
    cpu, gpu = locked("kubeflow/requirements-cpu.lock"), locked("kubeflow/requirements-gpu.lock")
    assert cpu.items() <= gpu.items()
    added = gpu.keys() - cpu.keys()
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12"} <= added
    assert all(name.startswith("nvidia-") for name in added)


def test_the_requirement_for_gpus_is_that_of_the_project():
    (wanted,) = re.findall(
        r"^tensorflow\[and-cuda\](==\S+)$", (PROJECT / "kubeflow/requirements-gpu.in").read_text(), re.M
    )
    assert f'"tensorflow{wanted}",' in (PROJECT / "pyproject.toml").read_text()


def test_no_lock_names_a_package_index():
    for variant in ("cpu", "gpu"):
        assert "://" not in (PROJECT / f"kubeflow/requirements-{variant}.lock").read_text()


def test_the_context_has_all_packages_and_no_tests():
    kept = set(re.findall(r"^!/(\S+)$", (PROJECT / ".dockerignore").read_text(), re.MULTILINE))
    packages = {file.parent.name for file in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= kept and {"pyproject.toml", "README.md", "LICENSE"} <= kept
    assert not {"tests", "docs", ".git", ".venv"} & kept


def test_the_command_of_the_containers_is_in_the_image():
    """Kubeflow ignores ENTRYPOINT and gives a command, which must be found from any working directory."""
    assert instructions("ENTRYPOINT") == []
    assert re.search(r"PATH=/opt/galmorph/bin:", " ".join(instructions("ENV")))


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "BASE"),
        ({"BASE": "debian", "VARIANT": "tpu"}, "VARIANT"),
        ({"BASE": "a", "ENGINE": "make"}, "ENGINE"),
    ],
)
def test_the_script_says_what_it_lacks(environment, said):
    inherited = {k: v for k, v in os.environ.items() if k not in ("BASE", "VARIANT", "IMAGE", "ENGINE")}
    command = ["sh", PROJECT / "scripts/build_image.sh"]
    result = subprocess.run(command, env=inherited | environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and said in result.stderr and "Traceback" not in result.stderr


def test_the_example_configuration_can_run_in_pods():
    settings = load_settings(PROJECT / "configs/kubeflow.toml")
    assert check_for_pods(settings, "registry.example.org/galmorph:1") == []
    assert {volume.mount for volume in settings.kubeflow.volumes} == {"/data", "/models"}


def test_what_the_example_has_as_comments_is_accepted_too(tmp_path):
    """Every commented key, with the keys that are set, is a configuration that can run in pods."""
    lines = (PROJECT / "configs/kubeflow.toml").read_text().splitlines()
    cluster = lines.index("[kubeflow]")
    commented = re.compile(r"# (\[{1,2}kubeflow|[a-z_]+ = )")
    text = "\n".join(line[2:] if commented.match(line) else line for line in lines[cluster:])
    (tmp_path / "all.toml").write_text("\n".join(lines[:cluster]) + "\n" + text)
    settings = load_settings(tmp_path / "all.toml")
    assert check_for_pods(settings, "registry.example.org/galmorph:1") == []
    assert settings.kubeflow.pod("Trainer").gpu == settings.kubeflow.pod("FoldTrainer-3").gpu == 1
    assert settings.kubeflow.pod("Trainer").tolerations and settings.kubeflow.secrets
