"""The demo: real sockets through a traced WebSocketFactory to a real server that plays a recorded peer.

script.py reads from a recording what both ends say, peer.py is the server's end, drive.py the host's, witnesses.py
compares what recording, metrics page and host have counted, run.py puts it together.
"""
