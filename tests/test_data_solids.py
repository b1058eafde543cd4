"""`ganedu.data.solids` and `ganedu.data.projection`: the voxels hold what the table says, and the pictures show it."""

import pytest
import torch
from PIL import Image

from ganedu.data import projection, solids
from ganedu.data.images import to_floats


@pytest.fixture(scope="module")
def test_set():
    return solids.load("test")


def full(voxels):
    """How much of each voxel is full, float64 [N, D, H, W]."""
    return voxels[:, 0].double() / 255


def of(label, *, size=0.4, a=0.5, b=0.5, side=16, at=(0.5, 0.5, 0.5)):
    """One solid of a class."""
    factors = torch.tensor([[*at, size, a, b]], dtype=torch.float64)
    return solids.draw(torch.tensor([solids.SOLIDS.index(label)]), factors, side=side)


def test_types_and_sizes(test_set):
    assert test_set.voxels.shape == (512, 1, 16, 16, 16) and test_set.voxels.dtype == torch.uint8
    assert test_set.labels.shape == (512,) and test_set.classes == ("sphere", "box", "torus", "chair")
    assert test_set.factors.shape == (512, 6) and test_set.factor_names == ("x", "y", "z", "size", "a", "b")
    assert test_set.volumes.shape == (512,) and test_set.volumes.dtype == torch.float64
    assert len(test_set) == 512 and solids.COUNTS["train"] == 2048
    assert test_set.labels.bincount().min() > 100


def test_the_set_is_always_the_same_and_its_splits_differ(test_set):
    again = solids.load("test")
    assert torch.equal(again.voxels, test_set.voxels) and torch.equal(again.factors, test_set.factors)
    labels, factors = solids.sample(512, torch.Generator().manual_seed(0))
    assert not torch.equal(factors, test_set.factors) and not torch.equal(labels, test_set.labels)


def test_a_finer_grid_shows_the_same_solids(test_set):
    fine = solids.draw(test_set.labels[:60], test_set.factors[:60], side=32)
    coarse = torch.nn.functional.avg_pool3d(full(fine)[:, None], 2)[:, 0]
    assert (coarse - full(test_set.voxels[:60])).abs().mean() < 0.01


@pytest.mark.parametrize(("side", "slack"), [(16, 0.15), (32, 0.04)])
def test_the_share_of_full_voxels_is_the_volume(test_set, side, slack):
    labels, factors = test_set.labels[:200], test_set.factors[:200]
    counted = full(solids.draw(labels, factors, side=side)).mean((1, 2, 3))
    assert ((counted / test_set.volumes[:200]) - 1).abs().max() < slack


def test_volumes_are_those_of_a_fine_count():
    labels = torch.arange(4)
    factors = torch.tensor([[0.5, 0.5, 0.5, 0.45, 0.3, 0.8]], dtype=torch.float64).repeat(4, 1)
    counted = full(solids.draw(labels, factors, side=128)).mean((1, 2, 3))
    assert torch.allclose(counted, solids.volumes(labels, factors), rtol=3e-3, atol=0)


def test_every_solid_lies_within_the_cube(test_set):
    shell = torch.ones(16, 16, 16, dtype=torch.bool)
    shell[1:-1, 1:-1, 1:-1] = False
    half_empty = full(test_set.voxels)[:, shell].amax(1)
    assert half_empty.max() <= 1
    reach = torch.zeros(512, 3, dtype=torch.float64)
    occupied = full(test_set.voxels) > 0.5
    for axis, others in enumerate([(1, 2), (1, 3), (2, 3)]):  # x, y, z
        line = occupied.any(others[1]).any(others[0])
        reach[:, axis] = line.double().sum(1) / 16
    assert (reach.amax(1) - 2 * test_set.factors[:, 3]).abs().max() < 2.1 / 16  # the longest extent is twice the size


def test_spheres_and_tori_have_their_center_of_mass_where_the_table_says(test_set):
    round_ones = (test_set.labels == 0) | (test_set.labels == 2)
    mass, place = full(test_set.voxels[round_ones]), (torch.arange(16, dtype=torch.float64) + 0.5) / 16
    total = mass.sum((1, 2, 3))
    center = torch.stack([mass.sum((1, 2)) @ place, mass.sum((1, 3)) @ place, mass.sum((2, 3)) @ place], 1)
    assert (center / total[:, None] - test_set.factors[round_ones, :3]).abs().max() < 0.25 / 16


def test_a_torus_has_a_hole_and_a_chair_legs_a_seat_and_a_back():
    torus = full(of("torus", side=32))[0]
    assert torus[16, 16, 16] == 0 and torus[16, 16, 4] == 1  # depth, height, width
    chair = full(of("chair", side=64))[0] > 0.5
    parts = [chair[:, height].any() for height in (8, 20, 38, 50)]
    assert all(parts)
    low = chair[:, 52]
    assert low.sum() < 0.5 * chair[:, 38].sum()  # legs are less than the seat
    behind, before = chair[32:, 12], chair[:32, 12]
    assert behind.any() and not before.any()  # the back stands at the far side
    assert not (full(of("chair", side=64))[0] > 0)[32, 52, 32]  # nothing between the legs
    inside = full(of("chair", side=64))[0][:, 14:50].amax((0, 2))
    assert inside.min() == 1  # no seam between back, seat and legs


def test_pieces_are_put_together_in_order(monkeypatch):
    labels, factors = solids.sample(20, torch.Generator().manual_seed(3))
    whole = solids.draw(labels, factors)
    monkeypatch.setattr(solids, "AT_ONCE", 3 * 16**3)
    assert torch.equal(solids.draw(labels, factors), whole)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: solids.load("validation"), "unknown split 'validation'; choose one of train, test"),
        (lambda: solids.draw(torch.zeros(2).long(), torch.zeros(2, 4)), r"factors \[N, 6\] expected, got \[2\] and"),
        (lambda: solids.draw(torch.tensor([4]), torch.zeros(1, 6)), "labels must be 0 to 3, indices of sphere, box"),
        (lambda: solids.draw(torch.tensor([0]), torch.zeros(1, 6), side=0), "side must be at least 1 voxel, not 0"),
        (lambda: solids.draw(torch.tensor([0]), torch.ones(1, 6), side=10**5), "would take .* give a smaller side"),
        (lambda: projection.shaded(torch.zeros(2, 16, 16, 16)), r"\[n, 1, depth, height, width\] expected"),
        (lambda: projection.shaded(torch.zeros(1, 1, 4, 4, 4), side=0), "side must be at least 1 pixel, not 0"),
        (lambda: projection.turning(torch.zeros(0, 1, 4, 4, 4)), "0 solids in 24 frames and 4 columns given"),
        (lambda: projection.turning(torch.zeros(1, 1, 4, 4, 4), frames=0), "1 solids in 0 frames"),
    ],
)
def test_what_does_not_fit_is_named(use, message):
    with pytest.raises(ValueError, match=message):
        use()


def test_pictures_are_white_where_nothing_is_and_dark_where_a_solid_stands():
    voxels = to_floats(of("sphere"), torch.float32)
    pictures = projection.shaded(torch.cat([voxels, -torch.ones_like(voxels)]))
    assert pictures.shape == (2, 1, 64, 64) and pictures.min() >= -1 and pictures.max() <= 1
    assert (pictures[1] == 1).all()
    assert (pictures[0, 0, :4] == 1).all() and pictures[0, 0, 32, 32] < 0.9
    shade = pictures[0, 0] < 0.95
    across = shade.double().mean().item() * 2  # a disc; the picture is sqrt(2) cubes wide
    assert across == pytest.approx(torch.pi * 0.4**2, rel=0.1)


def test_light_comes_from_above():
    picture = projection.shaded(to_floats(of("sphere", side=32), torch.float32))[0, 0]
    assert picture[20:26, 30:34].mean() > picture[40:46, 30:34].mean() + 0.3


def test_a_plate_farther_away_is_darker_by_its_distance():
    plates = -torch.ones(2, 1, 32, 32, 32)
    plates[0, 0, 6:10], plates[1, 0, 22:26] = 1.0, 1.0
    near, far = projection.shaded(plates, azimuth=0, elevation=0, side=32)[:, 0, 16, 16].tolist()
    apart = 16 / 32 / 2**0.5  # of the depth of the picture, which is sqrt(2) cubes
    assert near - far == pytest.approx(2 * 0.15 * apart, abs=0.01)


def test_what_stands_at_the_left_moves_when_the_solid_turns():
    left = to_floats(of("sphere", size=0.2, at=(0.25, 0.5, 0.5)), torch.float32)
    columns = torch.linspace(-1, 1, 64)

    def place(azimuth):
        shade = (projection.shaded(left, azimuth=azimuth)[0, 0] < 0.95).float()
        return ((shade.sum(0) * columns).sum() / shade.sum()).item()

    assert place(0) < -0.25 and place(180) > 0.25 and abs(place(90)) < 0.05


def test_the_cube_stays_in_the_picture_however_it_turns():
    cube = torch.ones(1, 1, 16, 16, 16)
    for azimuth in (0, 20, 45, 70):
        picture = projection.shaded(cube, azimuth=azimuth)[0, 0]
        border = torch.cat([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (border > 0.5).double().mean() > 0.9


def test_a_turning_picture_is_an_animated_gif(tmp_path, test_set):
    voxels = to_floats(test_set.voxels[:3], torch.float32)
    film = projection.turning(voxels, frames=4, columns=2, side=16)
    assert film.shape == (4, 32, 32) and film.dtype == torch.uint8
    assert (film[:, 16:, 16:] == 255).all()  # the missing fourth
    assert not torch.equal(film[0], film[1])
    still = projection.shaded(voxels[1:2], side=16)[0, 0]
    assert torch.equal(film[0, :16, 16:], ((still + 1) * 127.5).round().to(torch.uint8))
    projection.write_turning(tmp_path / "new" / "turning.gif", voxels, frames=4, columns=2, side=16)
    with Image.open(tmp_path / "new" / "turning.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"]) == (4, (32, 32), 0)
