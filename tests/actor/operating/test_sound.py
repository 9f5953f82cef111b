"""Sounds: what is written, what is played, and that neither is waited for."""

import os
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from actor.operating.sound import SAMPLES_PER_SECOND, TONES_HZ, Sound, samples, tone_file


@pytest.mark.parametrize("name", sorted(TONES_HZ))
def test_a_tone_has_its_pitch_and_begins_and_ends_in_silence(name: str) -> None:
    whole = samples(name).astype(np.float64)
    count = len(whole) // len(TONES_HZ[name])
    for number, hz in enumerate(TONES_HZ[name]):
        tone = whole[number * count : (number + 1) * count]
        strongest = np.abs(np.fft.rfft(tone)).argmax() * SAMPLES_PER_SECOND / count
        assert strongest == pytest.approx(hz, abs=10.0)
        assert abs(tone[0]) < 10
        assert abs(tone[-1]) < 500
    with wave.open(str(tone_file(name))) as file:
        assert file.getnframes() == len(whole)


def player(directory: Path, body: str) -> None:
    script = directory / "paplay"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)


def test_it_rings_and_plays_without_waiting_one_sound_at_a_time(
    tmp_path: Path, monkeypatch, capsys, wait_until
) -> None:
    player(tmp_path, f'echo "$1" >> {tmp_path}/played\nexec sleep 30')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    sound = Sound()
    began = time.monotonic()
    sound.ring("success")
    sound.ring("failure")
    assert time.monotonic() - began < 5.0
    wait_until(lambda: (tmp_path / "played").exists(), 10.0)
    sound.close()
    assert (tmp_path / "played").read_text().count("wav") == 1
    assert capsys.readouterr().err == "\a\a"


def test_without_a_player_there_is_the_bell(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sound = Sound()
    sound.ring("attention")
    sound.close()
    assert capsys.readouterr().err == "\a"
