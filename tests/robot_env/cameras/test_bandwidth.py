"""The plan, and the kernel's tree that it is made from, on trees that the tests write."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.cameras.bandwidth import Finding, Stream, capacity_mb_s, plan_bandwidth, streams_of
from robot_env.cameras.crop import CroppedCameraConfig
from robot_env.cameras.opencv import OpenCvCameraConfig
from robot_env.cameras.pattern import PatternCameraConfig
from robot_env.cameras.realsense import RealSenseCameraConfig
from robot_env.cameras.usb_topology import UsbDevice, UsbTopology, read_topology
from robot_env.registry import warn_of_full_buses

BUSES = {"1": ("0000:00:14.0", 480.0), "2": ("0000:00:14.0", 5000.0), "4": ("0000:05:00.0", 5000.0)}


def realsense(path: str, serial: str, mbit_s: float = 5000.0) -> UsbDevice:
    product = "Intel(R) RealSense(TM) Depth Camera 435"
    return UsbDevice(path=path, product=product, serial=serial, mbit_s=mbit_s, vendor="8086")


def plan(streams: list[Stream], *devices: UsbDevice) -> list[Finding]:
    return plan_bandwidth(streams, UsbTopology(devices=devices, buses=BUSES))


def stream(name: str, height: int = 480, width: int = 640, fps: int = 30, depth: bool = False) -> Stream:
    return Stream(name=name, device=name, height=height, width=width, fps=fps, depth=depth)


def test_colour_of_one_camera_is_counted_as_it_crosses_the_wire() -> None:
    assert stream("a").mb_s == pytest.approx(640 * 480 * 2 * 30 / 1e6)
    assert stream("a", depth=True).mb_s == pytest.approx(2 * stream("a").mb_s)


def test_two_small_cameras_fit_a_bus() -> None:
    (finding,) = plan([stream("a"), stream("b")], realsense("2-1", "a"), realsense("2-2.3", "b"))
    assert (finding.level, finding.subject, finding.cure) == ("ok", "bus 2", "")
    assert "a, b: 37 of 400 MB/s" in finding.detail


def test_a_full_bus_names_the_camera_to_move_and_where_to() -> None:
    large = [stream(name, 1080, 1920, 30, depth=True) for name in ("a", "b")]
    found = plan([*large, stream("c")], *(realsense(f"2-{n}", name) for n, name in enumerate("abc", 1)))
    assert found[0].level == "fail"
    assert found[0].cure == "move a to a port of bus 4 (0000:05:00.0)"


def test_without_a_free_controller_the_cure_is_another_or_less() -> None:
    large = [stream(name, 1080, 1920, 30, depth=True) for name in "abcd"]
    paths = ("2-1", "2-2", "4-1", "4-2")
    found = plan(large, *(realsense(path, name) for path, name in zip(paths, "abcd", strict=True)))
    assert [finding.level for finding in found] == ["fail", "fail"]
    assert "a USB 3 card" in found[0].cure
    (alone,) = plan([stream("a", 2160, 3840, 60)], realsense("2-1", "a"))
    assert "lower the size or rate of a" in alone.cure


def test_a_camera_that_fell_back_to_usb_2_is_told_and_has_the_slow_bus() -> None:
    found = plan([stream("a"), stream("b")], realsense("1-1", "a", 480.0), realsense("1-2", "b", 480.0))
    assert [finding.level for finding in found] == ["fail", "warn", "warn"]
    assert "37 of 36 MB/s" in found[0].detail
    assert "fell back to USB 2 (480 Mbit/s)" in found[1].detail
    assert "USB 3 port" in found[1].cure


def test_a_camera_that_is_not_there_is_told_with_what_is() -> None:
    (finding,) = plan([stream("a"), stream("b")][:1], realsense("2-1", "x"), realsense("2-2", "y"))
    assert (finding.level, finding.subject) == ("warn", "a")
    assert "RealSense" in finding.detail
    assert finding.cure


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(100, 2000), st.booleans()), max_size=6))
def test_every_stream_is_told_of_once_and_a_bus_fails_exactly_when_it_is_full(cameras) -> None:
    streams = [stream(f"c{n}", rows, rows, 30, depth) for n, (_, rows, depth) in enumerate(cameras)]
    devices = [realsense(f"{bus}-{n}", f"c{n}") for n, (bus, _, _) in enumerate(cameras)]
    found = plan(streams, *devices)
    assert len(found) == len({bus for bus, _, _ in cameras})
    for finding in found:
        bus = finding.subject.removeprefix("bus ")
        total = sum(
            each.mb_s for each, (where, _, _) in zip(streams, cameras, strict=True) if str(where) == bus
        )
        assert (finding.level == "fail") is (total > capacity_mb_s(5000.0))
        assert bool(finding.cure) is (finding.level != "ok")


def test_full_buses_are_told_when_cameras_are_chosen(caplog: pytest.LogCaptureFixture) -> None:
    large = [
        RealSenseCameraConfig(name=n, serial=n, stream_height=1080, stream_width=1920, depth=True)
        for n in ("a", "b")
    ]
    devices = tuple(realsense(f"2-{number}", name) for number, name in enumerate("ab", 1))
    warn_of_full_buses(large, UsbTopology(devices=devices, buses=BUSES))
    assert "498 of 400 MB/s -> move a to a port of bus 4" in caplog.text
    caplog.clear()
    warn_of_full_buses(large[:1], UsbTopology(devices=devices, buses=BUSES))
    assert not caplog.text


def test_only_what_crosses_usb_is_counted() -> None:
    cropped = CroppedCameraConfig(
        camera=RealSenseCameraConfig(serial="1", depth=True), crop_height=9, crop_width=9
    )
    cameras = [cropped, OpenCvCameraConfig(device="2"), OpenCvCameraConfig(device="http://x/y")]
    cameras += [PatternCameraConfig(), RealSenseCameraConfig(recording=Path("x.db3"))]
    assert [(each.device, each.depth) for each in streams_of(cameras)] == [
        ("1", True),
        ("/dev/video2", False),
    ]


def write(root: Path, name: str, **values: str) -> None:
    (root / name).mkdir(parents=True)
    for key, value in values.items():
        (root / name / key).write_text(f"{value}\n")


def test_the_kernels_tree_is_read(tmp_path: Path) -> None:
    controller, root = tmp_path / "pci0000:00" / "0000:00:14.0", tmp_path / "devices"
    write(controller, "usb2", speed="5000")
    root.mkdir()
    (root / "usb2").symlink_to(controller / "usb2")
    write(root, "2-1.4", speed="480", idVendor="8086", product="Intel RealSense D405", serial="123")
    write(root, "2-1.4:1.0")
    (root / "2-1.4" / "2-1.4:1.0" / "video4linux" / "video3").mkdir(parents=True)
    write(root, "2-2", idVendor="046d")
    topology = read_topology(root)
    assert topology.buses == {"2": ("0000:00:14.0", 5000.0)}
    first, second = topology.devices
    assert first == UsbDevice(
        path="2-1.4",
        product="Intel RealSense D405",
        serial="123",
        mbit_s=480.0,
        vendor="8086",
        video=("/dev/video3",),
    )
    assert (first.bus, second.mbit_s) == ("2", 0.0)


def test_a_computer_without_usb_has_an_empty_tree(tmp_path: Path) -> None:
    assert read_topology(tmp_path / "none") == UsbTopology(devices=(), buses={})
