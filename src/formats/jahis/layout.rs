//! The records of the specification as a table: fields, which are required, and how many columns each version had.
//! Every later version only appended fields, so one layout reads them all.

/// What a field holds; decides how it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Date,
    /// A decimal number, kept as written.
    Number,
    /// A code whose form depends on another field; checked where that is known.
    Code,
    Rp,
    /// One of these.
    Choice(&'static [&'static str]),
    /// So many digits.
    Digits(usize),
    /// 01–47.
    Prefecture,
}

/// Whether a field must be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    /// Required in what a facility gives to a patient (出力区分 1).
    FromFacility,
    Optional,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
}

#[derive(Debug)]
pub(super) struct Layout {
    pub(super) number: &'static str,
    /// Columns with the record number, in specification 1.0, 1.1, 2.0–2.4 and 2.5–2.6; 0 where it had no such record.
    columns: [usize; 4],
    /// The first header version with this record.
    pub(super) since: u8,
    pub(super) fields: &'static [Field],
}

impl Layout {
    /// How many columns this record has in a version.
    pub(super) fn columns(&self, version: u8) -> usize {
        match version {
            0 | 1 => self.columns[0],
            2 => self.columns[1],
            3..=7 => self.columns[2],
            _ => self.columns[3],
        }
    }
}

/// The layout of a record number.
pub(super) fn layout(number: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.number == number)
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Required }
}

const fn from_facility(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::FromFacility }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Optional }
}

const RP: Field = required("RP番号", Kind::Rp);
const CREATOR: Field = optional("レコード作成者", Kind::Choice(&["1", "2", "8", "9"]));
const FEE_TABLE: Field = from_facility("点数表", Kind::Choice(&["1", "3", "4"]));
const PREFECTURE: Field = from_facility("都道府県", Kind::Prefecture);
const INSTITUTION_CODE: Field = from_facility("医療機関コード", Kind::Digits(7));
const TEXT_BY: &[Field] = &[required("内容", Kind::Text), CREATOR];
const RP_TEXT_BY: &[Field] = &[RP, required("内容", Kind::Text), CREATOR];

static LAYOUTS: &[Layout] = &[
    Layout {
        number: "1",
        columns: [4, 10, 11, 11],
        since: 1,
        fields: &[
            required("氏名", Kind::Text),
            required("性別", Kind::Choice(&["1", "2"])),
            required("生年月日", Kind::Date),
            optional("郵便番号", Kind::Text),
            optional("住所", Kind::Text),
            optional("電話番号", Kind::Text),
            optional("緊急連絡先", Kind::Text),
            optional("血液型", Kind::Text),
            optional("体重", Kind::Number),
            optional("カナ氏名", Kind::Text),
        ],
    },
    Layout {
        number: "2",
        columns: [0, 3, 4, 4],
        since: 2,
        fields: &[required("種別", Kind::Choice(&["1", "2", "3", "9"])), required("内容", Kind::Text), CREATOR],
    },
    Layout {
        number: "3",
        columns: [0, 0, 5, 7],
        since: 3,
        fields: &[
            required("薬品名称", Kind::Text),
            optional("服用開始日", Kind::Date),
            optional("服用終了日", Kind::Date),
            CREATOR,
            optional("通番", Kind::Code),
            optional("JANコード", Kind::Code),
        ],
    },
    Layout {
        number: "31",
        columns: [0, 0, 0, 6],
        since: 8,
        fields: &[
            required("通番", Kind::Code),
            required("成分名称", Kind::Text),
            required("成分コード種別", Kind::Code),
            optional("成分コード", Kind::Code),
            CREATOR,
        ],
    },
    Layout {
        number: "4",
        columns: [0, 0, 4, 4],
        since: 3,
        fields: &[required("内容", Kind::Text), optional("入力日", Kind::Date), CREATOR],
    },
    Layout { number: "5", columns: [2, 2, 3, 3], since: 1, fields: &[required("調剤等年月日", Kind::Date), CREATOR] },
    Layout {
        number: "11",
        columns: [5, 8, 9, 9],
        since: 1,
        fields: &[
            required("医療機関名称", Kind::Text),
            PREFECTURE,
            FEE_TABLE,
            INSTITUTION_CODE,
            optional("郵便番号", Kind::Text),
            optional("住所", Kind::Text),
            optional("電話番号", Kind::Text),
            CREATOR,
        ],
    },
    Layout {
        number: "15",
        columns: [2, 3, 4, 4],
        since: 1,
        fields: &[required("氏名", Kind::Text), optional("連絡先", Kind::Text), CREATOR],
    },
    Layout {
        number: "51",
        columns: [5, 5, 6, 6],
        since: 1,
        fields: &[required("医療機関名称", Kind::Text), PREFECTURE, FEE_TABLE, INSTITUTION_CODE, CREATOR],
    },
    Layout {
        number: "55",
        columns: [3, 3, 4, 4],
        since: 1,
        fields: &[required("氏名", Kind::Text), optional("診療科名", Kind::Text), CREATOR],
    },
    Layout {
        number: "201",
        columns: [7, 7, 8, 11],
        since: 1,
        fields: &[
            RP,
            required("薬品名称", Kind::Text),
            from_facility("用量", Kind::Number),
            from_facility("単位名", Kind::Text),
            from_facility("薬品コード種別", Kind::Choice(&["1", "2", "3", "4", "6"])),
            optional("薬品コード", Kind::Code),
            CREATOR,
            optional("一般名", Kind::Text),
            optional("一般名コード種別", Kind::Choice(&["1", "2"])),
            optional("一般名コード", Kind::Code),
        ],
    },
    Layout { number: "281", columns: [3, 3, 4, 4], since: 1, fields: RP_TEXT_BY },
    Layout { number: "291", columns: [0, 3, 4, 4], since: 2, fields: RP_TEXT_BY },
    Layout {
        number: "301",
        columns: [8, 8, 9, 9],
        since: 1,
        fields: &[
            RP,
            optional("用法名称", Kind::Text),
            from_facility("調剤数量", Kind::Number),
            from_facility("調剤単位", Kind::Text),
            from_facility("剤形コード", Kind::Choice(&["1", "2", "3", "4", "5", "6", "7", "9", "10"])),
            from_facility("用法コード種別", Kind::Choice(&["1", "2"])),
            optional("用法コード", Kind::Code),
            CREATOR,
        ],
    },
    Layout { number: "311", columns: [3, 3, 4, 4], since: 1, fields: RP_TEXT_BY },
    Layout { number: "391", columns: [0, 3, 4, 4], since: 2, fields: RP_TEXT_BY },
    Layout { number: "401", columns: [0, 2, 3, 3], since: 2, fields: TEXT_BY },
    Layout {
        number: "411",
        columns: [0, 0, 4, 4],
        since: 3,
        fields: &[required("内容", Kind::Text), required("提供情報種別", Kind::Choice(&["30", "31", "99"])), CREATOR],
    },
    Layout { number: "421", columns: [0, 0, 3, 3], since: 7, fields: TEXT_BY },
    Layout { number: "501", columns: [2, 2, 3, 3], since: 1, fields: TEXT_BY },
    Layout {
        number: "601",
        columns: [0, 0, 3, 3],
        since: 3,
        fields: &[required("内容", Kind::Text), optional("入力日", Kind::Date)],
    },
    Layout {
        number: "701",
        columns: [0, 0, 7, 7],
        since: 4,
        fields: &[
            required("氏名", Kind::Text),
            required("薬局名称", Kind::Text),
            required("連絡先", Kind::Text),
            optional("担当開始日", Kind::Date),
            optional("担当終了日", Kind::Date),
            CREATOR,
        ],
    },
    Layout {
        number: "911",
        columns: [0, 0, 4, 4],
        since: 3,
        fields: &[required("データID", Kind::Code), required("分割数", Kind::Number), required("分割番号", Kind::Number)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_version_has_every_field() {
        for layout in LAYOUTS {
            assert_eq!(layout.columns[3], layout.fields.len() + 1, "record {}", layout.number);
            assert!(layout.columns.is_sorted(), "record {}", layout.number);
            let eras = [(1, 1), (2, 2), (3, 7), (8, 8)];
            for (columns, (_, last)) in layout.columns.iter().zip(eras) {
                assert_eq!(*columns == 0, layout.since > last, "record {}", layout.number);
            }
        }
    }
}
