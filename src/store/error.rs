//! What can be wrong with the store: each a named state with a sentence and a next action.

use crate::sentence::Sentence;
use rusqlite::{ErrorCode, ffi};
use std::path::PathBuf;

/// Why the store could not be opened, written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence().en)]
pub enum StoreError {
    /// There is no database in the directory.
    NotThere {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// There is one already.
    AlreadyThere {
        /// Where.
        dir: PathBuf,
    },
    /// Another process has it open.
    InUse {
        /// Where.
        dir: PathBuf,
    },
    /// A newer version of the program wrote it.
    Newer {
        /// Version of the database.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// No space is left: reading goes on.
    DiskFull,
    /// The database is damaged: reading goes on as far as it can.
    Corrupt {
        /// What SQLite, or the look at the bytes, said.
        detail: String,
    },
    /// A newer program has to copy the database before it changes it, and there is no room for the copy.
    NoRoomForCopy {
        /// What the copy takes, in bytes.
        needed_bytes: u64,
        /// What is free, in bytes.
        free_bytes: u64,
    },
    /// The operating system failed to read or write.
    Io {
        /// What it said.
        detail: String,
    },
    /// Too many jobs wait already.
    Busy,
    /// A copy was not given up: something was written into it since others proved to have it all.
    Changed,
    /// The store was closed before the job was done.
    Stopped,
    /// The incarnation was used before: it must be drawn anew at every start.
    IncarnationUsed,
    /// A body is larger than any may be.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most there may be.
        bytes_max: usize,
    },
    /// SQLite refused a statement: a mistake of the program.
    Sql {
        /// What it said.
        detail: String,
    },
}

fn both(ja: impl Into<String>, en: impl Into<String>) -> Sentence {
    Sentence { ja: ja.into(), en: en.into() }
}

impl StoreError {
    /// What is the matter.
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::NotThere { dir } => {
                let dir = dir.display();
                both(format!("{dir} に薬箱のデータがありません。"), format!("there is no Kusuribako data in {dir}"))
            }
            Self::AlreadyThere { dir } => {
                let dir = dir.display();
                both(format!("{dir} にはすでに薬箱のデータがあります。"), format!("{dir} already holds Kusuribako data"))
            }
            Self::InUse { dir } => {
                let dir = dir.display();
                both(format!("{dir} は別の薬箱が使用中です。"), format!("another Kusuribako process is using {dir}"))
            }
            Self::Newer { found, known } => both(
                format!("データベース（版 {found}）は、このプログラム（版 {known} まで）より新しいものです。"),
                format!("the database (version {found}) is newer than this program (which knows up to {known})"),
            ),
            Self::DiskFull => both("ディスクに空きがありません。閲覧は続けられます。", "the disk is full; reading goes on"),
            Self::Corrupt { detail } => both(
                format!("データベースが壊れています。読める範囲で閲覧のみ続けます（{detail}）。"),
                format!("the database is damaged; it is read-only, and read as far as it can be ({detail})"),
            ),
            Self::NoRoomForCopy { needed_bytes, free_bytes } => both(
                format!("更新の前に作る控えを置く空きがありません（必要 {needed_bytes} バイト、空き {free_bytes} バイト）。"),
                format!(
                    "there is no room for the copy that is made before an update ({needed_bytes} bytes needed, {free_bytes} free)"
                ),
            ),
            Self::Io { detail } => both(
                format!("ディスクの読み書きに失敗しました（{detail}）。"),
                format!("the disk could not be read or written ({detail})"),
            ),
            Self::Busy => both("書き込みが混み合っています。", "too many jobs are waiting"),
            Self::Changed => both("写しに新しい記録が加わりました。", "the copy has got new entries"),
            Self::Stopped => both("薬箱は終了しています。", "the store is closed"),
            Self::IncarnationUsed => both("起動番号が以前のものと同じです。", "the incarnation was used before"),
            Self::TooLarge { bytes, bytes_max } => both(
                format!("記録が大きすぎます（{bytes} バイト、上限 {bytes_max} バイト）。"),
                format!("the entry is too large ({bytes} bytes, at most {bytes_max})"),
            ),
            Self::Sql { detail } => {
                both(format!("内部の誤りです（{detail}）。"), format!("an internal mistake of the store ({detail})"))
            }
        }
    }

    /// What to do about it.
    pub fn next_action(&self) -> Sentence {
        match self {
            Self::NotThere { .. } => {
                both("場所を確かめるか、init で作成してください。", "check the directory, or make one with `init`")
            }
            Self::AlreadyThere { .. } => both("別の空のディレクトリを指定してください。", "name another, empty directory"),
            Self::InUse { .. } => {
                both("動作中の薬箱を止めてから、もう一度実行してください。", "stop the one that is running, then try again")
            }
            Self::Newer { .. } => both("新しい版のプログラムを使ってください。", "use the newer version of the program"),
            Self::NoRoomForCopy { .. } => both(
                "不要なファイルを消して空きを作るか、前の版のプログラムで起動してください。",
                "free some space and start again, or start the version of before",
            ),
            Self::DiskFull => both(
                "不要なファイルを消して空きを作ってください。再起動は要りません。",
                "free some space; no restart is needed",
            ),
            Self::Corrupt { .. } => both(
                "verify で壊れた記録を確かめ、バックアップか他の施設の写しから戻してください。",
                "run `verify` to see which entries are damaged, and restore them from a backup or another site's copy",
            ),
            Self::Io { .. } => both(
                "ディスクの状態と権限を確かめ、薬箱を再起動してください。",
                "check the disk's health and permissions, then restart Kusuribako",
            ),
            Self::Busy => both("少し待って、もう一度試してください。", "wait a moment and try again"),
            Self::Changed => both(
                "何もする必要はありません。ほかの施設に渡ってから手放します。",
                "nothing: it goes when others have them, too",
            ),
            Self::Stopped | Self::IncarnationUsed => both("薬箱を起動し直してください。", "start Kusuribako again"),
            Self::TooLarge { .. } => both("小さく分けて登録してください。", "split it into smaller parts"),
            Self::Sql { .. } => both("開発元に知らせてください。", "report this to the makers"),
        }
    }

    /// Whether the store must stop writing until it is restarted: what lies on the disk is no longer certain.
    pub(super) const fn ends_writing(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Io { .. })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        match error.sqlite_error() {
            Some(failure) => from_failure(failure, detail),
            // The statement was right, but what came out of a cell was not what is ever put in.
            None if error.sqlite_error_code().is_none() && is_about_a_cell(&error) => Self::Corrupt { detail },
            None => Self::Sql { detail },
        }
    }
}

fn from_failure(failure: &ffi::Error, detail: String) -> StoreError {
    match (failure.code, failure.extended_code) {
        // Where the index of the write-ahead log cannot grow, SQLite says "I/O error".
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::DiskFull,
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) | (_, ffi::SQLITE_IOERR_CORRUPTFS) => {
            StoreError::Corrupt { detail }
        }
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied, _) => {
            StoreError::Io { detail }
        }
        _ => StoreError::Sql { detail },
    }
}

const fn is_about_a_cell(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..))
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::DiskFull } else { Self::Io { detail: error.to_string() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> StoreError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn sqlite_codes_become_named_states() {
        assert_eq!(failure(ffi::SQLITE_FULL), StoreError::DiskFull);
        assert_eq!(failure(ffi::SQLITE_IOERR_SHMSIZE), StoreError::DiskFull);
        assert!(matches!(failure(ffi::SQLITE_CORRUPT_INDEX), StoreError::Corrupt { .. }));
        assert!(matches!(failure(ffi::SQLITE_NOTADB), StoreError::Corrupt { .. }));
        assert!(matches!(failure(ffi::SQLITE_IOERR_FSYNC), StoreError::Io { .. }));
        assert!(matches!(failure(ffi::SQLITE_CONSTRAINT), StoreError::Sql { .. }));
        let cell = rusqlite::Error::IntegralValueOutOfRange(0, 9);
        assert!(matches!(StoreError::from(cell), StoreError::Corrupt { .. }));
    }

    #[test]
    fn every_state_says_what_it_is_and_what_to_do() {
        let dir = PathBuf::from("/srv/kusuri");
        let (detail, bytes) = (String::from("x"), 9);
        let states = [
            StoreError::NotThere { dir: dir.clone() },
            StoreError::AlreadyThere { dir: dir.clone() },
            StoreError::InUse { dir },
            StoreError::Newer { found: 9, known: 1 },
            StoreError::DiskFull,
            StoreError::NoRoomForCopy { needed_bytes: 9, free_bytes: 8 },
            StoreError::Corrupt { detail: detail.clone() },
            StoreError::Io { detail: detail.clone() },
            StoreError::Busy,
            StoreError::Changed,
            StoreError::Stopped,
            StoreError::IncarnationUsed,
            StoreError::TooLarge { bytes, bytes_max: 8 },
            StoreError::Sql { detail },
        ];
        for state in states {
            for text in [state.sentence(), state.next_action()] {
                assert!(text.ja.ends_with('。') && !text.en.is_empty() && text.en.is_ascii(), "{text:?}");
            }
        }
    }
}
