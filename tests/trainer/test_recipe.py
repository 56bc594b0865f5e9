import pytest
from transformed import recipe

from trainer.recipe import Recipe


@pytest.mark.parametrize(
    ("average", "views", "phases", "fine_tune", "computed"),
    [
        (False, 2, "auto", 2, 2),
        (True, 2, "auto", 2, 8),  # heads of folds are scored with the views of the exported model
        (True, 2, "head", 2, 8),
        (True, 2, "all", 0, 8),
        (True, 2, "all", 2, 2),  # networks are scored on pictures
        (True, 2, "none", 2, 2),
        (True, 8, "none", 2, 8),
    ],
)
def test_features_are_computed_of_the_views_that_are_learned_from_or_scored(
    average, views, phases, fine_tune, computed
):
    train = {"views": views, "fine_tune_epochs": fine_tune}
    assert recipe(model={"dihedral_average": average}, train=train, phases=phases).feature_views == computed


def test_a_recipe_comes_back():
    written = recipe(train={"views": 4}, phases="all")
    assert Recipe.load(written.dump()) == written
