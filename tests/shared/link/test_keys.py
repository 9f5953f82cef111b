"""Keys as files: made once, private, and never mistaken for one another."""

from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.link.keys import KeyStore, PublicKey, read_public_key


def test_a_pair_is_made_once_and_found_again(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    made = store.make("lab")
    assert store.own() == made
    assert read_public_key(tmp_path / "keys" / "lab.key") == made.public
    assert made.secret.hex() not in repr(made)
    with pytest.raises(ConfigError, match="has a pair already"):
        store.make("lab2")


def test_the_secret_half_is_for_its_owner_only(tmp_path: Path) -> None:
    KeyStore(tmp_path).make("lab")
    secret = tmp_path / "lab.key_secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match=f"chmod 600 {secret}"):
        KeyStore(tmp_path).own()


def test_no_pair_or_two_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"handson keys make --directory {tmp_path}"):
        KeyStore(tmp_path).own()
    KeyStore(tmp_path / "x").make("b")
    KeyStore(tmp_path).make("a")
    (tmp_path / "x" / "b.key_secret").rename(tmp_path / "b.key_secret")
    with pytest.raises(ConfigError, match="2 pairs"):
        KeyStore(tmp_path).own()


def test_authorised_hosts_are_replaced_by_name_and_foreign_files_let_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = KeyStore(tmp_path)
    assert store.authorised() == []
    for byte in (1, 2):
        store.authorise(PublicKey("robot", bytes([byte] * 32)))
    store.authorise(PublicKey("arm", bytes(32)))
    (tmp_path / "authorised" / "z.key").write_text("something else")
    assert store.authorised() == [PublicKey("arm", bytes(32)), PublicKey("robot", bytes([2] * 32))]
    assert "z.key is not a key" in caplog.text


def test_one_learner_is_trusted(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    with pytest.raises(ConfigError, match="handson keys trust"):
        store.trusted()
    store.trust(PublicKey("lab", bytes(32)))
    store.trust(PublicKey("lab2", bytes(32)))
    assert store.trusted().host == "lab2"


def test_digits_do_instead_of_a_file(tmp_path: Path) -> None:
    pair = KeyStore(tmp_path).make("robot")
    assert read_public_key(pair.public.key.hex(), "robot") == pair.public
    assert read_public_key(tmp_path / "robot.key", "arm").host == "arm"
    with pytest.raises(ConfigError, match="--host NAME"):
        read_public_key(pair.public.key.hex())


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"handson-public-key 00 lab\n", b"ssh-rsa AAAA lab\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lab.key"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"lab\.key"):
        read_public_key(path)


def test_a_secret_is_not_taken_for_a_public_key(tmp_path: Path) -> None:
    KeyStore(tmp_path).make("lab")
    with pytest.raises(ConfigError, match=r"is a secret key\n  -> give lab\.key"):
        read_public_key(tmp_path / "lab.key_secret")


@pytest.mark.parametrize("host", ["", "../x", "a b", "x" * 64, ".hidden"])
def test_a_host_name_names_a_file_and_nothing_else(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="is not a host name"):
        KeyStore(tmp_path).make(host)
    assert not list(tmp_path.iterdir())
