"""A pass-through that notes every request as it comes off the wire. It changes none but for `Host`."""

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from people import URL


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes

    def form(self):
        """A form body, each field once."""
        return {name: value for name, [value] in parse_qs(self.body.decode()).items()}


class Recorder:
    """Listens on a port of its own (`url`) in front of the server; `requests` is what it saw."""

    def __init__(self):
        self.requests = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder.requests.append(Request(self.command, self.path, headers, body))

                upstream = http.client.HTTPConnection(urlsplit(URL).netloc, timeout=60)
                passed_on = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in ("host", "connection", "accept-encoding")
                }
                upstream.request(self.command, self.path, body or None, passed_on)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()

                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = handle_one

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"

    def take(self):
        """What was seen since the last call."""
        seen, self.requests = self.requests, []
        return seen

    def grants(self):
        """The token requests since the last call, as (grant, refresh token or None)."""
        return [
            (request.form()["grant_type"], request.form().get("refresh_token"))
            for request in self.take()
            if request.path.endswith("/protocol/openid-connect/token")
        ]
