from __future__ import annotations

import threading

from c4trace.recording.worker import Worker


def test_work_is_done_in_order_by_one_other_thread() -> None:
    done: list[tuple[int, str]] = []
    worker = Worker("c4trace-test", 3)
    for i in range(50):
        worker.give(lambda i=i: done.append((i, threading.current_thread().name)))  # type: ignore[misc]
    worker.end()
    assert done == [(i, "c4trace-test") for i in range(50)]


def test_what_is_offered_to_a_busy_worker_without_room_is_refused() -> None:
    begun, free = threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        free.wait(60)
        done.append("first")

    worker = Worker("c4trace-test", 1)
    worker.give(first)
    assert begun.wait(60)
    assert worker.offer(lambda: done.append("second"))
    assert not worker.offer(lambda: done.append("third"))
    free.set()
    worker.end()
    assert done == ["first", "second"]


def test_giving_waits_for_room() -> None:
    begun, free = threading.Event(), threading.Event()
    done: list[int] = []

    def first() -> None:
        begun.set()
        free.wait(60)

    worker = Worker("c4trace-test", 1)
    worker.give(first)
    assert begun.wait(60)
    threading.Timer(0.05, free.set).start()
    for i in range(5):
        worker.give(lambda i=i: done.append(i))  # type: ignore[misc]
    assert free.is_set()
    worker.end()
    assert done == list(range(5))
