//! The clinic's own drug master: what was imported, found by code and by name.

use super::code::{Product, Substance, digits};
use super::names::{brand, search_key, stems};
use super::table::Row;
use crate::record::text::key;
use crate::record::{DrugCode, GenericName};
use std::collections::HashMap;

/// A product of the master.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As the table had it.
    pub row: Row,
    /// Class and ingredient, where its code tells.
    pub substance: Option<Substance>,
    /// Its ingredients, without salts.
    pub stems: Vec<String>,
    name_key: String,
    ingredient_key: String,
    maker_key: String,
}

/// All products, with what finds them.
#[derive(Debug, Default)]
pub struct Master {
    entries: Vec<Entry>,
    by_code: HashMap<String, usize>,
    by_receipt: HashMap<String, usize>,
    by_hot: HashMap<String, usize>,
    by_substance: HashMap<Substance, usize>,
    by_name: HashMap<String, usize>,
}

/// How it is known what a drug is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// Its own twelve-character code.
    Code,
    /// Its レセ電 or HOT code, through the master.
    Master,
    /// Its 一般名コード.
    Generic,
}

/// What a drug is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Class and ingredient.
    pub substance: Substance,
    /// Its ingredients without salts, where the master knows them.
    pub stems: Vec<String>,
    /// How it is known.
    pub known_by: KnownBy,
}

/// Why nothing is known of a drug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// It has no code.
    NoCode,
    /// The code is damaged.
    Damaged,
    /// The code is one that the master does not have, or there is no master.
    NotInMaster,
}

/// Why a product was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// A code, whole or its beginning.
    Code,
    /// The beginning of its name.
    NameBegins,
    /// Within its name.
    Name,
    /// Its ingredient.
    Ingredient,
    /// Its maker.
    Maker,
}

/// The code is searched for from so many characters.
const CODE_LEN_MIN: usize = 4;

impl Master {
    /// Of imported rows, the first of those that share a code.
    pub fn new(rows: Vec<Row>) -> Self {
        let mut master = Self::default();
        for row in rows {
            master.add(row);
        }
        master
    }

    /// How many products.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was imported.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All products, in the order of the table.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn add(&mut self, row: Row) {
        let at = self.entries.len();
        let substance = Product::read(&row.code).ok().map(|product| product.substance());
        let (name_key, ingredient_key, maker_key) =
            (search_key(&row.name), search_key(&row.ingredient), search_key(&row.maker));
        if !row.code.is_empty() {
            self.by_code.entry(row.code.clone()).or_insert(at);
        }
        for code in &row.receipt {
            self.by_receipt.entry(code.clone()).or_insert(at);
        }
        for hot in [&row.hot7, &row.hot9].into_iter().filter(|hot| !hot.is_empty()) {
            self.by_hot.entry(hot.clone()).or_insert(at);
        }
        if let Some(substance) = substance {
            self.by_substance.entry(substance).or_insert(at);
        }
        self.by_name.entry(name_key.clone()).or_insert(at);
        let stems = stems(&row.ingredient);
        self.entries.push(Entry { row, substance, stems, name_key, ingredient_key, maker_key });
    }

    /// The product with a code as a record writes it.
    pub fn product(&self, code: &DrugCode) -> Option<&Entry> {
        let value = key(&code.value).to_ascii_uppercase();
        let at = match key(&code.kind).as_str() {
            "2" => self.by_receipt.get(&digits(&value, 9)?),
            "3" | "4" => self.by_code.get(&value),
            "6" => [9, 7].into_iter().find_map(|len| self.by_hot.get(value.get(..len)?)),
            _ => None,
        };
        at.and_then(|at| self.entries.get(*at))
    }

    /// What a drug is, by its codes. A name alone never tells: marks that rest on a guess would be believed.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn identify(&self, code: &DrugCode, generic: Option<&GenericName>) -> Result<Identity, Unknown> {
        let by_code = self.by_own_code(code);
        match by_code {
            Ok(identity) => Ok(identity),
            Err(why) => {
                let generic = generic.filter(|generic| key(&generic.kind) == "2");
                let substance = generic.and_then(|generic| Substance::of_generic(&generic.code).ok());
                substance.map(|substance| self.identity(substance, None, KnownBy::Generic)).ok_or(why)
            }
        }
    }

    fn by_own_code(&self, code: &DrugCode) -> Result<Identity, Unknown> {
        let value = code.value.trim();
        match (key(&code.kind).as_str(), value.is_empty()) {
            ("" | "1", _) | (_, true) => Err(Unknown::NoCode),
            ("3" | "4", false) => {
                let product = Product::read(value).or(Err(Unknown::Damaged))?;
                Ok(self.identity(product.substance(), self.product(code), KnownBy::Code))
            }
            (_, false) => {
                let entry = self.product(code).ok_or(Unknown::NotInMaster)?;
                let substance = entry.substance.ok_or(Unknown::NotInMaster)?;
                Ok(self.identity(substance, Some(entry), KnownBy::Master))
            }
        }
    }

    fn identity(&self, substance: Substance, entry: Option<&Entry>, known_by: KnownBy) -> Identity {
        let of_substance = || self.by_substance.get(&substance).and_then(|at| self.entries.get(*at));
        let stems = entry.or_else(of_substance).map(|entry| entry.stems.clone()).unwrap_or_default();
        Identity { substance, stems, known_by }
    }

    /// Products by name (in any script), ingredient, code or maker: those that begin so first, at most `limit`. Every word must be found.
    pub fn search(&self, text: &str, limit: usize) -> Vec<(&Entry, FoundBy)> {
        let words: Vec<String> = text.split_whitespace().map(search_key).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(FoundBy, usize)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            // What is found least directly decides where it stands.
            let by = words.iter().map(|word| entry.found_by(word)).try_fold(FoundBy::Code, |worst, by| Some(worst.max(by?)));
            found.extend(by.map(|by| (by, at)));
        }
        found.sort_by(|(by_a, a), (by_b, b)| {
            let name = |at: &usize| self.entries.get(*at).map(|entry| (entry.name_key.chars().count(), &entry.name_key));
            by_a.cmp(by_b).then_with(|| name(a).cmp(&name(b))).then(a.cmp(b))
        });
        found.into_iter().take(limit).filter_map(|(by, at)| Some((self.entries.get(at)?, by))).collect()
    }

    /// The products and ingredients of the master that a text names: an allergy, say. Longest names first.
    pub fn named_in(&self, text: &str) -> Vec<&Entry> {
        const LEN_MIN: usize = 3;
        let text = search_key(text);
        let mut found: Vec<(usize, &Entry)> = Vec::new();
        for entry in &self.entries {
            let brand = search_key(&brand(&entry.row.name));
            let names = entry.stems.iter().map(|stem| search_key(stem)).chain([brand]);
            let longest = names
                .filter(|name| name.chars().count() >= LEN_MIN && text.contains(name.as_str()))
                .map(|name| name.len())
                .max();
            found.extend(longest.map(|len| (len, entry)));
        }
        found.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
        found.into_iter().map(|(_, entry)| entry).collect()
    }
}

impl Entry {
    fn found_by(&self, word: &str) -> Option<FoundBy> {
        let code = word.to_ascii_uppercase();
        let is_code = code.len() >= CODE_LEN_MIN && code.is_ascii();
        let begins = |of: &String| is_code && of.starts_with(&code);
        if begins(&self.row.code) || self.row.receipt.iter().any(begins) || begins(&self.row.hot9) || begins(&self.row.hot7) {
            return Some(FoundBy::Code);
        }
        match self.name_key.find(word) {
            Some(0) => Some(FoundBy::NameBegins),
            Some(_) => Some(FoundBy::Name),
            None if self.ingredient_key.contains(word) => Some(FoundBy::Ingredient),
            None if self.maker_key.contains(word) => Some(FoundBy::Maker),
            None => None,
        }
    }
}
