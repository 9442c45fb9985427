//! A phone: a browser without script, over whatever carries its requests.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Keeps one cookie and follows no link by itself.
pub struct Phone<'t> {
    host: String,
    carry: Box<dyn Fn(&str) -> String + 't>,
    cookie: String,
}

impl<'t> Phone<'t> {
    pub fn new(host: &str, carry: impl Fn(&str) -> String + 't) -> Self {
        Self { host: host.to_owned(), carry: Box::new(carry), cookie: String::new() }
    }

    /// On the network of this machine.
    pub fn near(host: &str) -> Self {
        let to = host.to_owned();
        Self::new(host, move |request| {
            let mut stream = TcpStream::connect(&to).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        })
    }

    pub fn get(&mut self, path: &str) -> String {
        self.send("GET", path, "")
    }

    pub fn post(&mut self, path: &str, form: &[(&str, &str)]) -> String {
        let encoded: Vec<String> = form.iter().map(|(key, value)| format!("{key}={}", percent(value))).collect();
        self.send("POST", path, &encoded.join("&"))
    }

    /// Card, PIN, "is this you?", and then today's medicines; or the refusal.
    pub fn read(&mut self, code: &str, pin: &str) -> String {
        let opened = self.open(code, pin);
        if opened.contains("location: /you") { self.get("/record") } else { opened }
    }

    /// A memo of the patient's own; what came after it.
    pub fn write_memo(&mut self, code: &str, pin: &str, text: &str) -> String {
        let opened = self.open(code, pin);
        assert!(opened.contains("location: /you"), "{opened}");
        let notes = self.get("/record/notes");
        let (fact, on) = (value(&notes, "fact"), value(&notes, "on"));
        self.post("/record/notes/own", &[("csrf", value(&notes, "csrf")), ("fact", fact), ("on", on), ("text", text)])
    }

    /// Card, PIN, "is this you?".
    pub fn open(&mut self, code: &str, pin: &str) -> String {
        let opened = self.post("/open", &[("code", code), ("pin", pin)]);
        if opened.contains("location: /you") {
            let you = self.get("/you");
            self.post("/you", &[("csrf", value(&you, "csrf")), ("answer", "yes")]);
        }
        opened
    }

    /// A file of a form of staff's.
    pub fn post_file(&mut self, path: &str, csrf: &str, field: &str, text: &str) -> String {
        let part = "--X\r\nContent-Disposition: form-data; name=";
        let body = format!("{part}\"csrf\"\r\n\r\n{csrf}\r\n{part}\"{field}\"; filename=\"p\"\r\n\r\n{text}\r\n--X--\r\n");
        self.send_as("POST", path, "multipart/form-data; boundary=X", &body)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> String {
        self.send_as(method, path, "application/x-www-form-urlencoded", body)
    }

    fn send_as(&mut self, method: &str, path: &str, kind: &str, body: &str) -> String {
        let form = match method {
            "POST" => format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()),
            _ => String::new(),
        };
        let cookie = if self.cookie.is_empty() { String::new() } else { format!("Cookie: {}\r\n", self.cookie) };
        let host = &self.host;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookie}{form}\r\n{body}");
        let answer = (self.carry)(&request);
        for line in answer.lines().take_while(|line| !line.is_empty()) {
            if let Some(set) = line.strip_prefix("set-cookie: ") {
                set.split(';').next().unwrap().clone_into(&mut self.cookie);
            }
        }
        answer
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The value of a hidden field.
pub fn value<'t>(page: &'t str, name: &str) -> &'t str {
    let before = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&before).unwrap_or_else(|| panic!("{before} in {page}")).1;
    rest.split_once('"').unwrap().0
}
