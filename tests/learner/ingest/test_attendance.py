"""Silence is taken for a departure late, a Goodbye at once."""

from learner.attendance import PATIENCE_LEASES, Attendance
from learner.sessions import Session

LEASE_SECONDS = 5.0


def session(name: str, *, left: bool = False) -> Session:
    return Session(actor_id=name, incarnation="a", heard_at=0.0, control=b"peer", left=left)


def test_nobody_has_left_where_nobody_was() -> None:
    attendance = Attendance(LEASE_SECONDS)
    attendance.look([], 100.0)
    assert not attendance.deserted


def test_a_goodbye_counts_at_once() -> None:
    attendance = Attendance(LEASE_SECONDS)
    attendance.look([session("actor-0"), session("actor-1")], 0.0)
    attendance.look([session("actor-0", left=True), session("actor-1")], 0.1)
    assert attendance.present == ("actor-1",)
    assert not attendance.deserted
    attendance.look([session("actor-0", left=True), session("actor-1", left=True)], 0.2)
    assert attendance.deserted


def test_silence_counts_only_after_some_leases_and_whoever_returns_is_there() -> None:
    attendance = Attendance(LEASE_SECONDS)
    attendance.look([session("actor-0")], 0.0)
    attendance.look([], LEASE_SECONDS * PATIENCE_LEASES - 1.0)
    assert attendance.present == ()
    assert not attendance.deserted
    attendance.look([session("actor-0")], LEASE_SECONDS * PATIENCE_LEASES - 0.5)
    attendance.look([], LEASE_SECONDS * PATIENCE_LEASES + 1.0)
    assert not attendance.deserted
    attendance.look([], 2 * LEASE_SECONDS * PATIENCE_LEASES)
    assert attendance.deserted
