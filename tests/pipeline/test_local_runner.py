import pytest

from pipeline.config import load_settings
from pipeline.local_runner import local_place


@pytest.mark.parametrize(
    ("beam_args", "packed"),
    [
        (None, False),
        (["--runner=DirectRunner", "--direct_running_mode=multi_processing"], False),
        (["--runner=DataflowRunner"], True),
    ],
)
def test_tfx_is_packaged_only_for_workers_in_other_processes(tmp_path, monkeypatch, beam_args, packed):
    from tfx.utils import dependency_utils

    config = tmp_path / "any.toml"
    config.write_text(
        f'[pipeline]\nroot = "run"\n{f"beam_args = {beam_args}" if beam_args else ""}\n'
        '[data]\nlabels = "a.csv"\nstamps = "{band}/{name}.fits"\n[push]\ndirectory = "models"\n'
    )
    monkeypatch.setattr(dependency_utils, "build_ephemeral_package", lambda: "package")
    given = list(local_place(load_settings(config), tmp_path / "run").beam_args)
    assert ("--extra_package=package" in dependency_utils.make_beam_dependency_flags(given)) is packed
