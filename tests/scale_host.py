"""A host with many open sockets and steady traffic, that says how much memory it has while it goes on.

    python -c "from tests.scale_host import main; main()" FOLDER SECONDS SOCKETS ROUNDS_A_SECOND

In each round every socket sends a message and takes its echo, and a few are closed and opened anew. A line of JSON on
standard output for every sample, then one with what host, segment and metrics page have counted.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

from c4trace import EmbeddedHost, Rotation, Traced, Tracer
from c4trace.collecting_apart import CollectionApart
from c4trace.host_socket import HostSocket
from tests.factories.in_place import InPlace
from tests.tracing import PATIENCE, URL, Counted, counted, exchange, hang_up, scraped, told

RENEWED = 60
"""Sockets a round. A tracer keeps what it knows of the last 512 sessions: memory is steady once that many are over."""
SAMPLE_EVERY_S = 0.5


def memory(pid: int | str) -> dict[str, int]:
    """Bytes of a process: its own (RssAnon), of files, and shared."""
    status = Path(f"/proc/{pid}/status").read_text()
    return {name: int(kib) * 1024 for name, kib in re.findall(r"(Rss\w+):\s+(\d+) kB", status)}


def of_segment(path: Path) -> int:
    """Bytes of the segment that this process is charged with (PSS)."""
    pss, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(str(path))
        elif inside and line.startswith("Pss:"):
            pss += int(line.split()[1]) * 1024
    return pss


def sample(tracer: Tracer) -> dict[str, int]:
    """How much memory there is now."""
    collecting = tracer._collecting
    assert isinstance(collecting, CollectionApart)
    own, other = memory("self"), memory(collecting.pid)
    return {
        "host": own["RssAnon"],
        "host_files": own["RssFile"],
        "segment": of_segment(tracer.segment_path),
        "collector": sum(other.values()),
        "collector_own": other["RssAnon"],
    }


def renew(host: EmbeddedHost, traced: Traced, sockets: list[HostSocket]) -> None:
    """End the oldest sockets, and open as many."""
    hang_up(sockets[:RENEWED])
    del sockets[:RENEWED]
    sockets += [host.connect(traced, URL) for _ in range(RENEWED)]


def steady(host: EmbeddedHost, tracer: Tracer, seconds: float, count: int, rate: float) -> None:
    """The traffic."""
    traced = tracer.wrap(InPlace())
    sockets = [host.connect(traced, URL) for _ in range(count)]
    for socket in sockets:
        socket.wait_opened(PATIENCE)
    began = sampled = time.monotonic()
    rounds = 0
    while (now := time.monotonic()) < began + seconds:
        exchange(sockets, messages=1)
        renew(host, traced, sockets)
        rounds += 1
        if now - sampled >= SAMPLE_EVERY_S:
            sampled = now
            print(json.dumps(sample(tracer)), flush=True)
        time.sleep(max(0.0, began + rounds / rate - time.monotonic()))
    hang_up(sockets)


def main() -> None:
    """Be that host."""
    folder, seconds, count, rate = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    page: Counted = {}
    with (
        EmbeddedHost() as host,
        Tracer(
            "scale",
            litecore=host,
            record=folder / "recording.jsonl.zst",
            rotation=Rotation(part_bytes=1 << 20),
            metrics_port=0,
            log=folder / "log.jsonl",
            collect_in="process",
        ) as tracer,
    ):
        steady(host, tracer, seconds, count, rate)
        assert tracer.metrics_url is not None
        page = scraped(tracer.metrics_url)
    final = tracer.snapshot()
    anomalies = Counter({kind.name: n for kind, n in host.counts().anomalies.items()})
    lost = {reason: n for reason, n in final.lost.items() if n}
    print(json.dumps({"host": told(host), "segment": counted(final), "page": page, "lost": lost, "odd": anomalies}))
