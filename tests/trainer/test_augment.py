import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.augment import MAX_SHIFT, affine, augmenter, dihedral, mix

RANDOM = np.random.default_rng(0).integers(0, 256, (8, 17, 17, 3), np.uint8)


def by_numpy(picture, which):
    picture = picture[:, ::-1] if which & 1 else picture
    picture = picture[::-1] if which & 2 else picture
    return picture.swapaxes(0, 1) if which & 4 else picture


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_dihedral_is_exact(dtype):
    pictures = RANDOM.astype(dtype)
    turned = dihedral(pictures, tf.range(8)).numpy()
    assert turned.dtype == dtype
    for which in range(8):
        np.testing.assert_array_equal(turned[which], by_numpy(pictures[which], which))


def test_the_eight_are_the_quarter_turns_and_their_mirrors():
    picture = RANDOM[0]
    ours = {p.tobytes() for p in dihedral(np.repeat(picture[None], 8, 0), tf.range(8)).numpy()}
    turns = [np.rot90(picture, k) for k in range(4)]
    assert ours == {np.ascontiguousarray(p).tobytes() for t in turns for p in (t, np.flip(t, 1))}
    assert len(ours) == 8


def call_affine(pictures, angle=0.0, zoom=1.0, shift=(0.0, 0.0)):
    n = len(pictures)
    full = [tf.fill((n,), tf.constant(value, tf.float32)) for value in (angle, zoom)]
    return affine(pictures, *full, tf.tile(tf.constant([shift], tf.float32), (n, 1))).numpy()


def test_affine_that_does_nothing_changes_nothing():
    np.testing.assert_array_equal(call_affine(RANDOM), RANDOM)
    np.testing.assert_array_equal(call_affine(RANDOM.astype("float32")), RANDOM.astype("float32"))


@pytest.mark.parametrize("size", [16, 17])
def test_a_quarter_turn_is_that_of_numpy(size):
    pictures = RANDOM[:, :size, :size].astype("float32")
    turned = call_affine(pictures, math.pi / 2)
    expected = [np.rot90(pictures, k, axes=(1, 2)) for k in (1, 3)]
    assert min(np.abs(turned - e)[:, 1:-1, 1:-1].max() for e in expected) < 0.01


def by_tensorflow(pictures, angle, zoom, shift):
    """TensorFlow's own operation, as an independent reference."""
    side = pictures.shape[1]
    centre, cos, sin = (side - 1) / 2, np.cos(angle) / zoom, np.sin(angle) / zoom
    x, y = centre + side * shift[:, 0], centre + side * shift[:, 1]
    zero = np.zeros_like(angle)
    matrix = [cos, -sin, centre - cos * x + sin * y, sin, cos, centre - sin * x - cos * y, zero, zero]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=np.stack(matrix, axis=1),
        output_shape=(side, side),
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    ).numpy()


@pytest.mark.parametrize("size", [16, 17])
def test_every_motion_and_symmetry_is_that_of_tensorflow(size):
    random = np.random.default_rng(1)
    pictures = np.repeat(RANDOM[:, :size, :size], 4, 0)
    count = len(pictures)
    # A zoom of 0.3 shows the picture, its reflection, and the reflection of that.
    motion = [random.uniform(-4, 4, count), np.exp(random.uniform(-1.2, 0.3, count))]
    motion = [*motion, random.uniform(-0.3, 0.3, (count, 2))]
    motion = [values.astype("f4") for values in motion]
    which = np.arange(count, dtype=np.int32) % 8
    turned = np.stack([by_numpy(picture, number) for picture, number in zip(pictures, which, strict=True)])
    expected = by_tensorflow(turned.astype("f4"), *motion)
    np.testing.assert_allclose(affine(pictures.astype("f4"), *motion, which), expected, atol=0.02)
    for each in (affine, tf.function(affine, jit_compile=True)):
        rounded = each(pictures, *motion, which).numpy().astype("f4")
        assert np.abs(rounded - expected).max() < 0.52


def test_compiled_and_not_are_alike():
    names, seed = ("flips", "rotations", "zoom", "shifts"), tf.constant((1, 2), tf.int64)
    one, other = (augmenter(names, compiled=flag)(RANDOM, seed).numpy().astype(int) for flag in (True, False))
    assert np.abs(one - other).max() <= 1 and (one != other).mean() < 0.01


def test_zoom_magnifies_about_the_centre():
    y, x = np.mgrid[:33, :33] - 16.0
    blob = np.exp(-(x**2 + y**2) / 18.0).astype("float32")[None, :, :, None]
    grown = call_affine(blob, zoom=2.0)[0, :, :, 0]
    assert grown[16, 16] == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(grown[16, ::2][4:-4], blob[0, 16, 8:25, 0][4:-4], atol=1e-4)


def test_shift_moves_right_and_down_by_a_share_of_the_side():
    pictures = np.zeros((1, 20, 20, 1), "float32")
    pictures[0, 10, 10] = 1.0
    moved = call_affine(pictures, shift=(0.1, 0.2))
    assert moved[0, 14, 12, 0] == pytest.approx(1.0, abs=1e-5)


def test_the_seed_decides_and_shape_and_type_stay():
    vary = tf.function(augmenter(("flips", "rotations", "zoom", "shifts")))
    seed, other = tf.constant((1, 2), tf.int64), tf.constant((1, 3), tf.int64)
    first, again, different = vary(RANDOM, seed), vary(RANDOM, seed), vary(RANDOM, other)
    assert first.dtype == tf.uint8 and first.shape == RANDOM.shape
    np.testing.assert_array_equal(first, again)
    assert (first.numpy() != different.numpy()).any()
    pictures = np.repeat(RANDOM[:1], 8, 0)
    assert len({p.tobytes() for p in vary(pictures, seed).numpy()}) == 8  # each picture its own


def test_flips_alone_only_move_pixels():
    varied = augmenter(("flips",))(RANDOM, tf.constant((1, 2), tf.int64)).numpy()
    for before, after in zip(RANDOM, varied, strict=True):
        assert any((after == by_numpy(before, which)).all() for which in range(8))


def test_all_symmetries_are_drawn_equally():
    pictures = np.repeat(RANDOM[:1], 4000, 0)
    varied = augmenter(("flips",))(pictures, tf.constant((5, 6), tf.int64)).numpy()
    counts = np.unique([p.tobytes() for p in varied], return_counts=True)[1]
    assert len(counts) == 8 and counts.min() > 400 and counts.max() < 600


def test_shifts_stay_within_bounds():
    pictures = np.zeros((200, 51, 51, 1), "float32")
    pictures[:, 25, 25] = 1.0
    moved = augmenter(("shifts",))(pictures, tf.constant((5, 6), tf.int64)).numpy()[..., 0]
    centre = np.stack([(moved * axis).sum((1, 2)) for axis in np.mgrid[:51, :51]]) / moved.sum((1, 2))
    assert 0.8 * MAX_SHIFT * 51 < np.abs(centre - 25).max() <= MAX_SHIFT * 51 + 0.1


def test_nothing_asked_nothing_done():
    np.testing.assert_array_equal(augmenter(())(RANDOM, tf.constant((1, 2), tf.int64)), RANDOM)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="unknown augmentation blur"):
        augmenter(("flips", "blur"))


def test_mixing_takes_as_much_of_the_label_as_of_the_picture():
    pictures = np.zeros((64, 4, 4, 3), "u1")
    pictures[:32] = 200
    labels = (np.arange(64) < 32).astype("f4")
    seed = tf.constant((3, 1), tf.int64)
    mixed, soft = mix(pictures, labels, 0.4, seed)
    np.testing.assert_allclose(mixed[:, 0, 0, 0] / 200, soft, atol=1e-6)
    assert np.ptp(mixed.numpy(), axis=(1, 2, 3)).max() == 0
    moved = np.abs(soft - labels)
    assert moved.max() <= 0.4 and (moved > 0).sum() > 15 and moved.max() > 0.3
    np.testing.assert_array_equal(mixed, mix(pictures, labels, 0.4, seed)[0])
    other = mix(pictures, labels, 0.4, tf.constant((3, 2), tf.int64))[1]
    assert np.abs(soft - other).max() > 0.1
