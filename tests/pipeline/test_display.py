import io
import json

from rich.console import Console

from pipeline.display import show_results

METRICS = {
    "test": {"n": 28, "accuracy": 0.96, "auc": None, "loss": 0.1},
    "holdout": None,
    "uncertain": {"fraction_uncertain": 0.5, "n": 4},
    "gate": {"blessed": False},
}


def test_the_results_say_what_became_of_every_row(tmp_path):
    ingest = {"rows": 3000, "examples": 2990, "rejects": 10}
    ingest |= {"reasons": {"too_blank": 1, "missing_file": 9}, "warnings": {"sizes_differ": 2}}
    (tmp_path / "ingest.json").write_text(json.dumps(ingest))
    console = Console(file=io.StringIO(), width=60)
    show_results(console, METRICS, tmp_path, tmp_path / "log", 60.0, 2**30)
    text = console.file.getvalue()
    assert "3,000 rows: 2,990 examples, 10 rejects (9 missing_file, 1 too_blank); warnings: 2" in text
    assert "not good enough" in text and "50.0% called uncertain of 4" in text
