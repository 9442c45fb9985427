#!/usr/bin/env python3
"""First copy, nothing changed, one record: Kusuribako beside rsync, Syncthing and PouchDB, in one run on this machine.

Two nodes in network namespaces, 100,000 records of 322 bytes. Bytes are those of the interface counters, both ways; the clock
stops when the second node's data is complete, never on a tool's own word. Needs root, iproute2, rsync, syncthing, and for
pouchdb-server a directory where `npm install pouchdb-server pouchdb` was run.

    benches/peers.py --program target/release/kusuribako [--records N] [--only rsync,kusuribako] [--pouchdb DIR]
"""
import argparse, http.client, json, os, pathlib, random, re, resource, shutil, socket, sqlite3, statistics, subprocess, sys, tempfile, time
import urllib.parse, urllib.request

A, B = "10.78.0.1", "10.78.0.2"
NS = [f"kbp{os.getpid()}{side}" for side in "ab"]
NAMES = "アムロジピン ロスバスタチン メトホルミン ランソプラゾール ワルファリン プレドニゾロン アスピリン フロセミド".split()


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kw)


def inside(side, *args):
    return ["nsenter", f"--net=/run/netns/{NS[side]}", "--", *args]


def set_up():
    for side, address in enumerate((A, B)):
        run("ip", "netns", "add", NS[side])
    run("ip", "link", "add", "eth0", "netns", NS[0], "type", "veth", "peer", "name", "eth0", "netns", NS[1])
    for side, address in enumerate((A, B)):
        run("ip", "-n", NS[side], "addr", "add", f"{address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            run("ip", "-n", NS[side], "link", "set", link, "up")


def tear_down():
    for name in NS:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def link(state):
    run("ip", "-n", NS[0], "link", "set", "eth0", state)


def wire_bytes():
    stats = json.loads(run("ip", "-n", NS[0], "-s", "-j", "link", "show", "eth0").stdout)[0]["stats64"]
    return stats["rx"]["bytes"] + stats["tx"]["bytes"]


def until(what, condition, seconds=3600, pause=0.01):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(pause)


class Measure:
    """Time and bytes of what happens within."""

    def __enter__(self):
        self.bytes, self.start = wire_bytes(), time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds, self.bytes = time.monotonic() - self.start, wire_bytes() - self.bytes

    def row(self):
        return {"seconds": round(self.seconds, 3), "bytes": self.bytes}


def spent(pid):
    """CPU seconds and peak memory in MB of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)
    return {"cpu_s": (int(fields[11]) + int(fields[12])) / ticks, "peak_mb": int(peak) / 1024}


def record(n):
    """One dispensing as a pharmacy writes it, 322 bytes in its own encoding."""
    draw = random.Random(n)
    day = f"{draw.randint(2015, 2025)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}"
    text = (f"5,{day},1\r\n11,見本薬局 {n % 97},13,4,{1000000 + n % 97},,,,1\r\n51,見本病院 {n % 89},13,1,{2000000 + n % 89},1\r\n"
            f"201,1,{draw.choice(NAMES)}錠{draw.choice((1, 2, 5, 10, 50))}mg「{n:07}」,{draw.randint(1, 3)},錠,2,{draw.randint(610000000, 629999999)},1\r\n"
            f"301,1,【分{draw.randint(1, 3)} 毎食後服用】,{draw.choice((7, 14, 28, 30))},日分,1,1,,1\r\n501,1,")
    room = 322 - len(text.encode("cp932")) - len(",1\r\n")
    return text + "".join(draw.choice("0123456789abcdef") for _ in range(room)) + ",1\r\n"


def rsync(records, scratch, _args):
    source, target = scratch / "from", scratch / "to"
    source.mkdir(), target.mkdir()
    for n in range(records):
        (source / f"{n:06}").write_bytes(record(n).encode("cp932"))
    conf = scratch / "rsyncd.conf"
    conf.write_text(f"use chroot = no\nuid = root\ngid = root\n[to]\npath = {target}\nread only = no\n")
    daemon = subprocess.Popen(inside(1, "rsync", "--daemon", "--no-detach", f"--config={conf}", f"--address={B}"))
    try:
        time.sleep(0.5)
        copy = inside(0, "rsync", "-a", f"{source}/", f"rsync://{B}/to/")
        with Measure() as first:
            run(*copy)
        complete = len(list(target.iterdir())) == records
        with Measure() as nothing:
            run(*copy)
        one = []
        for n in range(20):
            (source / f"new{n:03}").write_bytes(record(records + n).encode("cp932"))
            begun = time.monotonic()
            run(*copy)
            one.append(time.monotonic() - begun)
        return {"first": first.row(), "complete": complete, "nothing": nothing.row(), "one": percentiles(one)}
    finally:
        daemon.terminate(), daemon.wait()


def percentiles(seconds):
    ordered = sorted(seconds)
    at = lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)
    return {"p50_ms": at(0.5), "p99_ms": at(0.99), "n": len(ordered)}


def syncthing(records, scratch, _args):
    """Each record a file, a thousand to a directory: Syncthing reads a directory anew for each file that it writes there. Watcher at one second."""
    homes, folders = [scratch / "ha", scratch / "hb"], [scratch / "fa", scratch / "fb"]
    for home, folder in zip(homes, folders):
        home.mkdir(), folder.mkdir()
        run("syncthing", "generate", f"--home={home}", "--no-default-folder", "--skip-port-probing")
    ids = [run("syncthing", f"--home={home}", "--device-id").stdout.strip() for home in homes]
    for n in range(records):
        directory = folders[0] / f"{n // 1000:03}"
        directory.mkdir(exist_ok=True)
        (directory / f"{n % 1000:03}").write_bytes(record(n).encode("cp932"))
    for side, (home, folder) in enumerate(zip(homes, folders)):
        devices = "".join(f'<device id="{d}"/>' for d in ids)
        known = "".join(f'<device id="{d}" name="{i}"><address>tcp://{(A, B)[i]}:22000</address></device>' for i, d in enumerate(ids))
        kind = ("sendonly", "receiveonly")[side]
        (home / "config.xml").write_text(
            f'<configuration version="35"><folder id="f" path="{folder}" type="{kind}" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">'
            f'<filesystemType>basic</filesystemType>{devices}</folder>{known}<gui enabled="false"><address>127.0.0.1:8384</address><apikey>k</apikey></gui>'
            '<options><listenAddress>tcp://:22000</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>'
            '<relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>'
            '<crashReportingEnabled>false</crashReportingEnabled></options></configuration>')
    is_record = lambda entry: entry.is_file() and not entry.name.startswith(".")
    count = lambda: sum(is_record(entry) for directory in os.scandir(folders[1]) if directory.is_dir() for entry in os.scandir(directory))
    started = [subprocess.Popen(inside(side, "syncthing", "serve", f"--home={homes[side]}", "--no-browser", "--no-restart", "--logflags=0"),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "STNOUPGRADE": "1"}) for side in (0, 1)]
    try:
        with Measure() as first:
            until("the first copy", lambda: count() == records, pause=1)
        one = []
        for n in range(10):
            (folders[0] / "000" / f"new{n:03}").write_bytes(record(records + n).encode("cp932"))
            begun = time.monotonic()
            until("one record", lambda: (folders[1] / "000" / f"new{n:03}").exists(), 60)
            one.append(time.monotonic() - begun)
        return {"first": first.row(), "one": percentiles(one)}
    finally:
        for process in started:
            process.terminate(), process.wait()


def pouchdb(records, scratch, args):
    """pouchdb-server at A; a PouchDB at B replicates from it."""
    if not args.pouchdb:
        return {"skipped": "no --pouchdb DIR"}
    modules = pathlib.Path(args.pouchdb).resolve() / "node_modules"
    (scratch / "server").mkdir()
    server = subprocess.Popen(inside(0, "node", str(modules / "pouchdb-server/bin/pouchdb-server"), "--host", A, "--port", "5984", "--dir", str(scratch / "server")),
                              cwd=scratch / "server", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    script = scratch / "pouch.js"
    script.write_text("""
const PouchDB = require(process.argv[2] + '/pouchdb'); const fs = require('fs');
const [,, , what, remote, local, file] = process.argv;
(async () => {
  const r = new PouchDB(remote);
  if (what === 'load') {
    const docs = JSON.parse(fs.readFileSync(file));
    for (let i = 0; i < docs.length; i += 1000) await r.bulkDocs(docs.slice(i, i + 1000));
    return;
  }
  const l = new PouchDB(local);
  await l.replicate.from(r, {batch_size: 1000, batches_limit: 4});
  if (what === 'live') {
    const took = [];
    let arrived; let next = new Promise(ok => arrived = ok);
    l.replicate.from(r, {live: true, retry: true}).on('change', () => { arrived(); next = new Promise(ok => arrived = ok); });
    await new Promise(ok => setTimeout(ok, 1500));
    for (let i = 0; i < 30; i++) { const waiting = next; await r.put({_id: 'new' + i, text: docs_text}); const t = process.hrtime.bigint(); await waiting; took.push(Number(process.hrtime.bigint() - t) / 1e9); }
    console.log(JSON.stringify(took)); process.exit(0);
  }
  console.log((await l.info()).doc_count);
})().catch(e => { console.error(e); process.exit(1); });
const docs_text = 'x'.repeat(322);
""")
    docs = scratch / "docs.json"
    docs.write_text(json.dumps([{"_id": f"{n:06}", "text": record(n)} for n in range(records)]))
    remote = f"http://{A}:5984/records"
    node = lambda what: run(*inside(1, "node", str(script), str(modules), what, remote, str(scratch / "local"), str(docs)))
    try:
        def up():
            return subprocess.run(inside(1, "python3", "-c", f"import socket; socket.create_connection(('{A}', 5984), 1)"), capture_output=True).returncode == 0
        until("pouchdb-server answers", up, 60, 0.5)
        node("load")
        with Measure() as first:
            copied = int(node("copy").stdout.split()[-1])
        with Measure() as nothing:
            node("copy")
        one = json.loads(node("live").stdout.splitlines()[-1])
        return {"first": first.row(), "complete": copied == records, "nothing": nothing.row(), "one": percentiles(one)}
    finally:
        server.terminate(), server.wait()


class Clinic:
    def __init__(self, side, scratch, program):
        self.side, self.dir, self.program, self.child = side, scratch / f"clinic{side}", program, None
        self.log = open(scratch / f"log{side}", "ab")

    def command(self, *args):
        return inside(self.side, self.program, *args)

    def do(self, *args):
        done = subprocess.run(self.command(*args), capture_output=True, text=True, env={**os.environ, "KUSURIBAKO_DIR": str(self.dir)})
        if done.returncode:
            sys.exit(f"{args}: {done.stderr}")
        return done.stdout

    def json(self, *args):
        return json.loads(self.do(*args, "--json"))

    def start(self):
        self.child = subprocess.Popen(self.command("serve", "--listen", "127.0.0.1:8080"), stdout=subprocess.PIPE, stderr=self.log,
                                      text=True, env={**os.environ, "KUSURIBAKO_DIR": str(self.dir)})
        assert self.child.stdout.readline().startswith("ready")

    def stop(self):
        if self.child:
            self.child.terminate(), self.child.wait()
            self.child = None

    def entries(self, ledger):
        db = sqlite3.connect(f"file:{self.dir}/ledger.db?mode=ro", uri=True)
        return db.execute("SELECT count(*) FROM entry JOIN chain ON chain.id = entry.chain WHERE chain.ledger = ?", [ledger]).fetchone()[0]


def kusuribako(records, scratch, args):
    clinics = [Clinic(side, scratch, str(pathlib.Path(args.program).resolve())) for side in (0, 1)]
    first, second = clinics
    for clinic in clinics:
        clinic.do("init", "--name", f"clinic {clinic.side}", "--lat", f"38.{clinic.side}", "--lon", "140.8", "--damage", "0.3", "--host", f"h{clinic.side}", "--capacity", "1000000",
                  "--admin-out", str(scratch / f"staff{clinic.side}"))
    ledger = sqlite3.connect(f"file:{first.dir}/ledger.db?mode=ro", uri=True).execute("SELECT ledger FROM chain").fetchone()[0]
    patients = []
    for patient in range(100):
        patients.append(first.json("patient", "add", "--name", f"患者 {patient}", "--birth", "19580303", "--sex", "male")["patient"])
        path = scratch / f"{patient}.csv"
        visits = "".join(record(n) for n in range(patient, records, 100))
        path.write_bytes(f"JAHISTC07,1\r\n1,患者 {patient},1,S330303,,,,,,,\r\n{visits}".encode("cp932"))
        first.do("import", str(path), "--patient", patients[-1])
    card = first.json("card", "issue", "--patient", patients[0])
    first.do("region", "found", "--name", "bench", "--kit-out", str(scratch / "kit"))
    root = str(scratch / "kit" / "root.txt")
    first.start(), second.start()
    code = first.json("region", "invite")["code"]
    compared = second.json("region", "join", code, "--address", f"{A}:7443")["compared"]
    second.do("region", "confirm", compared), first.do("region", "confirm", compared, "--root", root)
    total = first.entries(ledger)
    try:
        idle = spent(second.child.pid)
        with Measure() as filling:
            first.do("region", "place", "--adopt", "--root", root)
            until("the first copy", lambda: second.entries(ledger) >= total, pause=0.05)
        filled = spent(second.child.pid)
        time.sleep(3)
        second.stop()
        time.sleep(3)
        with Measure() as nothing:
            second.start()
            until("proven again", lambda: proven(second), 60, 0.05)
        one = one_record(first, second, card, ledger)
        link("down")
        time.sleep(8)
        write = writer(first, card)
        for n in range(100):
            write(f"alone {n}")
        total = first.entries(ledger)
        link("up")
        begun = time.monotonic()
        until("after the partition", lambda: second.entries(ledger) >= total)
        healed = time.monotonic() - begun
        quiet = wire_bytes()
        time.sleep(10)
        return {"entries": total, "first": filling.row(), "nothing": nothing.row(), "one": percentiles(one), "healed_s": round(healed, 2),
                "b": {"cpu_s": round(filled["cpu_s"] - idle["cpu_s"], 2), "peak_mb_above_idle": round(filled["peak_mb"] - idle["peak_mb"], 1)},
                "idle_bytes_per_s": round((wire_bytes() - quiet) / 10)}
    finally:
        first.stop(), second.stop()


def proven(clinic):
    status = clinic.json("region", "status")
    return all(holder["behind"] == 0 for ledger in status["ledgers"] for holder in ledger["holders"])


def writer(clinic, card):
    """Writes memos into a record as its owner, over one connection from inside the namespace."""
    helper = subprocess.Popen(inside(clinic.side, sys.executable, __file__, "--write", card["code"], card["pin"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write(text):
        helper.stdin.write(text + "\n"), helper.stdin.flush()
        answer = helper.stdout.readline()
        assert answer.strip() == "ok", answer
    return write


def write_memos(code, pin):
    connection = http.client.HTTPConnection("127.0.0.1", 8080)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def ask(method, path, form=None):
        connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        if cookie := answer.getheader("set-cookie"):
            headers["Cookie"] = cookie.split(";")[0]
        return answer.status, answer.read().decode()

    value = lambda page, name: re.search(f'name="{name}" value="([^"]*)"', page).group(1)
    ask("POST", "/open", {"code": code, "pin": pin})
    ask("POST", "/you", {"csrf": value(ask("GET", "/you")[1], "csrf"), "answer": "yes"})
    for line in sys.stdin:
        page = ask("GET", "/record/notes")[1]
        status, _ = ask("POST", "/record/notes/own", {"csrf": value(page, "csrf"), "fact": value(page, "fact"), "on": value(page, "on"), "text": line.strip()})
        print("ok" if status == 303 else status, flush=True)


def one_record(first, second, card, ledger):
    write, took = writer(first, card), []
    db = sqlite3.connect(f"file:{second.dir}/ledger.db?mode=ro", uri=True)
    last = lambda: db.execute("SELECT max(row) FROM entry").fetchone()[0]
    write("warm")
    time.sleep(1)
    for n in range(200):
        before = last()
        write(f"memo {n}")
        begun = time.monotonic()
        until("one record", lambda: last() > before, 30, 0.0003)
        took.append(time.monotonic() - begun)
    return took


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--write":
        return write_memos(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/kusuribako")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--only", default="rsync,kusuribako,pouchdb,syncthing")
    parser.add_argument("--pouchdb", help="where pouchdb-server and pouchdb are installed")
    args = parser.parse_args()
    for name in args.only.split(","):
        set_up()
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="peers-"))
        try:
            print(json.dumps({name: globals()[name](args.records, scratch, args)}), flush=True)
        finally:
            shutil.rmtree(scratch)
            tear_down()


if __name__ == "__main__":
    main()
