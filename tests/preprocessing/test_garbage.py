import gc
import subprocess

from preprocessing.garbage import ALLOCATIONS
from preprocessing.safe_python import module_command, safe_environment


def test_child_processes_search_less_often_from_their_first_import(tmp_path):
    (tmp_path / "told.py").write_text("import gc\nprint(*gc.get_threshold())\n")
    environment = safe_environment() | {"PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        module_command("told"), env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert [int(number) for number in told.split()] == [ALLOCATIONS, *gc.get_threshold()[1:]]
