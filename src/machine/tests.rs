//! A machine's files in a directory: what an installation writes, that doing it again changes nothing, and names.

use super::install::Wish;
use super::*;

#[test]
fn an_instance_is_named_as_units_paths_and_accounts_can_be() {
    for wrong in ["", "update", "A", "a-b", "../x", "a b", "%i", "abcdefghijklmnopqrstu"] {
        assert!(Instance::named(wrong).is_err(), "{wrong:?}");
    }
    let one = Instance::named("kita2").unwrap();
    assert_eq!(
        (&*one.unit(), &*one.dir(), &*one.account()),
        ("kusuribako@kita2.service", "/var/lib/kusuribako-kita2", "kusuribako-kita2")
    );
    assert_eq!(Instance::only().settings(), "/etc/default/kusuribako");
}

#[test]
fn an_installation_says_every_step_beforehand() {
    let temp = tempfile::tempdir().unwrap();
    let machine = Machine::image(temp.path());
    let wish = Wish { instance: Some("b".into()), listen: Some("127.0.0.1:8081".into()), ..Wish::default() };
    let shown: Vec<String> = machine.install_steps(&wish).unwrap().iter().map(ToString::to_string).collect();
    for wanted in [
        "write /usr/local/bin/kusuribako",
        "account kusuribako-b",
        "directory /var/lib/kusuribako-b, entered by kusuribako-b only",
    ] {
        assert!(shown.iter().any(|step| step == wanted), "{wanted} in {shown:?}");
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "and does none of them");
    assert!(machine.install_steps(&Wish { instance: Some("B".into()), ..Wish::default() }).is_err());
    let keys = Wish { release_keys: Some("nonsense".into()), ..Wish::default() };
    assert!(matches!(machine.install_steps(&keys), Err(MachineError::Release(_))));
}

#[test]
fn a_file_is_written_whole_once_and_settings_are_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let machine = Machine::image(temp.path());
    let step = Step::file("/etc/x/unit", "one", 0o644);
    assert!(step.carry_out(&machine).unwrap() && !step.carry_out(&machine).unwrap());
    assert!(Step::file("/etc/x/unit", "two", 0o644).carry_out(&machine).unwrap());
    assert!(Step::file("/etc/x/unit", "two", 0o600).carry_out(&machine).unwrap(), "the mode counts, too");
    let kept = Step::File { path: "/etc/x/unit".into(), bytes: b"three".to_vec(), mode: 0o644, is_kept: true };
    assert!(!kept.carry_out(&machine).unwrap());
    assert_eq!(std::fs::read(temp.path().join("etc/x/unit")).unwrap(), b"two");
    let remove = Step::Remove { path: "/etc/x/unit".into() };
    assert!(remove.carry_out(&machine).unwrap() && !remove.carry_out(&machine).unwrap());
}

#[test]
fn with_the_package_its_program_and_units_are_the_packages() {
    let temp = tempfile::tempdir().unwrap();
    let machine = Machine::image(temp.path());
    assert_eq!(machine.program(), LOCAL);
    Step::file(PACKAGE_UNIT, "[Unit]\n", 0o644).carry_out(&machine).unwrap();
    Step::file(PACKAGED, "x", 0o755).carry_out(&machine).unwrap();
    assert_eq!(machine.program(), PACKAGED);
    let steps = machine.install_steps(&Wish::default()).unwrap();
    assert!(!steps.iter().any(|step| step.to_string().contains("/etc/systemd")), "{steps:?}");
    assert!(matches!(machine.uninstall_steps(), Err(MachineError::Packaged)));
}

#[test]
fn instances_are_those_with_settings() {
    let temp = tempfile::tempdir().unwrap();
    let machine = Machine::image(temp.path());
    assert_eq!(machine.instances().unwrap(), [Instance::only()]);
    for settings in ["kusuribako", "kusuribako-b", "kusuribako-a", "kusuribako-a.dpkg-old", "other"] {
        Step::file(&format!("/etc/default/{settings}"), "", 0o644).carry_out(&machine).unwrap();
    }
    let names = ["kusuribako.service", "kusuribako@a.service", "kusuribako@b.service"];
    assert_eq!(machine.instances().unwrap().iter().map(Instance::unit).collect::<Vec<_>>(), names);
    assert_eq!(machine.founded().unwrap(), []);
    Step::file("/var/lib/kusuribako-b/ledger.db", "", 0o600).carry_out(&machine).unwrap();
    assert_eq!(machine.founded().unwrap(), [Instance::named("b").unwrap()]);
}
