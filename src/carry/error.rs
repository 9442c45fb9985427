//! Why a carried node is not made or does not come home: each with the next action in its sentence. Nothing is lost by any of them.

use super::pair::At;
use crate::clinic::ClinicError;
use crate::clinic::staff::StaffRefusal;
use crate::membership::MembershipError;
use crate::store::StoreError;
use std::path::{Path, PathBuf};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The directory holds something else.
    #[error(
        "{} is no carried copy: `carry export --to` takes an empty directory or one that it made, the others take one that it made",
        dir.display()
    )]
    NotCarried {
        /// Which.
        dir: PathBuf,
    },
    /// The export was cut off before there was anything.
    #[error("the export to {} was cut off: run `carry export --to` on it again at the clinic that began it", dir.display())]
    CutOff {
        /// Which.
        dir: PathBuf,
    },
    /// FAT and its like.
    #[error(
        "the file system of {} does not keep others out of a directory (FAT and exFAT do not): format the stick with ext4, or export to a \
         directory of the laptop that will be taken along",
        dir.display()
    )]
    FileSystem {
        /// Which.
        dir: PathBuf,
    },
    /// It is being served.
    #[error("{} is open in another process: stop `carry open` there, then try again", dir.display())]
    InUse {
        /// Which.
        dir: PathBuf,
    },
    /// Its data do not open.
    #[error(
        "the carried copy in {} does not open: {error}. Nothing was taken. Keep it as it is, since what was written on it may still be \
         rescued, and export to another directory for the shelter",
        dir.display()
    )]
    Stick {
        /// Which.
        dir: PathBuf,
        /// Why.
        error: Box<ClinicError>,
    },
    /// It belongs elsewhere.
    #[error("the carried copy in {} belongs to the region {name}: bring it to a clinic of that region", dir.display())]
    OtherRegion {
        /// Which.
        dir: PathBuf,
        /// Where it belongs.
        name: String,
    },
    /// Another clinic exported it.
    #[error("{} was exported by {name}: bring it home with `carry return --from`, and export to a directory of your own", dir.display())]
    OtherMaker {
        /// Which.
        dir: PathBuf,
        /// Who.
        name: String,
    },
    /// No member whose word counts vouches for it.
    #[error(
        "nobody in the region vouches for the carried copy in {}: bring it to the clinic that exported it. Nothing was taken",
        dir.display()
    )]
    Unknown {
        /// Which.
        dir: PathBuf,
    },
    /// Its key has ended.
    #[error(
        "the key of the carried copy in {} was retired or revoked: take home what is on it with `carry return --from`, then export to an \
         empty directory",
        dir.display()
    )]
    Ended {
        /// Which.
        dir: PathBuf,
    },
    /// No copy of it lies here.
    #[error(
        "there is no copy of the records of {home} here: export them at a clinic that holds them (`kusuribako region status`)"
    )]
    NoCopy {
        /// Whose records.
        home: String,
    },
    /// The copy that was made is not complete.
    #[error(
        "the copy of the records of {home} is not whole: run the export again; if it stays so, `kusuribako verify` here names why"
    )]
    NotWhole {
        /// Whose records.
        home: String,
    },
    /// The system.
    #[error("{}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// The store of the carried node.
    #[error("on the carried copy: {error} {} What was copied so far stays; run the command again", .error.next_action().en)]
    There {
        /// What it said.
        error: StoreError,
    },
    /// The store here.
    #[error("here: {error} {} What was taken so far stays; run the command again", .error.next_action().en)]
    Here {
        /// What it said.
        error: StoreError,
    },
    /// The badge opens nothing here.
    #[error(transparent)]
    Staff(#[from] StaffRefusal),
    /// The clinic's own sentence.
    #[error(transparent)]
    Clinic(#[from] ClinicError),
    /// The region's own sentence.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

impl CarryError {
    pub(super) fn store(at: At, error: StoreError) -> Self {
        match at {
            At::Member => Self::Here { error },
            At::Carried => Self::There { error },
        }
    }

    pub(super) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}
