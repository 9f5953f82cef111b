"""A policy's parameters under SERL's names and back, where its network and ours compute the same.

SERL broadcasts its whole train state, of which acting reads `modules_actor` alone:
`serl_launcher/networks/actor_critic_nets.py: Policy` with an MLP of `networks/mlp.py` and, beside cameras,
the EncodingWrapper of `common/encoding.py` over a frozen ResNet-10, which travels along. Its cameras are in
alphabetical order.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.encoder import ImageEncoder, plain
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import FlatParameters, unflatten
from shared.policy.spec import PolicyConfig, PolicySpec
from shared.policy.trunks import resnet10
from shared.policy.trunks.build import parameter_shapes
from shared.policy.trunks.weights import TrunkWeights
from shared.policy.vision import VisionConfig, cameras

STAGE = "SERL's policy"
SETTINGS = "--agent.policy.inputs plain --agent.policy.std state_dependent"
EYES = VisionConfig(trunk="resnet10_frozen", bottleneck=256, shared=True)
"""What SERL and HIL-SERL see with (`utils/launcher.py: make_drq_agent`, encoder_type resnet-pretrained)."""
TRUNK = "pretrained_encoder"
TO_SERL, FROM_SERL = (1, 2, 0, 3), (2, 0, 1, 3)
"""Axes of embeddings: ours are (c, h, w, n), SERL's (h, w, c, n)."""

DEEPEST, MOST_LAYERS, WIDEST = 16, 32, 1 << 14
"""Of trees and hidden layers: more is nobody's policy, and would cost this computer dearly."""

Path = tuple[str, ...]
Tree = Mapping[str, Any]


class Translated(NamedTuple):
    """A policy of SERL's, as ours; with the trunk that it sees through, where it came along."""

    spec: PolicySpec
    params: FlatParameters
    trunk: TrunkWeights | None


def differences(spec: PolicySpec) -> list[str]:
    """Why SERL's network cannot take this policy's parameters; empty where it can."""
    found: list[str] = []
    states = [entry for entry in spec.interface.observations if not entry.is_image]
    if spec.vision is not None:
        found += _other_eyes(spec.vision, spec.interface)
    if spec.gripper is not None:
        found.append("critics decide for its gripper, which SERL's network does not have")
    if spec.inputs != "plain":
        found.append(f"its inputs are {spec.inputs}, SERL's are plain")
    if any(entry.offset or entry.scale for entry in spec.interface.observations):
        found.append("its observations are normalised, SERL's are not")
    if len(states) != 1:
        found.append(f"it has {len(states)} state entries, SERL has one")
    if spec.std != "state_dependent":
        found.append(f"its std is {spec.std}, SERL's is state_dependent")
    if spec.activation != "tanh" or not spec.layer_norm:
        found.append("its hidden layers are not SERL's: LayerNorm, then tanh")
    return found


def serl_tree(
    params: Mapping[str, Any], spec: PolicySpec, trunk: TrunkWeights | None = None
) -> dict[str, Any]:
    """Parameters by our paths, as SERL's tree; only for a policy without `differences`.

    With cameras `trunk` is the one that it sees through: SERL's actors take it from every broadcast.
    """
    actor: dict[str, Any] = {}
    for ours, theirs in _pairs(spec, params):
        _put(actor, theirs, _turned(ours, params[ours], TO_SERL))
    if trunk is not None and (images := cameras(spec.interface)):
        eyes = actor["encoder"][f"encoder_{_key(images[0])}"]
        eyes[TRUNK] = unflatten(dict(trunk.params))
    return {"modules_actor": actor}


def policy_of(tree: object, interface: InterfaceSpec) -> Translated:
    """What a learner of SERL's broadcasts, as a policy for `interface`.

    Raises:
        ConfigError: it holds no policy, or one whose network is not ours or sees another world.
    """
    actor = tree.get("modules_actor") if isinstance(tree, Mapping) else None
    if not isinstance(actor, Mapping):
        raise ConfigError(STAGE, "a broadcast holds no modules_actor", "join a learner of SERL or HIL-SERL")
    found = dict(_leaves(actor, ()))
    trunk = _trunk(found)
    spec = _spec(found, interface, "" if trunk is None else trunk.digest)
    shapes = _shapes(spec)
    params: FlatParameters = {}
    for ours, theirs in _pairs(spec, shapes):
        array = found.pop(theirs, None)
        array = None if array is None else _turned(ours, array, FROM_SERL)
        if array is None or array.shape != shapes[ours]:
            there = "missing" if array is None else f"{list(array.shape)} instead of {list(shapes[ours])}"
            raise _foreign(f"{'/'.join(theirs)} is {there}")
        params[ours] = _numbers(theirs, array)
    if left := [path for path in found if TRUNK not in path]:
        raise _foreign(f"{'/'.join(left[0])} is more than it has")
    return Translated(spec, params, trunk)


def _other_eyes(vision: VisionConfig, interface: InterfaceSpec) -> list[str]:
    found = [
        f"its {name} is {getattr(vision, name)}, SERL's is {getattr(EYES, name)}"
        for name in ("trunk", "pooling", "embeddings", "bottleneck", "state_width", "frame_stack")
        if getattr(vision, name) != getattr(EYES, name)
    ]
    names = [_key(name) for name in cameras(interface)]
    return found if names == sorted(names) else [*found, "its cameras are not in alphabetical order"]


def _pairs(spec: PolicySpec, ours: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Each of our parameters' paths with SERL's below `modules_actor`."""
    modules: dict[str, Path] = {
        "mean": ("Dense_0",),
        "log_std": ("Dense_1",) if spec.std == "state_dependent" else ("log_stds",),
        "torso": ("network",),
        "fusion/state": ("encoder", "Dense_0"),
        "fusion/state_norm": ("encoder", "LayerNorm_0"),
    }
    for camera in cameras(spec.interface):
        head, eye = f"encoder/heads/{plain(camera)}", ("encoder", f"encoder_{_key(camera)}")
        modules |= {
            f"{head}/embeddings": (*eye, "SpatialLearnedEmbeddings_0", "kernel"),
            f"{head}/bottleneck": (*eye, "Dense_0"),
            f"{head}/norm": (*eye, "LayerNorm_0"),
        }
    for path in ours:
        module = next(name for name in modules if path == name or path.startswith(f"{name}/"))
        rest = path.removeprefix(module).strip("/")
        yield path, (*modules[module], *(rest.split("/") if rest else ()))


def _turned(ours: str, array: Any, axes: tuple[int, ...]) -> Any:
    """Embeddings with their axes in the other order; anything else as it is."""
    embeddings = ours.endswith("/embeddings") and np.ndim(array) == len(axes)
    return np.transpose(array, axes) if embeddings else array


def _spec(found: Mapping[Path, Any], interface: InterfaceSpec, digest: str) -> PolicySpec:
    hidden = _widths(found)
    if not hidden or not any(path[0] == "network" and "LayerNorm" in path[1] for path in found if path[1:]):
        raise _foreign("it has no hidden layers, or no LayerNorm in them")
    images = cameras(interface)
    if bool(images) != any(path[0] == "encoder" for path in found):
        raise _foreign(
            "it sees pictures" if not images else "it sees no pictures, and this actor has cameras"
        )
    if images and not digest:
        raise _foreign("its eyes are no frozen ResNet-10")
    if [_key(name) for name in images] != sorted(_key(name) for name in images):
        raise _foreign("this actor's cameras are not in alphabetical order")
    config = PolicyConfig(
        hidden=hidden, inputs="plain", std="uniform" if ("log_stds",) in found else "state_dependent"
    )
    return PolicySpec.of(config, interface, EYES, digest)


def _widths(found: Mapping[Path, Any]) -> tuple[int, ...]:
    """Of the hidden layers, in order."""
    layers = [path for path in found if path[0] == "network" and path[2:] == ("kernel",)]
    shapes = {path: np.shape(found[path]) for path in layers}
    if odd := [path for path in layers if len(shapes[path]) != 2 or not 0 < shapes[path][1] <= WIDEST]:
        raise _foreign(f"{'/'.join(odd[0])} is {list(shapes[odd[0]])}, no layer of up to {WIDEST} units")
    if len(layers) > MOST_LAYERS:
        raise _foreign(f"it has {len(layers)} hidden layers, more than {MOST_LAYERS}")
    return tuple(shapes[path][1] for path in sorted(layers, key=lambda path: (len(path[1]), path[1])))


def _trunk(found: Mapping[Path, Any]) -> TrunkWeights | None:
    arrays = {"/".join(path[path.index(TRUNK) + 1 :]): found[path] for path in found if TRUNK in path}
    if not arrays:
        return None
    if {name: array.shape for name, array in arrays.items()} != parameter_shapes(EYES):
        raise _foreign("its frozen trunk is no ResNet-10")
    params: FlatParameters = {name: _numbers((TRUNK, name), array) for name, array in arrays.items()}
    return TrunkWeights.of(EYES.trunk, resnet10.STAGES, params)


def _shapes(spec: PolicySpec) -> dict[str, tuple[int, ...]]:
    """Of each parameter of the network that a spec describes."""
    seen = {e.name: jax.ShapeDtypeStruct((1, *e.shape), e.dtype) for e in spec.interface.observations}
    key = jax.random.key(0)
    eyes = ImageEncoder(spec.vision, spec.interface) if spec.vision else None
    width = 0 if eyes is None else len(eyes.cameras) * eyes.vision.bottleneck
    images = None if eyes is None else jax.ShapeDtypeStruct((1, width), np.float32)
    tree: Any = dict(cast(Tree, jax.eval_shape(GaussianPolicy(spec).init, key, seen, images))["params"])
    if eyes is not None:
        tree["encoder"] = jax.eval_shape(eyes.init, key)
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}


def _numbers(path: Path, array: Any) -> Any:
    """An array as float32, row by row."""
    with np.errstate(over="ignore"):
        numbers = np.asarray(array, np.float32, order="C")
    if not np.isfinite(numbers).all():
        raise _foreign(f"{'/'.join(path)} is not finite")
    return numbers


def _leaves(tree: Tree, path: Path) -> Iterator[tuple[Path, Any]]:
    if len(path) > DEEPEST:
        raise _foreign(f"it is nested more than {DEEPEST} deep")
    for name, child in tree.items():
        if isinstance(child, Mapping):
            yield from _leaves(cast(Tree, child), (*path, str(name)))
        elif isinstance(child, np.ndarray) and child.dtype.kind == "f":
            yield (*path, str(name)), child
        else:
            raise _foreign(f"{'/'.join((*path, str(name)))} is no array of numbers")


def _put(tree: dict[str, Any], path: Path, array: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = array


def _key(camera: str) -> str:
    """A camera's name in SERL."""
    return camera.removesuffix("/image")


def _foreign(cause: str) -> ConfigError:
    cure = "let it use SERL's networks (make_sac_agent, make_drq_agent) on this actor's observations"
    return ConfigError(STAGE, f"its network is not ours: {cause:.300}", cure)
