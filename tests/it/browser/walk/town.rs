//! Two clinics of one region and their patients' phones on a LAN whose router is another's, with the internet behind that router's uplink.

use crate::access::world::World;
use crate::browser::device::Device;
use crate::region;
use crate::region::clinic::{Card, Clinic, PATIENCE, faketime};
use crate::region::lan::{Lan, address, enter, ip};
use crate::region::wifi::{self, Running};
use crate::wait;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;

pub const HOME: usize = 0;
pub const OTHER: usize = 1;
const ROUTER: usize = 2;
const PHONE: usize = 3;
const TABLET: usize = 4;
pub const PLACES: usize = 5;

/// The clinics' public names, below the domain of the region.
pub const NAMES: [&str; 2] = ["sakura.example.test", "minato.example.test"];
const DOMAIN: &str = "example.test";
const INTERNET: &str = "198.51.100.1";
const GATE: &str = "198.51.100.254";

/// Whether everything is installed that a town is made of.
pub fn is_installed(test: &str) -> bool {
    let programs = ["dnsmasq", "udhcpc", "chromium", "chromedriver", "certutil", "pdftoppm"];
    let has_clock = faketime().is_some();
    assert!(has_clock || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "libfaketime is not installed");
    if !has_clock {
        println!("skipped: {test}: libfaketime is not installed");
    }
    has_clock && wifi::is_installed(test, &programs)
}

/// A namespace behind the router's second port.
struct Internet {
    namespace: String,
    router: String,
}

impl Internet {
    fn new(lan: &Lan) -> Self {
        let router = lan.namespace(ROUTER);
        let internet = Self { namespace: format!("{router}i"), router };
        let Self { namespace, router } = &internet;
        let near = |args: &[&str]| assert_eq!(ip(&[&["-n", router], args].concat()), Some(()), "{args:?}");
        let far = |args: &[&str]| assert_eq!(ip(&[&["-n", namespace], args].concat()), Some(()), "{args:?}");
        assert_eq!(ip(&["netns", "add", namespace]), Some(()));
        near(&["link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", namespace]);
        near(&["addr", "add", &format!("{GATE}/24"), "dev", "uplink"]);
        near(&["link", "set", "uplink", "up"]);
        far(&["addr", "add", &format!("{INTERNET}/24"), "dev", "eth0"]);
        far(&["link", "set", "lo", "up"]);
        far(&["link", "set", "eth0", "up"]);
        far(&["route", "add", "default", "via", GATE]);
        let forwards = lan.command(ROUTER, "sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]).status();
        assert!(forwards.unwrap().success(), "a router forwards");
        internet
    }

    fn cut(&self) {
        assert_eq!(ip(&["-n", &self.router, "link", "set", "uplink", "down"]), Some(()));
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.namespace]);
    }
}

/// All of it.
pub struct Town<'l> {
    lan: &'l Lan,
    pub home: Clinic<'l>,
    pub other: Clinic<'l>,
    pub card: Card,
    router: Option<Running>,
    world: World,
    internet: Internet,
}

impl<'l> Town<'l> {
    /// Both clinics have a public certificate and copies of each other's records; the phones are in the first one's Wi-Fi.
    pub fn new(test: &str, lan: &'l Lan) -> Option<Self> {
        let internet = Internet::new(lan);
        let world = World::within(test, INTERNET, enter(&internet.namespace).to_vec())?;
        let mut home = Clinic::new(lan, HOME, "さくら薬局");
        let mut other = Clinic::new(lan, OTHER, "みなと薬局");
        let router = route(lan, &home);
        // The box gets the address that the recipe says, as each phone gets one.
        let lent = wifi::join(lan, &home, HOME);
        assert!(lent.lines().any(|line| line == format!("ip={}", address(HOME))), "{lent}");
        let default = ["route", "add", "default", "via", &address(ROUTER)];
        assert!(lan.command(OTHER, "ip").args(default).status().unwrap().success());
        let kit = home.path("kit");
        home.ok(&["region", "found", "--name", "試しの地域", "--kit-out", kit.to_str().unwrap()]);
        home.follow_clock();
        for (clinic, name) in [(&mut home, NAMES[HOME]), (&mut other, NAMES[OTHER])] {
            let acme = [world.acme_args(), world.update_args()].concat();
            let acme: Vec<&str> = acme.iter().map(String::as_str).collect();
            clinic.ok(&[&["access", "configure", "--name", name][..], &acme].concat());
            clinic.by_the_ladder();
            clinic.start();
        }
        let card = home.patient("見本 花子");
        let town = Self { lan, home, other, card, router: Some(router), world, internet };
        town.becomes_a_region();
        Some(town)
    }

    fn becomes_a_region(&self) {
        let Self { home, other, .. } = self;
        let root = home.path("kit").join("root.txt").to_str().unwrap().to_owned();
        region::join(home, other, &root);
        home.until_status("both meet", |status| {
            status["sites"].as_array().unwrap().iter().filter(|site| site["reachable"] == true).count() == 2
        });
        home.ok(&["region", "place", "--adopt", "--root", &root]);
        other.until_status("the copies are whole", |status| {
            let is_whole = |ledger: &Value| {
                let holders = ledger["holders"].as_array().unwrap();
                holders.len() == 2 && holders.iter().all(|holder| holder["behind"] == 0)
            };
            status["ledgers"].as_array().is_some_and(|ledgers| ledgers.len() == 2 && ledgers.iter().all(is_whole))
        });
        for clinic in [home, other] {
            until_board(clinic, "a public certificate", |board| board["a"]["state"] == "valid");
        }
        wait::until("the authority signs for a box that has named its door", PATIENCE, || {
            let signed = home.json(&["access", "authority", "--root", &root, "--suffix", DOMAIN]);
            (!signed["signed"].as_array().unwrap().is_empty()).then_some(())
        });
        until_board(home, "a certificate by the region's authority", |board| board["b"]["state"] == "valid");
    }

    /// What a card's code says.
    pub fn scanned(&self) -> String {
        format!("http://kusuri.internal/c/{}", self.card.code.replace('-', ""))
    }

    /// What the web's authorities are to phones: here one, in a file.
    fn web(&self) -> PathBuf {
        PathBuf::from(self.world.root())
    }

    /// A patient's phone, as it was bought, in the Wi-Fi.
    pub fn phone(&self) -> Device {
        self.device(PHONE)
    }

    /// A tablet of the clinic's.
    pub fn tablet(&self) -> Device {
        self.device(TABLET)
    }

    fn device(&self, at: usize) -> Device {
        let device = Device::new(self.lan, at);
        device.trusts("the web", &self.web());
        self.joins(&device, at);
        device
    }

    /// Address and names come from the router.
    fn joins(&self, device: &Device, at: usize) {
        let lent = wifi::join(self.lan, &self.home, at);
        let server = lent.lines().find_map(|line| line.strip_prefix("dns=")).unwrap_or_else(|| panic!("{lent}"));
        assert_eq!(server, address(ROUTER));
        device.asks(server);
    }

    /// The phone is carried to the other clinic, into the Wi-Fi there.
    pub fn carry_to_the_other(&mut self, phone: &Device) {
        drop(self.router.take());
        self.router = Some(route(self.lan, &self.other));
        self.joins(phone, PHONE);
    }

    /// Whether a phone reaches the internet.
    pub fn has_internet(&self) -> bool {
        let connect = format!("</dev/tcp/{INTERNET}/53");
        let mut tried = self.lan.command(PHONE, "timeout");
        tried.args(["5", "bash", "-c", &connect]).stderr(Stdio::null()).status().unwrap().success()
    }

    /// The router's uplink is dead.
    pub fn cut(&self) {
        self.internet.cut();
    }

    /// What a phone gets at the front door, by address.
    pub fn door(&self) -> String {
        let url = format!("http://{}/", address(HOME));
        let out = self.lan.command(PHONE, "curl").args(["-si", "--max-time", "10", &url]).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
}

/// A router with the files of `access recipe router` for this clinic, besides what every router says.
fn route(lan: &Lan, clinic: &Clinic) -> Running {
    let shown = lan.command(clinic.at, "ip").args(["-j", "link", "show", "eth0"]).output().unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let (mac, out) = (shown[0]["address"].as_str().unwrap(), clinic.path("router"));
    let at = format!("{}/24", address(clinic.at));
    let recipe = ["access", "recipe", "router", "--address", &at, "--mac", mac];
    clinic.ok(&[&recipe[..], &["--trusted-name", NAMES[clinic.at], "--out", out.to_str().unwrap()]].concat());
    let (config, own) = (clinic.path("router.conf"), address(ROUTER));
    let usual = format!(
        "interface=eth0\nexcept-interface=lo\nbind-interfaces\nno-hosts\nno-resolv\nserver={INTERNET}\nstop-dns-rebind\nno-ping\n\
         dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h\ndhcp-authoritative\ndhcp-leasefile={}\n\
         dhcp-option=option:router,{own}\ndhcp-option=option:dns-server,{own}\nconf-file={}\n",
        clinic.path("router-leases").display(),
        out.join("dnsmasq.conf").display(),
    );
    std::fs::write(&config, usual).unwrap();
    wifi::names_and_leases(lan, ROUTER, &config)
}

/// Waits until the board of states is as it should be.
fn until_board(clinic: &Clinic, what: &str, is_so: impl Fn(&Value) -> bool) {
    let last = std::cell::RefCell::new(Value::Null);
    wait::until_or(
        what,
        PATIENCE,
        || format!("{}: {:#}\n{}", clinic.name, last.borrow(), clinic.log()),
        || {
            *last.borrow_mut() = clinic.json(&["access", "status"]);
            is_so(&last.borrow()).then_some(())
        },
    );
}
