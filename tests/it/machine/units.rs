//! The units as the program writes them: systemd understands them, and they are as shut as they claim.

use std::path::Path;
use std::process::Command;

#[test]
fn systemd_understands_the_units_and_finds_them_shut() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().to_str().unwrap();
    let shown = Command::new(env!("CARGO_BIN_EXE_kusuribako")).args(["install", "--dry-run", "--root", root]).output().unwrap();
    assert!(shown.status.success());
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("write /etc/systemd/system/kusuribako@.service"), "{shown}");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "a dry run writes nothing");

    // Written here as the package's script does, for a program that is there.
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/kusuribako.service")).unwrap();
    let text = text.replace("@PROGRAM@", "/bin/true").replace("@SUFFIX@", "").replace("@OF@", "here");
    let unit = temp.path().join("kusuribako.service");
    std::fs::write(&unit, text).unwrap();
    let security = |unit: &Path| {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", "--threshold=15"]).arg(unit).output().unwrap()
    };
    let found = security(&unit);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    // That the threshold means something: without one of its walls the unit is more open than that.
    let open = temp.path().join("open.service");
    let lines = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&open, lines.replace("CapabilityBoundingSet=\n", "").replace("PrivateUsers=yes\n", "")).unwrap();
    assert!(!security(&open).status.success());
}

/// The same steps for an image that somebody makes: accounts, links and files below a directory, and nothing of this machine is touched.
#[test]
fn an_image_is_set_up_without_being_started() {
    let temp = tempfile::tempdir().unwrap();
    let root = super::container::fresh_root(temp.path());
    let install = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
        super::container::host(command.args(["install", "--instance", "kita", "--root"]).arg(&root))
    };
    assert!(install().contains("account kusuribako-kita"));
    assert_eq!(install(), "", "a second time it changes nothing");
    let owner = |path: &str| {
        let mut command = Command::new("chroot");
        super::container::host(command.arg(&root).args(["stat", "-c", "%U %a", path]))
    };
    assert_eq!(owner("/var/lib/kusuribako-kita"), "kusuribako-kita 700");
    let wanted = root.join("etc/systemd/system/multi-user.target.wants");
    assert!(
        wanted.join("kusuribako@kita.service").symlink_metadata().is_ok()
            && wanted.join("kusuribako.service").symlink_metadata().is_ok()
    );
    assert_eq!(std::fs::read(root.join("etc/machine-id")).unwrap(), b"", "no identity before the first boot");
    assert_eq!(std::fs::read_dir(root.join("var/lib/kusuribako-kita")).unwrap().count(), 0);
    assert!(!Path::new("/var/lib/kusuribako-kita").exists());
}
