//! With the Debian package: from `dpkg -i` to purge, through a crash, a hang, a good upgrade and two bad ones.

use super::container::{Container, PATIENCE, PATIENCE_SECONDS, package, program};
use crate::cli::program::JAHIS;
use crate::wait;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const DIR: &str = "/var/lib/kusuribako";
const UNIT: &str = "kusuribako.service";
const PORT: u16 = 8080;

#[test]
fn a_box_with_the_package_survives_what_happens_to_boxes() {
    if !super::container::has_root_mount() {
        return;
    }
    let mut at = Container::boot();
    let files = at.path("/srv/files");
    std::fs::create_dir(&files).unwrap();
    let built = program(at.scratch());
    let good = |version: &str| inside(&package(&built, &files, &["--version", version]));
    let first = good("0.0.8");

    installs(&at, &first);
    founds(&at);
    is_shut(&at);
    comes_back_after_kill(&at);
    is_started_anew_when_it_hangs(&at);
    stands_beside_another(&at);
    is_handed_its_ports_as_the_recipe_says(&at);
    comes_back_from_the_start_limit_with_its_ports(&at);
    let second = good("0.0.9");
    upgrades(&at, &second);
    let broken = script(at.scratch(), "broken", "exit 1\n");
    let broken = inside(&package(&broken, &files, &["--version", "0.1.1"]));
    while_phones_knock(&at, || upgrade_that_fails(&at, &broken));
    migrates_and_fails(&at, &files);
    recovers_after_a_power_cut(&mut at);
    is_removed_and_purged(&at);
}

/// Its path within the container.
fn inside(package: &Path) -> String {
    format!("/srv/files/{}", package.file_name().unwrap().to_str().unwrap())
}

/// A program that only claims to be one.
fn script(dir: &Path, name: &str, body: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn note(what: &str, took: Duration) {
    println!("{what}: {:.2} s", took.as_secs_f64());
}

fn installs(at: &Container, package: &str) {
    let begun = Instant::now();
    at.ok(&["dpkg", "-i", package]);
    wait::figure("installation", begun.elapsed(), Duration::from_secs(60));
    assert_eq!(at.ok(&["systemctl", "is-enabled", UNIT]), "enabled");
    assert_eq!(at.property(UNIT, "ActiveState"), "inactive", "no identity is invented: it waits until a clinic is founded");
    assert_eq!(at.ok(&["stat", "-c", "%U %a", DIR]), "kusuribako 700");
    assert_eq!(at.ok(&["ls", "-A", DIR]), "");
}

fn founds(at: &Container) {
    let host = at.ok(&["sh", "-c", &format!("kusuribako init --dir {DIR} --name 見本薬局 --admin-out /srv/staff.txt --json")]);
    assert!(host.contains("\"ledger\""));
    assert_eq!(at.ok(&["sh", "-c", &format!("find {DIR} ! -user kusuribako")]), "", "root founded it, and the server owns it");
    std::fs::write(at.path("/srv/files/a.csv"), encoded(JAHIS)).unwrap();
    // Before it is served, too.
    at.ok(&["kusuribako", "import", "--dir", DIR, "--new-patients", "/srv/files/a.csv"]);
    let begun = Instant::now();
    at.ok(&["systemctl", "start", UNIT]);
    assert!(at.answers(PORT, PATIENCE_SECONDS), "what says that it is ready serves: {}", at.journal());
    wait::figure("start to first page", begun.elapsed(), Duration::from_secs(2));
    assert_eq!(at.property(UNIT, "Type"), "notify");
    assert_eq!(patients(at), 1);
}

fn encoded(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

fn patients(at: &Container) -> usize {
    let listed = at.ok(&["kusuribako", "patient", "list", "--dir", DIR, "--json"]);
    serde_json::from_str::<serde_json::Value>(&listed).unwrap()["patients"].as_array().unwrap().len()
}

fn is_shut(at: &Container) {
    at.ok(&["systemd-analyze", "security", "--no-pager", "--threshold=15", UNIT]);
    let pid = at.property(UNIT, "MainPID");
    let status = at.ok(&["cat", &format!("/proc/{pid}/status")]);
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(
        (value("NoNewPrivs:"), value("CapEff:"), value("Seccomp:")),
        ("1".into(), "0000000000000000".into(), "2".into())
    );
    assert_ne!(value("Uid:").split('\t').next(), Some("0"));
}

fn comes_back_after_kill(at: &Container) {
    for _ in 0..3 {
        let pid = at.property(UNIT, "MainPID");
        at.ok(&["sh", "-c", &format!("kill -9 {pid}")]);
        let begun = Instant::now();
        wait::until("another process", PATIENCE, || (at.property(UNIT, "MainPID") != pid).then_some(()));
        at.served(PORT, "it serves again after kill -9");
        wait::figure("kill -9 to page", begun.elapsed(), Duration::from_secs(2));
    }
    // What the two seconds need that does not depend on how busy this machine is.
    assert_eq!(at.property(UNIT, "RestartUSec"), "200ms");
    assert_eq!(patients(at), 1);
}

fn is_started_anew_when_it_hangs(at: &Container) {
    assert_eq!(at.property(UNIT, "WatchdogUSec"), "1min");
    let drop_in = "/run/systemd/system/kusuribako.service.d/test.conf";
    at.ok(&[
        "sh",
        "-c",
        &format!(
            "mkdir -p {} && printf '[Service]\\nWatchdogSec=5s\\n' > {drop_in}",
            Path::new(drop_in).parent().unwrap().display()
        ),
    ]);
    at.ok(&["systemctl", "daemon-reload"]);
    at.ok(&["systemctl", "restart", UNIT]);
    let pid = at.property(UNIT, "MainPID");
    // While it lives it is left alone: longer than the watchdog waits.
    let begun = Instant::now();
    wait::until("the watchdog's time passes twice", PATIENCE, || (begun.elapsed() > Duration::from_secs(11)).then_some(()));
    assert_eq!(at.property(UNIT, "MainPID"), pid, "{}", at.journal());
    at.ok(&["sh", "-c", &format!("kill -STOP {pid}")]);
    let begun = Instant::now();
    wait::until_or(
        "the hung process is replaced",
        PATIENCE,
        || at.journal(),
        || {
            let now = at.property(UNIT, "MainPID");
            (now != pid && now != "0").then_some(())
        },
    );
    at.served(PORT, "it serves after it hung");
    note("hang to page, with a watchdog of 5 s", begun.elapsed());
    at.ok(&["rm", drop_in]);
    at.ok(&["systemctl", "daemon-reload"]);
    at.ok(&["systemctl", "restart", UNIT]);
    at.served(PORT, "it serves again");
}

/// What the shelter's recipe has to be typed for the box itself, on a machine that runs already.
fn is_handed_its_ports_as_the_recipe_says(at: &Container) {
    // What the stages before used up of the starts of a minute.
    at.ok(&["systemctl", "reset-failed", UNIT]);
    std::fs::write(at.path("/srv/passphrase"), "correct horse\n").unwrap();
    let recipe = "kusuribako access recipe ap --address 192.168.76.1/22 --trusted-name sakura.example.jp --passphrase-file /srv/passphrase --out /srv/ap";
    at.ok(&["sh", "-c", recipe]);
    let readme = std::fs::read_to_string(at.path("/srv/ap/README.txt")).unwrap();
    let from = readme.find("4. cp ").unwrap() + 3;
    let typed = readme[from..].split("\n\n").next().unwrap();
    assert!(typed.contains("kusuribako.default") && typed.contains("systemctl enable"), "{typed}");
    at.ok(&["sh", "-e", "-c", &format!("cd /srv/ap\n{typed}")]);
    let asked = at.head(80, "captive.apple.com", "/hotspot-detect.html", PATIENCE_SECONDS);
    assert!(asked.starts_with("HTTP/1.1 302") && asked.contains("/wifi"), "{asked}{}", at.journal());
    for socket in SOCKETS {
        assert_eq!((at.property(socket, "ActiveState"), at.property(socket, "SubState")), ("active".into(), "running".into()));
    }
    // Killed, it is back, and whoever asks meanwhile waits.
    let pid = at.property(UNIT, "MainPID");
    at.ok(&["sh", "-c", &format!("kill -9 {pid}")]);
    assert!(at.head(80, "kusuri.internal", "/wifi", PATIENCE_SECONDS).starts_with("HTTP/1.1 200"), "{}", at.journal());
}

const SOCKETS: [&str; 2] = ["kusuribako-http.socket", "kusuribako-https.socket"];

/// A slip of the pen in the settings; mended, it serves again by itself, and at its own ports.
fn comes_back_from_the_start_limit_with_its_ports(at: &Container) {
    let settings = at.path("/etc/default/kusuribako");
    let right = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, right.replace("--portal on", "--protal on")).unwrap();
    at.ok(&["systemctl", "--no-block", "restart", UNIT]);
    for socket in SOCKETS {
        wait::until_or(
            "the socket is given up",
            PATIENCE,
            || at.journal(),
            || (at.property(socket, "ActiveState") == "failed").then_some(()),
        );
    }
    std::fs::write(&settings, right).unwrap();
    let begun = Instant::now();
    wait::until_or(
        "port 80 answers by itself",
        PATIENCE,
        || at.journal(),
        || at.head(80, "kusuri.internal", "/wifi", 1).starts_with("HTTP/1.1 200").then_some(()),
    );
    note("start limit, mended, to page at port 80", begun.elapsed());
    assert_eq!(at.property(UNIT, "ActiveState"), "active");
}

fn stands_beside_another(at: &Container) {
    at.ok(&["kusuribako", "install", "--instance", "kita", "--listen", "127.0.0.1:8081", "--sync-listen", "off"]);
    let unit = "kusuribako@kita.service";
    assert_eq!(at.property(unit, "ActiveState"), "inactive");
    at.ok(&["kusuribako", "init", "--dir", "/var/lib/kusuribako-kita", "--name", "北薬局", "--admin-out", "/srv/kita.txt"]);
    at.ok(&["systemctl", "start", unit]);
    at.served(8081, "the second instance serves");
    assert!(at.answers(PORT, PATIENCE_SECONDS));
    let owner = |unit: &str| at.ok(&["stat", "-c", "%U", &format!("/proc/{}", at.property(unit, "MainPID"))]);
    assert_eq!((&*owner(UNIT), &*owner(unit)), ("kusuribako", "kusuribako-kita"));
    let peeks = at.ask(&[
        "setpriv",
        "--reuid=kusuribako-kita",
        "--regid=kusuribako-kita",
        "--clear-groups",
        "cat",
        "/var/lib/kusuribako/node.key",
    ]);
    assert_ne!(peeks.code, 0, "one instance does not read the other's key");
    let host = |dir: &str| {
        let said = at.ok(&["kusuribako", "site", "show", "--dir", dir, "--json"]);
        serde_json::from_str::<serde_json::Value>(&said).unwrap()["host"].as_str().unwrap().to_owned()
    };
    assert_eq!(host(DIR), host("/var/lib/kusuribako-kita"), "both say that they are on one machine");
    let id = at.ok(&["cat", "/etc/machine-id"]);
    assert!(!host(DIR).contains(&id));
}

fn upgrades(at: &Container, package: &str) {
    let before = at.property(UNIT, "MainPID");
    at.ok(&["dpkg", "-i", package]);
    at.served(PORT, "the new version serves");
    at.served(8081, "so does the other instance");
    assert_ne!(at.property(UNIT, "MainPID"), before, "the new version runs");
    assert_eq!(patients(at), 1);
    assert!(!at.path("/var/lib/kusuribako-update/trial.json").exists());
}

/// A phone at port 80 starts whatever program lies there: it must not come between the stop of the new one and the way back.
fn while_phones_knock(at: &Container, what: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                at.head(80, "kusuri.internal", "/wifi", 1);
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what));
        is_over.store(true, Ordering::SeqCst);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert!(at.head(80, "kusuri.internal", "/wifi", PATIENCE_SECONDS).starts_with("HTTP/1.1 200"), "{}", at.journal());
    for socket in SOCKETS {
        assert_eq!(at.property(socket, "ActiveState"), "active", "{}", at.journal());
    }
}

fn upgrade_that_fails(at: &Container, package: &str) {
    let said = at.ask(&["dpkg", "-i", package]);
    assert_ne!(said.code, 0, "who upgrades hears of it");
    assert!(said.out.contains("the version of before is back"), "{}{}", said.out, said.err);
    at.served(PORT, "the version of before serves");
    at.served(8081, "of the other instance, too");
    assert_eq!(patients(at), 1);
    assert!(at.ok(&["kusuribako", "--version"]).starts_with("kusuribako "));
}

/// A version that migrates the database and then does not get ready: at first without having written, then after it has.
fn migrates_and_fails(at: &Container, files: &Path) {
    for has_written in [false, true] {
        at.ok(&["systemctl", "stop", UNIT]);
        prepare_newer(at, files, has_written);
        at.ok(&["systemctl", "start", UNIT]);
        at.served(PORT, "before the upgrade");
        let body = "case \"$1\" in serve) ;; *) exit 1 ;; esac\ncase \"$KUSURIBAKO_DIR\" in *-kita) exit 1 ;; esac\n\
                    rm -f /var/lib/kusuribako/ledger.db-wal /var/lib/kusuribako/ledger.db-shm\n\
                    cat /var/lib/kusuribako/newer.db > /var/lib/kusuribako/ledger.db\nexit 1\n";
        let version = if has_written { "0.1.3" } else { "0.1.2" };
        let newer = script(at.scratch(), "newer", body);
        let said = at.ask(&["dpkg", "-i", &inside(&package(&newer, files, &["--version", version]))]);
        assert_ne!(said.code, 0);
        if has_written {
            assert!(said.out.contains("it had written before it failed"), "{}{}", said.out, said.err);
            assert_eq!(version_on_disk(at), newest(at) + 1, "what was written since is not given up");
        } else {
            assert!(said.out.contains("the database of before is back"), "{}{}", said.out, said.err);
            at.served(PORT, "the version of before serves the database of before");
            assert_eq!(patients(at), 1);
        }
    }
    // A repaired version: here the one of before, and the database that it knows.
    at.ok(&["systemctl", "stop", UNIT]);
    at.ok(&["sh", "-c", "cd /var/lib/kusuribako && rm -f ledger.db-* && cat before.db > ledger.db"]);
    at.ok(&["dpkg", "-i", "/srv/files/kusuribako_0.0.9_amd64.deb"]);
    at.ok(&["systemctl", "restart", UNIT, "kusuribako@kita.service"]);
    at.served(PORT, "the repaired version serves");
    assert_eq!(patients(at), 1);
}

fn database(at: &Container) -> rusqlite::Connection {
    rusqlite::Connection::open_with_flags(at.path("/var/lib/kusuribako/ledger.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)
        .unwrap()
}

fn version_on_disk(at: &Container) -> i64 {
    database(at).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// The newest version that the program under test knows.
fn newest(at: &Container) -> i64 {
    let conn = rusqlite::Connection::open_with_flags(
        at.path("/var/lib/kusuribako/before.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// What a newer version would have made of the database, with the copy and the note as every version makes them.
fn prepare_newer(at: &Container, _files: &Path, has_written: bool) {
    let dir = at.path(DIR);
    let copy = |from: &str, to: &str| std::fs::copy(dir.join(from), dir.join(to)).unwrap();
    let conn = database(at);
    let known: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let _busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    drop(conn);
    copy("ledger.db", "before.db");
    copy("ledger.db", &format!("ledger.v{known}.db"));
    copy("ledger.db", "newer.db");
    let newer =
        rusqlite::Connection::open_with_flags(dir.join("newer.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let _mode: String = newer.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).unwrap();
    newer.execute_batch("CREATE TABLE later (x INTEGER) STRICT").unwrap();
    newer.pragma_update(None, "user_version", known + 1).unwrap();
    if !has_written {
        let note = format!("ledger.v{known}.db");
        newer
            .execute("INSERT INTO local (key, value) VALUES ('unwritten since the migration from', ?1)", [note.as_bytes()])
            .unwrap();
    }
    drop(newer);
    at.ok(&["sh", "-c", &format!("chown kusuribako:kusuribako {DIR}/*")]);
}

/// The new version is in place, and nobody waits for it any more: the service manager itself brings the one of before back.
fn recovers_after_a_power_cut(at: &mut Container) {
    at.ok(&["kusuribako", "update", "hold"]);
    std::fs::copy(at.scratch().join("broken"), at.path("/usr/bin/kusuribako.new")).unwrap();
    at.ok(&["mv", "/usr/bin/kusuribako.new", "/usr/bin/kusuribako"]);
    at.ok(&["systemctl", "--no-block", "restart", UNIT]);
    let took = at.served(PORT, "the version of before comes back by itself");
    note("broken version to the page of before, nobody there", took);
    assert!(!at.path("/var/lib/kusuribako-update/trial.json").exists());
    assert_eq!(patients(at), 1);
}

fn is_removed_and_purged(at: &Container) {
    at.ok(&["dpkg", "--remove", "kusuribako"]);
    assert!(!at.serves(PORT) && !at.serves(8081));
    assert!(at.path("/var/lib/kusuribako/node.key").exists() && at.path("/etc/default/kusuribako").exists());
    let said = at.ask(&["sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --purge kusuribako"]);
    assert!(said.code == 0 && said.err.contains("the records stay in /var/lib/kusuribako"), "{}{}", said.out, said.err);
    assert!(at.path("/var/lib/kusuribako/node.key").exists(), "nobody said that the records may go");
    assert!(!at.path("/etc/default/kusuribako").exists() && !at.path("/var/lib/kusuribako-update").exists());

    // Installed again, they are served again; and go when somebody says so.
    at.ok(&["dpkg", "-i", "/srv/files/kusuribako_0.0.9_amd64.deb"]);
    at.served(PORT, "what was left is served again");
    assert_eq!(patients(at), 1);
    at.ok(&["sh", "-c", "echo kusuribako kusuribako/remove-records boolean true | debconf-set-selections"]);
    at.ok(&["sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --purge kusuribako"]);
    assert!(!at.path(DIR).exists() && !at.path("/var/lib/kusuribako-kita").exists());
    let left = at.ok(&["find", "/etc/systemd/system", "-name", "kusuribako-http*"]);
    assert_eq!(left, "", "links to units that are gone");
}
