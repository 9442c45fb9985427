//! Somebody leaves the home's staff: what is written after that, the card and the holder's staff read at the holder, and the badge does not.

use super::browser::{Answer, Browser};
use super::shelter::{NAME, PASSPHRASE, Rung, Shelter, Who};
use kusuribako::clinic::check::Told;
use kusuribako::clinic::glass::{Whose, Why};
use kusuribako::clinic::staff::Role;
use kusuribako::record::{Consent, Content, GlassReason, LookShown};
use kusuribako::seal::badge::Passphrase;

const NEW: &str = "辞めた後に書いた覚え書き";

fn record_of(shelter: &Shelter) -> String {
    let hex = |id: &[u8; 16]| data_encoding::HEXLOWER.encode(id);
    format!("/staff/patient/{}/{}", hex(&shelter.home.clinic.ledger().0), hex(&shelter.subject.0))
}

fn signs_in(browser: &mut Browser, badge: &str) -> Answer {
    browser.post("/staff/sign-in", &[("badge", badge), ("passphrase", PASSPHRASE)])
}

#[test]
fn what_is_written_after_somebody_left_the_card_and_the_holders_staff_read_and_their_badge_does_not() {
    let shelter = Shelter::new();
    let (home, holder) = (&shelter.home, &shelter.holder);
    let chosen = Passphrase::chosen(PASSPHRASE).unwrap();
    let admin = home.clinic.prove_staff(&home.admin.code, &Passphrase::entered(PASSPHRASE)).unwrap();
    let leaver = home.clinic.add_staff(&admin, "辞める 人", Role::Pharmacist, Some(chosen)).unwrap();
    let badge = leaver.code.printed().to_string();
    shelter.holder_takes();
    let mut guest = shelter.browser(Rung::Tls, Who::Nobody);
    guest.sign_in(&badge, PASSPHRASE);
    assert!(guest.get(&record_of(&shelter)).text.contains(NAME), "till then it is theirs");

    let mut at_home = Browser::new(home.site(Rung::Tls), Rung::Tls);
    at_home.sign_in(&home.admin.code.printed(), PASSPHRASE);
    let (csrf, of) = (at_home.get("/staff").csrf(), data_encoding::HEXLOWER.encode(&leaver.opener.0));
    let before = home.clinic.own_inbox();
    let taken = at_home.post(&format!("/staff/people/{of}/revoke"), &[("csrf", &csrf), ("why", "left")]);
    assert_eq!(taken.location(), Some("/staff/people?done=left"));
    assert_ne!(home.clinic.own_inbox(), before);
    shelter.hear();
    let inbox = holder.member.region().unwrap().inbox(home.clinic.ledger());
    assert_eq!(inbox, Some(home.clinic.own_inbox()), "the region hears of the new key at once");
    // Statements come before entries: what lies at the holder still opens.
    let mut pharmacist = shelter.browser(Rung::Tls, Who::Pharmacist);
    assert_eq!(pharmacist.get("/staff").status, 200);

    shelter.writes_at_home(NEW);
    shelter.holder_takes();
    let mut patient = shelter.browser(Rung::Tls, Who::Patient);
    assert!(patient.get("/record").text.contains(NEW) || patient.get("/record/history").text.contains(NEW));
    let person = holder.clinic.sign_in(&shelter.pharmacist.code, &Passphrase::entered(PASSPHRASE)).unwrap().person;
    let why = Why { reason: GlassReason::Continuation, words: "避難所".to_owned(), consent: Consent::Patient };
    let glass = holder.clinic.break_glass(&person, &why, None).unwrap();
    let whose = Whose { ledger: home.clinic.ledger(), subject: shelter.subject };
    let looked = holder.clinic.look_through(&glass, whose, LookShown::Record, &person).unwrap();
    let chart = holder.clinic.chart_looked_at(&looked).unwrap();
    let is_new = |content: &Content| matches!(content, Content::Memo(memo) if memo.text == NEW);
    assert!(chart.unreadable == 0 && chart.facts.iter().any(|fact| is_new(&fact.content)));

    assert!([303, 403].contains(&guest.get(&record_of(&shelter)).status), "the session has ended");
    let refused = signs_in(&mut guest, &badge);
    assert!(refused.status == 403 && !refused.text.contains(NAME), "{}", refused.text);
    shelter.home_takes();
    for clinic in [&home.clinic, &holder.clinic] {
        let mut faults = Vec::new();
        clinic.verify(&mut |told| faults.extend(if let Told::Fault(fault) = told { Some(fault) } else { None })).unwrap();
        assert_eq!(faults, Vec::<String>::new());
    }
}
