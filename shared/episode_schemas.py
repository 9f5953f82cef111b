"""Schemas of the messages in episode files, flat enough for Foxglove to offer every number for plotting."""

from typing import Any

import msgspec

from shared.interface import InterfaceSpec

IMAGE = b"""std_msgs/Header header
uint32 height
uint32 width
string encoding
uint8 is_bigendian
uint32 step
uint8[] data
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""


def step_schema(interface: InterfaceSpec) -> bytes:
    """JSON schema of a step, flat enough for Foxglove to offer every number for plotting."""
    numbers = {"type": "array", "items": {"type": "number"}}
    vectors = {e.name: numbers for e in interface.observations if not e.is_image}
    observation = {"type": "object", "properties": vectors}
    terms = {"type": "object", "additionalProperties": {"type": "number"}}
    properties: dict[str, Any] = {
        **_properties("string", "actor_id incarnation kind source why"),
        **_properties("integer", "episode step sequence"),
        **_properties("number", "time_seconds reward"),
        **_properties("boolean", "terminated truncated"),
        "reward_terms": terms,
        "chosen_action": numbers,
        "executed_command": numbers,
        "policy_action": numbers,
        "human_action": numbers,
        "observation": observation,
        "final_observation": observation,
    }
    return msgspec.json.encode({"type": "object", "properties": properties})


def amend_schema() -> bytes:
    """JSON schema of a correction."""
    properties: dict[str, Any] = {
        **_properties("string", "actor_id incarnation why"),
        **_properties("integer", "sequence"),
        **_properties("number", "time_seconds reward"),
        **_properties("boolean", "terminated truncated"),
        "target": {"type": "array"},
    }
    return msgspec.json.encode({"type": "object", "properties": properties})


def lost_schema() -> bytes:
    """JSON schema of a report of lost records."""
    properties = {
        **_properties("string", "actor_id incarnation cause"),
        **_properties("integer", "sequence count"),
        **_properties("number", "time_seconds"),
    }
    return msgspec.json.encode({"type": "object", "properties": properties})


def _properties(kind: str, names: str) -> dict[str, Any]:
    return {name: {"type": kind} for name in names.split()}
