"""A server of one's own behind a proxy that ends TLS, as a team would have it. For programs that will have https only."""

import datetime
import ipaddress
import os
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder):
    """A certificate for 127.0.0.1 that vouches for itself, and its key: two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "front.pem", folder / "front.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file, secret


class Front:
    """The server and its proxy; `url` is what people type, `trust` the file by which clients believe it."""

    def __init__(self, *flags):
        self.flags = flags

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="front-")
        self.trust, secret = certificate(Path(self.folder.name))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.trust, secret)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.door.getsockname()[1]}"
        self.url = f"https://{self.host}"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ATELIER_", "WALLAROO_"))}
        env.update(ATELIER_ADMIN_EMAIL="ada@example.com", ATELIER_ADMIN_PASSWORD=os.environ["ATELIER_TEST_PASSWORD"])
        line = ["serve", "--data-dir", f"{self.folder.name}/data", "--listen", "127.0.0.1:0", "--public-url", self.url]
        self.server = subprocess.Popen(
            [os.environ["ATELIER_TEST_BINARY"], *line, *self.flags],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            said = next((line for line in self.server.stdout if line.startswith("listening on ")), None)
            assert said, "the server ended before it served"
            self.behind = int(said.strip().rpartition(":")[2])
        except BaseException:
            self.__exit__()
            raise
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.door.close()
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()
        self.folder.cleanup()

    def _serve(self):
        while True:
            try:
                caller, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(caller,), daemon=True).start()

    def _pass(self, caller):
        try:
            with self.tls.wrap_socket(caller, server_side=True) as caller:
                with socket.create_connection(("127.0.0.1", self.behind)) as server:
                    back = threading.Thread(target=copy, args=(server, caller), daemon=True)
                    back.start()
                    copy(caller, server)
                    back.join()
        except OSError:
            # Browsers open connections that they do not use, and close them as they please.
            pass


def copy(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass
