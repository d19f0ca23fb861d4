"""Makes the MongoDB server on a loopback port a one-node replica set: mongo_replica_set.py PORT

Ends with 0 once the server takes writes, with 1 when it cannot be reached or does not get there in 20 seconds.
The server comes without a shell, so this speaks its wire protocol (OP_MSG) with the standard library alone.
"""

import socket
import struct
import sys
import time

OP_MSG = 2013


def element(name, value):
    name = name.encode() + b"\0"
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return b"\x02" + name + struct.pack("<i", len(text)) + text
    if isinstance(value, int):
        return b"\x10" + name + struct.pack("<i", value)
    if isinstance(value, dict):
        return b"\x03" + name + document(value)
    if isinstance(value, list):
        return b"\x04" + name + document({str(at): item for at, item in enumerate(value)})
    raise TypeError(f"cannot encode {value!r}")


def document(fields):
    body = b"".join(element(name, value) for name, value in fields.items()) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def command(connection, fields):
    """The reply as raw BSON: the few fields looked for are found by their bytes."""
    body = struct.pack("<iB", 0, 0) + document({**fields, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, OP_MSG) + body)
    length = struct.unpack("<i", exactly(connection, 4))[0]
    return exactly(connection, length - 4)


def exactly(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise ConnectionError("the server closed the connection")
        data += part
    return data


def main(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        # Refused when it was initiated before; what counts is whether it takes writes in the end.
        reply = command(connection, {"replSetInitiate": {"_id": "rs0", "members": [member]}})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            hello = command(connection, {"hello": 1})
            if b"\x08isWritablePrimary\0\x01" in hello:
                return 0
            time.sleep(0.05)
    print(f"not a primary after 20 s; replSetInitiate said {reply!r}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(int(sys.argv[1])))
    except OSError as error:
        sys.exit(f"no answer on port {sys.argv[1]}: {error}")
