"""A client of HTTP/2 that goes to the limits. Arguments: the server's address, the file of its root certificate, an
API key."""

import socket
import ssl
import struct
import sys
import time

host, port = sys.argv[1].rsplit(":", 1)
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8


class Connection:
    def __init__(self, settings=b""):
        context = ssl.create_default_context(cafile=sys.argv[2])
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host)
        assert self.socket.selected_alpn_protocol() == "h2"
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(SETTINGS, 0, 0, settings)

    def send(self, kind, flags, stream, payload=b""):
        head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream)
        self.socket.sendall(head + payload)

    def receive(self):
        """The next frame; None at the end."""
        head = self.read(9)
        if head is None:
            return None
        return head[3], head[4], struct.unpack(">I", head[5:])[0], self.read(int.from_bytes(head[:3], "big"))

    def read(self, length):
        found = b""
        while len(found) < length:
            try:
                more = self.socket.recv(length - len(found))
            except (ConnectionResetError, ssl.SSLEOFError):
                return None
            if not more:
                return None
            found += more
        return found

    def request(self, stream, path, more=b"", ends=True, method=b"\x82"):
        block = method + b"\x87" + literal(4, path.encode()) + literal(1, host.encode()) + more
        self.send(HEADERS, 5 if ends else 4, stream, block)

    def until(self, kind, stream):
        while True:
            frame = self.receive()
            assert frame is not None, f"the connection ended before frame {kind} of {stream}"
            if frame[0] == kind and frame[2] == stream:
                return frame


def literal(index, value):
    """A header whose name is in the static table, which is not added to the dynamic one."""
    assert len(value) < 127
    return bytes([index, len(value)]) + value


def header(name, value):
    length = bytes([len(value)]) if len(value) < 127 else b"\x7f" + varint(len(value) - 127)
    return b"\x00" + bytes([len(name)]) + name + length + value


def varint(number):
    found = b""
    while number >= 128:
        found += bytes([number % 128 + 128])
        number //= 128
    return found + bytes([number])


# The server says how many streams it serves, and how large a head may be.
first = Connection()
kind, _, _, payload = first.receive()
assert kind == SETTINGS
settings = {struct.unpack(">H", payload[at : at + 2])[0]: struct.unpack(">I", payload[at + 2 : at + 6])[0]
            for at in range(0, len(payload), 6)}
assert settings[3] == 100 and settings[6] == 32768, settings
first.request(1, "/healthz")
first.until(DATA, 1)

# A head that is too large is refused, and the connection stays.
first.request(3, "/healthz", b"".join(header(b"x-%d" % number, b"a" * 3000) for number in range(5)))
assert first.until(HEADERS, 3)[3][:1] == b"\x88"
large = b"".join(header(b"y-%d" % number, b"a" * 4000) for number in range(3))
first.send(HEADERS, 1, 5, b"\x82\x87" + literal(4, b"/healthz") + literal(1, host.encode()) + large)
for number in range(2):
    first.send(9, 4 if number == 1 else 0, 5, large)
frame = first.until(HEADERS, 5)
# `:status: 431`, plain or in Huffman's code.
assert b"\x48\x03431" in frame[3] or b"\x48\x83\x69\x90\xff" in frame[3], frame
first.request(7, "/healthz")
assert first.until(HEADERS, 7)[3][:1] == b"\x88"

# A client that opens no window for the body gets its stream reset.
stuck = Connection(struct.pack(">HI", 4, 0))
began = time.monotonic()
stuck.request(1, "/healthz")
assert stuck.until(RST, 1)[3] == struct.pack(">I", 8)
assert time.monotonic() - began < 8
stuck.socket.close()

# A body that does not come is refused in time.
slow = Connection()
began = time.monotonic()
form = header(b"content-type", b"application/x-www-form-urlencoded") + header(b"content-length", b"100")
slow.request(1, "/oauth2/token", form, ends=False, method=b"\x83")
slow.send(DATA, 0, 1, b"client_id=")
slow.until(HEADERS, 1)
assert time.monotonic() - began < 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def calmed(connection, frames):
    """Sends frames in one record of TLS. The server must end the connection with ENHANCE_YOUR_CALM."""
    assert len(frames) < 16384
    connection.socket.sendall(frames)
    assert connection.until(GOAWAY, 0)[3][4:8] == struct.pack(">I", 11)
    while connection.receive() is not None:
        pass


# Streams that are cancelled at once, again and again (CVE-2023-44487).
path = b"\x82\x87" + literal(4, b"/healthz") + literal(1, host.encode())
pairs = [frame(HEADERS, 5, stream, path) + frame(RST, 0, stream, struct.pack(">I", 8)) for stream in range(1, 401, 2)]
calmed(Connection(), b"".join(pairs))

# A head that never ends (CVE-2024-27316).
calmed(Connection(), frame(HEADERS, 1, 1, path) + frame(9, 0, 1) * 1000)

# More of a refused body is read for a request with a credential, and not for another one of the same connection.
both = Connection()
both.receive()
body = header(b"content-type", b"application/json") + header(b"content-length", b"2097152")
known = header(b"authorization", b"Bearer " + sys.argv[3].encode())
both.request(1, "/v2/spaces", body + known, ends=False, method=b"\x83")
both.until(HEADERS, 1)
both.request(3, "/v2/spaces", body, ends=False, method=b"\x83")
both.until(HEADERS, 3)
for number in range(6):
    both.send(DATA, 0, 1, b" " * 16384)
for number in range(6):
    both.send(DATA, 0, 3, b" " * 16384)
seen = []
while (RST, 3) not in seen:
    found = both.receive()
    assert found is not None
    seen.append((found[0], found[2]))
assert (RST, 1) not in seen, seen
both.send(PING, 0, 0, b"12345678")
both.until(PING, 0)

# A cookie in several fields is one cookie (RFC 9113, section 8.2.3), and the host is that of `:authority`.
split = Connection()
split.request(1, "/healthz", header(b"cookie", b"a=1") + header(b"cookie", b"b=2"))
assert split.until(HEADERS, 1)[3][:1] == b"\x88"
