import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.comparison import Score
from evaluation.formats.out_of_fold import COLUMNS, OutOfFold, read_scores, write_scores

SCORES = OutOfFold(['a "b", c', "E3"], [0, 1], [4, 0], [1.23456789e-8, math.nan])


def test_what_is_written_comes_back(tmp_path):
    write_scores(tmp_path / "o.csv", SCORES)
    assert (tmp_path / "o.csv").read_text() == (
        'name,label,fold,p_elliptical\n"a ""b"", c",0,4,1.23456789e-08\nE3,1,0,nan\n'
    )
    found = read_scores(tmp_path / "o.csv")
    assert (found.names, found.labels, found.folds) == (SCORES.names, SCORES.labels, SCORES.folds)
    # Rounded to zero, one galaxy on the wrong side would make the loss of all.
    assert found.p_elliptical[0] == 1.23456789e-8 and math.isnan(found.p_elliptical[1])
    assert len(found) == 2


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), unique=True))
def test_any_name_comes_back(tmp_path, names):
    write_scores(tmp_path / "o.csv", OutOfFold(names, [0] * len(names), [0] * len(names), [0.5] * len(names)))
    assert read_scores(tmp_path / "o.csv").names == names


def test_scores_by_name():
    first = OutOfFold(["S1", "E3"], [0, 1], [0, 1], [0.1, 0.2])
    assert first.by_name() == {"S1": Score(0, 0.1), "E3": Score(1, 0.2)}


def test_folds_are_joined_in_order():
    joined = OutOfFold.joined(
        [OutOfFold(["a"], [0], [0], [0.1]), OutOfFold(["b", "c"], [1, 0], [1, 1], [1, 0])]
    )
    assert joined == OutOfFold(["a", "b", "c"], [0, 1, 0], [0, 1, 1], [0.1, 1, 0])
    assert len(OutOfFold.joined([])) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column name"),
        ("name,label,fold\na,1,1\n", "no column p_elliptical"),
        ("name,label,fold,p_elliptical\na,1,1,0.5\na,1,1,0.5\n", "line 3: a stands there twice"),
        ("name,label,fold,p_elliptical\na,1,1,1.5\n", "p_elliptical of a is 1.5"),
        ("name,label,fold,p_elliptical\na,1,1,inf\n", "p_elliptical of a is inf"),
        ("name,label,fold,p_elliptical\na,-1,1,0.5\n", "label of a is -1"),
        ("name,label,fold,p_elliptical\na,1,1,\n", "line 2: there is no p_elliptical"),
        ("name,label,fold,p_elliptical\na,1\n", "line 2: there is no fold"),
        ("name,label,fold,p_elliptical\na,x,1,0.5\n", "line 2: label is 'x', which is no whole number"),
        (
            "name,label,fold,p_elliptical\na,1,1,0,5\n\nb,1,1,y",
            "line 4: p_elliptical is 'y', which is no number",
        ),
    ],
)
def test_scores_that_are_none_are_refused_by_file(tmp_path, text, message):
    path = tmp_path / "o.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: .*{message}"):
        read_scores(path)


def test_the_columns():
    assert COLUMNS == ("name", "label", "fold", "p_elliptical")
