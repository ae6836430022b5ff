"""The demo with a real LiteCore: two databases that replicate through a traced WebSocketFactory.

abi.py declares what is called of LiteCore 3.0, library.py loads it, database.py and replicator.py are its objects,
server.py is the peer: a WebSocket server in front of a passive replicator. run.py puts it together.
"""
