"""What a terminal sends when a key is pressed, as names: "a", "up", "shift_left", "page_down", "space".

A character that is printed is its own name. Arrows and function keys arrive as escape sequences (ECMA-48
control sequences, with xterm's modifiers); those that are not known here are left out, letters and all.
"""

import re

KEY = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])|\x1bO(.)|\x1b([^\x1b\[O])|\x1b|(.)", re.DOTALL)
BY_LETTER = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "Z": "shift_tab"}
BY_NUMBER = {
    "1": "home",
    "2": "insert",
    "3": "delete",
    "4": "end",
    "5": "page_up",
    "6": "page_down",
    "7": "home",
    "8": "end",
}
MODIFIERS = {"2": "shift_", "3": "alt_", "5": "ctrl_"}
BY_CHARACTER = {
    " ": "space",
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\b": "backspace",
}


def key_names(typed: str) -> list[str]:
    """The keys behind what a terminal sent, in order."""
    return [name for found in KEY.finditer(typed) if (name := _name(found))]


def _name(found: re.Match[str]) -> str:
    parameters, final, application, with_alt, character = found.groups()
    if character is not None:
        return BY_CHARACTER.get(character, character if character.isprintable() else "")
    if with_alt is not None:
        return f"alt_{with_alt}"
    if application is not None:
        return BY_LETTER.get(application, "")
    if final is None:
        return "escape"
    number, _, modifier = parameters.partition(";")
    name = BY_NUMBER.get(number, "") if final == "~" else BY_LETTER.get(final, "")
    return MODIFIERS.get(modifier, "") + name if name else ""
