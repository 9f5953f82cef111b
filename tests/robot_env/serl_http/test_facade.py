"""Every route as SERL's server answers it, and what that server would have done to the arm refused."""

import json
import logging
import threading

import numpy as np
import pytest

from robot_env.geometry import Pose, rotation_from_vector
from robot_env.serl_http.compliance import KEYS
from robot_env.serl_http.poses import seven
from robot_env.server.serl_facade import SerlFacade
from robot_env.server.serl_motion import FacadeLimits
from shared.errors import ConfigError, LinkError
from tests.robot_env.serl_http.conftest import HOME

COMPLIANCE = {
    "translational_stiffness": 2000,
    "translational_damping": 89,
    "rotational_stiffness": 150,
    "rotational_damping": 7,
    "translational_Ki": 0,
    "translational_clip_x": 0.003,
    "translational_clip_y": 0.003,
    "translational_clip_z": 0.01,
    "translational_clip_neg_x": 0.003,
    "translational_clip_neg_y": 0.002,
    "translational_clip_neg_z": 0.01,
    "rotational_clip_x": 0.02,
    "rotational_clip_y": 0.02,
    "rotational_clip_z": 0.02,
    "rotational_clip_neg_x": 0.02,
    "rotational_clip_neg_y": 0.02,
    "rotational_clip_neg_z": 0.02,
    "rotational_Ki": 0,
}
"""SERL's peg insertion."""


def test_the_state_has_every_key_in_serls_units(bench):
    status, text = bench.post("getstate")
    state = json.loads(text)
    assert status == 200
    assert list(state) == ["pose", "vel", "force", "torque", "q", "dq", "jacobian", "gripper_pos"]
    assert state["pose"][:3] == [0.4, 0.1, 0.3]
    assert np.linalg.norm(state["pose"][3:]) == pytest.approx(1.0)
    assert state["vel"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    np.testing.assert_allclose(HOME.rotation @ state["force"], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(HOME.rotation @ state["torque"], [0.1, 0.0, 0.0], atol=1e-12)
    assert state["q"] == list(range(7))
    assert np.array(state["jacobian"]).tolist() == np.arange(42.0).reshape(6, 7).tolist()
    assert state["gripper_pos"] == 0.05
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("route", "key", "of_state"),
    [
        ("getpos", "pose", "pose"),
        ("getvel", "vel", "vel"),
        ("getforce", "force", "force"),
        ("gettorque", "torque", "torque"),
        ("getq", "q", "q"),
        ("getdq", "dq", "dq"),
        ("getjacobian", "jacobian", "jacobian"),
        ("get_gripper", "gripper", "gripper_pos"),
    ],
)
def test_each_part_can_be_asked_for_alone(bench, route, key, of_state):
    state = json.loads(bench.post("getstate")[1])
    status, text = bench.post(route)
    assert (status, json.loads(text)) == (200, {key: state[of_state]})


def test_euler_angles_are_about_fixed_axes(bench):
    status, text = bench.post("getpos_euler")
    x, y, z, roll, pitch, yaw = json.loads(text)["pose"]
    assert (status, x, y, z) == (200, 0.4, 0.1, 0.3)
    axes = [rotation_from_vector(v) for v in ((roll, 0, 0), (0, pitch, 0), (0, 0, yaw))]
    np.testing.assert_allclose(axes[2] @ axes[1] @ axes[0], HOME.rotation, atol=1e-12)


@pytest.mark.parametrize(
    ("route", "body", "answer", "call"),
    [
        ("open_gripper", None, "Opened", ("grip", True)),
        ("close_gripper", None, "Closed", ("grip", False)),
        ("close_gripper_slow", None, "Closed", ("grip", False)),
        ("move_gripper", {"gripper_pos": 255}, "Moved Gripper", ("grip", True)),
        ("move_gripper", {"gripper_pos": -7.5}, "Moved Gripper", ("grip", False)),
        ("activate_gripper", None, "Activated", None),
        ("reset_gripper", None, "Reset", None),
        ("clearerr", None, "Clear", None),
        ("jointreset", None, "Reset Joint", ("reset_joints", 30.0)),
        ("startimp", None, "Started impedance", ("enable",)),
        ("stopimp", None, "Stopped impedance", ("hold",)),
    ],
)
def test_commands_answer_in_serls_words(bench, route, body, answer, call):
    assert bench.post(route, body) == (200, answer)
    assert bench.robot.calls == ([] if call is None else [call])


def test_a_robotiq_counts_the_other_way(make_bench):
    bench = make_bench("serl_robotiq")
    bench.post("move_gripper", {"gripper_pos": 0})
    assert bench.robot.calls == [("grip", True)]
    assert json.loads(bench.post("get_gripper")[1]) == {"gripper": 0.0}
    bench.post("close_gripper")
    assert json.loads(bench.post("get_gripper")[1]) == {"gripper": 255.0}


def test_hil_serl_reports_a_share(make_bench):
    assert json.loads(make_bench("hil").post("get_gripper")[1]) == {"gripper": 0.05 / 0.08}


def test_a_pose_moves_the_arm(bench):
    target = Pose(HOME.position_m + np.array([0.02, 0.0, -0.01]), HOME.rotation)
    assert bench.post("pose", {"arr": seven(target)}) == (200, "Moved")
    [(_, sent)] = bench.robot.calls
    np.testing.assert_allclose(sent.position_m, target.position_m)
    np.testing.assert_allclose(sent.rotation, target.rotation, atol=1e-12)


def test_quaternions_that_serl_interpolated_are_made_whole(bench):
    numbers = seven(HOME)
    bench.post("pose", {"arr": [*numbers[:3], *(0.8 * np.array(numbers[3:])).tolist()]})
    np.testing.assert_allclose(bench.robot.tcp.rotation, HOME.rotation, atol=1e-12)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"arr": [0.7, 0.1, 0.3, 1, 0, 0, 0]}, "stale or absurd: 0.300 m"),
        ({"arr": [0.4, 0.1, 0.3, 0, 0, 0, 1]}, "rad from where the tool is now"),
        ({"arr": [0.4, 0.1, 0.3, 0, 0, 0, 0]}, "no rotation"),
        ({"arr": [0.4, 0.1, 1e300, 1, 0, 0, 0]}, "seven finite numbers"),
        ({"arr": [0.4, 0.1, 0.3]}, "seven finite numbers"),
        ({"arr": [0.4, 0.1, 0.3, 1, 0, 0, "0"]}, "seven finite numbers"),
        ({"arr": "here"}, "seven finite numbers"),
        ({}, "seven finite numbers"),
        ([1, 2], "seven finite numbers"),
        (None, "seven finite numbers"),
    ],
)
def test_a_pose_that_is_none_moves_nothing(bench, body, why):
    status, text = bench.post("pose", body)
    assert status == 400
    assert why in text
    assert not bench.robot.calls


def test_nan_moves_nothing(bench):
    status, text = bench.raw("POST", "pose", '{"arr": [NaN, 0.1, 0.3, 1, 0, 0, 0]}')
    assert (status, "finite" in text) == (400, True)


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ({"age_seconds": 1.0}, 503, "1.0 s old"),
        ({"mode": "reflex", "reason": "cartesian_reflex"}, 503, "reflex: cartesian_reflex"),
        ({"mode": "link_lost", "reason": "no route"}, 503, "link_lost"),
        ({"mode": "user_stop"}, 503, "user_stop"),
        ({"mode": "resetting"}, 409, "resetting"),
        ({"mode": "guiding"}, 409, "guiding"),
    ],
)
def test_no_pose_while_the_arm_cannot_follow(bench, change, status, why):
    for name, value in change.items():
        setattr(bench.robot, name, value)
    answered, text = bench.post("pose", {"arr": seven(HOME)})
    assert answered == status
    assert why in text
    assert not bench.robot.done("set_point")


def test_an_old_measurement_is_not_given_out(bench):
    bench.robot.age_seconds = 1.0
    status, text = bench.post("getstate")
    assert (status, "old" in text) == (503, True)


def test_a_motion_that_the_watchdog_ended_is_resumed_by_a_pose_but_not_after_stopimp(bench):
    bench.robot.mode = "ready"
    assert bench.post("pose", {"arr": seven(HOME)})[0] == 200
    assert [call[0] for call in bench.robot.calls] == ["enable", "set_point"]
    bench.post("stopimp")
    assert bench.post("pose", {"arr": seven(HOME)})[0] == 400
    bench.post("startimp")
    assert bench.post("pose", {"arr": seven(HOME)})[0] == 200


def test_a_pose_that_waits_for_the_arm_is_overtaken_by_stopimp(bench):
    bench.robot.mode = "ready"
    answer = bench.robot.while_enabling(lambda: bench.post("pose", {"arr": seven(HOME)}))
    assert bench.post("stopimp") == (200, "Stopped impedance")
    assert answer()[0] == 400
    assert not bench.robot.done("set_point")


def test_a_pose_from_before_a_stop_is_not_revived_by_the_next_start(bench):
    bench.robot.mode = "ready"
    answer = bench.robot.while_enabling(lambda: bench.post("pose", {"arr": seven(HOME)}))
    bench.post("stopimp")
    assert bench.post("startimp")[0] == 200
    assert answer()[0] == 400
    assert not bench.robot.done("set_point")


def test_a_start_that_is_overtaken_by_stopimp_starts_nothing(bench):
    bench.post("stopimp")
    answer = bench.robot.while_enabling(lambda: bench.post("startimp"))
    bench.post("stopimp")
    assert answer() == (409, "the impedance controller was stopped meanwhile")
    assert bench.post("pose", {"arr": seven(HOME)})[0] == 400


@pytest.mark.parametrize("mode", ["reflex", "user_stop", "link_lost"])
def test_the_gripper_does_not_move_while_the_arm_is_stopped(bench, mode):
    bench.robot.mode = mode
    status, text = bench.post("open_gripper")
    assert (status, mode in text) == (503, True)
    assert not bench.robot.calls


def test_clearerr_recovers_by_the_servers_rules_alone(bench, caplog):
    bench.robot.mode, bench.robot.refuses = "reflex", "a collision needs the operator"
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert bench.post("clearerr") == (200, "Clear")
    assert bench.robot.calls == [("recover", False)]  # not at every pose
    assert caplog.text.count("a collision needs the operator") == 1
    assert bench.robot.mode == "reflex"


def test_compliance_takes_the_narrower_side_and_keeps_what_is_left_out(bench):
    assert set(COMPLIANCE) == set(KEYS)
    assert bench.post("update_param", COMPLIANCE) == (200, "Updated compliance parameters")
    assert bench.post("update_param", {"rotational_damping": 9})[0] == 200
    first, second = (call[1] for call in bench.robot.done("set_impedance"))
    assert (first.stiffness_n_m, first.damping_ns_m) == (2000, 89)
    assert first.clip_m == (0.003, 0.002, 0.01)
    assert first.rotational_clip_rad == (0.02, 0.02, 0.02)
    assert (second.stiffness_n_m, second.clip_m, second.rotational_damping_nms_rad) == (2000, first.clip_m, 9)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"translational_stiffness": 1e6}, "within 5000"),
        ({"translational_stiffness": -1}, "above 0"),
        ({"translational_clip_x": 1.0}, "within 0.1"),
        ({"stiffness": 1}, "unknown"),
        ({"translational_Ki": "0"}, "finite number"),
        ({"translational_stiffness": 10**400}, "finite number"),
        (None, "no JSON object"),
    ],
)
def test_compliance_that_no_task_wants_is_refused(bench, body, why):
    status, text = bench.post("update_param", body)
    assert (status, why in text) == (400, True), text
    assert not bench.robot.calls


def test_without_a_gripper_the_state_is_still_told(bench):
    bench.robot.gripping = False
    assert json.loads(bench.post("getstate")[1])["gripper_pos"] == 0.0
    assert bench.post("open_gripper")[0] == 503


def test_a_load_is_not_taken_over_http(bench):
    status, text = bench.post("set_load", {"mass": 1.0})
    assert (status, "Desk" in text) == (501, True)


def test_a_joint_reset_blocks_only_whoever_asked(bench):
    bench.robot.may_reset_joints.clear()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(bench.post("jointreset")))
    asking.start()
    assert bench.robot.joints_reset.wait(10.0)
    assert bench.post("getstate")[0] == 200
    assert not answers
    bench.robot.may_reset_joints.set()
    asking.join(10.0)
    assert answers == [(200, "Reset Joint")]


@pytest.mark.parametrize(
    ("method", "route", "body", "headers", "status"),
    [
        ("GET", "getstate", None, {}, 405),
        ("PUT", "pose", "{}", {}, 405),
        ("POST", "nothing", None, {}, 404),
        ("POST", "pose", "{", {}, 400),
        ("POST", "pose", b"\xff\xfe\x00", {}, 400),
        ("POST", "pose", "[" * 60_000, {}, 400),
        ("POST", "pose", "x" * 70_000, {}, 413),
        ("POST", "pose", None, {"Content-Length": "99999999999999999999"}, 413),
        ("POST", "pose", None, {"Content-Length": "-1"}, 400),
        ("POST", "pose", None, {"Transfer-Encoding": "chunked"}, 411),
        ("POST", "open_gripper", None, {"Origin": "http://a.web.page"}, 403),
    ],
)
def test_what_is_no_request_of_serls_moves_nothing(bench, method, route, body, headers, status):
    assert bench.raw(method, route, body, headers)[0] == status
    assert not bench.robot.calls
    assert bench.post("getstate")[0] == 200


def test_a_port_in_use_and_unknown_units_are_named(bench):
    with pytest.raises(LinkError, match="in use"):
        SerlFacade(bench.robot, bench.facade.port, "serl", bench.robot.clock)
    with pytest.raises(ConfigError, match="serl, serl_robotiq, hil"):
        SerlFacade(bench.robot, 0, "inches", bench.robot.clock)
    with pytest.raises(ConfigError, match="positive"):
        FacadeLimits(jump_m=0)


def test_closing_twice_is_harmless(bench):
    bench.facade.close()
    bench.facade.close()
