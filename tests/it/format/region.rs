//! The vectors of the region: statements, joining, the recovery kit.

use super::Same;
use aws_lc_rs::signature::Ed25519KeyPair;
use kusuribako::ledger::{EntryId, Incarnation, LedgerId, NodeId, SiteId, node_id};
use kusuribako::region::heir::{Request, Wished};
use kusuribako::region::invitation::Invitation;
use kusuribako::region::join::{Issued, Joining};
use kusuribako::region::kit::Kit;
use kusuribako::region::outside::{BadgeFile, Credential, OutsideId, Role, SlotsMade};
use kusuribako::region::payload::{
    Admitted, Carried, ChainMark, Deputies, Deputy, Description, Emergency, EmergencyEnded, EmergencyId, Holders, NodeKeys,
    Notice, Payload, Placement, Position, PublicHalf, Retired, Revoked, SuccessorProposed,
};
use kusuribako::region::reach::{self, Doorplate, Reach};
use kusuribako::region::{Region, RegionId, Signed, Signer, StatementId, Statements};
use kusuribako::seal::card::PinMemory;
use kusuribako::seal::envelope::{open_box, seal_box};
use kusuribako::seal::key::{KeyId, OpenerId, Secret};
use kusuribako::seal::pin::LongPin;
use kusuribako::seal::slot::{self, Period};

fn node_pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[0x44; 32]).unwrap()
}

fn half(byte: u8) -> PublicHalf {
    PublicHalf { opener: OpenerId([byte; 16]), x25519: [byte; 32], ed25519: [byte; 32] }
}

fn admitted() -> Admitted {
    Admitted {
        site: SiteId([0x02; 16]),
        ledger: LedgerId([0x11; 16]),
        number: 1,
        name: "さくら薬局".to_owned(),
        reading: "Sakura".to_owned(),
        node: Signer(super::public_of(&node_pair())),
        node_opener: half(0x21),
        emergency: half(0x22),
        place: Some(Position { lat_udeg: 33_559_700, lon_udeg: -133_531_000 }),
        host: "A".to_owned(),
        capacity_patients: 4_000,
        damage_ppm: 250_000,
        succeeds: None,
    }
}

fn founding() -> (Kit, Signed) {
    let kit = Kit::random(&Same(0x66));
    let founding = kit.found("高知", "http://kusuri.internal", 1_775_779_200_000, &Same(0x67));
    (kit, founding)
}

/// One statement of each kind, signed by root (by the node, where only that may say it), counters from 2 on.
fn statements(kit: &Kit, founding: &Signed) -> Vec<(&'static str, Signed)> {
    let root = kit.root.opener().signing_pair();
    let region = founding.region();
    let (said_at_ms, site, ledger, node) = (1_775_779_200_000, SiteId([0x02; 16]), LedgerId([0x11; 16]), NodeId([0x0a; 32]));
    let incarnation = Incarnation([0x55; 8]);
    let mark = ChainMark { ledger, incarnation, seq: 7, entry: EntryId([0x04; 32]), head: None };
    let deputies = [
        Deputy { key: Signer([0x31; 32]), name: "山田".to_owned(), through: None },
        Deputy { key: Signer([0x32; 32]), name: "林".to_owned(), through: Some(9) },
    ];
    let placement = Placement {
        predecessors: vec![StatementId([0x0b; 32])],
        ledgers: vec![Holders { ledger, sites: vec![site] }],
        settles: vec![EmergencyId([0x0c; 16])],
    };
    let emergency = Emergency {
        emergency: EmergencyId([0x0d; 16]),
        sites: vec![site],
        lasts_ms: 259_200_000,
        copies: 2,
        reason: "地震".to_owned(),
    };
    let notice = Notice {
        addresses: vec!["192.0.2.1:7443".to_owned()],
        patients: 3,
        entries: 90,
        program: "0.1.0".to_owned(),
        phone: None,
        description: None,
    };
    let keys = NodeKeys {
        ledger_key: KeyId([0xaa; 16]),
        inbox: [0x41; 32],
        staff: vec![Signer([0x42; 32])],
        tls: None,
        sealed_to: Vec::new(),
    };
    let bodies = [
        ("region: deputies, by root, counter 2", Deputies { number: 1, deputies: deputies.to_vec() }.body(region, said_at_ms)),
        ("region: site admitted, by root, counter 3", admitted().body(region, said_at_ms)),
        ("region: key retired, by root, counter 4", Retired { node, reason: "閉院".to_owned() }.body(region, said_at_ms)),
        (
            "region: key revoked, by root, counter 5",
            Revoked { node, chains: vec![mark], statements: 3, reason: "盗難".to_owned() }.body(region, said_at_ms),
        ),
        ("region: placement adopted, by root, counter 6", placement.body(region, said_at_ms)),
        ("region: emergency declared, by root, counter 7", emergency.body(region, said_at_ms)),
        (
            "region: emergency ended, by root, counter 8",
            EmergencyEnded { emergency: EmergencyId([0x0d; 16]), sites: vec![] }.body(region, said_at_ms),
        ),
        (
            "region: successor proposed, by root, counter 9",
            SuccessorProposed { admission: admitted() }.body(region, said_at_ms),
        ),
    ];
    let mut signed: Vec<_> =
        bodies.into_iter().zip(2..).map(|((name, body), counter)| (name, body.sign(&root, counter))).collect();
    signed.push((
        "region: site notice, by the node of seed 44, counter 1",
        notice.body(region, said_at_ms).sign(&node_pair(), 1),
    ));
    signed.push(("region: node keys, by the node of seed 44, counter 2", keys.body(region, said_at_ms).sign(&node_pair(), 2)));
    signed
}

/// What a second implementer must get.
pub(super) fn computed(put: &mut impl FnMut(&'static str, &[u8])) {
    let (kit, founding) = founding();
    put("region: founding", founding.as_bytes());
    put("region: id", &founding.region().0);
    put("region: signed id of the founding", &founding.id().0);
    let mut all = Statements::new(founding.clone()).unwrap();
    let said = statements(&kit, &founding);
    for (name, signed) in &said {
        put(name, signed.as_bytes());
    }
    put("region: id of the admission", &said[1].1.statement().0);
    all.merge(said.into_iter().map(|(_, signed)| signed));
    put("region: digest of all of these", &all.digest());
    outside_badges(&kit, all, put);

    revoked_with_head(&kit, founding.region(), put);

    let carried = Ed25519KeyPair::from_seed_unchecked(&[0x46; 32]).unwrap();
    let (region, voucher) = (founding.region(), Signer::of(&node_pair()));
    let carried = Carried::new(region, voucher, &carried, "避難所A".to_owned(), vec![LedgerId([0x11; 16])]);
    assert!(carried.is_proven(region, voucher));
    let carried = carried.body(region, 1_775_779_200_000).sign(&node_pair(), 3);
    put("region: carried node of seed 46, by the node of seed 44, counter 3", carried.as_bytes());

    let reach = Reach {
        number: 1,
        shared_name: Some("kusuri.example.jp".to_owned()),
        suffixes: vec!["example.jp".to_owned()],
        http_alone_hours: Some(24),
        authority: Some(vec![0x30, 0x00]),
        issued: vec![reach::Issued { node: node_id(&voucher.0), certificate: vec![0x30, 0x01] }],
    };
    let reach = reach.body(region, 1_775_779_200_000).sign(&kit.root.opener().signing_pair(), 10);
    put("region: reach, by root, counter 10", reach.as_bytes());
    let doorplate = Doorplate {
        names: vec!["sakura.example.jp".to_owned()],
        key: vec![0x04; 65],
        http: Some("declared with envelope 1".to_owned()),
        http_since_ms: Some(1_775_779_200_000),
    };
    let doorplate = doorplate.body(region, 1_775_779_200_000).sign(&node_pair(), 4);
    put("region: doorplate, by the node of seed 44, counter 4", doorplate.as_bytes());
    put("region: scalar of the authority", &kit.root.authority_scalar(0)[..]);
    let wish = Description {
        name: "さくら薬局".to_owned(),
        reading: String::new(),
        place: None,
        host: "rack-2".to_owned(),
        capacity_patients: 5_000,
        damage_ppm: 120_000,
    };
    let (addresses, program) = (vec!["192.0.2.1:7443".to_owned()], "0.1.0".to_owned());
    let notice = Notice { addresses, patients: 3, entries: 90, program, phone: None, description: Some(wish) };
    let notice = notice.body(region, 1_775_779_200_000).sign(&node_pair(), 4);
    put("region: site notice with a description, by the node of seed 44, counter 4", notice.as_bytes());

    put("region: opener id of the recovery key", &kit.recovery.public().opener.0);
    put("region: whole sheet of root (ASCII)", kit.root.whole().code().as_bytes());
    put("region: sheet 1 of recovery, draws 05 (ASCII)", kit.recovery.split(&Same(5))[0].code().as_bytes());
    put("region: sheet 2 of recovery, draws 05 (ASCII)", kit.recovery.split(&Same(5))[1].code().as_bytes());

    let invitation = Invitation::random(founding.region(), "高知", vec!["192.0.2.1:7443".to_owned()], &Same(0x68));
    put("region: invitation, QR (ASCII)", invitation.qr_text().as_bytes());
    put("region: invitation, typed (ASCII)", invitation.typed().as_bytes());
    put("region: invitation id", &invitation.id());
    let joining = Joining::new(invitation.clone(), &admitted(), &node_pair(), &Same(0x69));
    put("region: join request", joining.request());
    let mut issued = Issued::new(invitation, 10);
    let asked = issued.asked(joining.request(), &founding, 0).unwrap();
    put("region: join answer", &asked.answer);
    put("region: compared on both sides (ASCII)", asked.compared.as_bytes());

    let wished = Wished { node: Signer(super::public_of(&node_pair())), node_opener: half(0x21), emergency: half(0x22) };
    let request = Request::new(wished, &node_pair());
    put("region: successor request", request.as_bytes());
    put("region: its code on both sides (ASCII)", request.compared(&mut PinMemory::default()).as_bytes());
}

/// A revocation that carries the head at its mark.
fn revoked_with_head(kit: &Kit, region: RegionId, put: &mut impl FnMut(&'static str, &[u8])) {
    let mark = ChainMark {
        ledger: LedgerId([0x11; 16]),
        incarnation: Incarnation([0x55; 8]),
        seq: 7,
        entry: EntryId([0x04; 32]),
        head: Some([0x05; 64]),
    };
    let revoked = Revoked { node: NodeId([0x0a; 32]), chains: vec![mark], statements: 3, reason: "盗難".to_owned() };
    let revoked = revoked.body(region, 1_775_779_200_000).sign(&kit.root.opener().signing_pair(), 10);
    put("region: key revoked with the head at its mark, by root, counter 10", revoked.as_bytes());
}

/// Slots of a site, and a badge for it; what came after the first vectors, so that their digest stays.
fn outside_badges(kit: &Kit, mut all: Statements, put: &mut impl FnMut(&'static str, &[u8])) {
    let (region, site, emergency) = (all.region(), SiteId([0x02; 16]), half(0x22).opener);
    let period = Period { region: region.0, site: site.0, id: [0x0e; 16] };
    let slots = slot::draw(&period, &kit.duty.public().x25519, &Same(0x6a)).unwrap();
    put("region: secret of slot 3 of period 0e, draws 6a", slots.secrets[3].expose());
    let info = slot::slot_info(&period, 3, emergency);
    put(
        "region: box of seed 66 under it, draws 6b",
        &seal_box(&slots.secrets[3], &info, &Secret::new([0x66; 32]), &Same(0x6b)),
    );
    let made = SlotsMade { period: period.id, ephemeral: slots.ephemeral, count: slot::SLOTS, emergency };
    let made = made.body(region, 1_775_779_200_000).sign(&node_pair(), 3);
    put("region: slots made, by the node of seed 44, counter 3", made.as_bytes());
    let keys = NodeKeys {
        ledger_key: KeyId([0xaa; 16]),
        inbox: [0x41; 32],
        staff: vec![Signer([0x42; 32])],
        tls: None,
        sealed_to: vec![OpenerId([0x43; 16])],
    };
    let keys = keys.body(region, 1_775_779_200_000).sign(&node_pair(), 4);
    put("region: node keys with openers, by the node of seed 44, counter 4", keys.as_bytes());
    all.merge([made, keys]);
    // The draw takes the place 0x6c6c6c6c6c6c6c6c mod 20 of those that are free.
    let given = Region::of(&all).unwrap().give_slot(site, &kit.duty.opener(), |_, _| false, &Same(0x6c)).unwrap();
    let credential = Credential {
        region,
        badge: OutsideId([0x0f; 16]),
        name: "山田".to_owned(),
        licence: "123456".to_owned(),
        role: Role::BreakGlass,
        area: vec![given],
        hours: 72,
        issued_at_ms: 1_775_779_200_000,
    };
    let pin = LongPin::read("123443211234").unwrap();
    let badge = credential.seal(&kit.duty.opener(), &pin, &mut PinMemory::default(), &Same(0x6d));
    put("region: outside badge with PIN 123443211234, draws 6c and 6d (file, ASCII)", badge.text().as_bytes());
}

/// A badge that was written down opens with its PIN, and leads to the seed.
pub(super) fn the_written_badge_opens(get: impl Fn(&str) -> Vec<u8>) {
    let (kit, founding) = founding();
    let text = String::from_utf8(get("region: outside badge with PIN 123443211234, draws 6c and 6d (file, ASCII)")).unwrap();
    let badge = BadgeFile::read(&text).unwrap();
    let mut all = Statements::new(founding.clone()).unwrap();
    all.merge(statements(&kit, &founding).into_iter().map(|(_, signed)| signed));
    let slots = Signed::read(&get("region: slots made, by the node of seed 44, counter 3")).unwrap();
    all.merge([slots, Signed::read(&get("region: node keys with openers, by the node of seed 44, counter 4")).unwrap()]);
    let region = Region::of(&all).unwrap();
    let pin = LongPin::read("1234-4321-1234").unwrap();
    let credential = badge.open(region.founded(), region.id(), &pin, &mut PinMemory::default()).unwrap();
    assert_eq!((credential.name.as_str(), credential.hours), ("山田", 72));
    let site = SiteId([0x02; 16]);
    let made = region.slots(site).unwrap();
    let period = Period { region: region.id().0, site: site.0, id: made.period };
    let given = credential.slot(site).unwrap();
    let found = slot::find(&period, &kit.duty.opener(), &made.ephemeral, given.number).unwrap();
    assert_eq!(given.secret(), found);
    let third = slot::find(&period, &kit.duty.opener(), &made.ephemeral, 3).unwrap();
    let sealed = get("region: box of seed 66 under it, draws 6b");
    assert_eq!(open_box(&third, &slot::slot_info(&period, 3, made.emergency), &sealed), Ok(Secret::new([0x66; 32])));
    assert!(region.opens(site, LedgerId([0x11; 16])));
}

/// What was written once is read by every later version, and means what it meant.
pub(super) fn written_statements_are_read(get: impl Fn(&str) -> Vec<u8>) {
    let founding = Signed::read(&get("region: founding")).unwrap();
    let mut all = Statements::new(founding).unwrap();
    let (kit, ours) = self::founding();
    for (name, signed) in statements(&kit, &ours) {
        let read = Signed::read(&get(name)).unwrap();
        assert_eq!(read, signed, "{name}");
        all.merge([read]);
    }
    let region = Region::of(&all).unwrap();
    assert!(kit.is_of(region.founded()));
    assert_eq!(region.sites()[&SiteId([0x02; 16])].described, admitted());
}
