"""Start Python without the working folder on the module search path.

``python -m`` and ``python -c`` put the working folder first, so that a ``random.py`` or ``trainer.py`` in it
would be imported in place of the module of Python or galmorph.
"""

import os
import sys
from pathlib import Path

_PROJECT = str(Path(__file__).resolve().parent.parent)

# galmorph's packages come after the standard library and before any installed version of them.
_RUN_MODULE = """
import runpy, sys
project, module = sys.argv[1:3]
del sys.argv[1:3]
sites = (n for n, place in enumerate(sys.path) if place.endswith(("site-packages", "dist-packages")))
sys.path.insert(next(sites, len(sys.path)), project)
from preprocessing.garbage import collect_less_often
collect_less_often()
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def module_command(module: str, *arguments: object) -> list[str]:
    """Return the command that runs a galmorph module; start it with `safe_environment`.

    The process searches for reference cycles less often from its first import (`collect_less_often`).

    Parameters
    ----------
    module : str
    *arguments
        Its arguments.

    Returns
    -------
    list of str
    """
    return [sys.executable, "-P", "-c", _RUN_MODULE, _PROJECT, module, *map(str, arguments)]


def safe_environment() -> dict[str, str]:
    """Return this process's environment, changed so that Python does not import from the working folder.

    Returns
    -------
    dict of str to str
        ``PYTHONSAFEPATH`` is set and is inherited by all further processes. Entries of ``PYTHONPATH`` that
        are the working folder, such as the empty one of ``PYTHONPATH=$PYTHONPATH:folder``, are removed.
    """
    environment = dict(os.environ, PYTHONSAFEPATH="1")
    entries = environment.pop("PYTHONPATH", "").split(os.pathsep)
    working = os.path.realpath(os.curdir)
    if kept := [entry for entry in entries if os.path.realpath(entry or os.curdir) != working]:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    return environment


def make_environment_safe() -> None:
    """Apply `safe_environment` to this process, for child processes that libraries start."""
    environment = safe_environment()
    os.environ.pop("PYTHONPATH", None)
    os.environ |= environment
