"""Data sets of others, in and out. Nothing in their files is executed, and nothing is mended in silence."""

IMPORTERS: dict[str, str] = {
    "serl": "actor.conversion.serl:open_serl",
    "hil_serl": "actor.conversion.serl:open_serl",
    "lerobot": "actor.conversion.lerobot.reading:open_lerobot",
    "robomimic": "actor.conversion.robomimic:open_robomimic",
}
"""Format -> what opens it: (path, ReadingConfig, Account) -> Found."""

EXPORTERS: dict[str, str] = {"lerobot": "actor.conversion.lerobot.writing:export_lerobot"}
"""Format -> what writes it: (episodes, interface, directory, its configuration, Account) -> None."""
