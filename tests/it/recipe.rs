//! The recipes' files, each looked at by the program that it is for.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a program that a package brings; tests/run installs it.
fn run(program: &str, args: &[&str]) -> Option<Output> {
    let found =
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(program)).find(|path| path.exists());
    assert!(found.is_some() || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "{program} is not installed");
    if found.is_none() {
        println!("skipped: {program} is not installed");
    }
    Some(Command::new(found?).args(args).output().unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn accepts(program: &str, args: &[&str]) {
    if let Some(output) = run(program, args) {
        assert!(output.status.success(), "{program} {args:?}: {}", said(&output));
    }
}

/// Writes a recipe into a directory.
fn recipe(args: &[&str]) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let secret = out.path().join("secret");
    std::fs::write(&secret, "correct horse battery\n").unwrap();
    let all = [&["access", "recipe"], args, &["--out", out.path().to_str().unwrap()]].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
    let command = if args[0] == "ap" { command.args(&all).arg("--passphrase-file").arg(&secret) } else { command.args(&all) };
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    out
}

#[test]
fn the_routers_files_are_accepted_by_dnsmasq_unbound_and_a_shell() {
    let out =
        recipe(&["router", "--address", "192.168.1.5/24", "--mac", "02:00:00:12:34:56", "--trusted-name", "sakura.example.jp"]);
    let at = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    accepts("dnsmasq", &["--test", &format!("--conf-file={}", at("dnsmasq.conf"))]);
    accepts("unbound-checkconf", &[&at("unbound.conf")]);
    accepts("sh", &["-n", &at("openwrt.sh")]);
    let by_hand = std::fs::read_to_string(at("router.txt")).unwrap();
    for value in ["02:00:00:12:34:56", "192.168.1.5", "kusuri.internal", "https://sakura.example.jp/wifi/state", "7443"] {
        assert!(by_hand.contains(value), "{value}");
    }
    // A file that says something else is not accepted: the programs do look.
    std::fs::write(at("dnsmasq.conf"), "host-recrod=kusuri.internal,192.168.1.5\n").unwrap();
    let refused = run("dnsmasq", &["--test", &format!("--conf-file={}", at("dnsmasq.conf"))]);
    assert!(refused.is_none_or(|output| !output.status.success()));
}

#[test]
fn the_access_points_files_are_accepted_by_hostapd_dnsmasq_and_systemd() {
    let out = recipe(&["ap", "--address", "192.168.76.1/22", "--ssid", "くすり箱", "--interface", "kusuri-test0"]);
    let at = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    accepts("dnsmasq", &["--test", &format!("--conf-file={}", at("dnsmasq.conf"))]);
    // Without a radio it ends when it looks for one; by then it has read every line.
    let hostapd = |what: &str| {
        let output = run("hostapd", &[&at("hostapd.conf")])?;
        assert!(!output.status.success(), "{what}: there is no such radio");
        Some(said(&output))
    };
    if let Some(said) = hostapd("as it is written") {
        assert!(!said.contains("found in configuration file") && !said.contains("Line "), "{said}");
    }
    let config = std::fs::read_to_string(at("hostapd.conf")).unwrap();
    for line in ["ap_isolate=1", "wpa_key_mgmt=WPA-PSK SAE", "ieee80211w=1", "ssid2=\"くすり箱\""] {
        assert!(config.lines().any(|l| l == line), "{line}");
    }
    std::fs::write(at("hostapd.conf"), config.replace("ap_isolate=1", "ap_isolate_all=1")).unwrap();
    if let Some(said) = hostapd("with a line that it does not know") {
        assert!(said.contains("found in configuration file"), "{said}");
    }
    for unit in ["kusuribako-ap-address.service", "kusuribako-ap-radio.service", "kusuribako-ap-names.service"] {
        if let Some(output) = run("systemd-analyze", &["verify", "--man=no", "--recursive-errors=no", &at(unit)]) {
            assert!(output.status.success(), "{unit}: {}", said(&output));
        }
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(at("hostapd.conf")).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "the passphrase is for nobody else");
}

#[test]
fn values_that_would_change_a_file_are_refused_in_words() {
    let refused = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kusuribako")).args(["access", "recipe"]).args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        said(&output)
    };
    let router = ["router", "--address", "192.168.1.5/24", "--mac"];
    assert!(refused(&[&router[..], &["02:00:00:12:34"]].concat()).contains("hardware address"));
    let name = "a\naddress=/#/203.0.113.1";
    assert!(refused(&[&router[..], &["02:00:00:12:34:56", "--name", name]].concat()).contains("letters, digits and hyphens"));
    assert!(refused(&["router", "--mac", "02:00:00:12:34:56", "--address", "203.0.113.5/24"]).contains("private"));
}
