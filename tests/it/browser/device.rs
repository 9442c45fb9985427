//! A phone or a tablet that somebody carries about: in a network namespace, with names from the server that it was lent, certificates that
//! its owner or the web's authorities had it trust, and a browser that remembers from walk to walk.

use super::driver::with_arguments;
use crate::region::lan::Lan;
use crate::wait;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A device and what is kept on it.
pub struct Device {
    home: tempfile::TempDir,
}

impl Device {
    /// A new one at a place of the LAN.
    pub fn new(lan: &Lan, at: usize) -> Self {
        let device = Self { home: tempfile::tempdir().unwrap() };
        let (home, namespace) = (device.home.path().display(), lan.namespace(at));
        // The driver stays outside and talks to the browser by inherited pipes.
        let script = format!(
            "#!/bin/sh\nexec nsenter --net=/run/netns/{namespace} -- unshare --mount sh -c '\n\
             mount --bind \"$0/resolv.conf\" /etc/resolv.conf || exit\n\
             unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME\nHOME=\"$0\" exec chromium \"$@\"' '{home}' \"$@\"\n"
        );
        std::fs::write(device.browser(), script).unwrap();
        std::fs::set_permissions(device.browser(), std::fs::Permissions::from_mode(0o755)).unwrap();
        device.asks("127.0.0.1");
        std::fs::create_dir_all(device.home.path().join(".pki/nssdb")).unwrap();
        device.certificates(&["-N", "--empty-password"]);
        device
    }

    fn browser(&self) -> PathBuf {
        self.home.path().join("browser")
    }

    /// What the browser keeps.
    pub fn profile(&self) -> PathBuf {
        self.home.path().join("profile")
    }

    /// From its next walk on it asks this server for names.
    pub fn asks(&self, server: &str) {
        std::fs::write(self.home.path().join("resolv.conf"), format!("nameserver {server}\n")).unwrap();
    }

    /// From its next walk on it trusts what this certificate (PEM or DER) signs. There is no switch that has it look away.
    pub fn trusts(&self, name: &str, certificate: &Path) {
        self.certificates(&["-A", "-n", name, "-t", "C,,", "-i", certificate.to_str().unwrap()]);
    }

    fn certificates(&self, args: &[&str]) {
        let database = format!("sql:{}", self.home.path().join(".pki/nssdb").display());
        let done = Command::new("certutil").args(["-d", &database]).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// The browser's options, with this device's browser, once the one of the walk before has let go of what it keeps.
    pub(super) fn options(&self, options: Value) -> Value {
        let lock = self.profile().join("SingletonLock");
        wait::until("the browser of the walk before ends", super::driver::PATIENCE, || {
            std::fs::symlink_metadata(&lock).is_err().then_some(())
        });
        let mut options = with_arguments(options, &["--remote-debugging-pipe"]);
        options["binary"] = json!(self.browser());
        options
    }
}
