//! A holder without staff login serves cards, and opens nothing else: every interface that it has is tried.

use super::boxes::Disk;
use super::region::PATIENCE;
use crate::cli::program::{Clinic, JAHIS, Ran, Served};
use crate::phone::Phone;
use crate::region_cli::{at, carry, founded, joined, ok, row, status};
use crate::wait::until;
use kusuribako::clinic::node_key::NodeKey;
use kusuribako::exchange::Frontier;
use kusuribako::exchange::MESSAGE_LEN_MAX;
use kusuribako::exchange::message::{Message, Request, Response, Set};
use kusuribako::exchange::ranges::Prefix;
use kusuribako::ledger::LedgerId;
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{AskError, Heartbeat, Link};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const DRUG: &str = "ｺﾘｵﾊﾟﾝ";

/// What only the patient and the home know.
const SECRETS: [&str; 9] = ["八重樫", "すみれ", "ﾔｴｶﾞｼ", "19580303", "S330303", "1958-03-03", "1958年", DRUG, "620004992"];

/// How a command is tried.
enum Try {
    /// With these arguments after its name: `{patient}`, `{card}`, `{code}` are the other clinic's; `{file}` is somebody else's record.
    With(&'static [&'static str]),
    /// It does not touch a clinic's data, and this is why.
    Apart(&'static str),
}
use Try::{Apart, With};

/// Every command there is. A new one does not pass without a row here.
const COMMANDS: [(&str, Try); 98] = [
    ("demo", Apart("clinics of its own, made anew")),
    ("init", With(&["--name", "x"])),
    ("serve", With(&["--listen", "127.0.0.1:0", "--sync-listen", "off"])),
    ("access status", With(&["--json"])),
    ("access configure", With(&["--name", "a.example.test"])),
    ("access renew", With(&[])),
    ("access declare-http", With(&["--staff", "{file}"])),
    ("access end-http", With(&[])),
    ("access authority", With(&["--root", "{file}", "--suffix", "example.test"])),
    ("access envelope", With(&["--out", "{out}/envelope"])),
    ("access recipe router", Apart("writes files for other machines, from its arguments alone")),
    ("access recipe ap", Apart("writes files for other machines, from its arguments alone")),
    ("load", Apart("asks a clinic that is being served, as phones do")),
    ("import", With(&["{file}", "--patient", "{patient}"])),
    ("set-aside list", With(&[])),
    ("set-aside resolve", With(&["1", "--patient", "{patient}"])),
    ("export", With(&["--patient", "{patient}"])),
    ("inspect", With(&["{db}"])),
    ("card issue", With(&["--patient", "{patient}"])),
    ("card replace", With(&["{card}"])),
    ("card revoke", With(&["{card}"])),
    ("card list", With(&["--patient", "{patient}"])),
    ("patient add", With(&["--name", "別人", "--birth", "19700101", "--sex", "male"])),
    ("patient list", With(&["--json"])),
    ("region found", With(&["--name", "x", "--kit-out", "{out}/kit"])),
    ("region invite", With(&[])),
    ("region answer", With(&["{file}", "--out", "{out}/answer"])),
    ("region join", With(&["x", "--request-out", "{out}/request"])),
    ("region confirm", With(&[])),
    ("region carry", With(&["--out", "{out}/statements"])),
    ("region revoke", With(&["nobody", "--reason", "x", "--root", "{file}"])),
    ("region retire", With(&["nobody", "--root", "{file}"])),
    ("region marks", With(&["さくら薬局"])),
    ("region deputy new", With(&["--name", "x", "--out", "{out}/deputy"])),
    ("region deputy add", With(&["--name", "x", "x", "--root", "{file}"])),
    ("region deputy end", With(&["nobody", "--root", "{file}"])),
    ("region deputy list", With(&[])),
    ("region sign", With(&["00", "--deputy", "{file}"])),
    ("region place", With(&["--propose", "--explain"])),
    ("region kit check", With(&["{file}"])),
    ("region kit write", With(&["{file}", "--out", "{out}/split"])),
    ("region status", With(&["--json"])),
    ("region map", With(&[])),
    ("region emergency declare", With(&["--site", "さくら薬局", "--root", "{file}"])),
    ("region emergency end", With(&["00", "--root", "{file}"])),
    ("staff first-admin", With(&[])),
    ("unlock", With(&["--staff", "{file}"])),
    ("lock", With(&[])),
    ("verify", With(&["--json"])),
    ("rebuild", With(&[])),
    ("study", Apart("works on tables of sites that it is given")),
    ("bench", Apart("makes entries of its own")),
    ("card replace", With(&["{code}"])),
    ("card revoke", With(&["{code}"])),
    ("card list", With(&["--json"])),
    ("badge issue", With(&["--duty", "{file}", "--name", "x", "--licence", "1", "--area", "all", "--out", "{out}/badge"])),
    ("badge open", With(&["--badge", "{file}", "--pin-file", "{file}"])),
    ("badge list", With(&["--json"])),
    (
        "badge issue-here",
        With(&["--staff", "{file}", "--second", "{file}", "--name", "x", "--licence", "1", "--out", "{out}/local"]),
    ),
    ("staff add", With(&["--name", "x", "--role", "admin", "--staff", "{file}"])),
    ("staff list", With(&["--json"])),
    ("staff role", With(&["0000", "--name", "x", "--role", "admin", "--staff", "{file}"])),
    ("staff revoke", With(&["0000", "--staff", "{file}"])),
    ("audit list", With(&["--json"])),
    ("audit export", With(&["--out", "{out}/audit.csv"])),
    ("audit review", With(&["00", "--decision", "in-order", "--staff", "{file}"])),
    ("carry export", With(&["--to", "{out}/stick", "--ledgers", "held"])),
    ("carry open", With(&["--listen", "127.0.0.1:0"])),
    ("carry return", With(&["--from", "{out}/stick"])),
    ("lang", Apart("works on the program's own strings")),
    ("poster", Apart("says what it is given, and of no clinic")),
    ("drugs import", With(&["{file}"])),
    ("drugs search", With(&["ワーファリン"])),
    ("drugs status", With(&["--json"])),
    ("elsewhere list", With(&["--json"])),
    ("elsewhere accept", With(&["--all", "--staff", "{file}"])),
    ("elsewhere query", With(&["00", "--text", "x", "--staff", "{file}"])),
    ("elsewhere withdraw", With(&["00", "--staff", "{file}"])),
    ("elsewhere questions", With(&["--json"])),
    ("elsewhere answer", With(&["00", "--text", "x", "--staff", "{file}"])),
    ("elsewhere export", With(&["--out", "{out}/news.csv"])),
    (
        "region succeed",
        With(&["さくら薬局", "--request", "{file}", "--code", "x", "--staff", "{file}", "--answer-out", "{out}/heritage"]),
    ),
    ("region admit", With(&["さくら薬局", "--root", "{file}"])),
    ("set-aside bring", With(&["{out}/stick"])),
    ("set-aside adopt", With(&["さくら薬局", "--staff", "{file}"])),
    ("simulate", Apart("a region in memory")),
    ("install", Apart("sets the machine up; opens no directory")),
    ("uninstall", Apart("takes the program away; opens no directory")),
    ("update check", Apart("looks at a program")),
    ("update apply", Apart("puts a program in place")),
    ("update rollback", Apart("puts a program back")),
    ("update settle", Apart("ends a trial")),
    ("update status", Apart("says which program is installed")),
    ("update key", Apart("makes a key for programs")),
    ("update make", Apart("signs a program")),
    ("site show", With(&["--json"])),
    ("site set", With(&["--phone", "1"])),
    ("region describe", With(&["さくら薬局", "--root", "{file}"])),
];

/// The names of all commands that have none below them.
fn commands(above: &[&str]) -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_kusuribako")).args(above).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    if names.is_empty() || above == ["study"] {
        return BTreeSet::from([above.join(" ")]);
    }
    names.into_iter().flat_map(|name| commands(&[above, &[name]].concat())).collect()
}

fn tells(text: &str) -> Option<&'static str> {
    SECRETS.into_iter().find(|secret| text.contains(secret))
}

fn said(ran: &Ran) -> String {
    format!("{}{}{}", String::from_utf8_lossy(&ran.out), encoding_rs::SHIFT_JIS.decode(&ran.out).0, ran.err)
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn id(hex: &str) -> [u8; 16] {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

/// The home's patient, as the home knows them.
struct Known {
    patient: String,
    card: String,
    code: String,
    pin: String,
}

fn register(home: &Clinic) -> Known {
    let add =
        ["patient", "add", "--name", "八重樫 すみれ", "--kana", "ﾔｴｶﾞｼ ｽﾐﾚ", "--birth", "19580303", "--sex", "male", "--json"];
    let patient = ok(home.run(&add)).json()["patient"].as_str().unwrap().to_owned();
    let file = home.file("record.csv", JAHIS.replace("見本 太郎", "八重樫 すみれ").as_bytes());
    ok(home.run(&["import", &file, "--patient", &patient]));
    let issued = ok(home.run(&["card", "issue", "--patient", &patient, "--json"])).json();
    let text = |key: &str| issued[key].as_str().unwrap().to_owned();
    Known { card: text("card"), code: text("code"), pin: text("pin"), patient }
}

/// Three clinics, of which the home is gone; the second holds its copy, the third does not.
struct Scene {
    known: Known,
    ledger: LedgerId,
    holder: Clinic,
    outsider: Clinic,
    served: Served,
    address: SocketAddr,
    _home: Clinic,
}

impl Scene {
    fn new() -> Self {
        let home = founded(false);
        let mut others =
            ["みなと薬局", "やまて薬局"].map(|name| Clinic::named(name, &["--damage", "0.1", "--capacity", "500"]));
        joined(&home, &others[0]);
        joined(&home, &others[1]);
        let root = at(&home, "kit/root.txt");
        ok(home.run(&["region", "place", "--adopt", "--alternates", "1", "--root", &root]));
        let known = register(&home);
        others.iter().for_each(|other| carry(&home, other));
        let seen = status(&home);
        let own = row(&seen["ledgers"], "home", &seen["site"]);
        let ledger = LedgerId(id(own["ledger"].as_str().unwrap()));
        let holds = |clinic: &Clinic| {
            let site = status(clinic)["site"].clone();
            own["holders"].as_array().unwrap().iter().any(|holder| holder["site"] == site)
        };
        if holds(&others[1]) {
            others.reverse();
        }
        assert!(holds(&others[0]) && !holds(&others[1]), "{own}");
        let [holder, outsider] = others;
        // The home's staff confirm it: its own staff could open the copy, if they logged in.
        let site = status(&holder)["site"].as_str().unwrap().to_owned();
        ok(home.run(&["region", "confirm", "--holder", &site, "--staff", &at(&home, "staff.txt")]));
        let (address, from) = (free(), free());
        let served_home = home.serve(&["--sync-listen", &from.to_string(), "--no-discovery"]);
        let args = ["--sync-listen", &address.to_string(), "--no-discovery", "--peer", &from.to_string()];
        let served = holder.serve(&args);
        let [here, there] = [&home, &holder].map(|clinic| Disk::of(&clinic.path("data")));
        until("the copy is whole", PATIENCE, || (here.entries(ledger) == there.entries(ledger)).then_some(()));
        drop(served_home);
        Self { known, ledger, holder, outsider, served, address, _home: home }
    }

    fn fill(&self, arg: &str) -> String {
        let Known { patient, card, code, .. } = &self.known;
        let file = self.holder.file("other.csv", JAHIS.replace("S330303", "S450101").replace(DRUG, "ﾍﾞﾂ").as_bytes());
        let out = self.holder.path("out");
        std::fs::create_dir_all(&out).unwrap();
        let db = at(&self.holder, "data/ledger.db");
        arg.replace("{patient}", patient)
            .replace("{card}", card)
            .replace("{code}", code)
            .replace("{file}", &file)
            .replace("{db}", &db)
            .replace("{out}", out.to_str().unwrap())
    }

    fn try_commands(&self) {
        for (name, way) in &COMMANDS {
            let args = match way {
                With(args) => args,
                Apart(why) => {
                    println!("{name}: not tried: {why}");
                    continue;
                }
            };
            let args: Vec<String> = args.iter().map(|arg| self.fill(arg)).collect();
            let all: Vec<&str> = name.split(' ').chain(args.iter().map(String::as_str)).collect();
            let ran = self.holder.run(&all);
            let said = said(&ran);
            assert_ne!(ran.code, 2, "{all:?} was not even tried: {said}");
            assert_eq!(tells(&said), None, "{all:?} says: {said}");
            let concerns = args.iter().any(|arg| [&self.known.patient, &self.known.card, &self.known.code].contains(&arg));
            assert!(!concerns || ran.code == 1 || said.trim().is_empty(), "{all:?} is not refused: {said}");
        }
        // Not even whether somebody is a patient there is said.
        let same = ["patient", "add", "--name", "八重樫 すみれ", "--birth", "19580303", "--sex", "male"];
        let ran = ok(self.holder.run(&same));
        assert!(ran.err.is_empty(), "{}", ran.err);
    }

    fn try_pages(&self) {
        let routes =
            concat!(include_str!("../../../src/web.rs"), include_str!("../../../src/web/staff.rs")).split(".route(\"").skip(1);
        let paths: Vec<&str> = routes.map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(paths.len() > 20 && paths.contains(&"/record/history") && paths.contains(&"/staff/elsewhere"));
        let fills = [("{code}", self.known.code.as_str()), ("{fact}", self.known.patient.as_str()), ("{paper}", "a4")];
        for path in paths {
            let path = fills.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
            let mut phone = self.phone();
            for answer in [phone.get(&path), phone.post(&path, &[("code", self.known.code.as_str()), ("pin", "0000")])] {
                assert_eq!(tells(&answer), None, "{path}: {answer}");
            }
        }
    }

    fn phone(&self) -> Phone<'static> {
        Phone::near(self.served.url().strip_prefix("http://").unwrap())
    }

    fn try_network(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let call = |key: &NodeKey| {
            let tls = Tls::new(&key.signing_pair()).unwrap();
            runtime.block_on(Link::open(&tls, self.address, Heartbeat::Slow, &Tasks::new())).unwrap()
        };
        let stranger = call(&NodeKey::random(&kusuribako::entropy::SystemEntropy::default()));
        let outsider = call(&NodeKey::read(&self.outsider.path("data/node.key")).unwrap());
        let holding = kusuribako::exchange::Holding {
            summary: Frontier::default().summary(),
            boot: kusuribako::ledger::Incarnation([1; 8]),
            turn: 1,
            entries: 0,
            missing: 0,
            features: 0,
            given_up: None,
        };
        let (ledger, prefix, summary) = (self.ledger, Prefix::all(), Frontier::default().summary());
        let compare = |set| Request::Compare { ledger, set, prefix: prefix.clone(), summary, holding };
        let want = Request::Want { ledger, paths: Vec::new(), bodies: Vec::new() };
        for question in [want, compare(Set::Tips), compare(Set::Entries), compare(Set::Held)] {
            let ask = |link: &Link| {
                let body = Packed::new(question.encode_message());
                runtime.block_on(link.ask("/exchange", body, MESSAGE_LEN_MAX, PATIENCE))
            };
            assert!(matches!(ask(&stranger), Err(AskError::Refused(hyper::StatusCode::FORBIDDEN, _))), "{question:?}");
            let answer = Response::decode_message(&ask(&outsider).unwrap().unpack(MESSAGE_LEN_MAX).unwrap());
            assert!(matches!(answer, Ok(Response::Refused { .. })), "{question:?}: {answer:?}");
        }
    }

    /// Nothing readable lies in any file, in any encoding that this program reads or writes.
    fn try_files(&self) {
        let socket = std::fs::metadata(self.holder.path("data/control.sock")).unwrap();
        assert_eq!(socket.permissions().mode() & 0o077, 0, "nobody else commands this box");
        let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let mut sought: Vec<Vec<u8>> = Vec::new();
        for secret in SECRETS.into_iter().chain([self.known.code.as_str()]) {
            let plain = [secret.as_bytes().to_vec(), encoding_rs::SHIFT_JIS.encode(secret).0.into_owned()];
            sought.extend(plain.iter().map(|bytes| data_encoding::HEXLOWER.encode(bytes).into_bytes()));
            // Whatever stands before it: three ways to begin, less the digits that neighbours share.
            sought.extend((0..3).map(|before| {
                let code = data_encoding::BASE64.encode(&[&vec![0; before][..], secret.as_bytes(), &[0; 3]].concat());
                code.as_bytes()[if before == 0 { 0 } else { 4 }..(before + secret.len()) / 3 * 4].to_vec()
            }));
            sought.extend(plain);
            sought.extend([utf16(secret, u16::to_le_bytes), utf16(secret, u16::to_be_bytes)]);
        }
        let (mut files, mut seen) = (vec![self.holder.path("data")], 0);
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            } else if path.is_file() {
                seen += 1;
                assert_eq!(found(&path, &sought), None, "{}", path.display());
            }
        }
        assert!(seen >= 2);
    }
}

/// The first of them that lies in a file; in one pass, since files are long and mostly empty.
fn found(path: &Path, sought: &[Vec<u8>]) -> Option<String> {
    let bytes = std::fs::read(path).unwrap();
    // What begins with zeros is found without the first of them as well.
    let sought: Vec<&[u8]> =
        sought.iter().map(|part| part.strip_prefix(&[0]).unwrap_or(part)).filter(|part| part.len() >= 6).collect();
    let mut by_first: [Vec<&[u8]>; 256] = std::array::from_fn(|_| Vec::new());
    sought.iter().for_each(|part| by_first[usize::from(part[0])].push(part));
    let here = |at: usize| by_first[usize::from(bytes[at])].iter().find(|part| bytes[at..].starts_with(part));
    (0..bytes.len()).filter(|at| bytes[*at] != 0).find_map(here).map(|part| String::from_utf8_lossy(part).into_owned())
}

#[test]
fn a_holder_without_staff_login_serves_cards_and_opens_nothing_else() {
    let tried: BTreeSet<String> = COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(commands(&[]), tried, "each command has a row that says how it is tried");
    let scene = Scene::new();
    scene.try_files();
    scene.try_pages();
    scene.try_network();
    scene.try_commands();
    let page = scene.phone().read(&scene.known.code, &scene.known.pin);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains(DRUG) && page.contains("さくら薬局"), "{page}");
    let log = scene.served.stop();
    assert_eq!(tells(&log), None, "the log says it");
}
