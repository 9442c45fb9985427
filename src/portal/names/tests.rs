//! Questions as phones, strangers and forgers ask them.

use super::*;
use domain::base::Record;

fn names(has_portal: bool) -> Names {
    let own = ["kusuri.internal".to_owned(), "sakura.example.jp".to_owned()];
    let addresses = ["192.168.1.5".parse().unwrap(), "fd00::5".parse().unwrap()];
    Names::new(&own, has_portal, &addresses).unwrap()
}

fn question(name: &str, kind: Rtype) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec().question();
    builder.header_mut().set_id(7);
    builder.header_mut().set_rd(true);
    builder.push((Name::<Vec<u8>>::from_str(name).unwrap(), kind)).unwrap();
    builder.finish()
}

fn answer(names: &Names, question: &[u8]) -> (Rcode, Vec<IpAddr>) {
    let bytes = names.answer(question).unwrap();
    let message = Message::from_octets(bytes.as_slice()).unwrap();
    let header = message.header();
    assert!(header.qr() && header.id() == 7 && !header.ra());
    let mut found = Vec::new();
    for record in message.answer().unwrap() {
        let record = record.unwrap();
        let v4: Option<Record<_, A>> = record.to_record().unwrap();
        let v6: Option<Record<_, Aaaa>> = record.to_record().unwrap();
        found.extend(v4.map(|r| IpAddr::V4(r.data().addr())).into_iter().chain(v6.map(|r| IpAddr::V6(r.data().addr()))));
    }
    (header.rcode(), found)
}

#[test]
fn own_names_stand_for_the_box_in_any_case_of_letters_and_nothing_else_is_known() {
    let names = names(false);
    let (v4, v6) = ("192.168.1.5".parse().unwrap(), "fd00::5".parse().unwrap());
    assert_eq!(answer(&names, &question("KUSURI.internal", Rtype::A)), (Rcode::NOERROR, vec![v4]));
    assert_eq!(answer(&names, &question("sakura.example.jp.", Rtype::AAAA)), (Rcode::NOERROR, vec![v6]));
    assert_eq!(answer(&names, &question("kusuri.internal", Rtype::HTTPS)), (Rcode::NOERROR, vec![]));
    assert_eq!(answer(&names, &question("kusuri.internal", Rtype::ANY)), (Rcode::NOERROR, vec![v4, v6]));
    for stranger in ["example.jp", "www.sakura.example.jp", "internal", ".", "captive.apple.com", "dns.msftncsi.com"] {
        assert_eq!(answer(&names, &question(stranger, Rtype::A)), (Rcode::REFUSED, vec![]), "{stranger}");
    }
}

#[test]
fn names_that_come_later_stand_for_the_box_from_then_on() {
    let later = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let known = std::sync::Arc::clone(&later);
    let is_later = move |asked: &str| known.lock().unwrap().iter().any(|name| name.eq_ignore_ascii_case(asked));
    let names = names(false).also(Box::new(is_later));
    let asked = question("Minato.example.JP.", Rtype::A);
    assert_eq!(answer(&names, &asked).0, Rcode::REFUSED);
    later.lock().unwrap().push("minato.example.jp".to_owned());
    assert_eq!(answer(&names, &asked), (Rcode::NOERROR, vec!["192.168.1.5".parse().unwrap()]));
    assert_eq!(answer(&names, &question("x.minato.example.jp", Rtype::A)).0, Rcode::REFUSED);
}

#[test]
fn with_the_portal_the_hosts_of_questions_stand_for_the_box_and_those_that_are_more_do_not() {
    let names = names(true);
    for host in ["captive.apple.com", "connectivitycheck.gstatic.com", "www.msftconnecttest.com", "detectportal.firefox.com"] {
        assert_eq!(answer(&names, &question(host, Rtype::A)).1, ["192.168.1.5".parse::<IpAddr>().unwrap()], "{host}");
    }
    assert_eq!(answer(&names, &question("dns.msftncsi.com", Rtype::A)).1, ["131.107.255.255".parse::<IpAddr>().unwrap()]);
    for more in ["www.google.com", "www.apple.com", "fedoraproject.org"] {
        assert_eq!(answer(&names, &question(more, Rtype::A)).0, Rcode::REFUSED, "{more}");
    }
}

#[test]
fn nothing_is_answered_that_is_much_longer_than_the_question() {
    let names = names(true);
    // Seventy questions that point at one long name: written out they would be thirty times as long.
    let mut many = question(&format!("{}.jp", vec!["x".repeat(60); 4].join(".")), Rtype::A);
    for _ in 0..70 {
        many.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
    }
    many[4..6].copy_from_slice(&71_u16.to_be_bytes());
    let mut chaos = question("kusuri.internal", Rtype::A);
    let len = chaos.len();
    chaos[len - 1] = 3;
    let questions = [many, chaos, question("kusuri.internal", Rtype::ANY), question("dns.msftncsi.com", Rtype::ANY)];
    for question in questions {
        let answer = names.answer(&question).unwrap();
        assert!(answer.len() <= question.len() + 2 * 28, "{} bytes for {}", answer.len(), question.len());
    }
}

#[test]
fn what_is_no_question_is_met_with_silence_or_a_short_no() {
    let names = names(true);
    let mut reply = question("kusuri.internal", Rtype::A);
    reply[2] |= 0x80;
    assert_eq!(names.answer(&reply), None, "two responders must not talk to each other");
    assert_eq!(names.answer(&[0; 11]), None);
    let mut update = question("kusuri.internal", Rtype::A);
    update[2] = 5 << 3;
    assert_eq!(answer(&names, &update), (Rcode::NOTIMP, vec![]));
    let mut cut = question("kusuri.internal", Rtype::A);
    cut.truncate(20);
    assert_eq!(answer(&names, &cut), (Rcode::FORMERR, vec![]));
    // A name that points at itself.
    let looped = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1];
    assert_eq!(answer(&names, &looped), (Rcode::FORMERR, vec![]));
}

#[test]
fn no_bytes_make_it_panic() {
    let (names, mut rng) = (names(true), fastrand::Rng::with_seed(53));
    for _ in 0..20_000 {
        let mut bytes = question("captive.apple.com", Rtype::A);
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(..);
        }
        bytes.truncate(rng.usize(..=bytes.len()));
        if let Some(answer) = names.answer(&bytes) {
            assert!(answer.len() <= bytes.len() + 64);
        }
    }
}

#[test]
fn strangers_beyond_the_lan_are_not_answered_and_all_addresses_at_once_not_served() {
    for near in ["192.168.1.9", "10.1.1.1", "127.0.0.1", "fe80::1", "fd00::1", "::ffff:172.16.0.1", "100.64.1.1", "169.254.1.1"]
    {
        assert!(is_near(near.parse().unwrap()), "{near}");
    }
    for far in ["8.8.8.8", "2001:db8::1", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8"] {
        assert!(!is_near(far.parse().unwrap()), "{far}");
    }
    let everywhere = "0.0.0.0:53".parse().unwrap();
    assert!(matches!(Sockets::bind(&[everywhere]), Err(NamesError::Everywhere(_))));
    assert!(matches!(Names::new(&["a..b".to_owned()], false, &[]), Err(NamesError::Name(_))));
}
