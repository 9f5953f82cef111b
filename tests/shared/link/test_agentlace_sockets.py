"""agentlace's sockets: a reply finds its request, a silent server is left, the slow get the newest."""

import threading
import time

import pytest

from shared.errors import LinkError
from shared.link.agentlace_sockets import AgentlaceClientSockets, AgentlaceServerSockets

LARGEST = 1 << 20


@pytest.fixture
def server():
    sockets = AgentlaceServerSockets("127.0.0.1", (0, 0), force=False, max_message_bytes=LARGEST)
    yield sockets
    sockets.close()
    sockets.close()


@pytest.fixture
def client(server):
    sockets = AgentlaceClientSockets("127.0.0.1", server.ports, LARGEST)
    yield sockets
    sockets.close()
    sockets.close()


def serve_one(server, answer):
    """Answers the next request in a thread; returns the thread."""

    def run():
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            for request in server.poll(0.1):
                server.reply(request.peer, answer + bytes(request.frame))
                return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_request_is_answered_and_a_late_answer_confuses_nothing(server, client):
    with pytest.raises(LinkError, match=r"no answer from tcp://127\.0\.0\.1:\d+ within 0\.1 s"):
        client.request(b"first", 0.1)
    serve_one(server, b"late: ").join()
    thread = serve_one(server, b"heard: ")
    assert bytes(client.request(b"second", 20.0)) == b"heard: second"
    thread.join()


def test_whoever_was_slow_gets_the_newest_broadcast(server, client):
    deadline = time.monotonic() + 20.0
    while client.newest(0.05) is None:  # the subscription travels to the server first
        assert time.monotonic() < deadline
        server.broadcast(b"hello")
    for number in range(200):
        server.broadcast(b"%d" % number)
    heard = b""
    while heard != b"199":
        assert time.monotonic() < deadline, heard
        heard = bytes(client.newest(0.1) or heard)


def test_without_a_broadcast_there_is_none(client):
    assert client.newest(0.01) is None
