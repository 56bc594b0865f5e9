"""What must work in a container, whoever it runs as. Given to Python in the image by scripts/check_image.sh."""

import getpass
import os
import sys
import tempfile
import time
from pathlib import Path

started = time.monotonic()
import kubeflow.entrypoint  # noqa: E402, F401
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor  # noqa: E402, F401

print(f"TFX imported in {time.monotonic() - started:.1f} s")

import astropy.config  # noqa: E402
import galsim  # noqa: E402, F401
import keras  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402

from pipeline.create import pipeline_nodes  # noqa: E402, F401
from preprocessing.transform import preprocessing_fn  # noqa: E402, F401
from trainer.train import run_fn  # noqa: E402, F401

print(f"user {getpass.getuser()} ({os.getuid()}:{os.getgid()}), home {Path.home()}")
print(f"astropy's folder {astropy.config.get_config_dir()}, temporary folder {tempfile.gettempdir()}")
figure, axes = plt.subplots()
axes.plot([1, 2])
figure.savefig(os.path.join(tempfile.gettempdir(), "figure.png"))
keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save(os.path.join(tempfile.gettempdir(), "model.keras"))

slow = [
    name
    for name, module in sys.modules.items()
    if (cached := getattr(module, "__cached__", None)) and not Path(cached).is_file()
]
print(f"{len(sys.modules)} modules, {len(slow)} of them without bytecode {slow[:5]}")
if len(slow) > 0.01 * len(sys.modules):
    sys.exit("the image lacks bytecode")
