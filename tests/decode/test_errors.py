"""The names of error domains and codes."""

import pytest

from c4trace.decode.errors import ErrorDomain, LiteCoreCode, NetworkCode, error_name


@pytest.mark.parametrize(
    ("domain", "code", "name"),
    [
        (6, 1006, "WebSocket/1006 abnormal closure"),
        (5, 8, "Network/8 TLSCertUntrusted"),
        (2, 111, "POSIX/111 ECONNREFUSED"),
        (1, 26, "LiteCore/26 RemoteError"),
        (6, 401, "WebSocket/401 HTTP Unauthorized"),
        (6, 503, "WebSocket/503 HTTP Service Unavailable"),
        (6, 4002, "WebSocket/4002 app permanent"),
    ],
)
def test_a_known_code_is_called_by_its_name(domain: int, code: int, name: str) -> None:
    assert error_name(domain, code) == name


@pytest.mark.parametrize(
    ("domain", "code", "name"),
    [
        (5, 28, "Network/28"),
        (5, -1, "Network/-1"),
        (1, 33, "LiteCore/33"),
        (2, 99999, "POSIX/99999"),
        (6, 3999, "WebSocket/3999"),
        (3, 19, "SQLite/19"),
        (0, 3, "domain 0/3"),
        (99, -4, "domain 99/-4"),
    ],
)
def test_an_unknown_code_is_shown_as_its_number(domain: int, code: int, name: str) -> None:
    assert error_name(domain, code) == name


@pytest.mark.parametrize("domain", [0, *ErrorDomain, 77])
def test_code_zero_is_no_error_in_every_domain(domain: int) -> None:
    assert error_name(domain, 0) == "no error"


def test_the_tables_end_where_the_headers_end() -> None:
    assert NetworkCode(27).name == "UnknownInterface"
    assert len(NetworkCode) == 27
    assert LiteCoreCode(32).name == "CorruptDelta"
    assert len(LiteCoreCode) == 32
