"""What a host tells about itself, under roots that tests made."""

from pathlib import Path

import pytest

from deploy.check import wall_time
from deploy.check.accelerator import accelerator, driver, judge
from deploy.check.base import Outcome, ok
from deploy.check.host import Host
from deploy.check.kernel import governor, limits, preemption
from deploy.check.proxies import proxies
from deploy.check.teleop import teleop


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for name in ("proc", "sys", "dev"):
        (tmp_path / name).mkdir()
    return Host(
        proc=tmp_path / "proc",
        sys=tmp_path / "sys",
        dev=tmp_path / "dev",
        kernel="6.8.0-generic #1 SMP PREEMPT_DYNAMIC",
        environment={},
    )


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def has_cure(outcome: Outcome) -> bool:
    return outcome.status in ("warn", "fail") and bool(outcome.cure)


def test_a_real_time_kernel_is_known_by_its_file_or_its_version(host: Host):
    assert has_cure(preemption(host))
    assert preemption(Host(sys=host.sys, kernel="5.15.0-rt #1 SMP PREEMPT_RT")).status == "ok"
    write(host.sys / "kernel/realtime", "1\n")
    assert preemption(host).status == "ok"


def test_one_core_that_saves_power_is_enough_to_warn(host: Host):
    assert governor(host).status == "skip"
    cores = host.sys / "devices/system/cpu"
    write(cores / "cpu0/cpufreq/scaling_governor", "performance\n")
    assert governor(host).detail == "performance on 1 cores"
    write(cores / "cpu1/cpufreq/scaling_governor", "powersave\n")
    outcome = governor(host)
    assert has_cure(outcome)
    assert "powersave" in outcome.detail
    assert "cpupower" in outcome.cure


@pytest.mark.parametrize(
    ("priority", "locked", "status"),
    [(99, -1, "ok"), (-1, -1, "ok"), (0, -1, "warn"), (99, 8 * 2**20, "warn")],
)
def test_limits_of_real_time(priority: int, locked: int, status: str):
    assert limits(priority, locked).status == status
    assert limits(priority, locked, root=True).status == "ok"


def test_the_wall_clock_is_judged_by_what_the_kernel_says():
    assert wall_time.clock(0, 5_000).status == "ok"
    assert wall_time.clock(0, 900_000).status == "warn"
    assert wall_time.clock(wall_time.TIME_ERROR, 5_000).status == "warn"
    assert wall_time.clock(-1, 0).status == "skip"
    state, worst = wall_time.kernel_time()
    assert -1 <= state <= wall_time.TIME_ERROR
    assert 0 <= worst < 10**9


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, "ok"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "warn"),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "localhost, 172.16.0.2"}, "ok"),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "172.16.0.0/16"}, "warn"),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "*"}, "ok"),
    ],
)
def test_proxies_matter_where_the_robot_is_not_spared(environment: dict[str, str], status: str):
    outcome = proxies(environment, ["172.16.0.2"])
    assert outcome.status == status
    if status == "warn":
        assert "export no_proxy=172.16.0.2" in outcome.cure


def test_a_gpu_without_a_driver_fails_and_none_is_skipped(host: Host):
    assert driver(host).status == "skip"
    write(host.dev / "nvidia0")
    assert driver(host).status == "fail"
    write(host.proc / "driver/nvidia/version", "NVRM version: NVIDIA UNIX 570.86\nGCC version: 12\n")
    assert driver(host).detail == "NVIDIA UNIX 570.86"


@pytest.mark.parametrize(
    ("backend", "asked", "has_gpu", "status"),
    [
        ("cpu", "auto", False, "ok"),
        ("cpu", "auto", True, "warn"),
        ("cpu", "gpu", False, "fail"),
        ("gpu", "gpu", True, "ok"),
        ("cpu", "cpu", True, "ok"),
    ],
)
def test_jax_must_use_what_was_asked_for(backend: str, asked: str, has_gpu: bool, status: str):
    outcome = judge("JAX", backend, asked, has_gpu)
    assert outcome.status == status
    assert bool(outcome.cure) == (status != "ok")


def test_jax_is_asked_in_a_process_of_its_own(host: Host, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "deploy.check.accelerator.ASK", 'print(\'a warning\'); print(\'["0.10", "cpu", ["it"]]\')'
    )
    assert accelerator(host, "cpu") == ok("JAX 0.10 on cpu: it")
    monkeypatch.setattr("deploy.check.accelerator.ASK", "raise SystemExit('no backend')")
    outcome = accelerator(host, "auto")
    assert has_cure(outcome)
    assert "no backend" in outcome.detail


SPACEMOUSE = "DRIVER=hid-generic\nHID_ID=0003:0000256F:0000C635\nHID_NAME=3Dconnexion SpaceMouse Compact\n"
KEYBOARD = "HID_ID=0003:0000046D:0000C31C\nHID_NAME=Logitech Keyboard\n"


def test_teleop_devices_are_found_and_must_be_readable(host: Host, monkeypatch: pytest.MonkeyPatch):
    write(host.sys / "class/hidraw/hidraw0/device/uevent", KEYBOARD)
    assert teleop(host).status == "skip"
    write(host.sys / "class/hidraw/hidraw1/device/uevent", SPACEMOUSE)
    outcome = teleop(host)
    assert outcome.status == "fail"
    assert "3Dconnexion SpaceMouse Compact" in outcome.detail
    assert "deploy/udev/install.sh" in outcome.cure
    write(host.dev / "hidraw1")
    write(host.sys / "class/input/js0/device/name", "Pad\n")
    write(host.dev / "input/js0")
    assert teleop(host) == ok("3Dconnexion SpaceMouse Compact, Pad")
    write(host.sys / "class/input/js0/device/event7/uevent")
    assert "Pad at" in teleop(host).detail
    write(host.dev / "input/event7")
    assert teleop(host).status == "ok"


def plug_in(host: Host, uevent: str) -> None:
    write(host.sys / "class/hidraw/hidraw1/device/uevent", uevent)
    write(host.dev / "hidraw1")


def test_another_program_that_grabs_a_spacemouse_is_named(host: Host):
    plug_in(host, SPACEMOUSE)
    write(host.proc / "1/comm", "systemd\n")
    assert teleop(host).status == "ok"
    write(host.proc / "77/comm", "spacenavd\n")
    outcome = teleop(host)
    assert has_cure(outcome)
    assert "spacenavd" in outcome.cure


def test_a_model_that_is_not_in_the_table_is_named_by_its_numbers(host: Host):
    plug_in(host, SPACEMOUSE.replace("C635", "C6FF"))
    outcome = teleop(host)
    assert has_cure(outcome)
    assert "256f:c6ff" in outcome.detail
    assert "model" in outcome.cure


def test_a_library_that_is_missing_is_named_by_its_extra(host: Host, monkeypatch: pytest.MonkeyPatch):
    plug_in(host, SPACEMOUSE)
    monkeypatch.setattr("deploy.check.teleop.find_spec", lambda name: None)
    assert "handson[spacemouse]" in teleop(host).cure
