#!/usr/bin/env python3
"""Phones at one clinic: how soon pages come, beside nginx that serves the same bytes from a file, and while others are slow, idle or flood.

    benches/load.py --program target/release/kusuribako [--phones 1000] [--look-ms 5000] [--seconds 20] [--rounds 3]
    benches/load.py --program … --only start|reading|nginx|slow|wave|floods|oversized …

Needs root, iproute2, openssl; nginx and wrk for the comparison. Prints one line of JSON a measurement. Server, phones and whoever floods
share one machine: what counts are ratios within one run.
"""
import argparse, json, os, pathlib, random, re, shutil, socket, ssl, statistics, struct, subprocess, sys, tempfile, threading, time, urllib.parse

PORT, PLAIN = 8443, 8444


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kw)


def say(**figures):
    print(json.dumps(figures), flush=True)


class Clinic:
    """A clinic with some patients and their cards, served over TLS."""

    def __init__(self, program, scratch, patients, tag):
        self.program, self.scratch, self.dir, self.child, self.tag = program, scratch, scratch / "clinic", None, tag
        self.env = {**os.environ, "KUSURIBAKO_DIR": str(self.dir)}
        self.do("init", "--name", "bench", "--phone", "0")
        files = []
        for patient in range(patients):
            files.append(scratch / f"{patient}.csv")
            files[-1].write_bytes(record(patient))
        self.do("import", "--new-patients", *map(str, files))
        listed = json.loads(self.do("patient", "list", "--json"))
        rows = listed["patients"] if isinstance(listed, dict) else listed
        self.cards = []
        for row in rows:
            card = json.loads(self.do("card", "issue", "--patient", row["patient"], "--json"))
            self.cards.append((card["code"].replace("-", ""), card["pin"]))
        (scratch / "cards").write_text("".join(f"{code} {pin}\n" for code, pin in self.cards))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(scratch / "key.pem"), "-out", str(scratch / "cert.pem"))

    def do(self, *args):
        done = subprocess.run([self.program, *args], capture_output=True, text=True, env=self.env)
        if done.returncode:
            sys.exit(f"{args[:3]}: {done.stderr}")
        return done.stdout

    def inside(self, *args):
        return ["nsenter", f"--net=/run/netns/{self.tag}s", "--", *args]

    def start(self):
        args = ["serve", "--listen", f"0.0.0.0:{PORT}", "--tls-cert", str(self.scratch / "cert.pem"), "--tls-key", str(self.scratch / "key.pem"),
                "--host", "localhost", "--sync-listen", "off", "--no-discovery"]
        self.child = subprocess.Popen(self.inside(self.program, *args), stdout=subprocess.PIPE, text=True, env=self.env)
        assert self.child.stdout.readline().startswith("ready")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) >> 10

    def established(self):
        """Connections at the pages' port, as the system of the server counts them."""
        rows = pathlib.Path(f"/proc/{self.child.pid}/net/tcp").read_text().splitlines()[1:]
        port = f":{PORT:04X}"
        return sum(1 for row in map(str.split, rows) if row[1].endswith(port) and row[3] == "01")

    def files(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))


def record(patient):
    parts = [f"JAHISTC07,1\r\n1,患者 {patient},1,S33{1 + patient % 12:02}{1 + patient % 28:02},,,,,,,\r\n"]
    drugs = [("ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg", "Ｃ", 620004992), ("アムロジピン錠5mg", "錠", 620007814), ("ロキソプロフェン錠60mg", "錠", 620098801)]
    for visit in range(10):
        parts.append(f"5,R08{1 + visit:02}{1 + patient % 28:02},1\r\n11,株式会社 見本薬局,13,4,1234567,,,,1\r\n51,医療法人 見本病院,13,1,1234567,1\r\n")
        for rp, (name, unit, code) in enumerate(drugs, 1):
            parts.append(f"201,{rp},{name},{1 + visit % 3 * 3},{unit},2,{code},1\r\n301,{rp},【分３ 毎食後服用】,{14 + visit},日分,1,1,,1\r\n")
    return "".join(parts).encode("cp932")


class Net:
    """A namespace for the server and one for everybody else, who have many addresses."""

    def __init__(self, tag, addresses=400):
        self.tag, self.server = tag, "10.81.0.1"
        self.addresses = [f"10.81.{1 + n // 250}.{1 + n % 250}" for n in range(addresses)]
        # Phones have an address each, as on a Wi-Fi.
        self.honest = [f"10.81.0.{n}" for n in range(100, 130)]
        for name in (f"{tag}s", f"{tag}c"):
            run("ip", "netns", "add", name), run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", f"{tag}s", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", f"{tag}c")
        run("ip", "-n", f"{tag}s", "addr", "add", f"{self.server}/16", "dev", "eth0")
        batch = "".join(f"addr add {ip}/16 dev eth0\n" for ip in ["10.81.0.2", *self.honest, *self.addresses])
        run("ip", "-n", f"{tag}c", "-batch", "-", input=batch)
        for name in (f"{tag}s", f"{tag}c"):
            run("ip", "-n", name, "link", "set", "eth0", "up")

    def inside(self, *args):
        return ["nsenter", f"--net=/run/netns/{self.tag}c", "--", *args]

    def remove(self):
        for name in (f"{self.tag}s", f"{self.tag}c"):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def phones(clinic, net, number, seconds, look_ms, *more, cards=True, is_near=False):
    """From this machine itself there may be any number; from one address elsewhere no more than 32."""
    args = [clinic.program, "load", f"{'127.0.0.1' if is_near else net.server}:{PORT}", "--certificate", str(clinic.scratch / "cert.pem"), "--phones", str(number),
            "--seconds", str(seconds), "--look-ms", str(look_ms), "--json", *more]
    if cards:
        args += ["--cards", str(clinic.scratch / "cards")]
    done = subprocess.run(clinic.inside(*args) if is_near else net.inside(*args), capture_output=True, text=True)
    if not done.stdout:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def reading(clinic, net, args):
    before = clinic.cpu()
    figures = phones(clinic, net, args.phones, args.seconds, args.look_ms, "--path", "/record", "--path", "/record/history", "--path", "/record/notes", is_near=True)
    say(measurement="phones reading", look_ms=args.look_ms, server_cpu_s=round(clinic.cpu() - before, 2), resident_mb=clinic.resident(), **figures)


def session(clinic, net):
    """A record opened by hand; its cookie. From inside the clients' namespace."""
    code, pin = random.choice(clinic.cards)
    out = net_get(net, clinic, "POST", "/open", form={"code": code, "pin": pin})
    cookie = re.search(r"set-cookie: ([^;]+)", out).group(1)
    you = net_get(net, clinic, "GET", "/you", cookie=cookie)
    csrf = re.search(r'name="csrf" value="([^"]+)"', you).group(1)
    net_get(net, clinic, "POST", "/you", cookie=cookie, form={"csrf": csrf, "answer": "yes"})
    return cookie


def net_get(net, clinic, method, path, cookie="", form=None, gzip=False):
    args = net.inside("curl", "-sk", "--http1.1", "-i", "-X", method, "--resolve", f"localhost:{PORT}:{net.server}", f"https://localhost:{PORT}{path}", "-H", f"Cookie: {cookie}")
    if form:
        args += ["--data", urllib.parse.urlencode(form)]
    if gzip:
        args += ["-H", "Accept-Encoding: gzip"]
    done = subprocess.run(args, capture_output=True)
    return done.stdout if gzip else done.stdout.decode()


NGINX = """user root; worker_processes 2; daemon off; pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{ access_log off; types {{ text/html html; }} client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
 keepalive_requests 1000000; gzip_static on;
 server {{ listen {port} ssl; ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem; ssl_protocols TLSv1.3; root {dir}/www; }} }}
"""


def beside_nginx(clinic, net, args):
    """The record page of fifty sessions beside the same bytes from a file; in turn, several times.

    Both sides are asked alike: the same body (nginx gives the compressed file as it lies there, with `gzip_static`), TLS 1.3 with the cipher that wrk
    asks for first (AES-256-GCM), HTTP/1.1 on thirty connections that stay, two threads each on the same cores as wrk; nginx writes no log. Ours
    sends some 500 bytes of headers more. Two cases, and both are to be named: `again` asks for the same page as before, which the session has kept
    while nothing changed; `first` gives each request an address of its own, so that each page is read, decrypted, put into words and compressed.
    """
    if not (shutil.which("wrk") and shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")):
        return say(measurement="beside nginx", skipped="wrk and nginx are needed")
    cookies = [session(clinic, net) for _ in range(50)]
    www = clinic.scratch / "www"
    www.mkdir()
    for name, gzip in (("page.html", False), ("page.html.gz", True)):
        raw = net_get(net, clinic, "GET", "/record", cookie=cookies[0], gzip=True) if gzip else net_get(net, clinic, "GET", "/record", cookie=cookies[0]).encode()
        body = raw.partition(b"\r\n\r\n")[2]
        if gzip and b"chunked" in raw.partition(b"\r\n\r\n")[0].lower():
            pass  # curl has put the pieces together already
        (www / name).write_bytes(body)
    (clinic.scratch / "nginx.conf").write_text(NGINX.format(dir=clinic.scratch, port=PLAIN))
    nginx = subprocess.Popen(clinic.inside("/usr/sbin/nginx", "-c", str(clinic.scratch / "nginx.conf")))
    ours = "local c = {%s}\nlocal n = 0\nlocal salt = tostring({}):sub(8)\nrequest = function() n = n + 1; return wrk.format('GET', '/record'%s, {Host='localhost:%d', Cookie=c[n %% #c + 1]%s}) end\n"
    try:
        for packed, case in ((True, "again"), (True, "first"), (False, "again"), (False, "first")):
            accept = ", ['Accept-Encoding']='gzip'" if packed else ""
            (clinic.scratch / "ours.lua").write_text(ours % (",".join(f"'{c}'" for c in cookies), " .. '?' .. salt .. n" if case == "first" else "", PORT, accept))
            (clinic.scratch / "theirs.lua").write_text(f"wrk.headers['X']='y' {'wrk.headers[' + chr(39) + 'Accept-Encoding' + chr(39) + ']=' + chr(39) + 'gzip' + chr(39) if packed else ''}")
            rounds = []
            for _ in range(args.rounds):
                before = clinic.cpu()
                own = wrk(net, clinic, f"https://{net.server}:{PORT}/record", "ours.lua")
                cpu, before = clinic.cpu() - before, spent(nginx.pid)
                other = wrk(net, clinic, f"https://{net.server}:{PLAIN}/page.html", "theirs.lua")
                rounds.append((own, other, cpu / max(own["count"], 1) * 1e6, (spent(nginx.pid) - before) / max(other["count"], 1) * 1e6))
            say(measurement="beside nginx", case=case, packed=packed, bytes=(www / ("page.html.gz" if packed else "page.html")).stat().st_size,
                record_per_s=[r[0]["rate"] for r in rounds], nginx_per_s=[r[1]["rate"] for r in rounds], errors=[sum(r[at]["errors"] for r in rounds) for at in (0, 1)],
                record_cpu_us=round(statistics.median(r[2] for r in rounds)),
                nginx_cpu_us=round(statistics.median(r[3] for r in rounds)), ratio=round(statistics.median(r[0]["rate"] / r[1]["rate"] for r in rounds), 2))
    finally:
        nginx.terminate(), nginx.wait()


def spent(pid):
    """Seconds of processor time of a process and of its children."""
    pids = [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    fields = [pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split() for one in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")


def wrk(net, clinic, url, script):
    # From one address there are no more than 32 places.
    out = run(*net.inside("wrk", "-t2", "-c30", "-d5s", "-s", str(clinic.scratch / script), url)).stdout
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", out)))
    return {"rate": float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1)), "count": int(re.search(r"(\d+) requests in", out).group(1)), "errors": errors}


# Whoever floods: this file again, inside the clients' namespace.

def flood(server, addresses, kind, seconds):
    """HTTP/2 by hand, from many addresses, on four connections at a time."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2"])
    frame = lambda kind, flags, stream, payload=b"": struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload
    host = f"localhost:{PORT}".encode()
    get = b"\x82\x87\x84\x01" + bytes([len(host)]) + host
    blobs = {
        "reset": b"".join(frame(1, 5, s, get) + frame(3, 0, s, struct.pack("!I", 8)) for s in range(1, 2001, 2)),
        "streams": b"".join(frame(1, 5, s, get) for s in range(1, 2001, 2)),
        "ping": frame(6, 0, 0, b"12345678") * 1000,
        "settings": frame(4, 0, 0) * 1000,
        "continuation": frame(1, 1, 1, get) + frame(9, 0, 1, b"\x00\x04name\x7f\x81\x1e" + b"x" * 4000) * 500,
    }
    until, sent, connections = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        try:
            with socket.create_connection((server, PORT), 5, source_address=(random.choice(addresses), 0)) as raw, tls.wrap_socket(raw) as s:
                connections += 1
                s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
                for _ in range(20):
                    s.sendall(blobs[kind])
                    sent += len(blobs[kind])
        except OSError:
            pass
    say(connections=connections, sent_mb=sent >> 20)


def aside(net, *args):
    return subprocess.Popen(net.inside(sys.executable, os.path.abspath(__file__), "--inside", *map(str, args), "--addresses", ",".join(net.addresses)), stdout=subprocess.PIPE, text=True)


def honest(clinic, net, seconds, what, **more):
    """Thirty phones, each page over a connection of its own."""
    before = clinic.cpu()
    figures = phones(clinic, net, 30, seconds, 500, "--fresh", "--path", "/", "--from", ",".join(net.honest), cards=False)
    keep = ("pages", "failed", "why", "p50_ms", "p99_ms", "max_ms")
    say(measurement=what, honest={k: figures[k] for k in keep}, server_cpu_s=round(clinic.cpu() - before, 2), resident_mb=clinic.resident(), files=clinic.files(), **more)


class Watch(threading.Thread):
    """What the server holds, once a second."""

    def __init__(self, clinic):
        super().__init__(daemon=True)
        self.clinic, self.begun, self.cpu, self.rows, self.is_over = clinic, time.monotonic(), clinic.cpu(), [], threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(1):
            row = (time.monotonic(), self.clinic.established(), self.clinic.resident(), self.clinic.cpu())
            self.rows.append(row)

    def end(self):
        self.is_over.set(), self.join()
        return self.rows

    def between(self, begun, ended):
        rows = [row for row in self.rows if begun <= row[0] <= ended]
        held = sorted(row[1] for row in rows)
        return {"held_least": held[0], "held_median": held[len(held) // 2], "held_most": held[-1], "resident_mb_most": max(row[2] for row in rows),
                "server_cores": round((rows[-1][3] - rows[0][3]) / max(rows[-1][0] - rows[0][0], 1), 2), "samples": len(rows)}


def slow_ones(clinic, net, args, per_second=500, kinds=None, what="slow"):
    """Slow connections in one process, twenty honest phones in another: card, PIN, record, and on, each page over a connection of its own."""
    kinds, clients = kinds or args.kinds, ["--path", "/record", "--path", "/record/history", "--path", "/record/notes", "--fresh", "--from", ",".join(net.honest)]
    walk = lambda seconds: phones(clinic, net, 20, seconds, 500, *clients)
    keep = ("opened", "not_opened", "open_p50_ms", "open_p99_ms", "pages", "failed", "why", "p50_ms", "p99_ms", "max_ms")
    alone = walk(10)
    say(measurement=f"nobody {what}", honest={k: alone[k] for k in keep}, resident_mb=clinic.resident())
    watch, rise = Watch(clinic), args.slow / per_second if per_second else 0
    # Honest phones begin when all have come for the first time; in a wave, with it.
    length = int(rise + (args.held_seconds + 25 if rise else args.held_seconds))
    other = subprocess.Popen(net.inside(clinic.program, "load", f"{net.server}:{PORT}", "--certificate", str(clinic.scratch / "cert.pem"), "--slow", str(args.slow), "--kinds", kinds,
                                        "--per-second", str(per_second), "--seconds", str(length), "--from", ",".join(net.addresses), "--json"), stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + rise + 15
    while rise and time.monotonic() < deadline and clinic.established() < 0.97 * args.slow:
        time.sleep(0.5)
    begun = time.monotonic()
    figures = walk(args.held_seconds if rise else args.held_seconds // 2)
    ended = time.monotonic()
    theirs = json.loads(other.communicate()[0])
    watch.end()
    say(measurement=f"{args.slow} {what}", kinds=kinds, honest={k: figures[k] for k in keep}, for_s=round(ended - begun), **watch.between(begun, ended))
    say(measurement=f"the {what} ones", **theirs)
    say(measurement="afterwards", resident_mb=clinic.resident(), held=clinic.established())
    # What was freed goes back to the system when the allocator is next asked for something: with the next visitors.
    walk(8)
    say(measurement="after the next pages", resident_mb=clinic.resident())


def wave(clinic, net, args):
    """Ten thousand that come in one moment and say nothing."""
    slow_ones(clinic, net, args, per_second=0, kinds="silent", what="in one wave")


def first_page(clinic, net, _args):
    """From the start of the process to the whole first page, several times."""
    took = []
    for _ in range(5):
        clinic.child.terminate(), clinic.child.wait()
        begun = time.monotonic()
        clinic.start()
        ready = time.monotonic() - begun
        assert " 200" in net_get(net, clinic, "GET", "/").splitlines()[0]
        took.append((round(ready, 3), round(time.monotonic() - begun, 3)))
    say(measurement="start", ready_s=[t[0] for t in took], first_page_s=[t[1] for t in took])


def floods(clinic, net, _args):
    for kind in ("reset", "streams", "ping", "settings", "continuation"):
        others = [aside(net, "flood", net.server, kind, 12) for _ in range(2)]
        time.sleep(1)
        honest(clinic, net, 8, f"flood of {kind}")
        say(measurement=f"the flood of {kind}", each=[json.loads(other.communicate()[0]) for other in others])


def oversized(clinic, net, _args):
    """Requests that are too large, from eight connections at a time, and honest phones beside them. Who sends them gives way, as if on a machine of its own."""
    script = pathlib.Path(__file__).with_name("oversized.py")
    before = clinic.resident()
    watch = Watch(clinic)
    other = subprocess.Popen(net.inside("nice", "-n", "10", sys.executable, str(script), net.server, str(PORT), "40", ",".join(net.addresses)), stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    honest(clinic, net, 35, "beside what is oversized", resident_before_mb=before)
    for line in other.communicate()[0].splitlines():
        say(measurement="oversized", **json.loads(line))
    say(measurement="oversized, memory", resident_before_mb=before, resident_most_mb=max(row[2] for row in watch.end()), resident_after_mb=clinic.resident(), held=clinic.established())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/kusuribako")
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--look-ms", type=int, default=5000, help="how long a person looks at a page, on average")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", type=int, default=10_000)
    parser.add_argument("--kinds", default="silent,idle,headers,body,reader", help="as in `kusuribako load --kinds`")
    parser.add_argument("--held-seconds", type=int, default=60)
    parser.add_argument("--only", nargs="+", choices=["start", "reading", "nginx", "slow", "wave", "floods", "oversized"])
    parser.add_argument("--inside", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--addresses", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        _, server, more, seconds = args.inside
        return flood(server, args.addresses.split(","), more, int(seconds))
    scratch, net = pathlib.Path(tempfile.mkdtemp(prefix="load-")), Net(f"kbl{os.getpid()}")
    clinic = Clinic(str(pathlib.Path(args.program).resolve()), scratch, 50, net.tag)
    try:
        clinic.start()
        say(measurement="machine", cores=os.cpu_count(), load=os.getloadavg()[0], resident_mb=clinic.resident())
        parts = {"start": first_page, "reading": reading, "nginx": beside_nginx, "slow": slow_ones, "wave": wave, "floods": floods, "oversized": oversized}
        for name, part in parts.items():
            if not args.only or name in args.only:
                part(clinic, net, args)
    finally:
        if clinic.child:
            clinic.child.terminate(), clinic.child.wait()
        net.remove()
        shutil.rmtree(scratch)


main()
