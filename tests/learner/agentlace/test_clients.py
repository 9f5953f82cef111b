"""Whose transitions they are, by a clock that is moved by hand."""

from learner.agentlace.clients import RECENT_SECONDS, Clients
from shared.clock import ManualClock


def test_a_client_is_told_to_be_silent_once_in_a_while_and_again_after_it_was_heard():
    clock = ManualClock()
    clients = Clients((), lambda actor_id: {}, clock)
    records = clients.book(b"peer", "actor_env")
    told = []
    for second in range(int(4 * RECENT_SECONDS)):
        if second == 2 * RECENT_SECONDS:
            clients.book(b"peer", "actor_env")
        told += [second for each in clients.silent() if each is records]
        clock.advance(1.0)
    assert told == [RECENT_SECONDS + 1, 3 * RECENT_SECONDS + 1]


def test_a_greeting_begins_a_life_for_that_client_only():
    clients = Clients((), lambda actor_id: {}, ManualClock())
    for peer in (b"one", b"two"):
        clients.greet(peer)
    before = {peer: clients.book(peer, "actor_env") for peer in (b"one", b"two")}
    assert clients.of(b"one") == [before[b"one"]]
    clients.greet(b"one")
    assert clients.of(b"one") == []
    assert clients.book(b"one", "actor_env").stream != before[b"one"].stream
    assert clients.book(b"two", "actor_env") is before[b"two"]
