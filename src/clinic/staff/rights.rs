//! What a badge lets its owner do: one table, which pages and commands ask.

use super::accounts::Account;
use crate::ledger::LedgerId;
use crate::record::Rank;
use crate::region::outside::OutsideId;
use std::time::Duration;

/// What somebody of the staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Finds and reads.
    Reader,
    /// Writes, registers and issues cards, too.
    Pharmacist,
    /// Decides about people, badges and reviews, too.
    Admin,
}

/// Something that not everybody at the desk may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Look for the clinic's own patients, and see what waits for the clinic.
    Find,
    /// Read the record of one of the clinic's own patients.
    Read,
    /// Open the record of somebody else's patient, with a reason.
    BreakGlass,
    /// Write into a record; accept what was written elsewhere, or ask about it.
    Write,
    /// Register a patient.
    Register,
    /// Issue, replace and revoke cards.
    Cards,
    /// Take in a drug master.
    Drugs,
    /// Give and take badges, change roles.
    People,
    /// Review looks through a glass.
    Review,
    /// Together with a second person, issue a badge for a helper from outside.
    IssueOutside,
    /// Say how the box is reached.
    Access,
}

/// Columns: reader, pharmacist, admin, helper from outside.
const RIGHTS: [(Act, [bool; 4]); 11] = [
    (Act::Find, [true, true, true, false]),
    (Act::Read, [true, true, true, false]),
    (Act::BreakGlass, [true, true, true, true]),
    (Act::Write, [false, true, true, false]),
    (Act::Register, [false, true, true, false]),
    (Act::Cards, [false, true, true, false]),
    (Act::Drugs, [false, false, true, false]),
    (Act::People, [false, false, true, false]),
    (Act::Review, [false, false, true, false]),
    (Act::IssueOutside, [false, true, true, false]),
    (Act::Access, [false, false, true, false]),
];

impl Act {
    /// Each.
    pub fn all() -> impl Iterator<Item = Self> {
        RIGHTS.iter().map(|(act, _)| *act)
    }
}

impl Role {
    /// Each, the least first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Pharmacist, Self::Admin];

    /// As an entry has it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Reader => 1,
            Self::Pharmacist => 2,
            Self::Admin => 3,
        }
    }

    /// What an entry has; what this version does not know may no more than read.
    pub const fn from_number(number: u8) -> Self {
        match number {
            2 => Self::Pharmacist,
            3 => Self::Admin,
            _ => Self::Reader,
        }
    }

    /// For forms and for machines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Pharmacist => "pharmacist",
            Self::Admin => "admin",
        }
    }

    /// The role of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// As a look has it.
    pub const fn rank(self) -> Rank {
        match self {
            Self::Reader => Rank::Reader,
            Self::Pharmacist => Rank::Pharmacist,
            Self::Admin => Rank::Admin,
        }
    }
}

/// Whether somebody of a rank may do something.
pub fn may(rank: Rank, act: Act) -> bool {
    let column = match rank {
        Rank::Reader => 0,
        Rank::Pharmacist => 1,
        Rank::Admin => 2,
        Rank::Outside => 3,
    };
    RIGHTS.iter().any(|(listed, columns)| *listed == act && columns[column])
}

/// Who is at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// Somebody of this clinic's staff.
    Staff(Account),
    /// Somebody of another clinic's staff, whose own ledger lies here.
    Guest(Account),
    /// A helper from outside.
    Outside(Outsider),
}

/// A helper from outside, as their badge names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outsider {
    /// Their badge.
    pub badge: OutsideId,
    /// Their name.
    pub name: String,
    /// The number of their licence.
    pub licence: String,
    /// The sites that the badge opens, by name.
    pub area: Vec<String>,
    /// When the badge has run out here, by the clinic's clock that does not go back.
    pub until: Duration,
}

impl Person {
    /// What their badge lets them do.
    pub const fn rank(&self) -> Rank {
        match self {
            Self::Staff(account) | Self::Guest(account) => account.role.rank(),
            Self::Outside(_) => Rank::Outside,
        }
    }

    /// Their name; empty where nobody has said it yet.
    pub fn name(&self) -> &str {
        match self {
            Self::Staff(account) | Self::Guest(account) => &account.name,
            Self::Outside(outsider) => &outsider.name,
        }
    }

    /// The number of their licence; empty where the badge has none.
    pub fn licence(&self) -> &str {
        match self {
            Self::Staff(_) | Self::Guest(_) => "",
            Self::Outside(outsider) => &outsider.licence,
        }
    }

    /// Their badge.
    pub const fn badge(&self) -> [u8; 16] {
        match self {
            Self::Staff(account) | Self::Guest(account) => account.opener.0,
            Self::Outside(outsider) => outsider.badge.0,
        }
    }

    /// Whether a ledger is that of their own clinic: its patients' records need no glass.
    pub fn is_own(&self, ledger: LedgerId) -> bool {
        match self {
            Self::Staff(account) | Self::Guest(account) => account.ledger == ledger,
            Self::Outside(_) => false,
        }
    }

    /// Whether they may do something here. A guest finds and reads their own clinic's patients; what they write waits for their clinic's own box, and
    /// about this clinic they decide nothing.
    pub fn may(&self, act: Act) -> bool {
        let is_for_guests = matches!(act, Act::Find | Act::Read);
        may(self.rank(), act) && (is_for_guests || !matches!(self, Self::Guest(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_it_may() {
        for act in Act::all() {
            let granted = Role::ALL.map(|role| may(role.rank(), act));
            assert!(granted.is_sorted(), "{act:?}: {granted:?}");
            assert!(granted[2], "an admin may everything: {act:?}");
        }
    }

    #[test]
    fn a_helper_from_outside_breaks_the_glass_and_nothing_else() {
        let granted: Vec<Act> = Act::all().filter(|act| may(Rank::Outside, *act)).collect();
        assert_eq!(granted, [Act::BreakGlass]);
    }

    #[test]
    fn a_guest_finds_and_reads_and_nothing_else_whatever_their_role() {
        for role in Role::ALL {
            let account = Account {
                opener: crate::seal::key::OpenerId([1; 16]),
                ledger: LedgerId([2; 16]),
                name: String::new(),
                role,
                since_ms: 0,
                by: None,
                has_left: false,
            };
            let guest = Person::Guest(account);
            let granted: Vec<Act> = Act::all().filter(|act| guest.may(*act)).collect();
            assert_eq!(granted, [Act::Find, Act::Read]);
        }
    }

    #[test]
    fn an_unknown_role_reads_and_no_more() {
        assert_eq!(
            [0, 1, 2, 3, 4, 255].map(Role::from_number).map(Role::word),
            ["reader", "reader", "pharmacist", "admin", "reader", "reader"]
        );
        for role in Role::ALL {
            assert_eq!((Role::from_number(role.number()), Role::from_word(role.word())), (role, Some(role)));
        }
    }
}
