"""What terminals send, and which keys that was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.operating.key_names import key_names


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("ap?", ["a", "p", "?"]),
        ("\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        ("\x1bOA", ["up"]),
        ("\x1b[5~\x1b[6~", ["page_up", "page_down"]),
        ("\x1b[1;2D\x1b[1;5C\x1b[5;2~", ["shift_left", "ctrl_right", "shift_page_up"]),
        (" \r\t\x7f", ["space", "enter", "tab", "backspace"]),
        ("\x1b", ["escape"]),
        ("\x1b\x1b[A", ["escape", "up"]),
        ("\x1bq", ["alt_q"]),
        ("\x1b[15~x", ["x"]),
        ("\x1b[<0;10;20Mx", ["x"]),
        ("\x01é", ["é"]),
    ],
)
def test_keys_have_names(typed: str, keys: list[str]) -> None:
    assert key_names(typed) == keys


@given(st.text(max_size=30))
def test_whatever_is_sent_gives_names(typed: str) -> None:
    assert all(name and name.isprintable() for name in key_names(typed))


@given(st.from_regex(r"\x1b\[[0-9;]{0,5}[@-Z\\-~]", fullmatch=True))
def test_no_letter_of_an_escape_sequence_is_a_key(sequence: str) -> None:
    assert all(len(name) > 1 for name in key_names(sequence))
