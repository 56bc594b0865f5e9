"""What must work in a container, whoever it runs as. scripts/check_image.sh gives this to Python there."""

import getpass
import os
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Import what the nodes import, write where their libraries write, and look for bytecode."""
    started = time.monotonic()
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor  # noqa: F401

    import kubeflow.entrypoint  # noqa: F401

    print(f"TFX was imported in {time.monotonic() - started:.1f} s")
    import astropy.config
    import galsim  # noqa: F401
    import keras
    import matplotlib.pyplot as plt

    from pipeline.create import pipeline_nodes  # noqa: F401
    from preprocessing.transform import preprocessing_fn  # noqa: F401
    from trainer.train import run_fn  # noqa: F401

    folder = Path(tempfile.gettempdir())
    print(f"user {getpass.getuser()} ({os.getuid()}:{os.getgid()}), home {Path.home()}, temporary {folder}")
    print(f"astropy's folder {astropy.config.get_config_dir()}")
    plt.figure().savefig(folder / "figure.png")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save(folder / "model.keras")

    modules = list(sys.modules.items())
    files = {name: getattr(module, "__cached__", None) for name, module in modules}
    slow = [name for name, file in files.items() if file and not Path(file).is_file()]
    print(f"{len(modules)} modules, {len(slow)} of them without bytecode {slow[:5]}")
    if len(slow) > 0.01 * len(modules):
        sys.exit("the image lacks bytecode")


if __name__ == "__main__":
    main()
