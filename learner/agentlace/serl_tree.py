"""A policy's parameters under SERL's names, for actors that run SERL's network.

SERL broadcasts its whole train state, of which acting reads `modules_actor` alone:
`serl_launcher/networks/actor_critic_nets.py: Policy` with an MLP of `networks/mlp.py`.
"""

from collections.abc import Mapping
from typing import Any

from shared.policy.spec import PolicySpec

SETTINGS = "--agent.policy.inputs plain --agent.policy.std state_dependent"


def differences(spec: PolicySpec) -> list[str]:
    """Why SERL's network cannot take this policy's parameters; empty where it can."""
    found: list[str] = []
    if spec.vision is not None:
        found.append("it sees pictures, through maps that SERL's network lays out otherwise")
    if spec.gripper is not None:
        found.append("critics decide for its gripper, which SERL's network does not have")
    if spec.inputs != "plain":
        found.append(f"its inputs are {spec.inputs}, SERL's are plain")
    if any(entry.offset or entry.scale for entry in spec.interface.observations):
        found.append("its observations are normalised, SERL's are not")
    if len(spec.interface.observations) != 1:
        found.append(f"it has {len(spec.interface.observations)} state entries, SERL has one")
    if spec.std != "state_dependent":
        found.append(f"its std is {spec.std}, SERL's is state_dependent")
    if spec.activation != "tanh" or not spec.layer_norm:
        found.append("its hidden layers are not SERL's: LayerNorm, then tanh")
    return found


def serl_tree(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by our paths, as SERL's tree; only for a policy without `differences`."""
    actor: dict[str, Any] = {"network": {}}
    for path, array in params.items():
        module, *rest = path.split("/")
        if module == "torso":
            layer, leaf = rest
            actor["network"].setdefault(layer, {})[leaf] = array
        else:
            actor.setdefault({"mean": "Dense_0", "log_std": "Dense_1"}[module], {})[rest[0]] = array
    return {"modules_actor": actor}
