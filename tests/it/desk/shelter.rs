//! A home whose copy lies at a holder, in one process: the holder's pages, and everybody who may stand before them.

use super::browser::Browser;
use crate::carry::carry;
use kusuribako::clinic::Clinic;
use kusuribako::clinic::cards::IssuedCard;
use kusuribako::clinic::setup::Location;
use kusuribako::clinic::staff::{NewBadge, Role};
use kusuribako::clinic::surroundings::{LedgerView, Surroundings};
use kusuribako::clock::Clock;
use kusuribako::entropy::SystemEntropy;
use kusuribako::ledger::payload::SiteProfile;
use kusuribako::membership::{BadgeWish, Member, Word};
use kusuribako::record::{DateText, Patient, Sex, Source, Subject};
use kusuribako::region::Signed;
use kusuribako::region::holding::Append;
use kusuribako::region::kit::Kit;
use kusuribako::region::outside::BadgeFile;
use kusuribako::region::payload::{Emergency, EmergencyId, Holders, Placement};
use kusuribako::seal::badge::Passphrase;
use kusuribako::web::Site;
use std::sync::Arc;
use std::time::Duration;

/// 2026-11-22 10:35 in Japan.
const NOW_MS: i64 = 1_795_311_300_000;
pub const PASSPHRASE: &str = "いろはにほへとちりぬる";
pub const NAME: &str = "八重樫 すみれ";
pub const BIRTH: &str = "S330303";
pub const HELPER: &str = "応援 花子";
pub const LICENCE: &str = "123456";

/// A clinic and its part in the region.
pub struct Node {
    dir: tempfile::TempDir,
    pub clock: Clock,
    pub clinic: Clinic,
    pub member: Member,
    pub admin: NewBadge,
}

impl Node {
    pub fn new(name: &str) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW_MS));
        let location = Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("clinic")) };
        let profile = SiteProfile { name: name.to_owned(), ..SiteProfile::default() };
        let clinic = Clinic::found(&location, &profile, clock.clone()).unwrap();
        let admin = clinic.first_admin(chosen()).unwrap();
        let member = Member::open(&clinic).unwrap();
        Self { dir, clock, clinic, member, admin }
    }

    /// The database, as a thief of the audit would open it.
    pub fn database(&self) -> rusqlite::Connection {
        database_in(self.dir.path())
    }

    /// Everything that lies on its disk, as a backup has it.
    pub fn copied(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(self.dir.path(), copy.path());
        copy
    }

    /// The same box, put back to a backup an hour later.
    pub fn put_back(&self, dir: tempfile::TempDir) -> Self {
        let location = Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("clinic")) };
        let clock = Clock::manual(self.clock.now_ms() + 3_600_000);
        let clinic = Clinic::open(&location, clock.clone()).unwrap();
        let member = Member::open(&clinic).unwrap();
        let admin = NewBadge { code: self.admin.code.clone(), passphrase: None, opener: self.admin.opener };
        Self { dir, clock, clinic, member, admin }
    }

    /// Where its files lie.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Its pages.
    pub fn site(&self, rung: Rung) -> Site {
        let clock = self.clock.clone();
        let site = Site::new(self.clinic.clone(), Vec::new(), rung == Rung::Tls, Arc::new(move || clock.monotonic()));
        site.with_member(Some(self.member.clone()))
    }

    fn staff(&self) -> kusuribako::clinic::staff::Staff {
        self.clinic.prove_staff(&self.admin.code, &Passphrase::entered(PASSPHRASE)).unwrap()
    }
}

fn chosen() -> Option<Passphrase> {
    Some(Passphrase::chosen(PASSPHRASE).unwrap())
}

/// How a request comes to the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Over TLS, on the clinic's network.
    Tls,
    /// On the box itself.
    Loopback,
    /// Over plain http, on the clinic's network.
    Open,
}

impl Rung {
    pub const ALL: [Self; 3] = [Self::Tls, Self::Loopback, Self::Open];
}

/// Who stands before the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Nobody,
    /// With card and PIN.
    Patient,
    Reader,
    Pharmacist,
    Admin,
    /// Of the home's staff.
    Guest,
    Outside,
}

impl Who {
    pub const ALL: [Self; 7] =
        [Self::Nobody, Self::Patient, Self::Reader, Self::Pharmacist, Self::Admin, Self::Guest, Self::Outside];

    /// As the matrix has it.
    pub const fn letter(self) -> char {
        match self {
            Self::Nobody => 'n',
            Self::Patient => 'c',
            Self::Reader => 'r',
            Self::Pharmacist => 'p',
            Self::Admin => 'a',
            Self::Guest => 'g',
            Self::Outside => 'o',
        }
    }
}

/// The home's copy lies at the holder, whose staff have been there once.
pub struct Shelter {
    kit: Kit,
    pub home: Node,
    pub holder: Node,
    pub subject: Subject,
    pub card: IssuedCard,
    pub reader: NewBadge,
    pub pharmacist: NewBadge,
    pub outside: (BadgeFile, String),
}

impl Shelter {
    pub fn new() -> Self {
        let (home, holder) = (Node::new("家の薬局"), Node::new("みなと薬局"));
        let kit = Kit::random(&SystemEntropy::default());
        home.member.found("高知", "http://kusuri.internal", &kit).unwrap();
        let word = Word::root(&[kit.root.whole().code()]).unwrap();
        join(&home, &holder, &word);
        let subject = home.clinic.register(person(), Source::UNKNOWN, Vec::new()).unwrap();
        let card = home.clinic.issue_card(subject).unwrap();
        let ledgers = vec![Holders { ledger: home.clinic.ledger(), sites: vec![holder.member.site()] }];
        let placement = Placement { predecessors: Vec::new(), ledgers, settles: Vec::new() };
        home.member.say_for_region(&word, &placement).unwrap();
        home.member.confirm_holder(holder.member.site(), &home.staff()).unwrap();
        carry(&home.clinic, &holder.clinic, home.clinic.ledger());
        meet(&[&home, &holder]);
        introduce(&holder, &home);
        let admin = holder.member.sign_in(&holder.admin.code, &Passphrase::entered(PASSPHRASE)).unwrap().staff.unwrap();
        let badge = |name: &str, role| holder.clinic.add_staff(&admin, name, role, chosen()).unwrap();
        let (reader, pharmacist) = (badge("読む 人", Role::Reader), badge("薬剤 師子", Role::Pharmacist));
        meet(&[&home, &holder]);
        let wish =
            BadgeWish { name: HELPER.to_owned(), licence: LICENCE.to_owned(), area: vec![holder.member.site()], hours: 72 };
        let issued = home.member.issue_badge(&kit.duty, &wish).unwrap();
        let outside = (issued.file, issued.pin.printed().to_string());
        holder.clinic.lock();
        Self { kit, home, holder, subject, card, reader, pharmacist, outside }
    }

    /// Says that the home was hit.
    pub fn declare_emergency(&self) {
        let word = Word::root(&[self.kit.root.whole().code()]).unwrap();
        let emergency = Emergency {
            emergency: EmergencyId([7; 16]),
            sites: vec![self.home.member.site()],
            lasts_ms: 1_000_000_000,
            copies: 1,
            reason: "地震".to_owned(),
        };
        self.holder.member.say_for_region(&word, &emergency).unwrap();
    }

    /// The holder's pages.
    pub fn site(&self, rung: Rung) -> Site {
        self.holder.site(rung)
    }

    /// Another badge for a helper, for one site; of which somebody has been there.
    pub fn badge_for(&self, site: &Node, hours: u32) -> (BadgeFile, String) {
        site.member.sign_in(&site.admin.code, &Passphrase::entered(PASSPHRASE)).unwrap();
        site.clinic.lock();
        meet(&[&self.home, &self.holder]);
        let wish = BadgeWish { name: HELPER.to_owned(), licence: LICENCE.to_owned(), area: vec![site.member.site()], hours };
        let issued = self.home.member.issue_badge(&self.kit.duty, &wish).unwrap();
        (issued.file, issued.pin.printed().to_string())
    }

    /// Somebody before the holder's box, signed in where they can.
    pub fn browser(&self, rung: Rung, who: Who) -> Browser {
        let mut browser = Browser::new(self.site(rung), rung);
        match who {
            Who::Nobody => {}
            Who::Patient => self.open_card(&mut browser),
            Who::Reader => browser.sign_in(&self.reader.code.printed(), PASSPHRASE),
            Who::Pharmacist => browser.sign_in(&self.pharmacist.code.printed(), PASSPHRASE),
            Who::Admin => browser.sign_in(&self.holder.admin.code.printed(), PASSPHRASE),
            Who::Guest => browser.sign_in(&self.home.admin.code.printed(), PASSPHRASE),
            Who::Outside => browser.sign_in_outside(&self.outside.0.text(), &self.outside.1),
        }
        browser
    }

    pub fn open_card(&self, browser: &mut Browser) {
        let (code, pin) = (self.card.code.compact().to_string(), self.card.pin.digits().to_string());
        let opened = browser.post("/open", &[("code", &code), ("pin", &pin)]);
        assert_eq!(opened.location(), Some("/you"), "{}", opened.text);
        let csrf = browser.get("/you").csrf();
        assert_eq!(browser.post("/you", &[("csrf", &csrf), ("answer", "yes")]).location(), Some("/record"));
    }

    /// What was written at the holder comes home.
    pub fn home_takes(&self) {
        carry(&self.holder.clinic, &self.home.clinic, self.home.clinic.ledger());
    }

    /// What was written at home comes to the holder.
    pub fn holder_takes(&self) {
        carry(&self.home.clinic, &self.holder.clinic, self.home.clinic.ledger());
    }

    /// The holder writes into the home's ledger, as the driver would have found out.
    pub fn introduce(&self) {
        introduce(&self.holder, &self.home);
    }

    /// Further patients of the home's with the same name, born on the same day; the holder has their records, too.
    pub fn has_namesakes(&self, count: usize) {
        for _ in 0..count {
            self.home.clinic.register(person(), Source::UNKNOWN, Vec::new()).unwrap();
        }
        carry(&self.home.clinic, &self.holder.clinic, self.home.clinic.ledger());
    }

    /// Two boxes that hold copies of each other's ledgers.
    pub fn exchange(&self, one: &Node, other: &Node) {
        for ledger in [self.home.clinic.ledger(), self.holder.clinic.ledger()] {
            carry(&one.clinic, &other.clinic, ledger);
            carry(&other.clinic, &one.clinic, ledger);
        }
    }
}

fn person() -> Patient {
    Patient { name: NAME.to_owned(), sex: Sex::Female, birth: DateText::read(BIRTH), ..Patient::default() }
}

/// The database of a box, or of a copy of it.
pub fn database_in(dir: &std::path::Path) -> rusqlite::Connection {
    let file = dir.join("clinic/ledger.db");
    rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    for file in from.read_dir().unwrap().map(Result::unwrap) {
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_dir(&file.path(), &to);
        } else if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), to).unwrap();
        }
    }
}

fn join(host: &Node, guest: &Node, word: &Word) {
    let invited = host.member.invite(Vec::new(), Duration::from_secs(3_600)).unwrap();
    let request = guest.member.ask_with(invited.invitation).unwrap();
    let answer = host.member.asked_to_join(&request).unwrap();
    let compared = guest.member.answered(&answer).unwrap().compared;
    guest.member.confirm_here(&compared).unwrap();
    host.member.confirm_guest(&compared, word).unwrap();
    meet(&[host, guest]);
    guest.member.say_keys().unwrap();
    meet(&[host, guest]);
}

fn meet(nodes: &[&Node]) {
    let said = |node: &&Node| node.member.statements().unwrap().iter().cloned().collect::<Vec<_>>();
    let all: Vec<Signed> = nodes.iter().flat_map(said).collect();
    for node in nodes {
        node.member.merge(all.clone()).unwrap();
    }
}

/// `at` writes into the ledger of `other`, as the driver would have found out.
fn introduce(at: &Node, other: &Node) {
    let view = LedgerView {
        home: other.clinic.site(),
        home_name: other.clinic.name().to_owned(),
        is_home: false,
        is_held_here: true,
        holders: vec![other.clinic.site(), at.clinic.site()],
        copies: (1, 1),
        home_heard_ms: None,
        append: Append::Direct,
        inbox: Some(other.clinic.own_inbox()),
    };
    let (own_site, ledgers) = (at.clinic.site(), [(other.clinic.ledger(), view)].into());
    let region_name = "高知".to_owned();
    at.clinic.set_surroundings(Surroundings { region_name, own_site, sites: Vec::new(), ledgers, filling: None });
}
