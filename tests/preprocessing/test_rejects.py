import re
from pathlib import Path

from preprocessing.rejects import REASONS
from preprocessing.stamps import WARNINGS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "ingest.md"


def test_the_docs_list_every_reason_and_no_other():
    assert codes_under("Reason codes") == REASONS.keys()
    assert codes_under("Warning codes") == WARNINGS.keys()


def codes_under(heading: str) -> set[str]:
    section = DOCS.read_text().split(f"## {heading}")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
