//! Tables of drugs as they are published: the ministry's price list, and a HOT master; columns are found by name.

use super::code::{CodeError, Product, digits};
use crate::formats::jahis::text_of;
use crate::record::text::key;
use csv::{ReaderBuilder, StringRecord};

/// A product as a table has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Row {
    /// The twelve characters of 薬価基準収載医薬品コード or 個別医薬品コード (YJ); empty where the table has none.
    #[n(0)]
    pub code: String,
    /// What it is sold as.
    #[n(1)]
    pub name: String,
    /// 成分名; empty where the table has none.
    #[n(2)]
    pub ingredient: String,
    /// 規格
    #[n(3)]
    pub strength: String,
    /// Who makes or sells it.
    #[n(4)]
    pub maker: String,
    /// レセ電 codes, of nine digits.
    #[cbor(n(5), default)]
    pub receipt: Vec<String>,
    /// HOT7, or empty. A HOT code of nine or thirteen digits begins with it.
    #[n(6)]
    pub hot7: String,
    /// HOT9, or empty.
    #[n(7)]
    pub hot9: String,
}

/// Something odd in a table: the line is left out, or taken without what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Oddity {
    /// From 1, the header being the first.
    pub line: u64,
    /// What.
    pub what: OddityKind,
}

/// What can be odd.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OddityKind {
    /// A code that is none; the product is taken without it.
    #[error("{code}: {error}; taken without this code")]
    Code {
        /// As written.
        code: String,
        /// Why.
        error: CodeError,
    },
    /// No name.
    #[error("no product name; left out")]
    Nameless,
    /// The line does not read as CSV.
    #[error("{0}; left out")]
    Csv(String),
}

/// Why a file is no table of drugs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// No column tells the product's name, or none tells a code.
    #[error(
        "no column for {missing}: the first line should name its columns, as the ministry's price list (品名, 薬価基準収載医薬品コード) and the HOT master (販売名, 個別医薬品コード) do; found: {found}"
    )]
    Columns {
        /// What is missing.
        missing: &'static str,
        /// The first line.
        found: String,
    },
    /// No product in it.
    #[error("it has a header but no product")]
    Empty,
}

/// What a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// One for each line that could be read.
    pub rows: Vec<Row>,
    /// What was odd.
    pub oddities: Vec<Oddity>,
}

/// Where a table has what. Names are compared folded, so that half- and full-width letters do not matter.
struct Columns {
    name: usize,
    codes: Vec<usize>,
    ingredient: Option<usize>,
    strength: Option<usize>,
    makers: Vec<usize>,
    receipt: Vec<usize>,
    hot: Option<usize>,
    hot7: Option<usize>,
    company: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, TableError> {
        let names: Vec<String> = header.iter().map(|name| key(name.trim_start_matches('\u{feff}'))).collect();
        let all = |wanted: &[&str]| -> Vec<usize> {
            let find = |wanted: &&str| names.iter().position(|name| *name == key(wanted));
            wanted.iter().filter_map(find).collect()
        };
        let one = |wanted: &[&str]| all(wanted).first().copied();
        let missing = |missing| TableError::Columns { missing, found: names.join(", ") };
        let columns = Self {
            name: one(&["販売名", "品名", "医薬品名"]).ok_or_else(|| missing("the product's name"))?,
            // YJ first: it tells brands apart that share a code of the price list.
            codes: all(&["個別医薬品コード", "YJコード", "薬価基準収載医薬品コード", "厚労省コード"]),
            ingredient: one(&["成分名", "一般名"]),
            strength: one(&["規格", "規格単位"]),
            makers: all(&["メーカー名", "製造会社", "販売会社"]),
            receipt: all(&[
                "レセプト電算処理システムコード（１）",
                "レセプト電算処理システムコード（２）",
                "レセプト電算コード",
                "レセ電コード",
            ]),
            hot: one(&["基準番号（ＨＯＴコード）", "HOTコード", "HOT13"]),
            hot7: one(&["処方用番号（ＨＯＴ７）", "HOT7"]),
            company: one(&["会社識別用番号"]),
        };
        let has_code = !columns.codes.is_empty() || !columns.receipt.is_empty() || columns.hot.is_some();
        if has_code { Ok(columns) } else { Err(missing("a code")) }
    }

    fn row(&self, record: &StringRecord, line: u64, oddities: &mut Vec<Oddity>) -> Option<Row> {
        let field = |at: usize| record.get(at).map_or("", str::trim);
        let some = |at: Option<usize>| at.map_or("", field).to_owned();
        let mut odd = |what| oddities.push(Oddity { line, what });
        if field(self.name).is_empty() {
            odd(OddityKind::Nameless);
            return None;
        }
        let mut code = String::new();
        for written in self.codes.iter().map(|at| field(*at)).filter(|written| !written.is_empty()) {
            match Product::read(written) {
                Ok(product) if code.is_empty() => code = product.to_string(),
                Ok(_second) => {}
                Err(error) => odd(OddityKind::Code { code: written.to_owned(), error }),
            }
        }
        let whole = self.hot.and_then(|at| digits(field(at), 13)).unwrap_or_default();
        let hot7 =
            self.hot7.and_then(|at| digits(field(at), 7)).or_else(|| whole.get(..7).map(str::to_owned)).unwrap_or_default();
        let company = self.company.and_then(|at| digits(field(at), 2)).or_else(|| whole.get(7..9).map(str::to_owned));
        Some(Row {
            code,
            name: field(self.name).to_owned(),
            ingredient: some(self.ingredient),
            strength: some(self.strength),
            maker: self.makers.iter().map(|at| field(*at)).find(|maker| !maker.is_empty()).unwrap_or_default().to_owned(),
            receipt: self.receipt.iter().filter_map(|at| digits(field(*at), 9)).collect(),
            hot9: company.filter(|_| !hot7.is_empty()).map(|company| format!("{hot7}{company}")).unwrap_or_default(),
            hot7,
        })
    }
}

/// Reads a table: UTF-8 or CP932, with a first line that names the columns.
///
/// # Errors
/// [`TableError`]. Whatever is wrong with single lines is told as oddities.
pub fn read(bytes: &[u8]) -> Result<Table, TableError> {
    let text = text_of(bytes);
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = records.next().and_then(Result::ok).unwrap_or_default();
    let columns = Columns::find(&header)?;
    let (mut rows, mut oddities) = (Vec::new(), Vec::new());
    for (at, record) in records.enumerate() {
        let line = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(2);
        match record {
            Ok(record) => rows.extend(columns.row(&record, line, &mut oddities)),
            Err(error) => oddities.push(Oddity { line, what: OddityKind::Csv(error.to_string()) }),
        }
    }
    if rows.is_empty() { Err(TableError::Empty) } else { Ok(Table { rows, oddities }) }
}
