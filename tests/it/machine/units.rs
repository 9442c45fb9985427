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
