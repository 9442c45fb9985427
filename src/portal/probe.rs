//! Where phones and computers look for the internet, and what they expect there.
//!
//! From what the makers say or their open code does: Apple, "Use captive portals" and its page itself; Android,
//! `NetworkMonitor` and `CaptivePortalLogin` of AOSP's NetworkStack; Windows, "Network Connectivity Status Indicator"; Firefox,
//! `captivedetect.canonicalURL` and `network.connectivity-service`; NetworkManager, its distributions' `connectivity.conf`.

/// Whose question it is: systems differ in what they do with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// iOS, iPadOS and macOS keep their sheet open when the answer is right.
    Apple,
    /// Android closes its sheet as soon as the answer is right.
    Android,
    /// Windows opens the usual browser.
    Windows,
    /// Firefox, on any of them.
    Firefox,
    /// NetworkManager.
    Linux,
    /// Whoever asks as RFC 8908 says.
    Interface,
}

/// What a system takes for the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Status 204.
    Nothing,
    /// Exactly this text.
    Text(&'static str),
    /// A page.
    Page(&'static str),
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The host that is asked.
    pub host: &'static str,
    /// What it is asked for.
    pub path: &'static str,
    /// By whom.
    pub system: System,
    /// And what must come.
    pub expected: Expected,
}

const fn probe(system: System, host: &'static str, path: &'static str, expected: Expected) -> Probe {
    Probe { host, path, system, expected }
}

const SUCCESS: Expected = Expected::Page("<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>");
const MANAGER: Expected = Expected::Text("NetworkManager is online\n");

/// All that is known.
pub const PROBES: [Probe; 20] = [
    probe(System::Apple, "captive.apple.com", "/hotspot-detect.html", SUCCESS),
    probe(System::Apple, "captive.apple.com", "/", SUCCESS),
    probe(System::Apple, "www.apple.com", "/library/test/success.html", SUCCESS),
    probe(System::Android, "connectivitycheck.gstatic.com", "/generate_204", Expected::Nothing),
    probe(System::Android, "connectivitycheck.android.com", "/generate_204", Expected::Nothing),
    probe(System::Android, "play.googleapis.com", "/generate_204", Expected::Nothing),
    probe(System::Android, "clients3.google.com", "/generate_204", Expected::Nothing),
    probe(System::Android, "www.gstatic.com", "/generate_204", Expected::Nothing),
    probe(System::Android, "www.google.com", "/generate_204", Expected::Nothing),
    probe(System::Android, "www.google.com", "/gen_204", Expected::Nothing),
    probe(System::Windows, "www.msftconnecttest.com", "/connecttest.txt", Expected::Text("Microsoft Connect Test")),
    probe(System::Windows, "ipv6.msftconnecttest.com", "/connecttest.txt", Expected::Text("Microsoft Connect Test")),
    probe(System::Windows, "www.msftncsi.com", "/ncsi.txt", Expected::Text("Microsoft NCSI")),
    probe(System::Firefox, "detectportal.firefox.com", "/success.txt", Expected::Text("success\n")),
    probe(
        System::Firefox,
        "detectportal.firefox.com",
        "/canonical.html",
        Expected::Page("<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>"),
    ),
    probe(System::Linux, "nmcheck.gnome.org", "/check_network_status.txt", MANAGER),
    probe(System::Linux, "network-test.debian.org", "/nm", MANAGER),
    probe(System::Linux, "fedoraproject.org", "/static/hotspot.txt", Expected::Text("OK")),
    probe(System::Linux, "ping.archlinux.org", "/nm-check.txt", MANAGER),
    probe(System::Linux, "connectivity-check.ubuntu.com", "/", Expected::Nothing),
];

/// Hosts that are more than a question. Names never point them here (a phone's other programs would meet a wrong certificate), and where a
/// router does, nothing but the questions themselves is answered.
const ALSO_OTHERWISE: [&str; 7] = [
    "www.apple.com",
    "play.googleapis.com",
    "clients3.google.com",
    "www.gstatic.com",
    "www.google.com",
    "fedoraproject.org",
    "ping.archlinux.org",
];

/// What a request at a known host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A question.
    Probe(&'static Probe),
    /// Another page of a host that is there for questions only: somebody's browser was sent there.
    Elsewhere,
    /// Another page of a host that has others.
    Refused,
}

/// What is asked for, where the host (`Host` header, port 80 or none) is a known one.
pub fn find(host: &str, path: &str) -> Option<Found> {
    let bare = host.strip_suffix(":80").unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let mut of_host = PROBES.iter().filter(|probe| probe.host.eq_ignore_ascii_case(bare)).peekable();
    let first = of_host.peek().copied()?;
    Some(match of_host.find(|probe| probe.path == path) {
        Some(probe) => Found::Probe(probe),
        None if ALSO_OTHERWISE.contains(&first.host) => Found::Refused,
        None => Found::Elsewhere,
    })
}

/// The hosts that names may point here: those that are there for nothing else.
pub fn hosts() -> impl Iterator<Item = &'static str> {
    let own = |probe: &&Probe| !ALSO_OTHERWISE.contains(&probe.host);
    let mut last = "";
    PROBES.iter().filter(own).map(|probe| probe.host).filter(move |host| std::mem::replace(&mut last, host) != *host)
}
