"""Named sets of agent settings: HandsOn's own two, and the field's.

How many updates a step earns and how minibatches are mixed belongs to the run, not to the agent: SERL's state
example uses UTD 8 without demos, RLPD UTD 20 and half demos, HIL-SERL UTD 2 and half demos; batches are 256.
"""

import dataclasses
import math

from learner.agents.config import CloningConfig, SACConfig, TemperatureConfig
from learner.agents.gripper_config import GripperCriticConfig
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from shared.policy.spec import PolicyConfig
from shared.policy.vision import VisionConfig

DEFAULT = SACConfig(
    n_step=3,
    policy_after_updates=1_000,
    policy=PolicyConfig(activation="relu", std_max=0.3, initial_std=0.15),
    critic=CriticConfig(activation="relu"),
    temperature=TemperatureConfig(initial=0.001, target_entropy_per_element=-2.0),
    cloning=CloningConfig(anneal_updates=6_000),
)
"""For practice with demonstrations: a nearly greedy policy, begun by cloning and finished by critics.

Sparse rewards of 1 leave values so flat that a temperature of the usual size would drown them, and a policy
noisier than this scatters what cloning has given it.
"""

PIXELS = dataclasses.replace(
    DEFAULT,
    policy_optimiser=OptimiserConfig(warmup_updates=250),
    cloning=CloningConfig(weight_end=0.3, anneal_updates=20_000),
)
"""The default for cameras: critics need longer to see what is worth doing, so cloning lets go later.

Adam's first steps are as long as its later ones, which a policy that has learned to see does not survive:
they begin small.
"""

SAC_HYBRID = dataclasses.replace(DEFAULT, gripper=GripperCriticConfig(enabled=True))
"""The default with a gripper that is closed, kept or opened by critics of its own, as in HIL-SERL."""

BC = SACConfig(
    imitation_only=True,
    policy=PolicyConfig(std_max=0.3, initial_std=0.15),
    cloning=CloningConfig(action_limit=0.999, intervention_weight=0.0),
)
"""Behaviour cloning of the demonstrations alone.

A smooth network follows few demonstrations better than one with kinks, and likelihood (`cloning.nll_share`)
costs the mean its precision for the sake of the spread.
"""

HG_DAGGER = dataclasses.replace(BC, cloning=dataclasses.replace(BC.cloning, intervention_weight=1.0))
"""Cloning of demonstrations and of all steps in which people took over so far (Kelly et al. 2019)."""

NO_CLONING = CloningConfig(weight_start=0.0, weight_end=0.0)

SCRATCH = SACConfig(
    discount=0.99,
    backup_entropy=True,
    policy=PolicyConfig(activation="relu"),
    critic=CriticConfig(activation="relu"),
    temperature=TemperatureConfig(initial=1.0, optimiser=OptimiserConfig(learning_rate=1e-3)),
    cloning=NO_CLONING,
    policy_optimiser=OptimiserConfig(learning_rate=1e-3),
    critic_optimiser=OptimiserConfig(learning_rate=1e-3),
)
"""For dense rewards and no demonstrations: SAC as it was published, with LayerNorm and a larger step size."""

SERL = SACConfig(
    discount=0.99,
    policy_rows="all",
    critic=CriticConfig(members=10, subset=2),
    cloning=NO_CLONING,
    policy_optimiser=OptimiserConfig(warmup_updates=2000),
    critic_optimiser=OptimiserConfig(warmup_updates=2000),
)
"""SERL's state-based SAC as its launcher makes it (`serl_launcher/utils/launcher.py: make_sac_agent`)."""

SERL_EYES = VisionConfig(trunk="resnet10_frozen", bottleneck=256, shared=True)
"""How SERL and HIL-SERL see: a frozen ResNet-10, learned spatial embeddings, one encoder for all networks."""

DRQ = SACConfig(
    discount=0.96,
    policy_rows="all",
    critic=CriticConfig(members=10, subset=2),
    cloning=NO_CLONING,
    vision=SERL_EYES,
)
"""SERL's pixel-based SAC (`serl_launcher/utils/launcher.py: make_drq_agent`); needs `trunk_weights`."""

HIL_SERL = SACConfig(discount=0.97, critic=CriticConfig(members=2), cloning=NO_CLONING, vision=SERL_EYES)
"""HIL-SERL's SAC (`serl_launcher/utils/launcher.py: make_sac_pixel_agent`); pixels need `trunk_weights`."""

RLPD = SACConfig(
    discount=0.99,
    policy=PolicyConfig(activation="relu", layer_norm=False, std_min=math.exp(-20.0), std_max=math.exp(2.0)),
    critic=CriticConfig(members=10, subset=2, activation="relu"),
    temperature=TemperatureConfig(initial=1.0),
    cloning=NO_CLONING,
)
"""RLPD's settings for sparse manipulation, with two hidden layers (Ball et al. 2023, arXiv:2302.02948)."""

DROQ = SACConfig(
    discount=0.99,
    policy=PolicyConfig(activation="relu", layer_norm=False, std_min=math.exp(-20.0), std_max=math.exp(2.0)),
    critic=CriticConfig(members=2, activation="relu", dropout=0.01),
    temperature=TemperatureConfig(initial=0.1),
    cloning=NO_CLONING,
)
"""DroQ as walking robots were trained with it (Hiraoka et al. 2022; Smith et al. 2022, arXiv:2208.07860)."""

PRESETS = {
    "default": DEFAULT,
    "pixels": PIXELS,
    "sac_hybrid": SAC_HYBRID,
    "bc": BC,
    "hg_dagger": HG_DAGGER,
    "scratch": SCRATCH,
    "serl": SERL,
    "drq": DRQ,
    "hil_serl": HIL_SERL,
    "rlpd": RLPD,
    "droq": DROQ,
}
