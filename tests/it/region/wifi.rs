//! A phone that joins the clinic's Wi-Fi gets to the page: box and phone in namespaces, leases and names by dnsmasq as the recipe writes
//! it, or names by the box itself; and scripted phones that behave as their makers describe.

use super::clinic::{Clinic, PATIENCE};
use super::lan::{Lan, address};
use crate::wait;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

const BOX: usize = 0;
const PHONES: [usize; 3] = [1, 2, 3];

/// Whether a program of a package is there; tests/run installs it.
pub fn is_installed(test: &str, programs: &[&str]) -> bool {
    let is_there = |program: &&&str| ["/usr/sbin", "/sbin", "/usr/bin"].iter().any(|dir| Path::new(dir).join(program).exists());
    let missing: Vec<&&str> = programs.iter().filter(|program| !is_there(program)).collect();
    assert!(missing.is_empty() || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "not installed: {missing:?}");
    if !missing.is_empty() {
        println!("skipped: {test}: not installed: {missing:?}");
    }
    missing.is_empty()
}

/// A program that runs beside, ended when dropped.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The access point's files, as the recipe writes them for this clinic.
fn recipe(clinic: &Clinic) -> PathBuf {
    let (secret, out) = (clinic.path("passphrase"), clinic.path("ap"));
    std::fs::write(&secret, "correct horse battery\n").unwrap();
    let at = format!("{}/24", address(BOX));
    let recipe = ["access", "recipe", "ap", "--address", &at, "--interface", "eth0", "--trusted-name", "sakura.example.jp"];
    let files = ["--passphrase-file", secret.to_str().unwrap(), "--out", out.to_str().unwrap()];
    clinic.ok(&[&recipe[..], &files[..]].concat());
    out
}

/// A box that is told what the recipe says, word by word; on its own Wi-Fi there is no other clinic.
fn served_as_the_recipe_says(lan: &Lan) -> Clinic<'_> {
    let mut clinic = Clinic::new(lan, BOX, "さくら薬局");
    let settings = std::fs::read_to_string(recipe(&clinic).join("kusuribako.default")).unwrap();
    let options = settings.lines().find_map(|line| line.strip_prefix("KUSURIBAKO_OPTIONS=")).unwrap().trim_matches('"');
    let options = options.strip_prefix("--listen 127.0.0.1:8080 ").unwrap();
    clinic.by_the_ladder();
    clinic.serve_with(&options.split(' ').chain(["--sync-listen", "off"]).collect::<Vec<_>>());
    clinic
}

/// The access point's dnsmasq, with the recipe's own file; only the place of its leases is the test's.
fn dnsmasq(lan: &Lan, clinic: &Clinic) -> Running {
    let written = std::fs::read_to_string(clinic.path("ap").join("dnsmasq.conf")).unwrap();
    let leases = clinic.path("leases");
    let config = clinic.path("dnsmasq.conf");
    assert!(written.contains("dhcp-leasefile=/run/kusuribako-ap/leases\n"));
    std::fs::write(&config, written.replace("/run/kusuribako-ap/leases", leases.to_str().unwrap())).unwrap();
    names_and_leases(lan, BOX, &config)
}

/// A dnsmasq at a place, once it lends addresses.
pub fn names_and_leases(lan: &Lan, at: usize, config: &Path) -> Running {
    let mut command = lan.command(at, "dnsmasq");
    command.args(["--keep-in-foreground", "--log-facility=-", "--user=root", "--pid-file="]);
    let mut child = command.arg(format!("--conf-file={}", config.display())).stderr(Stdio::piped()).spawn().unwrap();
    // It says so on one of its first lines, or why not.
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let running = Running(child);
    let mut said = Vec::new();
    for line in lines {
        let is_up = line.contains("DHCP, IP range");
        said.push(line);
        if is_up {
            return running;
        }
    }
    panic!("dnsmasq does not start: {said:?}");
}

/// What was lent to a phone that had no address.
pub fn join(lan: &Lan, clinic: &Clinic, phone: usize) -> String {
    let script = clinic.path("lent.sh");
    std::fs::write(&script, LENT).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(lan.command(phone, "ip").args(["address", "flush", "dev", "eth0"]).status().unwrap().success());
    let lent = clinic.path(&format!("lent{phone}"));
    let mut udhcpc = lan.command(phone, "udhcpc");
    udhcpc.args(["-f", "-q", "-n", "-t", "10", "-i", "eth0", "-O", "114", "-s"]).arg(&script).env("LENT", &lent);
    let output = udhcpc.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(lent).unwrap()
}

/// What udhcpc calls when it has an address.
const LENT: &str = "#!/bin/sh
[ \"$1\" = bound ] || exit 0
ip address add \"$ip/$mask\" dev \"$interface\"
ip route add default via \"$router\"
env > \"$LENT\"
";

/// The scripted phone.
fn phone(lan: &Lan, phone: usize, args: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/region/wifi/phone.py");
    let output = lan.command(phone, "/usr/bin/python3").arg(script).arg(address(BOX)).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The page that opens by itself, as Chromium shows it, with the names that were lent.
fn chromium(lan: &Lan, clinic: &Clinic, at: usize, url: &str) -> String {
    let resolver = clinic.path("resolv.conf");
    writeln!(std::fs::File::create(&resolver).unwrap(), "nameserver {}", address(BOX)).unwrap();
    let profile = clinic.path("profile");
    let browse = format!(
        "mount --bind {} /etc/resolv.conf && exec chromium --headless=new --no-sandbox --disable-gpu --no-first-run \
         --disable-background-networking --window-size=390,844 --user-data-dir={} --dump-dom {url}",
        resolver.display(),
        profile.display()
    );
    let output = lan.command(at, "unshare").args(["--mount", "sh", "-c", &browse]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn served<'l>(lan: &'l Lan, more: &[&str]) -> Clinic<'l> {
    let mut clinic = Clinic::new(lan, BOX, "さくら薬局");
    clinic.listen_at("0.0.0.0:80");
    clinic.serve_with(&[&["--host", "kusuri.internal", "--sync-listen", "off"], more].concat());
    clinic
}

/// Sees the sheet once, and passes when its owner wants to stay.
fn assert_popped(apple: &Value, android: &Value, windows: &Value) {
    let sheet = format!("http://{}/wifi", address(BOX));
    assert_eq!((&apple["before"], &apple["after"]), (&json!([false, false]), &json!(true)), "{apple}");
    assert_eq!(apple["sheet"], json!(sheet));
    let page = apple["page"].as_str().unwrap();
    assert!(page.contains("さくら薬局") && page.contains("インターネットにはつながりません"), "{page}");
    let states = ["before", "opened", "front", "reading", "stays", "after"].map(|step| android[step].as_u64().unwrap());
    assert_eq!(states, [302, 302, 200, 302, 303, 204], "{android}");
    assert_eq!(android["https"], json!("REFUSED"), "a phone's other programs must not meet a wrong certificate");
    assert_eq!((&windows["before"], &windows["after"]), (&json!(302), &json!("Microsoft Connect Test")), "{windows}");
    assert_eq!((&windows["browser"], &windows["name"]), (&json!(sheet), &json!(["131.107.255.255"])));
}

#[test]
fn on_the_access_points_wifi_each_phone_gets_to_its_record() {
    const TEST: &str = "on_the_access_points_wifi_each_phone_gets_to_its_record";
    if !is_installed(TEST, &["dnsmasq", "udhcpc", "chromium"]) {
        return;
    }
    let Some(lan) = Lan::new(TEST, 5) else { return };
    let mut clinic = served_as_the_recipe_says(&lan);
    let card = clinic.patient("見本 花子");
    let _names = dnsmasq(&lan, &clinic);
    clinic.start();
    let staff = clinic.path("staff.txt");
    clinic.ok(&["access", "declare-http", "--staff", staff.to_str().unwrap(), "--hours", "72"]);
    for phone in PHONES {
        let lent = join(&lan, &clinic, phone);
        let has = |line: &str| lent.lines().any(|l| l == line);
        assert!(has(&format!("router={}", address(BOX))) && has(&format!("dns={}", address(BOX))), "{lent}");
        let url: String = "https://sakura.example.jp/wifi/state".bytes().map(|b| format!("{b:02x}")).collect();
        assert!(has(&format!("opt114={url}")), "{lent}");
    }
    let seen = PHONES.map(|at| phone(&lan, at, &[["apple", "android", "windows"][at - 1]]));
    assert_popped(&seen[0], &seen[1], &seen[2]);
    let walked = phone(&lan, 1, &["walk", &card.code, &card.pin]);
    assert_eq!(walked["status"], json!(200), "{walked}");
    assert!(walked["record"].as_str().unwrap().contains("ｺﾘｵﾊﾟﾝ") || walked["record"].as_str().unwrap().contains("コリオパン"));
    let (requests, bytes) = (walked["requests"].as_u64().unwrap(), walked["bytes"].as_u64().unwrap());
    println!("from the card to the record: {requests} requests and {bytes} bytes, style sheet included");
    assert!(requests <= 5 && bytes <= 30_000, "{requests} requests, {bytes} bytes");
    let names = phone(&lan, 2, &["names", "kusuri.internal", "sakura.example.jp", "example.jp", "www.apple.com"]);
    let own = json!([address(BOX)]);
    assert_eq!(
        names,
        json!({"kusuri.internal": own, "sakura.example.jp": own, "example.jp": "REFUSED", "www.apple.com": "REFUSED"})
    );
    // What the sheet of a phone that has just come shows: it is a browser.
    join(&lan, &clinic, 4);
    let shown = chromium(&lan, &clinic, 4, "http://connectivitycheck.android.com/generate_204");
    assert!(shown.contains("/wifi/stay") && shown.contains("さくら薬局"), "{shown}");
    clinic.stop();
}

#[test]
fn without_any_router_the_box_answers_for_its_names_and_only_for_them() {
    let Some(lan) = Lan::new("without_any_router_the_box_answers_for_its_names_and_only_for_them", 4) else { return };
    let dns = format!("{}:53", address(BOX));
    let more = ["--portal", "on", "--dns-listen", &dns, "--local-name", "kusuri"];
    let mut clinic = served(&lan, &more);
    let card = clinic.patient("見本 花子");
    clinic.start();
    let names =
        ["kusuri.internal", "Sakura.Example.JP", "captive.apple.com", "www.google.com", "example.jp", "x.kusuri.internal"];
    let own = json!([address(BOX)]);
    // Names that it is given while it runs.
    let called = ["sakura.example.jp", "kusuri.example.jp"];
    assert_eq!(phone(&lan, 1, &["names", called[0]])[called[0]], json!("REFUSED"));
    clinic.ok(&["access", "configure", "--name", called[0], "--region-name", called[1]]);
    wait::until("the box answers for its new names", PATIENCE, || {
        let answered = phone(&lan, 1, &["names", called[0], called[1]]);
        (answered[called[0]] == own && answered[called[1]] == own).then_some(())
    });
    let answered = phone(&lan, 1, &[&["names"], &names[..]].concat());
    let expected = [&own, &own, &own, &json!("REFUSED"), &json!("REFUSED"), &json!("REFUSED")];
    for (name, expected) in names.iter().zip(expected) {
        assert_eq!(answered[name], *expected, "{name}");
    }
    let seen = PHONES.map(|at| phone(&lan, at, &[["apple", "android", "windows"][at - 1]]));
    assert_popped(&seen[0], &seen[1], &seen[2]);
    assert_eq!(phone(&lan, 2, &["walk", &card.code, &card.pin])["status"], json!(200));
    wait::until("the name is heard on the LAN", PATIENCE, || (phone(&lan, 1, &["local", "kusuri.local"]) == own).then_some(()));
    // No other host is answered for, and nothing of a probe's host is a page of ours.
    let ask = |host: &str, path: &str| clinic.with_host(host, path);
    assert!(ask("kusuri.local", "/").contains("200 OK"));
    assert!(ask("example.jp", "/generate_204").contains(" 421 ") || ask("example.jp", "/generate_204").contains(" 400 "));
    for path in ["/record", "/staff", "/", "/c/0"] {
        let answer = ask("captive.apple.com", path);
        assert!(answer.starts_with("HTTP/1.1 302 ") || answer.contains("<BODY>Success</BODY>"), "{path}: {answer}");
        assert!(!answer.contains("さくら薬局"));
    }
    clinic.stop();
}

#[test]
fn the_portal_is_off_unless_it_is_asked_for() {
    let Some(lan) = Lan::new("the_portal_is_off_unless_it_is_asked_for", 1) else { return };
    let mut clinic = served(&lan, &[]);
    clinic.start();
    let answer = clinic.with_host("captive.apple.com", "/hotspot-detect.html");
    assert!(!answer.contains("Success") && !answer.starts_with("HTTP/1.1 302"), "{answer}");
    assert!(clinic.with_host("kusuri.internal", "/wifi").starts_with("HTTP/1.1 404"));
    clinic.stop();
}
