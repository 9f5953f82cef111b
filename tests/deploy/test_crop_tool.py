"""`handson crop`, as it is used beside a lab file."""

import re
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.crop_tool import main
from robot_env.lab import load_lab
from shared.errors import ConfigError

LAB = """
[cameras.wrist]
kind = "realsense"
serial = "1"
crop = { top = 0, left = 80, crop_height = 480, crop_width = 480, height = 128, width = 128, version = 4 }
"""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = np.zeros((120, 160, 3), np.uint8)
    image[40:60, 100:130] = (0, 0, 255)  # BGR: red
    cv2.imwrite(str(tmp_path / "frame.png"), image)
    return tmp_path / "frame.png"


def run(capsys, *arguments: object) -> dict[str, int]:
    assert main([str(argument) for argument in arguments]) == 0
    said = capsys.readouterr().out
    return tomllib.loads(re.search(r"crop = .*", said)[0])["crop"]


def test_a_box_of_a_picture_is_drawn_and_told(picture: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "page.png"
    box = ("--top", 40, "--left", 100, "--rows", 20, "--columns", 30, "--size", 10)
    told = run(capsys, "--picture", picture, *box, "--out", out)
    assert told == {
        "top": 40,
        "left": 100,
        "crop_height": 20,
        "crop_width": 30,
        "height": 10,
        "width": 10,
        "version": 1,
    }
    page = cv2.imread(str(out))
    assert page.shape == (120, 160 + 8 + 120, 3)
    assert (page[50, 115] == (0, 0, 255)).all()
    assert (page[:, 168:] == (0, 0, 255)).all(), "beside it: what is delivered, all red"


def test_without_numbers_it_is_the_middle_square(picture: Path, tmp_path: Path, capsys) -> None:
    told = run(capsys, "--picture", picture, "--out", tmp_path / "page.png")
    assert (told["top"], told["left"], told["crop_height"], told["crop_width"]) == (0, 20, 120, 120)
    assert (told["height"], told["version"]) == (128, 1)


def test_the_lab_files_box_is_the_start_and_a_change_raises_its_version(tmp_path: Path, capsys) -> None:
    lab, frame = tmp_path / "lab.toml", tmp_path / "frame.png"
    lab.write_text(LAB)
    cv2.imwrite(str(frame), np.zeros((480, 640, 3), np.uint8))
    common = ("--lab", lab, "--camera", "wrist", "--picture", frame, "--out", tmp_path / "page.png")
    same, moved = run(capsys, *common), run(capsys, *common, "--left", 100)
    assert (same["left"], same["version"]) == (80, 4)
    assert (moved["left"], moved["version"]) == (100, 5)
    line = ", ".join(f"{key} = {value}" for key, value in moved.items())
    lab.write_text(re.sub(r"crop = .*", f"crop = {{ {line} }}", LAB))
    assert load_lab(lab).cameras[0].version == 5


def test_what_the_labs_camera_sees_now(tmp_path: Path, capsys) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text('[cameras.side]\nkind = "software"\n')
    told = run(capsys, "--lab", lab, "--out", tmp_path / "page.png")
    assert told["crop_height"] == 240
    assert cv2.imread(str(tmp_path / "page.png")).shape == (240, 320 + 8 + 240, 3)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ([], "nothing to crop"),
        (["--picture", "none.png"], "not a picture"),
        (["--picture", "FRAME", "--left", "100"], "choose a box inside 120 rows and 160 columns"),
        (["--picture", "FRAME", "--rows", "0"], "holds no pixel"),
        (["--picture", "FRAME", "--out", "/nowhere/x.png"], "cannot be written"),
    ],
)
def test_what_cannot_be_cropped_is_refused_with_a_cure(
    picture: Path, arguments: list[str], cause: str
) -> None:
    with pytest.raises(ConfigError, match=cause):
        main([str(picture) if word == "FRAME" else word for word in arguments])


def test_a_misspelt_camera_is_answered_with_the_nearest(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(LAB)
    with pytest.raises(ConfigError, match="did you mean 'wrist'"):
        main(["--lab", str(lab), "--camera", "wirst"])


def test_a_simulated_camera_has_nothing_to_crop(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text('[cameras.wrist]\nkind = "wrist"\n')
    with pytest.raises(ConfigError, match="simulated"):
        main(["--lab", str(lab), "--out", str(tmp_path / "page.png")])
