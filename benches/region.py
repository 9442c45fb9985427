#!/usr/bin/env python3
"""A region of idle clinics on one LAN of network namespaces: what they cost, how soon they meet, how soon a death is noticed.

    benches/region.py --program target/release/kusuribako [--clinics 24] [--seconds 30] [--capacity 3]
    benches/region.py --program target/release/kusuribako --mode emergency [--patients 4000] [--visits 4] [--mbit 10]

    benches/region.py --program target/release/kusuribako --mode fill [--entries 300000] [--mbit 100] [--pin] [--keep DIR]

With --mode emergency six clinics stand on links of so many Mbit/s (tbf, both ways). The first has the patients; it and all its holders but one are lost, and an emergency
asks for two proven copies among those who are left: the time from the declaration until they are proven, and what crossed the wire.

With --mode fill an empty holder takes a clinic's whole ledger, unshaped unless --mbit is given, while patients of its own read at the holder; then rsync copies the
database file over the same link. --pin gives each of the two boxes a core of its own; --keep makes the clinic once, and takes it from there the next time.

Needs root and iproute2. Bytes are those of each clinic's interface, both ways.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

import filling


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kw)


class Lan:
    def __init__(self, size):
        self.tag, self.size = f"kbr{os.getpid()}", size
        run("ip", "netns", "add", f"{self.tag}h")
        hub = ("ip", "-n", f"{self.tag}h")
        run(*hub, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0"), run(*hub, "link", "set", "br0", "up")
        for at in range(size):
            name = self.name(at)
            run("ip", "netns", "add", name)
            run(*hub, "link", "add", f"p{at}", "type", "veth", "peer", "name", "eth0", "netns", name)
            run(*hub, "link", "set", f"p{at}", "master", "br0", "up")
            run("ip", "-n", name, "addr", "add", f"{self.address(at)}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                run("ip", "-n", name, "link", "set", link, "up")

    def name(self, at):
        return f"{self.tag}n{at}"

    def address(self, at):
        return f"10.79.0.{at + 1}"

    def shape(self, mbit):
        """Both ways, at each clinic's port and at each clinic."""
        rate = ("root", "tbf", "rate", f"{mbit}mbit", "burst", "32kbit", "latency", "50ms")
        for at in range(self.size):
            run("tc", "-n", f"{self.tag}h", "qdisc", "replace", "dev", f"p{at}", *rate)
            run("tc", "-n", self.name(at), "qdisc", "replace", "dev", "eth0", *rate)

    def bytes(self, at):
        stats = json.loads(run("ip", "-n", self.name(at), "-s", "-j", "link", "show", "eth0").stdout)[0]["stats64"]
        return stats["rx"]["bytes"] + stats["tx"]["bytes"]

    def remove(self):
        for name in [self.name(at) for at in range(self.size)] + [f"{self.tag}h"]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


class Clinic:
    def __init__(self, lan, at, scratch, program):
        self.lan, self.at, self.dir, self.program, self.child, self.core = lan, at, scratch / f"c{at}", program, None, None
        self.log = open(scratch / f"log{at}", "ab")
        # As the service runs: systemd/kusuribako.service.
        self.env = {"MIMALLOC_PURGE_DELAY": "10", **os.environ, "KUSURIBAKO_DIR": str(self.dir)}

    def command(self, *args):
        return ["nsenter", f"--net=/run/netns/{self.lan.name(self.at)}", "--", self.program, *args]

    def do(self, *args):
        done = subprocess.run(self.command(*args), capture_output=True, text=True, env=self.env)
        if done.returncode:
            sys.exit(f"clinic {self.at}: {args}: {done.stderr}")
        return done.stdout

    def json(self, *args):
        return json.loads(self.do(*args, "--json"))

    def start(self):
        pinned = [] if self.core is None else ["taskset", "--cpu-list", str(self.core)]
        args = pinned + self.command("serve", "--listen", "127.0.0.1:8080")
        self.child = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env)
        assert self.child.stdout.readline().startswith("ready")

    def ticks(self):
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def reached(self):
        return {site["name"] for site in self.json("region", "status")["sites"] if site["reachable"]}


def until(condition, seconds=300, pause=0.05):
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise TimeoutError
        time.sleep(pause)
    return time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/kusuribako")
    parser.add_argument("--clinics", type=int, default=24)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--capacity", type=int, default=3, help="patients that a clinic has room for; each clinic has one")
    parser.add_argument("--mode", choices=["rest", "emergency", "fill"], default="rest")
    parser.add_argument("--patients", type=int, default=4000)
    parser.add_argument("--visits", type=int, default=4, help="of each patient")
    parser.add_argument("--mbit", type=float, help="of each link; 10 in an emergency")
    parser.add_argument("--entries", type=int, default=300_000, help="to fill with")
    parser.add_argument("--readers", type=int, default=50, help="patients who read while it is filled")
    parser.add_argument("--pages-per-s", type=float, default=50)
    parser.add_argument("--pin", action="store_true"), parser.add_argument("--verify", action="store_true"), parser.add_argument("--no-rsync", action="store_true")
    parser.add_argument("--keep", help="directory in which the clinic to fill from is kept between runs")
    args = parser.parse_args()
    if args.mode == "emergency":
        args.clinics = 6
    if args.mode == "fill":
        args.clinics = 2
    scratch, lan = pathlib.Path(tempfile.mkdtemp(prefix="region-")), Lan(args.clinics)
    clinics = [Clinic(lan, at, scratch, str(pathlib.Path(args.program).resolve())) for at in range(args.clinics)]
    try:
        if args.mode == "emergency":
            print(json.dumps(emergency(lan, clinics, args.patients, args.visits, args.mbit or 10, scratch)))
        elif args.mode == "fill":
            print(json.dumps(filling.fill(sys.modules[__name__], lan, clinics, args, scratch)))
        else:
            print(json.dumps(measure(lan, clinics, args.seconds, args.capacity, scratch)))
    finally:
        for clinic in clinics:
            if clinic.child:
                clinic.child.kill(), clinic.child.wait()
        lan.remove()
        shutil.rmtree(scratch)


def record(patient, visits):
    """A JAHIS file of one patient."""
    parts = [f"JAHISTC07,1\r\n1,患者 {patient},1,S33{1 + patient % 12:02}{1 + patient % 28:02},,,,,,,\r\n"]
    for visit in range(visits):
        parts.append(f"5,R02{1 + visit % 12:02}{1 + patient % 28:02},1\r\n11,株式会社 見本薬局,13,4,1234567,,,,1\r\n51,医療法人 見本病院,13,1,1234567,1\r\n"
                     f"201,1,ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg,{1 + visit % 9},Ｃ,2,620004992,1\r\n301,1,【分３ 毎食後服用】,{5 + patient % 25},日分,1,1,,1\r\n")
    return "".join(parts).encode("cp932")


def region_of(lan, clinics, scratch):
    """Founds a region at the first clinic and lets the others join; the root sheet."""
    clinics[0].do("region", "found", "--name", "bench", "--kit-out", str(scratch / "kit"))
    root = str(scratch / "kit" / "root.txt")
    for clinic in clinics:
        clinic.start()
    for clinic in clinics[1:]:
        code = clinics[0].json("region", "invite")["code"]
        compared = clinic.json("region", "join", code, "--address", f"{lan.address(0)}:7443")["compared"]
        clinic.do("region", "confirm", compared), clinics[0].do("region", "confirm", compared, "--root", root)
    return root


def emergency(lan, clinics, patients, visits, mbit, scratch):
    for clinic in clinics:
        # Only two have room for the first one's patients: its holders.
        room = 3 * patients if clinic.at in (1, 2) else patients if clinic.at == 0 else patients // 2
        clinic.do("init", "--name", f"clinic {clinic.at}", "--lat", f"38.{clinic.at:02}", "--lon", f"140.{clinic.at:02}", "--damage", "0.3",
                  "--host", f"h{clinic.at}", "--capacity", str(room), "--admin-out", str(scratch / f"staff{clinic.at}"))
    home, files = clinics[0], scratch / "files"
    files.mkdir()
    for patient in range(patients):
        (files / f"{patient}.csv").write_bytes(record(patient, visits))
    names = [str(path) for path in sorted(files.iterdir())]
    for some in range(0, len(names), 500):
        home.do("import", "--new-patients", *names[some:some + 500])
    root = region_of(lan, clinics, scratch)
    everybody = {f"clinic {clinic.at}" for clinic in clinics}
    until(lambda: all(clinic.reached() == everybody for clinic in clinics), pause=0.5)
    home.do("region", "place", "--adopt", "--alternates", "1", "--root", root)
    own = home.json("region", "status")["site"]

    def ledger(clinic):
        return next(row for row in clinic.json("region", "status")["ledgers"] if row["home"] == own)

    def whole(row):
        return row["copies"] and row["copies"]["reached"]

    def copied(row):
        others = [holder for holder in row["holders"] if holder["site"] != own]
        return others and all(holder["entries"] and holder["behind"] == 0 for holder in others)

    until(lambda: copied(ledger(home)), pause=0.5)
    names = {site["site"]: site["name"] for site in home.json("region", "status")["sites"]}
    held = [names[holder["site"]] for holder in ledger(home)["holders"] if holder["site"] != own]
    holders = [clinic for clinic in clinics if f"clinic {clinic.at}" in held]
    survivors = [clinic for clinic in clinics[1:] if clinic not in holders[1:]]
    lan.shape(mbit)
    for lost in [home, *holders[1:]]:
        run("ip", "-n", lan.name(lost.at), "link", "set", "eth0", "down")
        lost.child.kill(), lost.child.wait()
        lost.child = None
    until(lambda: all(len(clinic.reached()) == len(survivors) for clinic in survivors))
    before = [lan.bytes(clinic.at) for clinic in survivors]
    begun = time.monotonic()
    holders[0].do("region", "emergency", "declare", "--site", "clinic 0", "--copies", "2", "--root", root)
    until(lambda: ledger(holders[0])["copies"]["target"] == 2 and all(whole(ledger(clinic)) for clinic in survivors), pause=0.2)
    took = time.monotonic() - begun
    wire = max(lan.bytes(clinic.at) - had for clinic, had in zip(survivors, before))
    entries = max(holder["entries"] or 0 for holder in ledger(holders[0])["holders"])
    return {"patients": patients, "entries": entries, "mbit": mbit, "holders": len(holders), "until_proven_s": round(took, 1), "wire_mb": round(wire / 1e6, 1)}


def measure(lan, clinics, seconds, capacity, scratch):
    first = clinics[0]
    for clinic in clinics:
        clinic.do("init", "--name", f"clinic {clinic.at}", "--lat", f"38.{clinic.at:02}", "--lon", f"140.{clinic.at:02}", "--damage", "0.3",
                  "--host", f"h{clinic.at}", "--capacity", str(capacity), "--admin-out", str(scratch / f"staff{clinic.at}"))
        patient = clinic.json("patient", "add", "--name", f"患者 {clinic.at}", "--birth", "19580303", "--sex", "male")["patient"]
    root = region_of(lan, clinics, scratch)
    first.do("region", "place", "--adopt", "--root", root)
    everybody = {f"clinic {clinic.at}" for clinic in clinics}
    until(lambda: all(clinic.reached() == everybody for clinic in clinics), pause=1)
    time.sleep(10)
    before = [(clinic.ticks(), lan.bytes(clinic.at)) for clinic in clinics]
    time.sleep(seconds)
    after = [(clinic.ticks(), lan.bytes(clinic.at)) for clinic in clinics]
    hertz = os.sysconf("SC_CLK_TCK")
    cpu = [100 * (b[0] - a[0]) / hertz / seconds for a, b in zip(before, after)]
    wire = [(b[1] - a[1]) / seconds for a, b in zip(before, after)]
    noticed, met = [], []
    for at in range(1, min(6, len(clinics))):
        name, status = f"clinic {at}", first.json("region", "status")
        site = next(site["site"] for site in status["sites"] if site["name"] == name)
        with_it = {holder["site"] for ledger in status["ledgers"] if any(h["site"] == site for h in ledger["holders"]) for holder in ledger["holders"]}
        names = {s["name"] for s in status["sites"] if s["site"] in with_it} - {name}
        watchers = [clinic for clinic in clinics if f"clinic {clinic.at}" in names][:3]
        clinics[at].child.kill(), clinics[at].child.wait()
        noticed.append(until(lambda: all(name not in watcher.reached() for watcher in watchers)))
        begun = time.monotonic()
        clinics[at].start()
        until(lambda: clinics[at].reached() >= everybody)
        met.append(time.monotonic() - begun)
    # A box that loses power says nothing any more: its link goes, and no connection is closed.
    silent = []
    for at in range(6, min(9, len(clinics))):
        name, status = f"clinic {at}", first.json("region", "status")
        site = next(site["site"] for site in status["sites"] if site["name"] == name)
        with_it = {holder["site"] for ledger in status["ledgers"] if any(h["site"] == site for h in ledger["holders"]) for holder in ledger["holders"]}
        watchers = [clinic for clinic in clinics if f"clinic {clinic.at}" in {s["name"] for s in status["sites"] if s["site"] in with_it} - {name}][:3]
        run("ip", "-n", lan.name(at), "link", "set", "eth0", "down")
        silent.append(until(lambda: all(name not in watcher.reached() for watcher in watchers)))
    rounded = lambda values: [round(value, 2) for value in values]
    return {"clinics": len(clinics), "capacity": capacity, "cpu_percent": {"mean": round(statistics.mean(cpu), 3), "max": round(max(cpu), 3)},
            "bytes_per_s": {"mean": round(statistics.mean(wire)), "max": round(max(wire))},
            "death_noticed_s": rounded(noticed), "link_lost_noticed_s": rounded(silent), "all_met_after_start_s": rounded(met)}


if __name__ == "__main__":
    main()
