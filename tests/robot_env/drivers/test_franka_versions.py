"""What is said about an arm and a library that do not fit."""

import pytest

from robot_env.server.drivers.franka_versions import mismatch_cure


@pytest.mark.parametrize(
    ("server", "driver", "advice"),
    [
        (5, "fr3", "choose --driver panda"),
        (10, "panda", "choose --driver fr3"),
        (3, "fr3", "update the arm's system to 4.2.1"),
        (7, "fr3", "built for server version 7"),
        (11, "fr3", "newer franky-control"),
    ],
)
def test_each_mismatch_has_its_cure(server: int, driver: str, advice: str):
    library = 10 if driver == "fr3" else 5
    said = f"libfranka: incompatible library version (server version: {server}, library version: {library})."
    cure = mismatch_cure(said, driver)
    assert f"server version {server}" in cure
    assert advice in cure


def test_panda_pys_own_words_are_understood():
    said = "The robot speaks protocol version 10, but this panda-py speaks 5"
    assert "choose --driver fr3" in mismatch_cure(said, "panda")


def test_without_a_number_the_page_is_named():
    assert "docs/franka.md" in mismatch_cure("something else", "fr3")
