//! Vectors of what is written about those who sit at the desk: accounts, looks through a glass, reviews, badges issued by two of the staff.

use kusuribako::ledger::content::Content;
use kusuribako::ledger::payload::{
    AskedBy, Basis, Decision, GlassLooked, GlassOpened, LocalBadge, LookReviewed, OpenerEntry, Opening, Payload, StaffAccount,
};
use kusuribako::ledger::{LedgerId, NodeId, SiteId};
use kusuribako::record::review::Reviewer;
use kusuribako::record::{
    Channel, Consent, Content as Said, FactId, Glass, GlassReason, Look, LookRight, LookShown, Looker, Origin, Rank, Source,
    Subject,
};
use kusuribako::seal::key::OpenerId;

const GLASS: [u8; 16] = [0x41; 16];
const LOOK: FactId = FactId([0x42; 16]);

/// Each with the name of its vector.
pub fn contents() -> [(&'static str, Content); 9] {
    let account = StaffAccount { opener: OpenerId([0x34; 16]), name: "見本".to_owned(), role: 2, by: OpenerId([0x43; 16]) };
    let by = Reviewer { name: "見本".to_owned(), place: "さくら薬局".to_owned(), badge: [0x34; 16] };
    let reviewed = LookReviewed { look: LOOK, decision: Decision::ToClarify, note: "電話".to_owned(), by };
    let opened = GlassOpened {
        id: GLASS,
        badge: [0x44; 16],
        name: "応援".to_owned(),
        rank: Rank::Outside,
        licence: "123456".to_owned(),
        reason: GlassReason::Continuation,
        words: "津波".to_owned(),
        consent: Consent::Cannot,
        second: Some([0x34; 16]),
        second_name: "見本".to_owned(),
        asked_by: None,
    };
    let asked_by =
        AskedBy { node: NodeId([0x46; 32]), site: SiteId([0x45; 16]), place: "みなと薬局".to_owned(), signer: None };
    let signed = AskedBy { signer: Some([0x47; 32]), ..asked_by.clone() };
    let asked = GlassOpened { asked_by: Some(asked_by), second: None, ..opened.clone() };
    let signed = GlassOpened { asked_by: Some(signed), ..asked.clone() };
    let looked = GlassLooked {
        glass: GLASS,
        ledger: LedgerId([0x11; 16]),
        subject: Subject([0x22; 16]),
        look: LOOK,
        shown: LookShown::Record,
        opening: None,
    };
    let opening = Some(Opening { basis: Basis::Consent, words: "本人が見せたい".to_owned() });
    let concealed = GlassLooked { shown: LookShown::Concealed, opening, ..looked.clone() };
    let (hours, by) = (12, vec![OpenerId([0x34; 16]), OpenerId([0x43; 16])]);
    let local = LocalBadge { badge: [0x44; 16], name: "応援".to_owned(), licence: "123456".to_owned(), hours, by };
    [
        ("content of an account", account.content()),
        ("content of a review of a look", reviewed.content()),
        ("content of a glass", opened.content()),
        ("content of a look through it, at the site", looked.content()),
        ("content of a badge that two of the staff issued", local.content()),
        ("content of a look through it, in the record", look()),
        ("content of a glass that another box asked through", asked.content()),
        ("content of a look at what is concealed, at the site", concealed.content()),
        ("content of a glass that another box asked through, signed by a badge", signed.content()),
    ]
}

fn look() -> Content {
    let glass = Glass { id: GLASS, reason: GlassReason::Continuation, consent: Consent::Cannot, second: "見本".to_owned() };
    let right = LookRight {
        badge: [0x44; 16],
        rank: Rank::Outside,
        licence: "123456".to_owned(),
        site: [0x45; 16],
        shown: LookShown::Record,
        glass: Some(glass),
    };
    let (name, place, reason) = ("応援".to_owned(), "みなと薬局".to_owned(), "津波".to_owned());
    let look = Look { by: Looker::Staff, name, place, reason, right: Some(right) };
    let source = Source { origin: Origin::Staff, name: "みなと薬局".to_owned(), channel: Channel::Page };
    Content::fact(LOOK, &Said::Look(look), source)
}

/// What was written reads as what it was made of.
pub fn written_are_read(written: impl Fn(&str) -> Vec<u8>) {
    for (name, made) in contents() {
        let read = Content::decode(&written(name)).unwrap();
        assert_eq!(read, made, "{name}");
        if let Some(fact) = read.clone().into_fact(0).unwrap() {
            assert_eq!(fact.content.encode(), read.payload, "{name}");
        }
    }
    let opened: GlassOpened = minicbor::decode(&contents()[2].1.payload).unwrap();
    assert_eq!((opened.rank, opened.second), (Rank::Outside, Some([0x34; 16])));
    assert!(minicbor::decode::<OpenerEntry>(&contents()[0].1.payload).is_err(), "an account is no opener");
}
