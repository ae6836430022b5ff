"""A real LiteCore replicates through traced factories: all that c4trace says is what the factories saw themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.real import scraped
from tests.real.canaries import ANSWER, CANARIES, OPTIONS, PROXY_OPTIONS, found_in
from tests.real.child import OUTPUT, run
from tests.real.counts import Counted
from tests.real.expectations import acknowledged, ended_well, lived_once, mirrored, nothing_went_wrong
from tests.real.listener import Behaviour
from tests.real.litecore import PATH, Domain
from tests.real.logged import says_the_same
from tests.real.plain import Linking
from tests.real.recorded import FLOWS, Recorded, orderly, read_whole
from tests.real.scenario import Act, Remote, Result, Scenario, Way
from tests.real.traced import SEGMENT, Interrupted, Report

pytestmark = pytest.mark.real

MIB = 1 << 20
ONCE = {"maxRetries": 0}
DIRECTIONS = [
    pytest.param({"push": 200, "blob_bytes": MIB}, id="push"),
    pytest.param({"pull": 200, "blob_bytes": MIB}, id="pull"),
    pytest.param({"push": 100, "pull": 100, "blob_bytes": MIB}, id="both"),
]
OVER_TCP = [pytest.param(Way.DIALER, id="dialer"), pytest.param(Way.WEBSOCKET, id="websocket")]
FRAMINGS = [pytest.param({}, id="messages"), pytest.param({"framed": True}, id="stream")]


def traced(scenario: Scenario, folder: Path, wrapping: str = "traced in full") -> tuple[Result, Report, Recorded]:
    """Plays `scenario` traced; all that c4trace says must be what the factories counted themselves."""
    result = run(scenario, folder, wrapping)
    nothing_went_wrong(result)
    report = msgspec.convert(result.traced, Report)
    recorded = read_whole(Path(report.recording))
    orderly(recorded)
    own = {label: _comparable(side) for label, side in _sides(result, report).items() if side["calls"]}
    assert {label: _comparable(side) for label, side in recorded.by_factory.items()} == own
    for page in (scraped.classic(report.metrics), scraped.openmetrics(report.openmetrics)):
        assert {label: _comparable(side) for label, side in scraped.counted(page).items()} == own
        scraped.at_rest(page)
    says_the_same(Path(report.log), recorded)
    assert report.in_flight == 0
    assert report.orphans == 0
    return result, report, recorded


def _sides(result: Result, report: Report) -> dict[str, Counted]:
    """What the factories counted, by the labels they were wrapped under."""
    passive = "passive" if "passive" in report.upcalls else "listener"
    (client,) = report.upcalls.keys() - {passive}
    return {client: result.client, passive: result.passive}


def _comparable(side: Counted) -> Counted:
    return {
        "calls": side["calls"],
        "bytes": {name: size for name, size in side["bytes"].items() if name in FLOWS},
        "closed": sorted(side["closed"]),
    }


def replicated(result: Result, scenario: Scenario) -> None:
    """Every document and blob is where it belongs, by sessions that ended well."""
    pushed, pulled = (number + bool(number and scenario.blob_bytes) for number in (scenario.push, scenario.pull))
    ended_well(result)
    assert result.documents == [pushed + pulled] * scenario.clients
    assert result.peer_documents == pulled + pushed * scenario.clients
    assert result.blobs_equal
    for side in (result.client, result.passive):
        lived_once(side, scenario.clients)


def same_bytes_arrived(recorded: Recorded) -> None:
    """What a session's writes carried is, byte by byte, what another one's receives carried."""
    assert all(event.cut is None for event in recorded.events)
    written = sorted(session.data("write") for session in recorded.sessions)
    assert written == sorted(session.data("received") for session in recorded.sessions)
    assert all(written)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("inside", [False, True], ids=["acknowledged-later", "acknowledged-inside-write"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_factories_in_python_are_traced_by_the_table_of_up_calls(
    tmp_path: Path, framing: dict[str, Any], direction: dict[str, Any], *, inside: bool
) -> None:
    scenario = Scenario(way=Way.LOOPBACK, acknowledge_inside_write=inside, **framing, **direction)
    result, report, recorded = traced(scenario, tmp_path)
    replicated(result, scenario)
    mirrored(result.client, result.passive, framed=scenario.framed)
    for side in (result.client, result.passive):
        acknowledged(side, framed=scenario.framed)
    assert report.upcalls == {"client": "table", "passive": "table"}
    same_bytes_arrived(recorded)


@pytest.mark.parametrize("linking", list(Linking), ids=lambda linking: linking.name.lower())
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("own", [False, True], ids=["accepts-with-the-wrapped", "accepts-with-its-own"])
def test_a_c_library_that_knows_nothing_of_c4trace_is_traced_by_its_address_alone(
    tmp_path: Path, plain_libraries: dict[Linking, Path], linking: Linking, framing: dict[str, Any], *, own: bool
) -> None:
    library = str(plain_libraries[linking])
    scenario = Scenario(
        way=Way.PLAIN, library=library, accepts_with_its_own=own, push=100, pull=100, blob_bytes=MIB, **framing
    )
    result, report, recorded = traced(scenario, tmp_path)
    replicated(result, scenario)
    mirrored(result.client, result.passive, framed=scenario.framed)
    assert report.upcalls == {"client": "relocation", "passive": "relocation"}
    writes = {label: side["calls"]["write"] for label, side in _sides(result, report).items()}
    every = {label: {"written": n, "released": n, "not_followed": 0} for label, n in writes.items()}
    assert scraped.slices(scraped.classic(report.metrics)) == every
    same_bytes_arrived(recorded)
    assert list(report.slots) == [library]
    before, during, after = report.slots[library]
    assert len(before) >= 7
    assert {slot.leads_to for slot in during if slot.name not in UNTRACED} == {"libc4trace.so"}
    assert {slot.leads_to for slot in during if slot.name in UNTRACED} <= {PATH.name, Path(library).name}
    assert {slot.leads_to for slot in after} <= {PATH.name, Path(library).name}
    assert [slot.name for slot in before] == [slot.name for slot in during] == [slot.name for slot in after]
    assert [slot.rights for slot in before] == [slot.rights for slot in during] == [slot.rights for slot in after]
    assert {slot.rights for slot in before} == {"rw-p" if linking is Linking.LAZY else "r--p"}


UNTRACED = {"c4socket_retain", "c4socket_release"}
"""What is no up-call."""


@pytest.mark.parametrize("wrapping", ["traced", "traced from outside"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_the_numbers_are_the_same_at_every_capture_level_and_place_of_collecting(
    tmp_path: Path, framing: dict[str, Any], wrapping: str
) -> None:
    scenario = Scenario(way=Way.LOOPBACK, push=100, pull=100, blob_bytes=MIB, **framing)
    result, _, recorded = traced(scenario, tmp_path, wrapping)
    replicated(result, scenario)
    data = [event.data for event in recorded.events if event.data]
    assert bool(data) is (wrapping == "traced from outside")


@pytest.mark.parametrize("framing", FRAMINGS)
def test_twenty_clients_at_the_same_time_are_twenty_pairs_of_sessions(tmp_path: Path, framing: dict[str, Any]) -> None:
    scenario = Scenario(way=Way.LOOPBACK, clients=20, push=20, **framing)
    result, _, recorded = traced(scenario, tmp_path)
    replicated(result, scenario)
    assert len(recorded.sessions) == 40
    same_bytes_arrived(recorded)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("linking", [None, *Linking], ids=lambda linking: linking.name.lower() if linking else "python")
def test_a_tracer_that_is_closed_in_mid_session_leaves_the_session_alone(
    tmp_path: Path, plain_libraries: dict[Linking, Path], framing: dict[str, Any], linking: Linking | None
) -> None:
    way, library = (Way.PLAIN, str(plain_libraries[linking])) if linking else (Way.LOOPBACK, None)
    scenario = Scenario(way=way, library=library, push=200, pull=200, blob_bytes=MIB, **framing)
    result = run(scenario, tmp_path, "traced at first")
    nothing_went_wrong(result)
    replicated(result, scenario)
    mirrored(result.client, result.passive, framed=scenario.framed)
    recorded = read_whole(tmp_path / "recording.jsonl")
    made = sum(sum(side["calls"].values()) for side in (result.client, result.passive))
    assert Interrupted.CLOSED_AFTER <= len(recorded.events) < made
    # Of a call that had begun when tracing stopped, the counter is kept, or the event, or both.
    assert abs(len(recorded.events) - result.traced["counted"]) <= len({event.tid for event in recorded.events})


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_continuous_client_is_traced_until_it_is_stopped(tmp_path: Path, framing: dict[str, Any]) -> None:
    scenario = Scenario(way=Way.LOOPBACK, push=20, pull=20, continuous=True, act=Act.ADD_THEN_STOP, **framing)
    result, _, recorded = traced(scenario, tmp_path)
    ended_well(result)
    assert result.documents == [80]
    assert result.peer_documents == 80
    same_bytes_arrived(recorded)


@pytest.mark.parametrize("way", OVER_TCP)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_client_over_tcp_is_traced(tmp_path: Path, way: Way, direction: dict[str, Any]) -> None:
    scenario = Scenario(way=way, **direction)
    result, report, recorded = traced(scenario, tmp_path)
    replicated(result, scenario)
    assert set(report.upcalls.values()) == {"table"}
    if way is Way.WEBSOCKET:  # messages here and there; a dialer writes frames
        mirrored(result.client, result.passive, framed=False)
        same_bytes_arrived(recorded)
    for session in recorded.sessions:
        statuses = [event.status for event in session.events if event.ev == "gotHTTPResponse"]
        assert statuses == ([] if session.factory == "listener" else [101])


@pytest.mark.parametrize("way", OVER_TCP)
def test_a_refused_connection_is_on_record_with_its_error(tmp_path: Path, way: Way) -> None:
    scenario = Scenario(way=way, push=5, options=ONCE, remote=Remote.CLOSED_PORT)
    result, _, recorded = traced(scenario, tmp_path)
    ended_by(result, Domain.POSIX, 111)
    (session,) = recorded.sessions
    assert [event.ev for event in session.events] == ["open", "closed", "dispose"]


@pytest.mark.parametrize("way", OVER_TCP)
def test_a_401_is_on_record_and_no_secret_of_either_side_is_anywhere(tmp_path: Path, way: Way) -> None:
    behaviour = Behaviour(credentials=("somebody", "else"), refusal_headers=ANSWER)
    scenario = Scenario(way=way, push=5, options=OPTIONS | ONCE, behaviour=behaviour)
    result, _, recorded = traced(scenario, tmp_path)
    assert result.refusals == [401]
    ended_by(result, Domain.WEBSOCKET, 401)
    (session,) = recorded.sessions
    opening, answer, *_ = session.events
    assert [event.ev for event in session.events] == ["open", "gotHTTPResponse", "closed", "dispose"]
    assert opening.options is not None
    assert opening.options["auth"] == {"type": "Basic", "username": "[redacted]", "password": "[redacted]"}
    assert opening.options["cookies"] == "[redacted]"
    assert opening.options["headers"]["X-Api-Key"] == "[redacted]"
    assert opening.options["headers"]["User-Agent"] == "tests"
    assert answer.status == 401
    assert answer.headers is not None
    assert {"Www-Authenticate", "Set-Cookie", "X-Token"} <= {name.title() for name in answer.headers}
    assert_no_canary(tmp_path)


@pytest.mark.parametrize("way", OVER_TCP)
def test_the_secrets_of_a_session_and_of_a_proxy_are_nowhere(tmp_path: Path, way: Way) -> None:
    credentials = (OPTIONS["auth"]["username"], OPTIONS["auth"]["password"])
    options = OPTIONS | {"headers": {"X-Api-Key": OPTIONS["headers"]["X-Api-Key"]}}
    if way is Way.DIALER:  # it makes no use of a proxy
        options |= {"proxy": PROXY_OPTIONS | {"port": 1}}
    scenario = Scenario(way=way, push=5, options=options, behaviour=Behaviour(credentials=credentials))
    result, _, recorded = traced(scenario, tmp_path)
    replicated(result, scenario)
    opening = next(event for event in recorded.events if event.ev == "open" and event.options)
    assert opening.options is not None
    assert set(options) <= set(opening.options)
    assert_no_canary(tmp_path)


def test_the_secrets_of_a_proxy_that_cannot_be_reached_are_nowhere(tmp_path: Path) -> None:
    options = OPTIONS | ONCE | {"proxy": PROXY_OPTIONS | {"port": 1}}
    result, _, recorded = traced(Scenario(way=Way.WEBSOCKET, push=5, options=options), tmp_path)
    ended_by(result, Domain.POSIX, 111)
    opening = recorded.events[0].options
    assert opening is not None
    assert opening["proxy"]["host"] == "127.0.0.1"
    assert set(opening["proxy"]["auth"].values()) == {"[redacted]"}
    assert_no_canary(tmp_path)


def assert_no_canary(folder: Path) -> None:
    """Neither what c4trace left nor what the child said has a secret; what the child was told has them all."""
    assert set(found_in(folder / "scenario.json")) & set(CANARIES)
    for name in (SEGMENT, "recording.jsonl", "log.jsonl", "result.json", OUTPUT):
        assert found_in(folder / name) == [], name


@pytest.mark.parametrize("way", OVER_TCP)
def test_stopping_while_connecting_is_on_record(tmp_path: Path, way: Way) -> None:
    scenario = Scenario(way=way, push=5, remote=Remote.SILENT_PORT, act=Act.STOP_CONNECTING)
    result, _, recorded = traced(scenario, tmp_path)
    ended_well(result)
    (session,) = recorded.sessions
    closing = "close" if way is Way.DIALER else "requestClose"
    assert [event.ev for event in session.events] == ["open", closing, "closed", "dispose"]


@pytest.mark.parametrize("way", OVER_TCP)
def test_a_connection_that_is_dropped_ends_both_sessions_with_1006(tmp_path: Path, way: Way) -> None:
    behaviour = Behaviour(drop_after=5)
    scenario = Scenario(way=way, push=200, blob_bytes=MIB, options=ONCE, behaviour=behaviour)
    result, _, recorded = traced(scenario, tmp_path)
    ended_by(result, Domain.WEBSOCKET, 1006)
    assert len(recorded.sessions) == 2
    served = next(session for session in recorded.sessions if session.factory == "listener")
    assert [event.ev for event in served.events].count("received") == 5


@pytest.mark.parametrize("way", OVER_TCP)
def test_a_dropped_connection_that_is_made_again_is_another_session(tmp_path: Path, way: Way) -> None:
    scenario = Scenario(way=way, push=200, behaviour=Behaviour(drop_after=5))
    result, _, recorded = traced(scenario, tmp_path)
    assert [(end.domain, end.code) for end in result.clients] == [(0, 0)]
    assert result.peer_documents == 200
    assert [session.factory == "listener" for session in recorded.sessions].count(True) == 2
    assert len(recorded.sessions) == 4


def ended_by(result: Result, domain: Domain, code: int) -> None:
    """Every replicator stopped with this error."""
    for end in (*result.clients, *result.passives):
        assert (end.domain, end.code) == (domain, code)
