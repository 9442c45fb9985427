#!/usr/bin/env python3
"""Requests that are too large in every way there is, over TLS: how each is answered and how soon. Started by benches/load.py beside honest phones.

    benches/oversized.py ADDRESS PORT SECONDS ADDR,ADDR,…

Each case comes again and again from ever other addresses, on eight connections at a time. Prints one line of JSON a case: how often it came, what it
was answered (a status; what HTTP/2 says instead; `closed` where the connection went without a word; `slow` where nothing came in twenty seconds),
milliseconds from the first byte sent to the answer, and bytes taken off us.
"""
import collections, json, random, socket, ssl, statistics, struct, sys, threading, time

PATIENCE_S = 20
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
MULTIPART = "Content-Type: multipart/form-data; boundary=b\r\n"
ENDLESS = 1 << 30


def cases(host):
    """Name, version, the first bytes, and what follows them for as long as it is taken."""
    get = lambda path, more="": f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()
    post = lambda path, more: f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()
    length = lambda bytes: f"Content-Length: {bytes}\r\n"
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    photo = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="x"\r\n\r\n'
    parameters = b"&".join(b"p%d=1" % n for n in range(8_000))
    # What HTTP/2 sends here does not wait until it may.
    return [
        ("as a reference: the first page", "http/1.1", get("/"), b"", 0),
        ("path of 20 KB", "http/1.1", get("/" + "x" * 20_000), b"", 0),
        ("path of 1 MB", "http/1.1", get("/" + "x" * 1_000_000), b"", 0),
        ("request line without an end", "http/1.1", b"GET /", b"x" * 32_768, ENDLESS),
        ("query of 20 KB, 4,000 parameters", "http/1.1", get("/?" + "a=b1&" * 4_000), b"", 0),
        ("cookie of 20 KB", "http/1.1", get("/record", f"Cookie: a={'x' * 20_000}\r\n"), b"", 0),
        ("cookie of 200 KB", "http/1.1", get("/record", f"Cookie: a={'x' * 200_000}\r\n"), b"", 0),
        ("1,000 headers", "http/1.1", get("/", "X: y\r\n" * 1_000), b"", 0),
        ("headers without an end", "http/1.1", get("/")[:-2], b"Name: value\r\n" * 2_000, ENDLESS),
        ("form announced with 10 GB", "http/1.1", post("/open", FORM + length(10_000_000_000)), b"x" * 32_768, ENDLESS),
        ("form in pieces without an end", "http/1.1", post("/open", FORM + "Transfer-Encoding: chunked\r\n"), chunk, ENDLESS),
        ("one piece of 2^60 bytes", "http/1.1", post("/open", FORM + "Transfer-Encoding: chunked\r\n") + b"1000000000000000\r\n", b"x" * 32_768, ENDLESS),
        ("form of 8,000 parameters", "http/1.1", post("/open", FORM + length(len(parameters))) + parameters, b"", 0),
        ("photo announced with 10 GB", "http/1.1", post("/photo", MULTIPART + length(10_000_000_000)) + photo, b"x" * 32_768, ENDLESS),
        ("150,000 parts of a form", "http/1.1", post("/photo", MULTIPART + length(len(part) * 150_000 + 5)) + part * 150_000 + b"--b--", b"", 0),
        ("a part's headers without an end", "http/1.1", post("/photo", MULTIPART + length(8_000_000)) + b"--b\r\n", b"Name: value\r\n" * 2_000, 8_000_000),
        ("HTTP/2: path of 15 KB", "h2", h2(host, b"/" + b"x" * 15_000), b"", 0),
        ("HTTP/2: header list of 64 KB", "h2", h2(host, b"/", [(b"x", b"y" * 16_000)] * 4), b"", 0),
        ("HTTP/2: 2,000 headers", "h2", h2(host, b"/", [(b"x", b"y")] * 2_000), b"", 0),
        ("HTTP/2: form without an end, whatever may be sent", "h2", h2(host, b"/open", [(b"content-type", FORM[14:-2].encode())], b"\x83", 0), frame(0, 0, 1, b"x" * 16_384), ENDLESS),
    ]


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def text(value):
    """A string of HPACK, as it is."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, out = len(value) - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest]) + value


def h2(host, path, headers=(), method=b"\x82", flags=1):
    """A request on stream 1, in as many frames as it needs, after a connection's first bytes."""
    block = method + b"\x87\x01" + text(host.encode()) + b"\x04" + text(path) + b"".join(b"\x00" + text(name) + text(value) for name, value in headers)
    pieces = [block[at:at + 16_384] for at in range(0, len(block), 16_384)]
    frames = [frame(9 if at else 1, (0 if at else flags) | (4 if at == len(pieces) - 1 else 0), 1, piece) for at, piece in enumerate(pieces)]
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + b"".join(frames)


def answer_of_h2(came):
    """Status of the first headers, or how the request or the connection was ended; nothing while neither is there."""
    at = 0
    while len(came) >= at + 9:
        length, kind = int.from_bytes(came[at:at + 3], "big"), came[at + 3]
        payload = came[at + 9:at + 9 + length]
        if len(payload) < length:
            return None
        if kind == 1:
            return status(payload)
        if kind in (3, 7):
            return f"{'reset' if kind == 3 else 'goodbye'} {int.from_bytes(payload[0 if kind == 3 else 4:][:4], 'big')}"
        at += 9 + length
    return None


def status(block):
    known = {8: "200", 9: "204", 10: "206", 11: "304", 12: "400", 13: "404", 14: "500"}
    if block[0] & 0x80:
        return known.get(block[0] & 0x7F, "?")
    value = block[2:2 + (block[1] & 0x7F)]
    if not block[1] & 0x80:
        return value.decode()
    # Three digits in HPACK's code: 0 to 2 have five bits, the others six.
    bits, digits = "".join(f"{byte:08b}" for byte in value), ""
    while len(digits) < 3:
        short = int(bits[:5], 2)
        digits, bits = digits + str(short if short < 3 else int(bits[:6], 2) - 0x16), bits[5 if short < 3 else 6:]
    return digits


def once(server, port, source, version, first, more, most):
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols([version])
    with socket.create_connection((server, port), PATIENCE_S, source_address=(source, 0)) as raw, tls.wrap_socket(raw) as s:
        begun, taken, came, unsent, answer = time.monotonic(), 0, b"", memoryview(first), None
        s.settimeout(0)
        while time.monotonic() - begun < PATIENCE_S and answer is None:
            idle = True
            try:
                if unsent:
                    sent = s.send(unsent[:65_536])
                    taken, unsent, idle = taken + sent, unsent[sent:], False
                elif taken < most:
                    unsent, idle = memoryview(more), False
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            except OSError:
                # It takes no more; what it has said may still be there.
                unsent, most = memoryview(b""), 0
            try:
                piece = s.recv(65_536)
                came += piece
                answer = came[9:12].decode() if version != "h2" and len(came) >= 12 else answer_of_h2(came) if version == "h2" else None
                if not piece:
                    answer = answer or "closed"
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if idle:
                    time.sleep(0.001)
            except OSError:
                answer = "closed"
        return answer or "slow", (time.monotonic() - begun) * 1000, taken


def main():
    server, port, seconds, addresses = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4].split(",")
    every, rows, lock = cases(f"localhost:{port}"), collections.defaultdict(list), threading.Lock()
    until = time.monotonic() + seconds

    def work(at):
        while time.monotonic() < until:
            name, version, first, more, most = every[at % len(every)]
            at += 1
            try:
                row = once(server, port, random.choice(addresses), version, first, more, most)
            except OSError:
                row = ("not connected", 0.0, 0)
            with lock:
                rows[name].append(row)

    threads = [threading.Thread(target=work, args=(n * 3,)) for n in range(8)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    for name, *_ in every:
        took = [row[1] for row in rows[name]] or [0.0]
        print(json.dumps({"case": name, "times": len(rows[name]), "answers": dict(collections.Counter(row[0] for row in rows[name])),
                          "p50_ms": round(statistics.median(took), 1), "max_ms": round(max(took), 1), "taken_kb_most": max((row[2] for row in rows[name]), default=0) >> 10}))


main()
