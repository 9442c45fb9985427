//! What keeps a clinic from taking part, each with the next action in its sentence.

use crate::clinic::ClinicError;
use crate::region::join::JoinError;
use crate::region::kit::KitError;
use crate::region::{FoundingError, SignedError};
use crate::store::StoreError;

/// What keeps a clinic from taking part.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The store's own sentence.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clinic's own sentence.
    #[error(transparent)]
    Clinic(#[from] ClinicError),
    /// Why joining does not go on.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Sheets that give no key.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// Bytes that found no region.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// Bytes that are no signed statement.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// Two badges of one person are one person's word.
    #[error("two different people have to issue it together: both badges are the same")]
    SamePerson,
    /// A badge names its owner and their licence.
    #[error("a badge names its owner and their licence, each with 1 to 60 characters")]
    NoOwner,
    /// The site's emergency key is not open.
    #[error("what lies here is locked: sign in again, or run `kusuribako unlock`, and try again")]
    NotOpen,
    /// There is none yet.
    #[error("this clinic belongs to no region: `kusuribako region found` begins one, `kusuribako region join` joins one")]
    NoRegion,
    /// It belongs to this one already.
    #[error("this clinic belongs to the region {name} already")]
    Joined {
        /// Its name.
        name: String,
    },
    /// It belongs to another one.
    #[error("this clinic belongs to the region {name}; a clinic belongs to one region only")]
    OtherRegion {
        /// Its name.
        name: String,
    },
    /// What the node kept for itself does not read.
    #[error("{what} does not read: run `kusuribako verify`, and take the data directory back from a copy if it names damage")]
    Damaged {
        /// What.
        what: &'static str,
    },
    /// No invitation with this id was given out here, or it has been cleared away.
    #[error("no such invitation was given out here: ask for a new one")]
    NoSuchInvitation,
    /// The invitation does not say where the other side is.
    #[error("a typed code does not say where the other clinic answers: add --address HOST:PORT")]
    NoAddress,
    /// The compared code is another.
    #[error(
        "no one who waits shows the code {0}: compare it again, character by character. If it stays different, somebody stands between \
         the two: refuse it"
    )]
    NotCompared(String),
    /// Nothing waits to be confirmed.
    #[error(
        "nothing waits to be confirmed here: it is confirmed already, or nobody asked; `kusuribako region status` says how things stand"
    )]
    NothingWaits,
    /// A site says of itself what the region says of it.
    #[error(
        "this site says nothing of itself that the region does not say: `kusuribako site set` there changes it, and it is told when that box is started again"
    )]
    NothingWished,
    /// The key signs for another region.
    #[error("this key does not sign for the region {name}: take the sheets (or the deputy's file) of this region")]
    NotSigner {
        /// The region's name.
        name: String,
    },
    /// The sheets are of another purpose.
    #[error("these are sheets of the {found} key; what is asked for needs the root key")]
    NotRoot {
        /// Which.
        found: &'static str,
    },
    /// The sheets are not of this region's duty key.
    #[error("this is not the duty key of the region {name}: badges are made with the sheets of its duty key (--duty FILE)")]
    NotDuty {
        /// The region's name.
        name: String,
    },
    /// The badge would have run out before anybody has it, wherever a clock is right.
    #[error(
        "the clock of this box shows {today}, which is behind what was written here before: set it (`timedatectl set-time`), then issue the badge again. Its hours count from now, by the clocks of the boxes that it opens"
    )]
    ClockBehind {
        /// What the clock shows.
        today: String,
    },
    /// Nobody could open anything with the badge.
    #[error(
        "none of these sites has a slot for a badge left: {names}. At each, a member of its staff runs `kusuribako unlock`, and this clinic hears of it"
    )]
    NoSlots {
        /// The sites' names.
        names: String,
    },
    /// The area is too large for one badge.
    #[error("a badge names at most {max} sites, not {found}: name those of the area with --area", max = crate::region::outside::SITES_MAX)]
    AreaTooLarge {
        /// How many were named.
        found: usize,
    },
    /// Only root may say this.
    #[error("deputies are named by the root key alone: use --root")]
    RootOnly,
    /// A deputy's file that does not read.
    #[error("this is no deputy's key of this program")]
    NotDeputyKey,
    /// The deputy's key has ended.
    #[error("the key of deputy {name} has ended: root has to name a new key of theirs")]
    DeputyEnded {
        /// Whose.
        name: String,
    },
    /// No site or node has this name or id.
    #[error(
        "the region has no site or node {0:?}: `kusuribako region status` shows them; a site's name, or the first digits of an id will do"
    )]
    NoSuchSite(String),
    /// More than one has.
    #[error("{0:?} is more than one site or node: give more digits of the id")]
    SeveralSites(String),
    /// The region does not let the site hold this clinic's ledger.
    #[error(
        "by the region's statements {0} is no holder of this clinic's records in service: `kusuribako region place` decides who is,          `kusuribako region confirm` lists whom it waits for"
    )]
    NotHolder(String),
    /// No placement can be proposed.
    #[error(transparent)]
    Placement(#[from] crate::placement::PlacementError),
    /// Too few sites to hold each other's copies.
    #[error("a placement needs two sites in service that do not share a building; the region has {0}: invite another clinic")]
    TooFewSites(usize),
    /// A revocation that would set aside what nobody looked at.
    #[error(
        "nothing that {name} wrote lies here, so a revocation from here would set aside all of its clinic's own records: run this at a site that          holds its copies, or bring the marks of one (`kusuribako region marks {name:?}` there, then --marks FILE here)"
    )]
    NoMarks {
        /// The site's name.
        name: String,
    },
    /// Only a member in service vouches for others.
    #[error(
        "this box is no member of the region in service, so it cannot vouch for a carried copy: `kusuribako region status` says why"
    )]
    NotInService,
    /// One box vouches for so many carried nodes only.
    #[error("this box vouches for {0} carried copies already: export to one of them again instead of beginning another")]
    TooManyCarried(usize),
    /// The sheets are not this region's recovery key.
    #[error("these are not the sheets of the recovery key of {name}")]
    NotRecovery {
        /// The region's name.
        name: String,
    },
    /// The recovery key opens nothing of that clinic here.
    #[error(
        "the recovery key opens nothing of {name} here: its staff never confirmed it, or this box holds no copy of its records. Where somebody of its \
         staff is left, use --staff; else run this at a box that holds its copies"
    )]
    NotRecoverable {
        /// The clinic's name.
        name: String,
    },
    /// What was opened belongs to another clinic.
    #[error("this badge is one of {opened}, not of {named}: name that clinic, or bring a badge of {named}")]
    OtherClinic {
        /// Which clinic was named.
        named: String,
        /// Whose ledger was opened.
        opened: String,
    },
    /// A site has more than one box in service.
    #[error(
        "{name} has several boxes in service: name the one whose place is taken by the first digits of its id (`kusuribako region status --json`)"
    )]
    SeveralBoxes {
        /// The site's name.
        name: String,
    },
    /// The box that asks belongs to the region already.
    #[error(
        "the region knows this box already: a box that takes over is a new one, made with `kusuribako init --successor` in an empty directory"
    )]
    BoxKnown,
    /// Nobody of the staff, and nobody who signs for the region.
    #[error("where nobody of the staff is there, the region's word is needed at once: add --root FILE or --deputy FILE")]
    NeedsWord,
    /// No successor was proposed under that name.
    #[error("no new box is proposed under {0:?}: `kusuribako region status` shows which are")]
    NoSuchProposal(String),
    /// More than one was.
    #[error(
        "more than one new box is proposed for {0:?}: name the proposal by the digits that `kusuribako region status` shows"
    )]
    SeveralProposals(String),
    /// The statement is not there.
    #[error("no statement waits under {0:?}: `kusuribako region status` shows what waits for a signature")]
    NoSuchStatement(String),
}
