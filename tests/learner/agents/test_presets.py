"""The presets say what their sources say, and the page on algorithms says what the presets say."""

import dataclasses
from pathlib import Path

from learner.agents.config import SACConfig
from learner.agents.gripper_config import GripperCriticConfig
from learner.agents.presets import PRESETS
from learner.config import PRESETS as LEARNERS

WITH_CRITICS = {name: preset for name, preset in PRESETS.items() if not preset.imitation_only}
PAGE = Path(__file__).resolve().parents[3] / "docs" / "algorithms.md"


def test_presets_hold_the_published_values() -> None:
    serl = PRESETS["serl"]
    assert (serl.critic.members, serl.critic.subset, serl.discount) == (10, 2, 0.99)
    assert serl.policy_rows == "all"
    assert serl.critic_optimiser.warmup_updates == serl.policy_optimiser.warmup_updates == 2000
    assert serl.temperature.optimiser.warmup_updates == 0
    assert (PRESETS["rlpd"].temperature.initial, PRESETS["rlpd"].critic.activation) == (1.0, "relu")
    assert PRESETS["scratch"].backup_entropy


def test_only_our_own_clone_demonstrations() -> None:
    ours = [name for name, preset in PRESETS.items() if preset.cloning.active]
    assert ours == ["default", "pixels", "sac_hybrid", "bc", "hg_dagger"]


def test_hybrid_is_the_default_with_critics_that_decide_for_the_gripper() -> None:
    decided = PRESETS["sac_hybrid"]
    assert decided.gripper.enabled
    assert dataclasses.replace(decided, gripper=GripperCriticConfig()) == PRESETS["default"]
    assert LEARNERS["sac_hybrid"].agent == decided
    assert not any(preset.gripper.enabled for name, preset in PRESETS.items() if name != "sac_hybrid")


def test_the_page_on_algorithms_shows_the_presets() -> None:
    rows = [f"| {label} | {' | '.join(cells)} |" for label, cells in table().items()]
    header = f"| | {' | '.join(f'`{name}`' for name in WITH_CRITICS)} |"
    text = PAGE.read_text(encoding="utf-8")
    missing = [row for row in [header, *rows] if row not in text]
    assert not missing, f"write in {PAGE.name}:\n" + "\n".join(missing)


def table() -> dict[str, list[str]]:
    columns = [cells(preset) for preset in WITH_CRITICS.values()]
    return {label: [column[label] for column in columns] for label in columns[0]}


def cells(c: SACConfig) -> dict[str, str]:
    warmup = c.critic_optimiser.warmup_updates
    cloning = c.cloning
    return {
        "discount γ, n": f"{c.discount:g}, {c.n_step}",
        "critics, subset": f"{c.critic.members}, {c.critic.subset or 'all'}",
        "activation, LayerNorm: critics": f"{c.critic.activation}, {yes(c.critic.layer_norm)}",
        "activation, LayerNorm: policy": f"{c.policy.activation}, {yes(c.policy.layer_norm)}",
        "dropout": f"{c.critic.dropout:g}",
        "σ min, max, at first": f"{c.policy.std_min:.2g}, {c.policy.std_max:.2g}, {c.policy.initial_std:g}",
        "τ": f"{c.critic.tau:g}",
        "α at first": f"{c.temperature.initial:g}",
        "H* per element": f"{c.temperature.target_entropy_per_element:g}",
        "entropy backup": yes(c.backup_entropy),
        "policy rows": c.policy_rows,
        "cloning w, updates": f"{cloning.weight_start:g} to {cloning.weight_end:g}, {cloning.anneal_updates}"
        if cloning.active
        else "off",
        "gripper": "critics" if c.gripper.enabled else "policy",
        "step size": f"{c.critic_optimiser.learning_rate:g}" + (f", warm-up {warmup}" if warmup else ""),
    }


def yes(value: bool) -> str:
    return "yes" if value else "no"
