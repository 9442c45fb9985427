//! Without a package: `install`, an update from a signed file, one that fails, the key sealed, `uninstall`.

use super::container::{Container, PATIENCE_SECONDS, host, program};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const DIR: &str = "/var/lib/kusuribako";
const PORT: u16 = 8080;

#[test]
fn a_box_without_a_package_sets_itself_up_and_takes_signed_updates() {
    if !super::container::has_root_mount() {
        return;
    }
    let at = Container::boot();
    std::fs::copy(program(at.scratch()), at.path("/srv/kusuribako")).unwrap();

    installs(&at);
    is_handed_its_port(&at);
    updates(&at);
    seals_the_key(&at);
    uninstalls(&at);
}

fn installs(at: &Container) {
    let dry = at.ok(&["/srv/kusuribako", "install", "--dry-run"]);
    assert!(dry.contains("account kusuribako") && !at.path("/usr/local/bin/kusuribako").exists(), "{dry}");
    let begun = Instant::now();
    at.ok(&["/srv/kusuribako", "install"]);
    crate::wait::figure("install", begun.elapsed(), Duration::from_secs(60));
    assert_eq!(at.ok(&["/srv/kusuribako", "install"]), "", "a second time it changes nothing");
    at.ok(&["kusuribako", "init", "--dir", DIR, "--name", "見本薬局", "--admin-out", "/srv/staff.txt"]);
    at.ok(&["systemctl", "start", "kusuribako"]);
    assert!(at.answers(PORT, PATIENCE_SECONDS), "{}", at.journal());
    at.ok(&["systemd-analyze", "security", "--no-pager", "--threshold=15", "kusuribako.service"]);
    at.ok(&["systemctl", "start", "kusuribako-nightly.service"]);
}

/// A port that it may not open itself; and while it starts anew, connections wait instead of being refused.
fn is_handed_its_port(at: &Container) {
    let settings = at.path("/etc/default/kusuribako");
    let before = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, "KUSURIBAKO_OPTIONS=\"--listen [::]:80 --insecure-lan\"\n").unwrap();
    at.ok(&["systemctl", "stop", "kusuribako"]);
    at.ok(&["systemctl", "start", "kusuribako-http.socket"]);
    assert!(at.answers(80, PATIENCE_SECONDS), "the first connection starts it: {}", at.journal());
    for _ in 0..3 {
        at.ok(&["systemctl", "--no-block", "restart", "kusuribako"]);
        assert!(at.answers(80, PATIENCE_SECONDS), "a connection was refused during a restart: {}", at.journal());
    }
    at.ok(&["systemctl", "stop", "kusuribako-http.socket", "kusuribako"]);
    std::fs::write(&settings, before).unwrap();
    at.ok(&["systemctl", "start", "kusuribako"]);
    at.served(PORT, "it serves at its own port again");
}

/// An update of a program: signed outside, as those who make updates do.
fn update(at: &Container, program: &Path, number: u64) -> String {
    let (key, out) = (at.scratch().join("release.key"), at.path("/srv/new.update"));
    let ours = env!("CARGO_BIN_EXE_kusuribako");
    if !key.exists() {
        host(Command::new(ours).args(["update", "key", "--out"]).arg(&key));
    }
    host(
        Command::new(ours)
            .args(["update", "make", "--number", &number.to_string(), "--key"])
            .arg(&key)
            .arg("--program")
            .arg(program)
            .arg("--out")
            .arg(&out),
    );
    "/srv/new.update".to_owned()
}

fn updates(at: &Container) {
    let other = at.scratch().join("other");
    // Another file, the same program: what is appended to it is never read.
    let bytes = [std::fs::read(at.path("/srv/kusuribako")).unwrap(), b"of a later day".to_vec()].concat();
    std::fs::write(&other, bytes).unwrap();
    host(Command::new("chmod").arg("755").arg(&other));
    let file = update(at, &other, 5);
    let refused = at.ask(&["kusuribako", "update", "apply", &file]);
    assert!(refused.code == 1 && refused.err.contains("knows no release key"), "{}", refused.err);
    std::fs::copy(at.scratch().join("release.key.pub"), at.path("/srv/release.pub")).unwrap();
    at.ok(&["kusuribako", "install", "--release-key", "/srv/release.pub"]);
    assert!(at.ok(&["kusuribako", "update", "check", &file]).contains("release 5"));

    let pid = at.property("kusuribako", "MainPID");
    assert!(at.ok(&["kusuribako", "update", "apply", &file]).contains("the new version serves"));
    assert!(at.answers(PORT, PATIENCE_SECONDS) && at.property("kusuribako", "MainPID") != pid);
    assert!(std::fs::read(at.path("/usr/local/bin/kusuribako")).unwrap() == std::fs::read(&other).unwrap());
    let again = at.ask(&["kusuribako", "update", "apply", &file]);
    assert!(again.code == 1 && again.err.contains("number 5 is installed"), "{}", again.err);

    // Signed, but it does not serve: the one of before does, and knows that it is number 5.
    let bad = at.scratch().join("bad");
    std::fs::write(&bad, "#!/bin/sh\ncase \"$1\" in --version) echo kusuribako 9.9.9 ;; *) exit 1 ;; esac\n").unwrap();
    host(Command::new("chmod").arg("755").arg(&bad));
    let file = update(at, &bad, 6);
    let failed = at.ask(&["kusuribako", "update", "apply", &file]);
    assert!(failed.code == 1 && failed.out.contains("the version of before is back"), "{}{}", failed.out, failed.err);
    at.served(PORT, "the version of before serves");
    assert!(std::fs::read(at.path("/usr/local/bin/kusuribako")).unwrap() == std::fs::read(&other).unwrap());
    assert!(at.ok(&["kusuribako", "update", "status"]).contains("release 5"));

    // One bit of it is another: nothing is put anywhere.
    let mut bytes = std::fs::read(at.path(&file)).unwrap();
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    std::fs::write(at.path(&file), bytes).unwrap();
    let forged = at.ask(&["kusuribako", "update", "apply", &file]);
    assert!(forged.code == 1 && forged.err.contains("damaged"), "{}", forged.err);
}

fn seals_the_key(at: &Container) {
    let tpm = at.ask(&["kusuribako", "install", "--seal-key", "tpm", "--key-copy", "/srv/node.key"]);
    assert!(tpm.code == 1 && tpm.err.contains("no TPM"), "never a lesser seal than was asked for: {}{}", tpm.out, tpm.err);
    assert!(at.path("/var/lib/kusuribako/node.key").exists());
    let said = at.ok(&["kusuribako", "install", "--seal-key", "host", "--key-copy", "/srv/node.key"]);
    assert!(said.contains("on the same disk"), "{said}");
    assert!(!at.path("/var/lib/kusuribako/node.key").exists() && at.path("/srv/node.key").exists());
    at.served(PORT, "it serves with the sealed key");
    at.ok(&["systemctl", "restart", "kusuribako"]);
    assert!(at.answers(PORT, PATIENCE_SECONDS), "{}", at.journal());
    // Commands reach the server, though they cannot read the key.
    at.ok(&["kusuribako", "patient", "list", "--dir", DIR]);
    let secret = std::fs::read_to_string(at.path("/srv/node.key")).unwrap();
    let seed = secret.lines().find_map(|line| line.strip_prefix("seed ")).unwrap().to_owned();
    let found = Command::new("grep").args(["-rlF", &seed]).arg(at.path("/var/lib")).arg(at.path("/etc")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the plain key lies nowhere else");
}

fn uninstalls(at: &Container) {
    at.ok(&["kusuribako", "uninstall"]);
    assert!(!at.serves(PORT) && !at.path("/usr/local/bin/kusuribako").exists());
    assert!(!at.path("/etc/systemd/system/kusuribako.service").exists());
    assert!(at.path("/var/lib/kusuribako/ledger.db").exists(), "data stay");
    at.ok(&["/srv/kusuribako", "install"]);
    at.served(PORT, "and are served by whoever comes next");
}
