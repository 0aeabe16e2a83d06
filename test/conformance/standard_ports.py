"""Connections to the hub's name lead to the test's gate, whose ports stand for the standard ones. The SDK is not touched.

Imported by sdk_driver.py; `python standard_ports.py PROGRAM` runs another program so.
"""

import json
import os
import runpy
import socket
import sys

GATE = json.loads(os.environ["COLDPATH_CONFORMANCE_GATE"])
resolve = socket.getaddrinfo


def lead(host, port, *more, **named):
    if host == GATE["host"]:
        host, port = "127.0.0.1", GATE["ports"].get(str(port), port)
    return resolve(host, port, *more, **named)


socket.getaddrinfo = lead

if __name__ == "__main__":
    runpy.run_path(sys.argv[1], run_name="__main__")
