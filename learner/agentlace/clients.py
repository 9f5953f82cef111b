"""Whose transitions they are: agentlace names stores, not clients, so connections are told apart.

A client begins with `hash`; whoever does is a new life, whose ids begin at 0 again. (agentlace itself goes on
from the old ones, and loses the first transitions of every restarted actor.) A connection that begins
otherwise belongs to a client that dialled anew after a time-out, or that was there before this learner.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from learner.agentlace.config import PREFIX
from learner.agentlace.store_records import StoreRecords
from shared.clock import Clock
from shared.step import new_incarnation

log = logging.getLogger(__name__)

RECENT_SECONDS = 60.0
Received = Callable[[str], Mapping[str, int]]


@dataclass(kw_only=True)
class Book:
    """The transitions of one client to one store, when it was last heard, and when told to be silent."""

    records: StoreRecords
    heard_at: float
    told_at: float = -math.inf


class Clients:
    """Every book, by connection and store. Owned by one thread.

    Args:
        demo_stores: stores whose transitions a person drove.
        received: how many records of each life of an actor id the learner has.
        clock: monotonic seconds.
    """

    def __init__(self, demo_stores: Iterable[str], received: Received, clock: Clock) -> None:
        self._demo_stores = frozenset(demo_stores)
        self._received = received
        self._clock = clock
        self._lives: dict[bytes, str] = {}
        self._books: dict[tuple[bytes, str], Book] = {}

    def of(self, peer: bytes) -> list[StoreRecords]:
        """What came by this connection."""
        return [book.records for key, book in self._books.items() if key[0] == peer]

    def greet(self, peer: bytes) -> None:
        """A client introduces itself here: a new life, without what came before."""
        self._lives[peer] = new_incarnation()
        self._books = {key: book for key, book in self._books.items() if key[0] != peer}

    def book(self, peer: bytes, store: str) -> StoreRecords:
        """What came by this connection for this store."""
        book = self._books.get((peer, store))
        if book is None:
            book = self._adopted(peer, store) or self._fresh(peer, store)
            self._books[peer, store] = book
        book.heard_at = self._clock.now()
        return book.records

    def silent(self) -> list[StoreRecords]:
        """Those that were not heard for a while, each once in that while."""
        now = self._clock.now()
        silent = [b for b in self._books.values() if max(b.heard_at, b.told_at) < now - RECENT_SECONDS]
        for book in silent:
            book.told_at = now
        return [book.records for book in silent]

    def all_records(self) -> list[StoreRecords]:
        """Every one."""
        return [book.records for book in self._books.values()]

    def _fresh(self, peer: bytes, store: str) -> Book:
        actor_id, life, received = PREFIX + store, self._lives.get(peer), 0
        if life is None:  # it was there before this learner, or was silent for long
            known = self._received(actor_id)
            if known and (newest := max(known)) not in self._recent_lives():
                life, received = newest, known[newest]
        stream = (actor_id, life or new_incarnation())
        records = StoreRecords(stream, demo=store in self._demo_stores, received=received)
        return Book(records=records, heard_at=self._clock.now())

    def _recent_lives(self) -> set[str]:
        oldest = self._clock.now() - RECENT_SECONDS
        return {book.records.stream[1] for book in self._books.values() if book.heard_at >= oldest}

    def _adopted(self, peer: bytes, store: str) -> Book | None:
        """The book of a client that dialled anew; None where that is not the only explanation."""
        if peer in self._lives:
            return None
        oldest = self._clock.now() - RECENT_SECONDS
        candidates = {
            id(book): (key, book)
            for key, book in self._books.items()
            if key[1] == store and book.heard_at >= oldest
        }
        if len(candidates) > 1:
            log.warning(
                "several agentlace clients send to %r, and one dialled anew: what it sends again is perhaps "
                "stored twice; give each actor a store of its own",
                store,
            )
            return None
        for key, book in candidates.values():
            del self._books[key]
            return book
        return None
