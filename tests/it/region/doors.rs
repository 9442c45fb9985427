//! What the region's authority signs: for a box that keeps to the region's domain; another is named, with what to do.

use super::clinic::{Clinic, PATIENCE};
use super::lan::{Lan, address};
use crate::wait;
use serde_json::json;

#[test]
fn a_box_with_a_name_of_another_domain_is_named_and_signed_for_once_it_has_a_fitting_one() {
    let Some(lan) = Lan::new("a_box_with_a_name_of_another_domain_is_named", 1) else { return };
    let mut home = Clinic::new(&lan, 0, "さくら薬局");
    let kit = home.path("kit");
    home.ok(&["region", "found", "--name", "試しの地域", "--kit-out", kit.to_str().unwrap()]);
    home.ok(&["access", "configure", "--name", "sakura.example.org"]);
    home.start();
    let root = kit.join("root.txt").to_str().unwrap().to_owned();
    let left_out = wait::until("the box that does not fit is named", PATIENCE, || {
        let said = home.json(&["access", "authority", "--root", &root, "--suffix", "example.jp"]);
        assert_eq!(said["signed"], json!([]));
        Some(said["left_out"].as_array().unwrap().clone()).filter(|left_out| !left_out.is_empty())
    });
    assert_eq!(left_out[0]["clinic"], json!("さくら薬局"));
    assert!(left_out[0]["why"].as_str().unwrap().contains("sakura.example.org"), "{left_out:?}");
    home.ok(&["access", "configure", "--name", "sakura.example.jp"]);
    wait::until("it is signed for", PATIENCE, || {
        let said = home.json(&["access", "authority", "--root", &root]);
        (said["left_out"] == json!([]) && !said["signed"].as_array().unwrap().is_empty()).then_some(())
    });
    home.stop();
}

/// The second box has its name before it belongs to the region, and is being served when it joins: one that was told of its door then has to say so.
#[test]
fn a_box_that_joins_while_it_is_served_is_signed_for_beside_one_that_cannot_be() {
    let Some(lan) = Lan::new("a_box_that_joins_while_it_is_served_is_signed_for", 2) else { return };
    let (mut home, mut second) = (Clinic::new(&lan, 0, "さくら薬局"), Clinic::new(&lan, 1, "みなと薬局"));
    let kit = home.path("kit");
    home.ok(&["region", "found", "--name", "試しの地域", "--kit-out", kit.to_str().unwrap()]);
    home.ok(&["access", "configure", "--name", "sakura.example.org"]);
    second.ok(&["access", "configure", "--name", "minato.example.jp"]);
    home.start();
    second.start();
    let key = second.data().join("access/authority.pem");
    wait::until("the second box has something to say of its door", PATIENCE, || key.exists().then_some(()));
    let root = kit.join("root.txt").to_str().unwrap().to_owned();
    let invited = home.json(&["region", "invite"]);
    let asked =
        second.json(&["region", "join", invited["code"].as_str().unwrap(), "--address", &format!("{}:7443", address(0))]);
    let compared = asked["compared"].as_str().unwrap();
    second.ok(&["region", "confirm", compared]);
    home.ok(&["region", "confirm", compared, "--root", &root]);
    let mut signed = 0;
    wait::until("one is signed for, and the other named", PATIENCE, || {
        let said = home.json(&["access", "authority", "--root", &root, "--suffix", "example.jp"]);
        signed += said["signed"].as_array().unwrap().len();
        (signed == 1 && said["left_out"].as_array().unwrap().len() == 1).then_some(())
    });
    home.stop();
    second.stop();
}
