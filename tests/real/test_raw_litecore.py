"""The harness itself, with nothing of c4trace in it: a real LiteCore replicates through each of its factories."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.real.abi import SIZES, ffi
from tests.real.child import ChildError, run
from tests.real.counts import Counted
from tests.real.database import Database
from tests.real.expectations import acknowledged, ended_well, lived_once, mirrored, nothing_went_wrong
from tests.real.listener import Behaviour
from tests.real.litecore import Domain, LiteCore, LiteCoreError
from tests.real.plain import Linking
from tests.real.scenario import Act, Remote, Result, Scenario, Way

pytestmark = pytest.mark.real

MIB = 1 << 20
ONCE = {"maxRetries": 0}

DIRECTIONS = [
    pytest.param({"push": 200, "blob_bytes": MIB}, id="push"),
    pytest.param({"pull": 200, "blob_bytes": MIB}, id="pull"),
    pytest.param({"push": 100, "pull": 100, "blob_bytes": MIB}, id="both"),
]
FRAMINGS = [pytest.param({}, id="messages"), pytest.param({"framed": True}, id="stream")]
LOOPBACKS = [
    pytest.param({}, id="messages"),
    pytest.param({"acknowledge_inside_write": True}, id="messages-acknowledged-inside-write"),
    pytest.param({"framed": True}, id="stream"),
    pytest.param({"framed": True, "acknowledge_inside_write": True}, id="stream-acknowledged-inside-write"),
]


def assert_replicated(result: Result, scenario: Scenario) -> None:
    """Every document and blob is where it belongs, and the counts of both sides are those of a healthy pair."""
    pushed, pulled = (number + bool(number and scenario.blob_bytes) for number in (scenario.push, scenario.pull))
    nothing_went_wrong(result)
    ended_well(result)
    assert result.documents == [pushed + pulled] * scenario.clients
    assert result.peer_documents == pulled + pushed * scenario.clients
    assert result.blobs_equal
    for side in (result.client, result.passive):
        lived_once(side, scenario.clients)
    assert result.client["calls"]["gotHTTPResponse"] == scenario.clients
    assert result.passive["calls"]["fromNative"] == scenario.clients


def assert_quiet(side: Counted) -> None:
    assert side["calls"] == {}


def test_the_layouts_are_those_of_the_binary() -> None:
    assert {name: ffi.sizeof(name) for name in SIZES} == SIZES


def test_the_library_is_the_build_these_tests_were_written_for() -> None:
    assert "b018a12d" in LiteCore().build


def test_a_database_gives_back_documents_and_blobs(tmp_path: Path) -> None:
    litecore = LiteCore()
    before = litecore.object_count
    database = Database(litecore, tmp_path, "db")
    content = Random(1).randbytes(MIB)  # noqa: S311 - content, not a secret
    properties = {"text": "grüße", "number": 7, "list": [1.5, None, True], "dict": {"a": "b"}}
    database.put([("one", properties)])
    database.put_with_blob("two", content)
    assert database.document_count == 2
    assert database.get("one") == properties
    assert database.blob("two") == content
    database.delete()
    assert litecore.object_count == before


def test_a_missing_document_is_an_error_of_litecores(tmp_path: Path) -> None:
    database = Database(LiteCore(), tmp_path, "db")
    with pytest.raises(LiteCoreError, match="c4doc_get") as raised:
        database.get("nobody")
    assert (raised.value.error.domain, raised.value.error.code) == (Domain.LITECORE, 7)
    database.delete()


def test_options_survive_fleece() -> None:
    litecore = LiteCore()
    options = {"auth": {"type": "Basic", "username": "u"}, "channels": ["a", "b"], "maxRetries": 3}
    assert litecore.from_fleece(litecore.fleece(options)) == options


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("manner", LOOPBACKS)
def test_python_factories_replicate(tmp_path: Path, manner: dict[str, Any], direction: dict[str, Any]) -> None:
    scenario = Scenario(way=Way.LOOPBACK, **manner, **direction)
    result = run(scenario, tmp_path)
    assert_replicated(result, scenario)
    mirrored(result.client, result.passive, framed=scenario.framed)
    for side in (result.client, result.passive):
        acknowledged(side, framed=scenario.framed)


@pytest.mark.parametrize("linking", list(Linking), ids=lambda linking: linking.name.lower())
@pytest.mark.parametrize("framing", FRAMINGS)
def test_c_factories_replicate(
    tmp_path: Path, plain_libraries: dict[Linking, Path], linking: Linking, framing: dict[str, Any]
) -> None:
    library = str(plain_libraries[linking])
    scenario = Scenario(way=Way.PLAIN, library=library, **framing, push=100, pull=100, blob_bytes=MIB)
    result = run(scenario, tmp_path)
    assert_replicated(result, scenario)
    mirrored(result.client, result.passive, framed=scenario.framed)
    for side in (result.client, result.passive):
        acknowledged(side, framed=scenario.framed)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_websocket_client_of_c4trace_needs_no_tracer(tmp_path: Path, direction: dict[str, Any]) -> None:
    scenario = Scenario(way=Way.WEBSOCKET, **direction)
    result = run(scenario, tmp_path)
    assert_replicated(result, scenario)
    mirrored(result.client, result.passive, framed=False)
    for side in (result.client, result.passive):
        acknowledged(side, framed=False)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_listener_serves_a_websocket_that_litecore_frames(tmp_path: Path, direction: dict[str, Any]) -> None:
    scenario = Scenario(way=Way.DIALER, **direction)
    result = run(scenario, tmp_path)
    assert_replicated(result, scenario)
    acknowledged(result.client, framed=True)
    acknowledged(result.passive, framed=False)
    # One frame a message, and LiteCore's CLOSE on top.
    assert result.client["calls"]["write"] == result.passive["calls"]["received"] + 1
    assert result.passive["closed"] == [[Domain.WEBSOCKET, 1000]]


@pytest.mark.parametrize(
    "way", [pytest.param({"way": Way.LOOPBACK}, id="loopback"), pytest.param({"way": Way.DIALER}, id="dialer")]
)
def test_twenty_clients_replicate_at_the_same_time_through_one_factory(tmp_path: Path, way: dict[str, Any]) -> None:
    scenario = Scenario(**way, clients=20, push=20)
    result = run(scenario, tmp_path)
    assert_replicated(result, scenario)
    acknowledged(result.passive, framed=False)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_continuous_client_goes_on_until_it_is_stopped(tmp_path: Path, framing: dict[str, Any]) -> None:
    scenario = Scenario(way=Way.LOOPBACK, **framing, push=20, pull=20, continuous=True, act=Act.ADD_THEN_STOP)
    result = run(scenario, tmp_path)
    nothing_went_wrong(result)
    ended_well(result)
    assert result.documents == [80]
    assert result.peer_documents == 80
    mirrored(result.client, result.passive, framed=scenario.framed)
    for side in (result.client, result.passive):
        lived_once(side, 1)
        acknowledged(side, framed=scenario.framed)


def test_credentials_reach_the_listener(tmp_path: Path) -> None:
    options = {"auth": {"type": "Basic", "username": "ada", "password": "lovelace"}}
    scenario = Scenario(way=Way.DIALER, push=5, options=options, behaviour=Behaviour(credentials=("ada", "lovelace")))
    result = run(scenario, tmp_path)
    assert_replicated(result, scenario)
    assert result.refusals == []


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        pytest.param(Behaviour(credentials=("ada", "lovelace")), 401, id="unauthorized"),
        pytest.param(Behaviour(status=503), 503, id="unavailable"),
    ],
)
def test_a_refused_handshake_ends_the_replicator_with_its_status(
    tmp_path: Path, behaviour: Behaviour, status: int
) -> None:
    result = run(Scenario(way=Way.DIALER, push=5, options=ONCE, behaviour=behaviour), tmp_path)
    nothing_went_wrong(result)
    assert result.refusals == [status]
    assert [(end.domain, end.code) for end in result.clients] == [(Domain.WEBSOCKET, status)]
    lived_once(result.client, 1, opened=0)
    assert result.client["closed"] == [[Domain.WEBSOCKET, status]]
    assert_quiet(result.passive)


def test_a_refused_connection_ends_the_replicator_with_its_errno(tmp_path: Path) -> None:
    result = run(Scenario(way=Way.DIALER, push=5, options=ONCE, remote=Remote.CLOSED_PORT), tmp_path)
    nothing_went_wrong(result)
    assert [(end.domain, end.code) for end in result.clients] == [(Domain.POSIX, 111)]
    lived_once(result.client, 1, opened=0)
    assert_quiet(result.passive)


def test_stopping_while_connecting_cancels_the_connection(tmp_path: Path) -> None:
    result = run(Scenario(way=Way.DIALER, push=5, remote=Remote.SILENT_PORT, act=Act.STOP_CONNECTING), tmp_path)
    nothing_went_wrong(result)
    ended_well(result)
    lived_once(result.client, 1, opened=0)
    assert result.client["calls"]["close"] == 1


def test_a_connection_dropped_in_mid_session_is_an_abnormal_end(tmp_path: Path) -> None:
    scenario = Scenario(way=Way.DIALER, push=200, blob_bytes=MIB, options=ONCE, behaviour=Behaviour(drop_after=5))
    result = run(scenario, tmp_path)
    nothing_went_wrong(result)
    for end in (*result.clients, *result.passives):
        assert (end.domain, end.code) == (Domain.WEBSOCKET, 1006)
    for side in (result.client, result.passive):
        lived_once(side, 1)
    assert result.passive["calls"]["received"] == 5
    assert result.client["bytes"]["completedWrite"] <= result.client["bytes"]["write"]


def test_a_dropped_connection_is_made_again_with_the_same_factory(tmp_path: Path) -> None:
    scenario = Scenario(way=Way.DIALER, push=200, behaviour=Behaviour(drop_after=5))
    result = run(scenario, tmp_path)
    nothing_went_wrong(result)
    assert [(end.domain, end.code) for end in result.clients] == [(0, 0)]
    assert result.peer_documents == 200
    for side in (result.client, result.passive):
        lived_once(side, 2)


@pytest.mark.parametrize(
    "way",
    [
        pytest.param({"way": Way.LOOPBACK}, id="loopback-messages"),
        pytest.param({"way": Way.LOOPBACK, "framed": True}, id="loopback-stream"),
        pytest.param({"way": Way.DIALER}, id="dialer"),
    ],
)
def test_a_peer_that_stops_closes_the_connection(tmp_path: Path, way: dict[str, Any]) -> None:
    scenario = Scenario(**way, push=20, continuous=True, options=ONCE, act=Act.PEER_STOPS)
    result = run(scenario, tmp_path)
    nothing_went_wrong(result)
    assert [(end.domain, end.code) for end in result.passives] == [(0, 0)]
    for side in (result.client, result.passive):
        lived_once(side, 1)


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="a plain way needs its library"):
        run(Scenario(way=Way.PLAIN, push=1), tmp_path)
