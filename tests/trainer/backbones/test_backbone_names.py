import pytest

from trainer.backbones.names import FACTS, backbone_facts


def test_every_backbone_of_the_design_is_known():
    wanted = (
        [f"EfficientNetB{n}" for n in range(8)] + [f"EfficientNetLite{n}" for n in range(3)] + ["TinyConv"]
    )
    assert sorted(FACTS) == sorted(wanted)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("efficientnetb7", "EfficientNetB7"),
        ("EfficientNet-Lite0", "EfficientNetLite0"),
        ("tinyconf", "TinyConv"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(misspelt, meant):
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        backbone_facts(misspelt)


def test_a_foreign_name_is_answered_with_all():
    with pytest.raises(ValueError, match=r"unknown backbone 'qqq' .known: EfficientNetB0, .*TinyConv"):
        backbone_facts("qqq")


def test_keras_file_name_is_that_of_keras_applications():
    assert FACTS["EfficientNetB7"].keras_file == "efficientnetb7_notop.h5"


def test_hashes_are_those_of_keras_applications():
    from keras.src.applications.efficientnet import WEIGHTS_HASHES

    ours = {f"b{n}": FACTS[f"EfficientNetB{n}"].keras_md5 for n in range(8)}
    assert ours == {key: notop for key, (_, notop) in WEIGHTS_HASHES.items()}
