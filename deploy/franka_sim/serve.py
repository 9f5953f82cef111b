"""The simulated Franka: `python serve.py HOST [--enforce-communication] [--enforce-motion] [--commands]`

Run by the Python of its own environment (see `environment`), never imported by HandsOn. It is franka-sim with
three things put right or added, all of them physics:

- its tool frame: franka-sim measures at link 7 where libfranka's model has the flange, 107 mm further;
- `push`: an external force on the tool, which the state reports as a real arm does (what the robot exerts on
  its surroundings is positive), and which stops the arm with `cartesian_reflex` beyond the thresholds set;
- an enabling device that can be released (`user_stop`).

With --commands it reads lines from standard input, and ends with it: `push FX FY FZ SECONDS` and
`user_stop 0|1`.
"""

import argparse
import importlib
import logging
import os
import sys
import threading
import time
from typing import Any

import numpy as np

mujoco: Any = importlib.import_module("mujoco")
arm_module: Any = importlib.import_module("franka_sim.mujoco_franka_sim")
server_module: Any = importlib.import_module("franka_sim.franka_sim_server")
protocol: Any = importlib.import_module("franka_sim.franka_protocol")

FLANGE_M = 0.107
HOME_RAD = (0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.785398)
CARTESIAN_REFLEX = 7
FIFO_PRIORITY = 40
CARTESIAN_SLACK = 20.0


class Arm(arm_module.MujocoFrankaSim):
    """franka-sim's MuJoCo arm, measured at the flange, that can be pushed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._push = (np.zeros(3), 0.0)
        self.update_ee_transform(np.eye(4).flatten())

    def push(self, force_n: np.ndarray, seconds: float) -> None:
        """Exert a force on the tool for a while."""
        self._push = (force_n, time.monotonic() + seconds)

    @property
    def external_force_n(self) -> np.ndarray:
        """(3,) that the surroundings exert now."""
        force, until = self._push
        return force if time.monotonic() < until else np.zeros(3)

    def update_ee_transform(self, f_t_ee: Any) -> None:
        flange = np.eye(4)
        flange[2, 3] = FLANGE_M
        self._f_t_ee = flange @ np.asarray(f_t_ee, dtype=float).reshape(4, 4).T

    def _apply_control(self) -> None:
        super()._apply_control()
        force = self.external_force_n
        if force.any():
            self.data.qfrc_applied[self.arm_dofs_idx] += self.ee_jacobian()[:3].T @ force

    def _read_and_publish_state(self) -> None:
        super()._read_and_publish_state()
        force = self.external_force_n
        wrench = np.concatenate([-force, np.zeros(3)])
        self._state_snapshot["O_F_ext_hat_K"] = wrench.tolist()
        self._state_snapshot["tau_ext_hat_filtered"] = (self.ee_jacobian().T @ wrench).tolist()


class Server(server_module.FrankaSimServer):
    """franka-sim's server with collision thresholds and an enabling device."""

    user_stopped = False
    force_threshold_n = (np.inf,) * 3

    def handle_set_collision_behavior_command(self, client_socket: Any, header: Any, payload: bytes) -> None:
        told = protocol.SetCollisionBehaviorCommand.from_bytes(payload)
        self.force_threshold_n = tuple(told.upper_force_thresholds_nominal[:3])
        super().handle_set_collision_behavior_command(client_socket, header, payload)

    def set_user_stop(self, stopped: bool) -> None:
        """Release the enabling device, which ends a motion, or press it again."""
        self.user_stopped = stopped
        if not stopped:
            self.robot_state.state["robot_mode"] = protocol.RobotMode.kIdle

    def _run_self_collision_check(self, sim_state: Any) -> None:
        super()._run_self_collision_check(sim_state)
        if self.user_stopped:
            self._stay_stopped()
        force = np.abs(self.physics_sim.external_force_n)
        if self.current_motion_id and (force > self.force_threshold_n).any():
            self._abort_with_error(CARTESIAN_REFLEX, f"cartesian_reflex at {force} N")

    def _stay_stopped(self) -> None:
        if self.current_motion_id:
            self.robot_state.state["reflex_reason"] = [False] * len(self.robot_state.state["reflex_reason"])
            self._abort_with_error((), "the enabling device was released")
        self.robot_state.state["robot_mode"] = protocol.RobotMode.kUserStopped


def obey(server: Server) -> None:
    """Read commands until the end of standard input, then end the process."""
    for line in sys.stdin:
        logging.info("told: %s", line.strip())
        word, *numbers = line.split()
        values = [float(number) for number in numbers]
        if word == "push":
            server.physics_sim.push(np.array(values[:3]), values[3])
        elif word == "user_stop":
            server.set_user_stop(bool(values[0]))
    os._exit(0)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("--enforce-communication", action="store_true")
    parser.add_argument("--enforce-motion", action="store_true")
    parser.add_argument("--commands", action="store_true")
    told = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
    except PermissionError:
        logging.info("no real-time scheduling: not permitted")
    arm_module.ARM_INITIAL_Q = np.array(HOME_RAD)
    server = Server(
        host=told.host,
        physics_sim=Arm(enable_vis=False),
        enforce_comm_constraints=told.enforce_communication,
        enforce_motion_limits=told.enforce_motion,
        joint_discontinuity_scale=CARTESIAN_SLACK,
    )
    if told.commands:
        threading.Thread(target=obey, args=(server,), daemon=True).start()
    server.start()


if __name__ == "__main__":
    main()
