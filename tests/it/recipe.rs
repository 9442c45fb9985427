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
    assert!(std::fs::read_to_string(at("unbound.conf")).unwrap().contains("lends no addresses"), "what it does not do is said");
    let by_hand = std::fs::read_to_string(at("router.txt")).unwrap();
    for value in ["02:00:00:12:34:56", "192.168.1.5", "kusuri.internal", "https://sakura.example.jp/wifi/state", "7443"] {
        assert!(by_hand.contains(value), "{value}");
    }
    // A file that says something else is not accepted: the programs do look.
    std::fs::write(at("dnsmasq.conf"), "host-recrod=kusuri.internal,192.168.1.5\n").unwrap();
    let refused = run("dnsmasq", &["--test", &format!("--conf-file={}", at("dnsmasq.conf"))]);
    assert!(refused.is_none_or(|output| !output.status.success()));
}

/// A stand-in for OpenWrt's `uci`: sections and options as lines of a file, lists with `+=`, as `uci show` and its manual say.
const UCI: &str = r#"#!/bin/sh
[ "$1" = -q ] && shift
say() { echo "uci: $*" >&2; exit 1; }
one() {
    case "$1" in
    set) key="${2%%=*}"; value="${2#*=}"; value="${value#\'}"; value="${value%\'}"
        grep -vF "$key=" "$UCI_STATE" >"$UCI_STATE.new" || true
        echo "$key=$value" >>"$UCI_STATE.new"; mv "$UCI_STATE.new" "$UCI_STATE" ;;
    add_list) key="${2%%=*}"; value="${2#*=}"; value="${value#\'}"; value="${value%\'}"; echo "$key+=$value" >>"$UCI_STATE" ;;
    del_list) grep -vxF "${2%%=*}+=${2#*=}" "$UCI_STATE" >"$UCI_STATE.new" || true; mv "$UCI_STATE.new" "$UCI_STATE" ;;
    delete) grep -qF "$2" "$UCI_STATE" || return 1
        grep -v -e "^$2=" -e "^$2+=" "$UCI_STATE" >"$UCI_STATE.new" || true; mv "$UCI_STATE.new" "$UCI_STATE" ;;
    show) grep "^$2\." "$UCI_STATE" ;;
    commit) ;;
    batch) while read -r verb rest; do one "$verb" "$rest" || exit 1; done ;;
    *) say "unknown: $*" ;;
    esac
}
one "$@"
"#;

/// Runs the script for OpenWrt where `uci` is the stand-in; the settings that it leaves, sorted.
fn openwrt(out: &Path, passphrase: &str) -> (bool, Vec<String>) {
    use std::io::Write;
    let (bin, state) = (out.join("bin"), out.join("uci"));
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(&state, "wireless.radio0=wifi-device\nwireless.radio1=wifi-device\n").unwrap();
        for (name, text) in [("uci", UCI), ("reload_config", "#!/bin/sh\n")] {
            std::fs::write(bin.join(name), text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(bin.join(name), mode).unwrap();
        }
    }
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut sh = Command::new("sh");
    sh.arg(out.join("openwrt.sh")).env("PATH", path).env("UCI_STATE", &state).stdin(std::process::Stdio::piped());
    let mut child = sh.stderr(std::process::Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{passphrase}\n").as_bytes()).unwrap();
    let is_done = child.wait().unwrap().success();
    let mut lines: Vec<String> = std::fs::read_to_string(&state).unwrap().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    (is_done, lines)
}

#[test]
fn on_openwrt_the_script_makes_lease_names_and_a_guests_network_that_reaches_the_box_only() {
    let out =
        recipe(&["router", "--address", "192.168.1.5/24", "--mac", "02:00:00:12:34:56", "--trusted-name", "sakura.example.jp"]);
    assert!(!openwrt(out.path(), "short").0, "a passphrase that no radio takes");
    let (is_done, made) = openwrt(out.path(), "correct horse $HOME");
    assert!(is_done, "{made:?}");
    let value = |key: &str| {
        made.iter().find_map(|line| line.strip_prefix(&format!("{key}="))).unwrap_or_else(|| panic!("{key}: {made:#?}"))
    };
    assert_eq!((value("dhcp.kusuribako.ip"), value("dhcp.kusuribako.mac")), ("192.168.1.5", "02:00:00:12:34:56"));
    for (at, name) in [(0, "kusuri.internal"), (1, "sakura.example.jp")] {
        assert_eq!(value(&format!("dhcp.kusuribako_name{at}.name")), name);
        assert!(made.contains(&format!("dhcp.@dnsmasq[0].rebind_domain+={name}")));
    }
    // Radio, network, bridge, lease and zone name each other.
    for radio in ["radio0", "radio1"] {
        let of = |option: &str| value(&format!("wireless.kusuribako_{radio}.{option}"));
        assert_eq!((of("device"), of("network"), of("isolate"), of("encryption")), (radio, "guest", "1", "sae-mixed"));
        assert_eq!((of("key"), of("mode")), ("correct horse $HOME", "ap"), "nothing in it is looked at by the shell");
    }
    assert_eq!((value("network.guest"), value("network.guest.ipaddr")), ("interface", "192.168.77.1"));
    assert_eq!(value("network.guest.device"), value("network.guest_bridge.name"));
    assert_eq!((value("dhcp.guest.interface"), value("dhcp.guest.start"), value("dhcp.guest.limit")), ("guest", "2", "253"));
    assert_eq!((value("firewall.guest"), value("firewall.guest.name")), ("zone", "guest"));
    assert_eq!((value("firewall.guest.input"), value("firewall.guest.forward")), ("REJECT", "REJECT"));
    assert!(made.contains(&"firewall.guest.network+=guest".to_owned()));
    // The clinic's network is named by one rule, for the box's pages.
    let inside: Vec<&String> = made.iter().filter(|line| line.ends_with(".dest=lan")).collect();
    assert_eq!(inside, ["firewall.kusuribako.dest=lan"]);
    let of = |option: &str| value(&format!("firewall.kusuribako.{option}"));
    assert_eq!((of("src"), of("dest_ip"), of("dest_port"), of("proto")), ("guest", "192.168.1.5", "80 443", "tcp"));
    assert_eq!(openwrt(out.path(), "correct horse $HOME"), (true, made.clone()), "done again it changes nothing");
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
    let settings = std::fs::read_to_string(at("kusuribako.default")).unwrap();
    let readme = std::fs::read_to_string(at("README.txt")).unwrap();
    assert!(
        settings.contains("--host kusuri.internal ") && readme.contains("http://192.168.76.1/envelope"),
        "{settings}{readme}"
    );
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
