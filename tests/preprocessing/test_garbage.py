import gc
import subprocess
import sys

from preprocessing.garbage import ALLOCATIONS
from preprocessing.safe_python import module_command, safe_environment


def test_child_processes_search_less_often_from_their_first_import(tmp_path):
    (tmp_path / "told.py").write_text("import gc\nprint(*gc.get_threshold())\n")
    environment = safe_environment() | {"PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        module_command("told"), env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert [int(number) for number in told.split()] == [ALLOCATIONS, *gc.get_threshold()[1:]]


def test_what_is_kept_is_not_searched_and_what_comes_later_is():
    code = (
        "import gc\n"
        "from preprocessing.garbage import keep_imported\n"
        "kept = [[]]\n"
        "keep_imported()\n"
        "later = [[]]\n"
        "print(any(one is kept for one in gc.get_objects()), any(one is later for one in gc.get_objects()))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "True"]
