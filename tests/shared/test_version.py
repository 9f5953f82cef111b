import re

from shared.version import code_version, dependency_versions


def test_a_checkout_names_its_commit():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+g[0-9a-f]{7,}(\.dirty)?)?", code_version())


def test_what_is_not_installed_is_left_out():
    versions = dependency_versions("numpy", "no-such-distribution")
    assert sorted(versions) == ["numpy", "python"]
