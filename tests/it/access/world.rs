//! A name server (BIND) that takes signed updates, an ACME server (Pebble) that asks it, and what a browser sees.

use crate::cli::program::{Clinic, Served};
use crate::wait;
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const PATIENCE: Duration = Duration::from_secs(60);
pub const OWN: &str = "sakura.example.test";
pub const SHARED: &str = "kusuri.example.test";
const KEY: &str = "c2VjcmV0LW9mLXRoZS10ZXN0LW9ubHktMzItYnl0ZXM=";

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Says so where the servers are not installed.
fn is_installed(test: &str) -> bool {
    let is_there = |program: &str| ["/usr/sbin", "/usr/bin"].iter().any(|dir| PathBuf::from(dir).join(program).exists());
    let are_there = ["named", "nsupdate", "pebble", "curl", "python3"].iter().all(|program| is_there(program));
    assert!(
        are_there || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(),
        "bind9, bind9-dnsutils and pebble must be installed"
    );
    if !are_there {
        println!("skipped: {test}: needs the packages bind9, bind9-dnsutils, pebble");
    }
    are_there
}

/// Servers of a test; they end with it.
pub struct World {
    dir: tempfile::TempDir,
    /// Where they listen, and the words before a command that is to run there.
    address: String,
    inside: Vec<String>,
    pub dns: u16,
    pub acme: u16,
    management: u16,
    children: Vec<Child>,
}

impl World {
    /// None, with a line that says so, where the servers are not installed.
    pub fn new(test: &str) -> Option<Self> {
        is_installed(test).then(|| Self::start("127.0.0.1", Vec::new(), [free_port(), free_port(), free_port()]))
    }

    /// The same in a network of their own, at the usual ports; `inside` are the words before a command that is to run there.
    pub fn within(test: &str, address: &str, inside: Vec<String>) -> Option<Self> {
        is_installed(test).then(|| Self::start(address, inside, [53, 14000, 15000]))
    }

    fn start(address: &str, inside: Vec<String>, [dns, acme, management]: [u16; 3]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = address.to_owned();
        let mut world = Self { dir, address, inside, dns, acme, management, children: Vec::new() };
        world.start_dns();
        world.start_acme();
        world
    }

    fn command(&self, program: &str) -> Command {
        let mut words = self.inside.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words);
        command
    }

    fn answers(&self, what: &str, port: u16) {
        let connect = format!("</dev/tcp/{}/{port}", self.address);
        wait::until(what, PATIENCE, || {
            quiet(self.command("bash").args(["-c", &connect])).status().is_ok_and(|status| status.success()).then_some(())
        });
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn start_dns(&mut self) {
        let zone = "$TTL 1\n@ SOA ns hostmaster 1 60 60 60 1\n@ NS ns\nns A 127.0.0.1\nsakura A 127.0.0.1\n_acme-challenge.away CNAME elsewhere\n";
        let (zone, dir) = (self.write("zone", zone), self.path(""));
        let (dns, address) = (self.dns, &self.address);
        let conf = format!(
            "options {{ directory \"{dir}\"; listen-on port {dns} {{ {address}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none; }};
             controls {{ }};
             key \"kusuri\" {{ algorithm hmac-sha256; secret \"{KEY}\"; }};
             zone \"example.test\" {{ type primary; file \"{zone}\"; allow-update {{ key \"kusuri\"; }}; }};"
        );
        let conf = self.write("named.conf", &conf);
        self.write("tsig", &format!("kusuri hmac-sha256 {KEY}\n"));
        self.write("nskey", &format!("key \"kusuri\" {{ algorithm hmac-sha256; secret \"{KEY}\"; }};\n"));
        let mut named = self.command("/usr/sbin/named");
        self.children.push(quiet(named.args(["-g", "-n", "1", "-c", &conf])).spawn().unwrap());
        self.answers("the name server", self.dns);
    }

    fn start_acme(&mut self) {
        let made = rcgen::generate_simple_self_signed(vec![self.address.clone(), "localhost".to_owned()]).unwrap();
        let (cert, key) = (self.write("acme.pem", &made.cert.pem()), self.write("acme.key", &made.signing_key.serialize_pem()));
        let (acme, management, address) = (self.acme, self.management, &self.address);
        let conf = serde_json::json!({ "pebble": {
            "listenAddress": format!("{address}:{acme}"), "managementListenAddress": format!("{address}:{management}"),
            "certificate": cert, "privateKey": key, "httpPort": 1, "tlsPort": 1,
            // As long as those of public authorities: 90 days.
            "certificateValidityPeriod": 90 * 24 * 3600,
        }});
        let conf = self.write("pebble.json", &conf.to_string());
        let mut pebble = self.command("/usr/bin/pebble");
        pebble.args(["-config", &conf, "-dnsserver", &format!("{}:{}", self.address, self.dns)]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0").env("PEBBLE_WFE_NONCEREJECT", "0");
        self.children.push(quiet(&mut pebble).spawn().unwrap());
        self.answers("the ACME server", self.acme);
    }

    /// The ACME server is gone.
    pub fn stop_acme(&mut self) {
        let mut pebble = self.children.pop().unwrap();
        pebble.kill().unwrap();
        pebble.wait().unwrap();
    }

    /// The ACME server is back; it has forgotten everybody.
    pub fn restart_acme(&mut self) {
        self.start_acme();
    }

    /// What certificates of the ACME server are trusted by.
    pub fn root(&self) -> String {
        let url = format!("https://{}:{}/roots/0", self.address, self.management);
        let out = self.command("curl").args(["-sk", &url]).output().unwrap();
        self.write("root.pem", &String::from_utf8(out.stdout).unwrap())
    }

    /// The options of `access configure` that every test has.
    pub fn acme_args(&self) -> Vec<String> {
        let directory = format!("https://{}:{}/dir", self.address, self.acme);
        let roots = self.path("acme.pem");
        ["--agree-terms", "--directory", &directory, "--roots", &roots].map(str::to_owned).to_vec()
    }

    /// Challenges by signed updates.
    pub fn update_args(&self) -> Vec<String> {
        let server = format!("{}:{}", self.address, self.dns);
        let tsig = self.path("tsig");
        ["--dns-server", &server, "--dns-zone", "example.test", "--tsig-file", &tsig].map(str::to_owned).to_vec()
    }

    /// The texts at a name.
    pub fn texts(&self, name: &str) -> String {
        let port = self.dns.to_string();
        let out = Command::new("dig").args(["+short", "@127.0.0.1", "-p", &port, "TXT", name]).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    }

    /// A program for challenges, which does `more` besides.
    pub fn hook(&self, more: &str) -> String {
        let (port, key, log) = (self.dns, self.path("nskey"), self.path("hook.log"));
        let script = format!(
            "#!/bin/sh\necho \"$1\" >> {log}\nverb=add; [ \"$1\" = unset ] && verb=delete; ttl=1; [ \"$1\" = unset ] && ttl=\n\
             printf 'server 127.0.0.1 {port}\\nzone example.test\\nupdate %s %s. %s TXT \"%s\"\\nsend\\n' \"$verb\" \"$2\" \"$ttl\" \"$3\" | nsupdate -k {key} || exit 1\n{more}\n"
        );
        let path = self.write("hook", &script);
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, executable).unwrap();
        path
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

pub fn answers(what: &str, port: u16) {
    wait::until(what, PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok());
}

/// A box with its ports.
pub struct Boxed {
    pub clinic: Clinic,
    pub https: u16,
    pub http: u16,
    pub served: Option<Served>,
}

impl Boxed {
    pub fn new() -> Self {
        Self { clinic: Clinic::named("さくら診療所", &[]), https: free_port(), http: free_port(), served: None }
    }

    pub fn configure(&self, args: &[&[String]]) {
        let args: Vec<&str> = args.iter().flat_map(|group| group.iter()).map(String::as_str).collect();
        let ran = self.clinic.run(&[&["access", "configure"], &args[..]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
    }

    pub fn serve(&mut self) {
        let (https, http) = (format!("127.0.0.1:{}", self.https), format!("127.0.0.1:{}", self.http));
        self.served = Some(self.clinic.serve(&["--https-listen", &https, "--http-listen", &http, "--host", "kusuri.internal"]));
    }

    pub fn ok(&self, args: &[&str]) {
        let ran = self.clinic.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    }

    pub fn status(&self) -> Value {
        let ran = self.clinic.run(&["access", "status", "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()
    }

    /// Waits until the board is as it should be.
    pub fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let last = std::cell::RefCell::new(Value::Null);
        let state = || format!("{:#}", last.borrow());
        wait::until_or(what, PATIENCE, state, || {
            *last.borrow_mut() = self.status();
            is_so(&last.borrow()).then(|| last.borrow().clone())
        })
    }

    pub fn fails_as(&self, kind: &str) -> Value {
        self.until(kind, |status| status["tries"]["acme"]["error"]["kind"] == kind)
    }

    /// What a browser gets over TLS that trusts `root`: head and body; `None` where the handshake fails.
    pub fn https(&self, root: &str, name: &str, path: &str) -> Option<String> {
        let port = self.https;
        let (resolve, url) = (format!("{name}:{port}:127.0.0.1"), format!("https://{name}:{port}{path}"));
        let out = Command::new("curl")
            .args(["-si", "--max-time", "10", "--cacert", root, "--resolve", &resolve, &url])
            .output()
            .unwrap();
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// What it gets at the front door.
    pub fn http(&self, host: &str, path: &str, more: &[&str]) -> String {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        let host = format!("Host: {host}");
        let out = Command::new("curl").args(["-si", "--max-time", "10", "-H", &host]).args(more).arg(&url).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
}
