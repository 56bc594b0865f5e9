"""`galmorph` in this process: starting Python, Beam and TensorFlow anew takes up to ten seconds."""

import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from pipeline.cli import main


@pytest.fixture
def galmorph_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., "CompletedProcess[str]"]:
    """Run a command as `subprocess.run` does; what it changes in the environment is undone."""

    def run(
        *arguments: object, cwd: Path | None = None, without: Collection[str] = (), **environment: str
    ) -> "CompletedProcess[str]":
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name in ("PYTHONSAFEPATH", "PYTHONPATH"):  # which the command changes
                patch.setenv(name, os.environ.get(name, ""))
            for name in without:
                patch.delenv(name, raising=False)
            for name, value in environment.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            words = ["galmorph", *map(str, arguments)]
            patch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit) as ended:
                main()
        return CompletedProcess(words, int(ended.value.code or 0), *capsys.readouterr())

    return run
