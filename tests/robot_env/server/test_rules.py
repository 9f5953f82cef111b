"""Recovery, modes, clients, the wire's poses: what is decided without an arm or a socket."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.geometry import Pose, rotation_from_vector
from robot_env.server.clients import Clients
from robot_env.server.mode import FOLLOWS, ModeMachine
from robot_env.server.recovery import Recovery, RecoveryConfig
from robot_env.server.state import RobotEvent
from robot_env.server.wire import pose_of, wire_pose
from shared.errors import RobotFault
from shared.link.clock_offset import ClockOffset
from shared.robot_protocol import ROBOT_PROTOCOL_VERSION, RobotHello

COMMUNICATION = "communication_constraints_violation"


def hello(name: str, *, control: bool = True, life: str = "") -> RobotHello:
    return RobotHello(
        protocol_version=ROBOT_PROTOCOL_VERSION,
        channel="control",
        name=name,
        incarnation=life or f"{name}'s",
        control=control,
        code_version="",
    )


class TestRecovery:
    @pytest.mark.parametrize(
        "error",
        [
            COMMUNICATION,
            "joint_motion_generator_acceleration_discontinuity",
            "cartesian_motion_generator_velocity_limits_violation",
            "controller_torque_discontinuity",
        ],
    )
    def test_what_nothing_touched_clears_by_itself(self, error: str) -> None:
        Recovery(RecoveryConfig()).require([error], 0.0, operator=False)

    @pytest.mark.parametrize("errors", [["cartesian_reflex"], ["joint_reflex", COMMUNICATION], ["new"], []])
    def test_a_collision_and_whatever_is_unknown_needs_the_operator(self, errors: list[str]) -> None:
        rules = Recovery(RecoveryConfig())
        with pytest.raises(RobotFault, match="needs the operator"):
            rules.require(errors, 0.0, operator=False)
        rules.require(errors, 0.0, operator=True)

    def test_so_many_within_an_hour_then_the_operator_has_to_look(self) -> None:
        rules = Recovery(RecoveryConfig(automatic_per_hour=3))
        for now in (0.0, 10.0, 20.0):
            rules.require([COMMUNICATION], now, operator=False)
        with pytest.raises(RobotFault, match="3 recoveries within the hour"):
            rules.require([COMMUNICATION], 3599.0, operator=False)
        assert rules.within_hour(3599.0) == 3
        rules.require([COMMUNICATION], 3600.0, operator=False)
        rules.require([COMMUNICATION], 3601.0, operator=True)


class TestModes:
    def test_every_change_is_told_and_a_repeated_mode_only_changes_its_reason(self) -> None:
        told: list[RobotEvent] = []
        modes = ModeMachine(told.append)
        modes.enter("holding", 1.0)
        modes.enter("holding", 2.0, "still")
        modes.enter("moving", 3.0, "go")
        assert [event.detail for event in told] == ["ready -> holding", "holding -> moving: go"]
        assert (modes.mode, modes.reason) == ("moving", "go")

    @pytest.mark.parametrize("stopped", ["reflex", "user_stop", "link_lost"])
    def test_motion_never_follows_a_stop_without_being_made_ready(self, stopped: str) -> None:
        assert not FOLLOWS[stopped] & {"moving", "holding", "resetting", "guiding"}

    def test_a_change_that_cannot_be_is_refused(self) -> None:
        modes = ModeMachine(lambda event: None)
        with pytest.raises(ValueError, match="moving cannot follow ready"):
            modes.enter("moving", 0.0)


class TestClients:
    def test_one_controls_and_others_watch(self) -> None:
        clients = Clients(2.0)
        assert clients.admit(b"1", hello("actor"), 0.0)
        assert not clients.admit(b"2", hello("other"), 0.0)
        assert clients.admit(b"3", hello("viewer", control=False), 0.0)
        assert clients.controller == b"1"
        assert clients.holder() == "actor"
        assert sorted(clients.peers) == [b"1", b"3"]

    def test_the_same_name_takes_over_for_good(self) -> None:
        clients = Clients(2.0)
        assert clients.admit(b"1", hello("actor", life="old"), 0.0)
        assert clients.admit(b"2", hello("actor", life="new"), 0.1)
        assert clients.controller == b"2"
        assert not clients.renew(b"1", 0.2)
        assert not clients.admit(b"3", hello("actor", life="old"), 0.3)

    def test_the_same_client_on_another_connection_supersedes_nobody(self) -> None:
        clients = Clients(2.0)
        assert clients.admit(b"1", hello("actor"), 0.0)
        assert clients.admit(b"2", hello("actor"), 0.1)
        assert clients.admit(b"3", hello("actor"), 0.2)
        assert clients.controller == b"3"

    def test_control_ends_with_the_lease_or_by_leaving(self) -> None:
        clients = Clients(2.0)
        clients.admit(b"1", hello("actor"), 0.0)
        assert clients.renew(b"1", 1.5)
        assert clients.expire(3.4) == []
        assert clients.expire(3.5) == ["actor"]
        assert clients.admit(b"2", hello("other"), 3.6)
        clients.leave(b"2")
        assert clients.admit(b"3", hello("third"), 3.7)


class TestWire:
    @given(st.tuples(*[st.floats(-2, 2)] * 3), st.tuples(*[st.floats(-3, 3)] * 3))
    def test_a_pose_comes_back(self, place: tuple, turn: tuple) -> None:
        pose = Pose.of(place, rotation_from_vector(turn))
        back = pose_of(wire_pose(pose))
        assert np.allclose(back.position_m, place, atol=1e-12)
        assert np.allclose(back.rotation, pose.rotation, atol=1e-9)

    @pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (0, 0, 0, 2), (np.nan, 0, 0, 1)])
    def test_of_a_quaternion_that_is_none_the_rotation_is_none(self, quaternion: tuple) -> None:
        assert not np.isfinite(pose_of((0, 0, 0, *quaternion)).rotation).all()


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5)), min_size=1, max_size=50),
)
def test_the_offset_of_two_clocks_is_known_to_half_of_the_fastest_round_trip(
    ahead: float, trips: list[tuple[float, float]]
) -> None:
    offset, now = ClockOffset(), 10.0
    for there, back in trips[-32:]:
        offset.observe(now, now + there + ahead, now + there + back)
        now += 1.0
    fastest = min(there + back for there, back in trips[-32:])
    assert offset.seconds is not None
    assert abs(offset.seconds - ahead) <= fastest / 2 + 1e-6
