"""The stored runs of the gallery's larger pictures are of their commands, and say what the page reads off them."""

import pytest
from PIL import Image
from result_cases import RESULTS, stored


@pytest.mark.parametrize(("task", "rows"), [("relief", 4), ("zoom", 5)])
def test_places_of_the_earth_are_of_the_commands_and_the_adversary_buys_sharpness_with_error(task, rows):
    (script, numbers, _), without, judged = stored("earth"), "without", "with"
    systems = numbers[task]["systems"]
    for system, command in script["COMMANDS"][task].items():
        assert systems[system]["command"] == f"ganedu {command}"
    assert systems[without]["psnr"] > systems[judged]["psnr"]
    assert systems[without]["mean_absolute_error"] < systems[judged]["mean_absolute_error"]
    assert 10 * systems[without]["sharpness"] < systems[judged]["sharpness"] < 1
    assert systems[without]["psnr"] > max(systems[name]["psnr"] for name in systems if name in ("copy", "cubic"))
    assert len(numbers[task]["rows"]) == rows and numbers[task]["test_pairs"] == 84
    with Image.open(RESULTS / "earth" / f"{task}.png") as sheet:
        assert sheet.size == (12 * 66 + 2, rows * 66 + 2)
