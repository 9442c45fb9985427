"""A phone on the clinic's Wi-Fi: asks the DNS server that it was lent, looks for the internet as its maker has it do, and reads.

    phone.py DNS-SERVER (apple | android | windows | names NAME… | local NAME | walk CODE PIN)

What happened is printed as one line of JSON.
"""
import gzip, json, re, socket, struct, sys, urllib.parse

SERVER = sys.argv[1]
COUNTED = {"requests": 0, "bytes": 0}
COOKIES = {}


def question(name, kind=1, unicast=False):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return struct.pack("!6H", 4711, 0 if unicast else 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 0x8001 if unicast else 1)


def addresses(answer, asked):
    """The A records of an answer, or the word for why there are none."""
    ident, flags, _, count, _, _ = struct.unpack("!6H", answer[:12])
    if flags & 15:
        return {1: "FORMERR", 3: "NXDOMAIN", 5: "REFUSED"}.get(flags & 15, str(flags & 15))
    found = []
    for hit in re.finditer(rb"\x00\x01[\x00\x80]\x01....\x00\x04(....)", answer[12:], re.S):
        found.append(socket.inet_ntoa(hit.group(1)))
    return found or ("NODATA" if not count else "UNREAD")


def resolve(name, kind=1):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        asked = question(name, kind)
        s.sendto(asked, (SERVER, 53))
        return addresses(s.recv(512), asked)


def local(name):
    """One multicast question to which the answer comes straight back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.connect((SERVER, 53))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own.getsockname()[0]))
        s.settimeout(1)
        for _ in range(20):
            s.sendto(question(name, unicast=True), ("224.0.0.251", 5353))
            try:
                return addresses(s.recv(1500), None)
            except TimeoutError:
                pass


def fetch(url, agent, form=None):
    """One request, nothing followed: status, headers, body."""
    at = urllib.parse.urlsplit(url)
    host, port = at.hostname, at.port or 80
    ip = host if re.fullmatch(r"[0-9.]+", host) else resolve(host)
    if not isinstance(ip, (list, str)) or ip in ("REFUSED", "NXDOMAIN", "NODATA"):
        return None, {}, ""
    ip = ip if isinstance(ip, str) else ip[0]
    body = urllib.parse.urlencode(form).encode() if form is not None else b""
    head = f"{'GET' if form is None else 'POST'} {at.path or '/'} HTTP/1.1\r\nHost: {at.netloc}\r\nUser-Agent: {agent}\r\nConnection: close\r\nAccept-Encoding: gzip\r\n"
    if COOKIES.get(at.netloc):
        head += f"Cookie: {COOKIES[at.netloc]}\r\n"
    if form is not None:
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection((ip, port), 20) as s:
        s.sendall(head.encode() + b"\r\n" + body)
        answer = b""
        while part := s.recv(65536):
            answer += part
    COUNTED["requests"] += 1
    COUNTED["bytes"] += len(answer)
    top, _, rest = answer.partition(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    if "set-cookie" in headers:
        COOKIES[at.netloc] = headers["set-cookie"].split(";")[0]
    if headers.get("transfer-encoding") == "chunked":
        whole = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            whole, rest = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        rest = whole
    if headers.get("content-encoding") == "gzip":
        rest = gzip.decompress(rest)
    return int(lines[0].split()[1]), headers, rest.decode()


def sheet(url, agent):
    """What the sheet shows: redirects are followed."""
    for _ in range(5):
        status, headers, body = fetch(url, agent)
        if status not in (301, 302, 303, 307):
            return url, body
        url = urllib.parse.urljoin(url, headers["location"])


BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"


def apple():
    """captive.apple.com until it says Success; what is not Success opens the sheet, and each page in it is followed by a new question."""
    probe, agent = "http://captive.apple.com/hotspot-detect.html", "CaptiveNetworkSupport-496.0.0 wispr"
    is_online = lambda: "<BODY>Success</BODY>" in fetch(probe, agent)[2]
    before = [is_online(), is_online()]
    at, page = sheet(probe, BROWSER)
    return {"before": before, "sheet": at, "page": page, "after": is_online()}


def android():
    """204 is online. The sheet asks after each page, and closes itself on a 204."""
    probe = "http://connectivitycheck.gstatic.com/generate_204"
    agent = "Dalvik/2.1.0 (Linux; U; Android 15)"
    status = lambda: fetch(probe, agent)[0]
    before = status()
    at, page = sheet(probe, BROWSER)
    opened = status()
    base = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(at))
    front = fetch(base + "/", BROWSER)[0]
    reading = status()
    stays = fetch(base + "/wifi/stay", BROWSER, {})[0]
    return {"before": before, "sheet": at, "page": page, "opened": opened, "front": front, "reading": reading, "stays": stays,
            "after": status(), "https": resolve("www.google.com")}


def windows():
    probe = "http://www.msftconnecttest.com/connecttest.txt"
    before = fetch(probe, "Microsoft NCSI")
    at, _ = sheet("http://www.msftconnecttest.com/redirect", BROWSER)
    return {"before": before[0], "browser": at, "after": fetch(probe, "Microsoft NCSI")[2], "name": resolve("dns.msftncsi.com")}


def walk(code, pin):
    """From the card's QR to the record, with the style sheet, as a browser that has never been here."""
    base = "http://kusuri.internal"
    status, _, card = fetch(f"{base}/c/{code}", BROWSER)
    style = re.search(r'rel="stylesheet" href="([^"]+)"', card).group(1)
    opened = fetch(f"{base}/open", BROWSER, {"code": code, "pin": pin})
    you = fetch(base + opened[1]["location"], BROWSER)[2]
    csrf = re.search(r'name="csrf" value="([^"]+)"', you).group(1)
    said = fetch(f"{base}/you", BROWSER, {"csrf": csrf, "answer": "yes"})
    record = fetch(base + said[1]["location"], BROWSER)
    pages = dict(COUNTED)
    fetch(base + style, BROWSER)
    return {"status": record[0], "record": record[2], "requests": pages["requests"], "bytes": COUNTED["bytes"]}


what, rest = sys.argv[2], sys.argv[3:]
ways = {"apple": apple, "android": android, "windows": windows, "walk": walk, "local": local}
print(json.dumps({name: resolve(name) for name in rest} if what == "names" else ways[what](*rest)))
