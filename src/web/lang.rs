//! The languages of the pages: one catalogue file each for patients, two for staff, read once.

mod desk;
mod looks;
pub mod messages;
pub mod phrase;
pub mod review;

pub use desk::DeskMessages;
pub use messages::Messages;
use std::sync::LazyLock;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// 日本語
    #[default]
    Japanese,
    /// やさしい日本語, with readings above the characters
    EasyJapanese,
    /// English
    English,
    /// 简体中文
    Chinese,
    /// 한국어
    Korean,
    /// Tiếng Việt
    Vietnamese,
    /// Português, as in Brazil
    Portuguese,
}

/// The catalogues as they stand in their files, in the order of [`Lang::ALL`].
const SOURCES: [&str; 7] = [
    include_str!("../../templates/lang/ja.json"),
    include_str!("../../templates/lang/ja-easy.json"),
    include_str!("../../templates/lang/en.json"),
    include_str!("../../templates/lang/zh.json"),
    include_str!("../../templates/lang/ko.json"),
    include_str!("../../templates/lang/vi.json"),
    include_str!("../../templates/lang/pt.json"),
];

static CATALOGUES: LazyLock<[Messages; 7]> = LazyLock::new(|| SOURCES.map(read));

static DESK_CATALOGUES: LazyLock<[DeskMessages; 2]> = LazyLock::new(|| {
    [read(include_str!("../../templates/lang/desk/ja.json")), read(include_str!("../../templates/lang/desk/en.json"))]
});

fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    match serde_json::from_str(json) {
        Ok(messages) => messages,
        Err(e) => unreachable!("a catalogue that is part of the program and checked by its tests: {e}"),
    }
}

impl Lang {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 7] =
        [Self::Japanese, Self::EasyJapanese, Self::English, Self::Chinese, Self::Korean, Self::Vietnamese, Self::Portuguese];

    /// The languages of staff's pages, in the order in which they are offered.
    pub const DESK: [Self; 2] = [Self::Japanese, Self::English];

    /// The name in a cookie or an address.
    pub fn code(self) -> &'static str {
        match self {
            Self::Japanese => "ja",
            Self::EasyJapanese => "ja-easy",
            Self::English => "en",
            Self::Chinese => "zh",
            Self::Korean => "ko",
            Self::Vietnamese => "vi",
            Self::Portuguese => "pt",
        }
    }

    /// The BCP 47 tag for `lang` attributes: by it, browsers choose among Chinese, Japanese and Korean forms of a character.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Japanese | Self::EasyJapanese => "ja",
            Self::English => "en",
            Self::Chinese => "zh-Hans",
            Self::Korean => "ko",
            Self::Vietnamese => "vi",
            Self::Portuguese => "pt-BR",
        }
    }

    /// Its name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::Japanese => "日本語",
            Self::EasyJapanese => "やさしい日本語",
            Self::English => "English",
            Self::Chinese => "简体中文",
            Self::Korean => "한국어",
            Self::Vietnamese => "Tiếng Việt",
            Self::Portuguese => "Português",
        }
    }

    /// The language of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.code() == code)
    }

    /// The first language of an `Accept-Language` header that there are pages in. Weights are left aside: browsers send them in order.
    pub fn from_accept(header: &str) -> Option<Self> {
        let primary = |range: &str| range.trim().split(['-', ';']).next().unwrap_or_default().to_ascii_lowercase();
        header.split(',').take(20).find_map(|range| match primary(range).as_str() {
            "ja" => Some(Self::Japanese),
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            "ko" => Some(Self::Korean),
            "vi" => Some(Self::Vietnamese),
            "pt" => Some(Self::Portuguese),
            _ => None,
        })
    }

    /// Its strings.
    pub fn messages(self) -> &'static Messages {
        &CATALOGUES[self.index()]
    }

    fn index(self) -> usize {
        match self {
            Self::Japanese => 0,
            Self::EasyJapanese => 1,
            Self::English => 2,
            Self::Chinese => 3,
            Self::Korean => 4,
            Self::Vietnamese => 5,
            Self::Portuguese => 6,
        }
    }

    /// The language of the desk for who reads this one.
    #[must_use]
    pub fn at_desk(self) -> Self {
        match self {
            Self::Japanese | Self::EasyJapanese => Self::Japanese,
            Self::English | Self::Chinese | Self::Korean | Self::Vietnamese | Self::Portuguese => Self::English,
        }
    }

    /// Staff's strings, in the language of the desk for who reads this one.
    pub fn desk(self) -> &'static DeskMessages {
        match self {
            Self::Japanese | Self::EasyJapanese => &DESK_CATALOGUES[0],
            Self::English | Self::Chinese | Self::Korean | Self::Vietnamese | Self::Portuguese => &DESK_CATALOGUES[1],
        }
    }
}

fn source(lang: Lang) -> &'static str {
    SOURCES[lang.index()]
}

#[cfg(test)]
mod tests;
