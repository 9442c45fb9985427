//! The units and settings as they lie in systemd/, filled in for where the program is.

/// One unit file.
pub(super) struct Unit {
    pub(super) name: &'static str,
    text: &'static str,
    suffix: &'static str,
    of: &'static str,
}

const SERVICE: &str = include_str!("../../systemd/kusuribako.service");

const fn plain(name: &'static str, text: &'static str) -> Unit {
    Unit { name, text, suffix: "", of: "" }
}

pub(super) const UNITS: [Unit; 7] = [
    Unit { name: "kusuribako.service", text: SERVICE, suffix: "", of: "here" },
    Unit { name: "kusuribako@.service", text: SERVICE, suffix: "-%i", of: "of %i" },
    plain("kusuribako-http.socket", include_str!("../../systemd/kusuribako-http.socket")),
    plain("kusuribako-https.socket", include_str!("../../systemd/kusuribako-https.socket")),
    plain("kusuribako-recover@.service", include_str!("../../systemd/kusuribako-recover@.service")),
    plain("kusuribako-nightly.service", include_str!("../../systemd/kusuribako-nightly.service")),
    plain("kusuribako-nightly.timer", include_str!("../../systemd/kusuribako-nightly.timer")),
];

/// What is enabled.
pub(super) const ENABLED: [&str; 2] = ["kusuribako.service", "kusuribako-nightly.timer"];

const SETTINGS: &str = include_str!("../../systemd/default");
pub(super) const MANUAL: &str = include_str!("../../systemd/kusuribako.8");

impl Unit {
    /// For a program that lies there.
    pub(super) fn text(&self, program: &str) -> String {
        let lines = self.text.lines().filter(|line| !line.starts_with("# One text for both"));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        text.replace("@PROGRAM@", program).replace("@SUFFIX@", self.suffix).replace("@OF@", self.of)
    }
}

/// A new settings file: where the pages and the other clinics' calls are listened for.
pub(super) fn settings(listen: Option<&str>, sync_listen: Option<&str>) -> String {
    let mut options = format!("--listen {}", listen.unwrap_or("127.0.0.1:8080"));
    if let Some(sync_listen) = sync_listen {
        options.push_str(" --sync-listen ");
        options.push_str(sync_listen);
    }
    SETTINGS.replacen("\"--listen 127.0.0.1:8080\"", &format!("\"{options}\""), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for unit in &UNITS {
            let text = unit.text("/usr/bin/kusuribako");
            assert!(!text.contains("@PROGRAM@") && !text.contains("@SUFFIX@") && !text.contains("@OF@"), "{text}");
            assert!(text.starts_with("[Unit]\n"), "{}", unit.name);
        }
        let of_several = UNITS[1].text("/x");
        assert!(of_several.contains("User=kusuribako-%i\n") && of_several.contains("/etc/default/kusuribako-%i\n"));
        assert!(UNITS[0].text("/x").contains("ExecStart=/x serve "));
    }

    #[test]
    fn settings_say_where_it_listens() {
        assert!(settings(None, None).contains("\nKUSURIBAKO_OPTIONS=\"--listen 127.0.0.1:8080\"\n"));
        let both = settings(Some("127.0.0.1:8081"), Some("0.0.0.0:7444"));
        assert!(both.contains("\nKUSURIBAKO_OPTIONS=\"--listen 127.0.0.1:8081 --sync-listen 0.0.0.0:7444\"\n"));
    }
}
