//! Two visits compared: what each says, as lines that a person can read, regardless of width, spaces and how the date is written.

use crate::record::text::key;
use crate::record::{DosageForm, Drug, Group, Institution, OwnEntry, Remark, Visit};

/// One thing that a visit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it is about: lines about the same are set against each other.
    about: String,
    /// For comparing.
    key: String,
    /// For reading.
    text: String,
}

/// Everything that a visit says, but for the date (equal where visits are compared), and who made each record.
pub(super) fn lines(visit: &Visit) -> Vec<Line> {
    let mut lines = Lines::default();
    lines.institution("調剤", visit.dispensed_at.as_ref());
    lines.institution("処方", visit.prescribed_at.as_ref());
    for person in &visit.dispensers {
        lines.add("薬剤師", &[&person.name, &person.contact]);
    }
    for prescription in &visit.prescriptions {
        if let Some(prescriber) = &prescription.prescriber {
            let rps: Vec<String> = prescription.groups.iter().map(|group| format!("RP{}", group.rp)).collect();
            lines.add("医師", &[&prescriber.name, &prescriber.department, &rps.join("・")]);
        }
        prescription.groups.iter().for_each(|group| lines.group(group));
    }
    lines.remarks("服用注意", &visit.cautions);
    lines.remarks("残薬", &visit.leftovers);
    for info in &visit.provided {
        lines.add("提供情報", &[&info.kind, &info.text]);
    }
    lines.remarks("備考", &visit.remarks);
    for OwnEntry { text, on } in &visit.own_entries {
        let written = on.day.map_or_else(|| on.raw.clone(), |day| day.0.to_string());
        lines.add("記入", &[text, &written]);
    }
    for unknown in &visit.unknown {
        lines.add("その他", &[unknown]);
    }
    lines.0.sort_by(|a, b| (&a.about, &a.key, &a.text).cmp(&(&b.about, &b.key, &b.text)));
    lines.0
}

/// Whether two visits say the same.
pub(super) fn is_equal(a: &[Line], b: &[Line]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key)
}

/// The lines that only one of two visits has, (this, other), those about the same side by side.
pub(super) fn differences(this: &[Line], other: &[Line]) -> Vec<(String, String)> {
    let (only_this, mut only_other) = (without(this, other), without(other, this));
    let mut pairs = Vec::with_capacity(only_this.len() + only_other.len());
    for line in only_this {
        let same = only_other.iter().position(|candidate| candidate.about == line.about);
        let counterpart = same.map(|at| only_other.remove(at).text.clone()).unwrap_or_default();
        pairs.push((line.text.clone(), counterpart));
    }
    pairs.extend(only_other.into_iter().map(|line| (String::new(), line.text.clone())));
    pairs
}

/// The lines of `all` that `others` lacks; one that stands twice must stand twice there.
fn without<'a>(all: &'a [Line], others: &[Line]) -> Vec<&'a Line> {
    let mut left: Vec<&str> = others.iter().map(|line| line.key.as_str()).collect();
    let mut only = Vec::new();
    for line in all {
        match left.iter().position(|key| *key == line.key) {
            Some(at) => {
                left.swap_remove(at);
            }
            None => only.push(line),
        }
    }
    only
}

#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn add(&mut self, label: &str, parts: &[&str]) {
        self.add_about(&key(label), label, parts);
    }

    fn add_about(&mut self, about: &str, label: &str, parts: &[&str]) {
        let said: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
        if said.is_empty() {
            return;
        }
        let text = format!("{label} {}", said.join(" "));
        // Parts are told apart in the key, so that nothing moves unseen from one to the next.
        let keys: Vec<String> = parts.iter().map(|part| key(part)).collect();
        self.0.push(Line { about: about.to_owned(), key: format!("{}\u{1f}{}", key(label), keys.join("\u{1f}")), text });
    }

    fn institution(&mut self, label: &str, institution: Option<&Institution>) {
        let Some(Institution { name, prefecture, fee_table, code, postcode, address, phone, creator: _ }) = institution else {
            return;
        };
        self.add(label, &[name, prefecture, fee_table, code, postcode, address, phone]);
    }

    fn remarks(&mut self, label: &str, remarks: &[Remark]) {
        for remark in remarks {
            self.add(label, &[&remark.text]);
        }
    }

    fn group(&mut self, group: &Group) {
        let rp = format!("RP{}", group.rp);
        group.drugs.iter().for_each(|drug| self.drug(&rp, drug, group));
        if let (true, Some(usage)) = (group.drugs.is_empty(), &group.usage) {
            self.add(&rp, &[&usage.name, &usage.quantity, &usage.unit, form(usage.form), &usage.code_kind, &usage.code]);
        }
        self.remarks(&format!("{rp} 用法補足"), &group.supplements);
        self.remarks(&format!("{rp} 注意"), &group.cautions);
    }

    /// A drug with its usage, so that the line says on its own how it is taken.
    fn drug(&mut self, rp: &str, drug: &Drug, group: &Group) {
        let about = format!("drug {}", key(&drug.name));
        let mut parts: Vec<&str> = vec![&drug.name, &drug.amount, &drug.unit];
        if let Some(usage) = &group.usage {
            parts.extend(
                [&usage.name, &usage.quantity, &usage.unit, form(usage.form), &usage.code_kind, &usage.code]
                    .map(|part| part as &str),
            );
        }
        parts.extend([drug.code.kind.as_str(), &drug.code.value]);
        if let Some(generic) = &drug.generic {
            parts.extend([generic.name.as_str(), &generic.kind, &generic.code]);
        }
        self.add_about(&about, rp, &parts);
        self.remarks(&format!("{rp} {} 補足", drug.name), &drug.supplements);
        self.remarks(&format!("{rp} {} 注意", drug.name), &drug.cautions);
    }
}

fn form(form: DosageForm) -> &'static str {
    match form {
        DosageForm::Oral => "内服",
        DosageForm::Drops => "内滴",
        DosageForm::AsNeeded => "屯服",
        DosageForm::Injection => "注射",
        DosageForm::External => "外用",
        DosageForm::Decoction => "浸煎",
        DosageForm::Infusion => "湯",
        DosageForm::Material => "材料",
        DosageForm::Other => "その他",
        DosageForm::Unknown => "",
    }
}
