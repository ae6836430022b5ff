"""A real LiteCore 3.0.0, real databases, real factories: the harness, and how to write a test with it.

    make litecore        puts libLiteCore.so into .litecore/ (tools/litecore.sh); without it every test here is skipped,
                         in CI it fails

A test describes a `Scenario`, `child.run` plays it in a child process (a LiteCore that crashes takes down one test) and
gives a `Result`, and `expectations` judges it:

    result = run(Scenario(way=Way.LOOPBACK, framed=True, push=200, blob_bytes=1 << 20), tmp_path)
    nothing_went_wrong(result)
    mirrored(result.client, result.passive, framed=True)

    scenario.py   what can be asked for, and what comes back        play.py    the course of every scenario
    ways.py       what lies between client and peer, each with the same face:
        loopback.py   two factories in Python: whole messages, or byte streams that LiteCore frames
        plain.py      factories in C in a library linked to LiteCore alone (plain_factory.c), in three ways of linking
        dialer.py     TCP from a Python factory, framed by LiteCore, to listener.py
        websocket.py  c4trace's own WebSocket client, to listener.py
    listener.py   a WebSocket server feeding passive replicators: 401, any HTTP status, a dropped connection; and ports
                  that refuse or never answer
    factory.py    what C4SocketFactories in Python have in common      counts.py   what a factory counts of itself
    abi.py  litecore.py  database.py  replicator.py  peer.py           LiteCore by cffi

The seam for tracing is wrapping.py. A factory hands out its address through `wrapping.wrap(address, label)` and
reaches c4socket_* only through `wrapping.upcalls`; the C library of plain.py knows neither, and only its addresses are
wrapped. (Its serving sockets come from its own call of c4socket_fromNative, which is given the wrapped factory.)

So a traced test is a raw test run with another wrapping of `child.WRAPPINGS`: `run(scenario, tmp_path, "traced")`.

    traced.py     the wrapping; what it reports arrives in `Result.traced`, its files stay in the test's folder
    recorded.py  scraped.py  logged.py      what recording, metrics page and log say, and whether that can be
    slots.py      where a library's references to c4socket_* lead      canaries.py   secrets, and the search for them
    endless.py    a host that replicates until it is killed

A new inner factory is a new class in ways.py with the members of `Between`, and a `Way`. Labels under which factories
are wrapped: client, passive (loopback, plain), dialer, websocket, listener.
"""
