"""`galmorph predict` as its users call it."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from fake_serving import FakeModel, brightness, rest_server
from predicted_survey import DESCRIPTION
from whole_runs import COMMAND

ENVIRONMENT = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "GALMORPH_TOKEN": "s3cret"}


@pytest.fixture
def galmorph(galmorph_here):
    """The command, in this process."""
    proxies = {name: ENVIRONMENT[name] for name in ("NO_PROXY", "no_proxy", "GALMORPH_TOKEN")}
    return partial(galmorph_here, **proxies)


@pytest.fixture
def stamps(tmp_path, write_stamp):
    random = np.random.default_rng(3)
    for number in range(30):
        for band in "IRG":
            write_stamp(f"g{number:03}", band, random.uniform(0, 5, (20, 20)).astype("f4"))
    return "{band}_stamps/{name}_{band}.fits"


@pytest.fixture
def fake():
    return FakeModel(brightness, description=DESCRIPTION)


def test_one_command_turns_a_folder_and_a_server_into_a_table(fake, stamps, tmp_path):
    with rest_server(fake) as url:
        words = [COMMAND, "predict", url, "--stamps", ".", "--out", "out/all.fits"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "30: 30 classified, 0 rejects" in done.stdout
    assert len(Table.read(tmp_path / "out" / "all.fits")) == 30
    assert json.loads((tmp_path / "out" / "all.summary.json").read_text())["model"]["versions"] == {"3": 30}
    assert "s3cret" not in done.stdout
    assert fake.headers[-1]["authorization"] == "Bearer s3cret"


def test_a_model_in_a_folder_with_brackets(galmorph, stamps, tmp_path):
    from preprocessing.settings import ImageSettings
    from trainer.model import build_classifier
    from trainer.settings import ModelSettings
    from trainer.signatures import export_model

    models = tmp_path / "run [1]"
    model = build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=32, seed=1)
    export_model([model], tmp_path / "1", image=ImageSettings(cut=16, size=32), uncertain=(0.25, 0.75))
    models.mkdir()
    (tmp_path / "1").rename(models / "1")
    done = galmorph("predict", models, "--stamps", stamps, "--out", "[x].csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(Table.read(tmp_path / "[x].csv", format="ascii.csv")) == 30
    again = galmorph("predict", models, "--stamps", stamps, "--out", "[x].csv", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (2, "") and "--overwrite" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("models", "--stamps", "s", "--out", "o.csv"), "models does not exist"),
        (("localhost:8501", "--stamps", "s", "--out", "o.csv"), "http://localhost:8501"),
        ((".", "--stamps", "s", "--out", "o.txt"), "must end in one of"),
        ((".", "--stamps", "s", "--out", "o.csv", "--bands", "IRG"), "--bands is for servers"),
        (("http://127.0.0.1:9", "--stamps", "s", "--out", "o.csv", "--retries", "0"), "does not answer"),
        (
            ("http://h", "--stamps", "s", "--out", "o.csv", "--token-file", "t"),
            "--token-file t cannot be read",
        ),
        (("http://h", "--stamps", "s", "--out", "o.csv", "--ca-certificate", "c"), "--ca-certificate c"),
        ((".", "--stamps", "s", "--out", "o.csv", "--cube-bands", "I,Q"), "unknown band 'Q'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(galmorph, arguments, words, tmp_path):
    done = galmorph("predict", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("galmorph: ") and done.stderr.count("\n") == 1 and words in done.stderr


def test_ctrl_c_is_one_line_and_the_same_command_goes_on(fake, stamps, tmp_path):
    fake.before = lambda number: time.sleep(3) if number >= 3 else None
    arguments = [
        COMMAND,
        "predict",
        "--stamps",
        stamps,
        "--out",
        "o.csv",
        "--batch",
        "4",
        "--concurrency",
        "2",
    ]
    with rest_server(fake) as url:
        process = subprocess.Popen(
            [*arguments, url],
            cwd=tmp_path,
            env=ENVIRONMENT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        journal = tmp_path / "o.csv.partial"
        deadline = time.monotonic() + 60
        while not (journal.exists() and journal.read_text().count("\n") > 8) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        interrupted = time.monotonic()
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - interrupted < 2.5  # it does not wait for the server
        assert (process.returncode, out) == (130, "")
        assert err.count("\n") == 1 and "of 30 objects are done, run the same command again" in err
        assert not (tmp_path / "o.csv").exists()
        fake.before = lambda number: None
        done = subprocess.run(
            [*arguments, url], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
        )
    assert done.returncode == 0
    assert list(Table.read(tmp_path / "o.csv")["name"]) == [f"g{number:03}" for number in range(30)]


MODULES = """
import sys
from pathlib import Path
from serving.predict.address import Access, parse_address
from serving.predict.session import Settings, run_prediction
from serving.predict.target import Stamps, connect, server_target
url, stamps, out = sys.argv[1:]
address = parse_address(url)
server = connect(address, Access(), 2)
settings = Settings(Path(out), workers=2, batch=8, concurrency=2)
target = server_target(server, address, Stamps(stamps), model=None, bands=None, earlier={},
                       patience=settings.patience)
run_prediction(settings, target, lambda: server)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"tensorflow", "tfx", "keras", "grpc"}))
"""


def test_rest_needs_neither_tensorflow_nor_tfx(fake, stamps, tmp_path):
    project = Path(__file__).resolve().parent.parent.parent
    script = f"if __name__ == '__main__':\n{MODULES}".replace("\n", "\n    ")
    with rest_server(fake) as url:
        done = subprocess.run(
            [sys.executable, "-c", script, url, f"{tmp_path}/{stamps}", f"{tmp_path}/o.parquet"],
            cwd=project,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert len(Table.read(tmp_path / "o.parquet")) == 30
