//! What the region's authority signs: for each box that keeps to the region's domain, whatever another one calls itself.

use super::clinic::{Clinic, PATIENCE};
use super::lan::Lan;
use crate::wait;
use serde_json::json;

#[test]
fn a_box_with_a_name_of_another_domain_keeps_no_other_box_waiting() {
    let Some(lan) = Lan::new("a_box_with_a_name_of_another_domain_keeps_no_other_box_waiting", 2) else { return };
    let (mut home, mut other) = (Clinic::new(&lan, 0, "さくら薬局"), Clinic::new(&lan, 1, "みなと薬局"));
    let kit = home.path("kit");
    home.ok(&["region", "found", "--name", "試しの地域", "--kit-out", kit.to_str().unwrap()]);
    for (clinic, name) in [(&mut home, "sakura.example.jp"), (&mut other, "minato.example.org")] {
        clinic.ok(&["access", "configure", "--name", name]);
        clinic.start();
    }
    let root = kit.join("root.txt").to_str().unwrap().to_owned();
    super::join(&home, &other, &root);
    // What a box has on its door it says when it starts in a region, or when that changes.
    other.stop();
    other.start();
    let ask = || home.json(&["access", "authority", "--root", &root, "--suffix", "example.jp"]);
    // Both have named their doors, one after the other.
    let mut signed = 0;
    let left_out = wait::until("one box is named, the other signed for", PATIENCE, || {
        let said = ask();
        signed += said["signed"].as_array().unwrap().len();
        let left_out = said["left_out"].as_array().unwrap().clone();
        (signed == 1 && left_out.len() == 1).then_some(left_out)
    });
    assert_eq!(left_out[0]["clinic"], json!("みなと薬局"));
    assert!(left_out[0]["why"].as_str().unwrap().contains("minato.example.org"), "{left_out:?}");
    wait::until("a certificate by the region's authority", PATIENCE, || {
        (home.json(&["access", "status"])["b"]["state"] == "valid").then_some(())
    });
    home.stop();
    other.stop();
}
