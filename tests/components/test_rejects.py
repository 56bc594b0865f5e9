import re
from pathlib import Path

from components.fits_example_gen.rejects import REASONS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "ingest.md"


def test_the_docs_list_every_reason_and_no_other():
    section = DOCS.read_text().split("## Splits")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == REASONS.keys()
