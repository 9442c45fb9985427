"""`benches/region.py --mode fill`: an empty holder takes a clinic's whole ledger, and rsync the same database file over the same link."""
import http.client, json, os, pathlib, re, shutil, sqlite3, statistics, subprocess, threading, time, urllib.parse

FILES_AT_A_TIME = 500


def fill(region, lan, clinics, args, scratch):
    home, holder = clinics
    kept = pathlib.Path(args.keep) if args.keep else None
    if kept and (kept / "clinic").exists():
        shutil.copytree(kept / "clinic", home.dir)
    else:
        home.do("init", "--name", "home", "--lat", "38.1", "--lon", "140.1", "--damage", "0.3", "--host", "h0", "--capacity", "10000000", "--admin-out", str(scratch / "staff0"))
        write(region, home, args, scratch / "files")
        if kept:
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copytree(home.dir, kept / "clinic")
    holder.do("init", "--name", "holder", "--lat", "38.2", "--lon", "140.2", "--damage", "0.3", "--host", "h1", "--capacity", "10000000", "--admin-out", str(scratch / "staff1"))
    readers = patients_of(region, holder, args.readers, scratch / "own")
    ledger = held(home)[0][0]
    if args.pin:
        home.core, holder.core = 0, 1
    root = region.region_of(lan, clinics, scratch)
    if args.mbit:
        lan.shape(args.mbit)
    pages = Pages(lan, holder, readers, args.pages_per_s) if readers else None
    try:
        figures = {"entries": entries(home, ledger), "mbit": args.mbit, "pinned": args.pin}
        if pages:
            time.sleep(2), pages.take()
            time.sleep(args.seconds)
            figures["pages_idle"] = pages.figures()
        figures |= filled(region, lan, home, holder, ledger, root, pages, args)
    finally:
        if pages:
            pages.stop()
    for clinic in clinics:
        clinic.child.terminate(), clinic.child.wait()
        clinic.child = None
    if args.verify:
        report = holder.do("verify")
        figures["verify"] = report.strip().splitlines()[-1]
    if not args.no_rsync:
        figures["rsync"] = rsync(lan, home, scratch)
        figures["to_rsync"] = round(figures["seconds"] / figures["rsync"]["seconds"], 2)
    return figures


def write(region, home, args, files):
    """Patients with `visits` each; what is beside the visits (the person, the key, the file) counts as entries, too."""
    files.mkdir()
    patients, made = -(-args.entries // (args.visits + 3)), 0
    while made < patients:
        some = [files / f"{at}.csv" for at in range(made, min(made + FILES_AT_A_TIME, patients))]
        for at, path in enumerate(some, made):
            path.write_bytes(region.record(at, args.visits))
        home.do("import", "--new-patients", *map(str, some))
        for path in some:
            path.unlink()
        made += len(some)


def patients_of(region, clinic, count, files):
    """Patients of the clinic's own, with cards: code and PIN of each."""
    files.mkdir()
    for at in range(count):
        (files / f"{at}.csv").write_bytes(region.record(at, 10))
    if count:
        clinic.do("import", "--new-patients", *map(str, sorted(files.iterdir())))
    found = clinic.json("patient", "list")["patients"] if count else []
    return [clinic.json("card", "issue", "--patient", patient["patient"]) for patient in found]


def held(clinic):
    """Ledgers and how much is held of each, without reading the entries."""
    database = sqlite3.connect(f"file:{clinic.dir}/ledger.db?mode=ro", uri=True)
    try:
        return database.execute("SELECT ledger, entries FROM holding ORDER BY id").fetchall()
    finally:
        database.close()


def entries(clinic, ledger):
    return dict(held(clinic)).get(ledger, 0)


def filled(region, lan, home, holder, ledger, root, pages, args):
    total, before, busy = entries(home, ledger), status(holder), [cpu(clinic) for clinic in (home, holder)]
    wire, begun, looks = lan.bytes(holder.at), time.monotonic(), []
    if pages:
        pages.take()
    home.do("region", "place", "--adopt", "--alternates", "1", "--root", root)
    first = None
    while (there := entries(holder, ledger)) < total:
        first = first or (time.monotonic() if there else None)
        looks.append((status(holder)["RssAnon"], status(holder)["VmRSS"]))
        time.sleep(0.1)
    took = time.monotonic() - (first or begun)
    after = status(holder)
    spent = [round(cpu(clinic) - had, 1) for clinic, had in zip((home, holder), busy)]
    figures = {"seconds": round(took, 2), "from_adoption_s": round(time.monotonic() - begun, 2), "entries_per_s": round(total / took), "wire_mb": round((lan.bytes(holder.at) - wire) / 1e6, 1),
               "cpu_s": {"home": spent[0], "holder": spent[1]},
               "memory_mb": {"idle": round(before["VmRSS"] / 1024, 1), "peak": round(after["VmHWM"] / 1024, 1), "above": round((after["VmHWM"] - before["VmHWM"]) / 1024, 1),
                             "anon_above": round((max(anon for anon, _ in looks) - before["RssAnon"]) / 1024, 1)}}
    if pages:
        figures["pages_filling"] = pages.figures()
    return figures


def status(clinic):
    """Memory in KiB."""
    text = pathlib.Path(f"/proc/{clinic.child.pid}/status").read_text()
    return {name: int(kib) for name, kib in re.findall(r"(VmHWM|VmRSS|RssAnon):\s+(\d+)", text)}


def cpu(clinic):
    return clinic.ticks() / os.sysconf("SC_CLK_TCK")


class Pages:
    """Reads the record pages of open sessions at a steady rate, from inside the holder's namespace."""

    def __init__(self, lan, clinic, cards, per_s):
        command = ["nsenter", f"--net=/run/netns/{lan.name(clinic.at)}", "--", "python3", __file__, str(per_s)]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.child.stdin.write(json.dumps([[card["code"], card["pin"]] for card in cards]) + "\n"), self.child.stdin.flush()
        assert self.child.stdout.readline() == "ready\n"

    def take(self):
        """Milliseconds of each page since this was asked last."""
        self.child.stdin.write("take\n"), self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def figures(self):
        took = sorted(self.take())
        at = lambda share: round(took[min(len(took) - 1, int(share * len(took)))], 2)
        return {"pages": len(took), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": round(took[-1], 1)}

    def stop(self):
        self.child.kill(), self.child.wait()


def read_pages(per_s):
    import sys
    cards, sessions = json.loads(sys.stdin.readline()), []
    connection = http.client.HTTPConnection("127.0.0.1", 8080)
    for code, pin in cards:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        def ask(method, path, form=None):
            connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            if cookie := answer.getheader("set-cookie"):
                headers["Cookie"] = cookie.split(";")[0]
            return answer.read().decode()

        ask("POST", "/open", {"code": code, "pin": pin})
        csrf = re.search('name="csrf" value="([^"]*)"', ask("GET", "/you")).group(1)
        ask("POST", "/you", {"csrf": csrf, "answer": "yes"})
        sessions.append(headers["Cookie"])
    took, lock = [], threading.Lock()

    def read():
        due, turn = time.monotonic(), 0
        while True:
            due += 1 / per_s
            time.sleep(max(0, due - time.monotonic()))
            begun, turn = time.monotonic(), turn + 1
            connection.request("GET", "/record", headers={"Cookie": sessions[turn % len(sessions)]})
            answer = connection.getresponse()
            assert answer.status == 200 and len(answer.read()) > 1000, answer.status
            with lock:
                took.append(1000 * (time.monotonic() - begun))

    threading.Thread(target=read, daemon=True).start()
    print("ready", flush=True)
    for _ in sys.stdin:
        with lock:
            print(json.dumps(took), flush=True)
            took.clear()


def rsync(lan, home, scratch):
    """The database file as it lies, to an rsync daemon at the holder, over the same link. The target is written to the disk when it is done."""
    target, conf = scratch / "rsynced", scratch / "rsyncd.conf"
    target.mkdir()
    conf.write_text(f"use chroot = no\nuid = root\ngid = root\n[to]\npath = {target}\nread only = no\n")
    inside = lambda at: ["nsenter", f"--net=/run/netns/{lan.name(at)}", "--"]
    daemon = subprocess.Popen([*inside(1), "rsync", "--daemon", "--no-detach", f"--config={conf}", f"--address={lan.address(1)}"])
    try:
        time.sleep(0.5)
        wire, begun = lan.bytes(1), time.monotonic()
        subprocess.run([*inside(0), "rsync", "-W", str(home.dir / "ledger.db"), f"rsync://{lan.address(1)}/to/"], check=True)
        subprocess.run(["sync", str(target / "ledger.db")], check=True)
        took = time.monotonic() - begun
        return {"seconds": round(took, 2), "wire_mb": round((lan.bytes(1) - wire) / 1e6, 1), "file_mb": round((home.dir / "ledger.db").stat().st_size / 1e6, 1)}
    finally:
        daemon.terminate(), daemon.wait()


if __name__ == "__main__":
    import sys
    read_pages(float(sys.argv[1]))
