import pytest

from catalog.errors import CatalogError
from pipeline.config import load_settings
from pipeline.local_runner import local_place

PORTABLE = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]


@pytest.mark.parametrize(
    "beam_args", [None, ["--runner=DirectRunner", "--direct_running_mode=multi_processing"], PORTABLE]
)
def test_tfx_is_not_packaged_for_workers(tmp_path, monkeypatch, beam_args):
    from tfx.utils import dependency_utils

    monkeypatch.setattr(dependency_utils, "build_ephemeral_package", lambda: "package")
    given = list(local_place(settings(tmp_path, beam_args), tmp_path / "run").beam_args)
    flags = dependency_utils.make_beam_dependency_flags(given)
    assert "--extra_package=package" not in flags and set(beam_args or ()) <= set(flags)


@pytest.mark.parametrize("beam_args", [["--runner=FlinkRunner"], ["--direct_num_workers=2"]])
def test_a_runner_that_beam_would_download_is_refused(tmp_path, beam_args):
    with pytest.raises(CatalogError, match="download"):
        local_place(settings(tmp_path, beam_args), tmp_path / "run")


def settings(tmp_path, beam_args):
    config = tmp_path / "any.toml"
    config.write_text(
        f'[pipeline]\nroot = "run"\n{f"beam_args = {beam_args}" if beam_args else ""}\n'
        '[data]\nlabels = "a.csv"\nstamps = "{band}/{name}.fits"\n[push]\ndirectory = "models"\n'
    )
    return load_settings(config)
