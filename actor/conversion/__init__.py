"""Data sets of others, in and out. Nothing in their files is executed, and nothing is mended in silence."""

IMPORTERS: dict[str, str] = {
    "serl": "actor.conversion.serl:open_serl",
    "hil_serl": "actor.conversion.serl:open_serl",
}
"""Format -> what opens it: (path, ReadingConfig, Account) -> Found."""
