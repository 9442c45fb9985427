//! JAMI's standard codes of usage (処方・注射オーダ標準用法規格, 16 characters), as far as a public list gives code and name together.
//!
//! The rows are those of the code system `JP_MedicationUsageJAMI_CS` (urn:oid:1.2.392.200250.2.2.20.20) in HL7 FHIR JP Core 1.1, as of
//! 2022-09-26, without the oral method that all of them name. Left out are the times "two hours after a meal" and "at three in the
//! afternoon", which have no fixed form here. A code that is not in this list means nothing: what the single characters of a code would
//! say is never guessed.

/// Code and name.
pub(super) const USAGES: [(&str, &str); 48] = [
    ("1011000090000000", "１日１回起床時"),
    ("1011000100000000", "１日１回朝食前"),
    ("1011000200000000", "１日１回朝食直前"),
    ("1011000300000000", "１日１回朝食直後"),
    ("1011000400000000", "１日１回朝食後"),
    ("1011001000000000", "１日１回昼食前"),
    ("1011002000000000", "１日１回昼食直前"),
    ("1011003000000000", "１日１回昼食直後"),
    ("1011004000000000", "１日１回昼食後"),
    ("1011010000000000", "１日１回夕食前"),
    ("1011020000000000", "１日１回夕食直前"),
    ("1011030000000000", "１日１回夕食直後"),
    ("1011040000000000", "１日１回夕食後"),
    ("1011100000000000", "１日１回就寝前"),
    ("1041480000000000", "１日１回空腹時"),
    ("1012100100000000", "１日２回朝食前と就寝前"),
    ("1012100400000000", "１日２回朝食後と就寝前"),
    ("1012001100000000", "１日２回朝昼食前"),
    ("1012002200000000", "１日２回朝昼食直前"),
    ("1012004400000000", "１日２回朝昼食後"),
    ("1012010100000000", "１日２回朝夕食前"),
    ("1012020200000000", "１日２回朝夕食直前"),
    ("1012030300000000", "１日２回朝夕食直後"),
    ("1012040400000000", "１日２回朝夕食後"),
    ("1012011000000000", "１日２回昼夕食前"),
    ("1012022000000000", "１日２回昼夕食直前"),
    ("1012101000000000", "１日２回昼食前と就寝前"),
    ("1012044000000000", "１日２回昼夕食後"),
    ("1012104000000000", "１日２回昼食後と就寝前"),
    ("1012110000000000", "１日２回夕食前と就寝前"),
    ("1012140000000000", "１日２回夕食後と就寝前"),
    ("1013011100000000", "１日３回朝昼夕食前"),
    ("1013022200000000", "１日３回朝昼夕食直前"),
    ("1013033300000000", "１日３回朝昼夕食直後"),
    ("1013044400000000", "１日３回朝昼夕食後"),
    ("1013101100000000", "１日３回朝昼食前と就寝前"),
    ("1013104400000000", "１日３回朝昼食後と就寝前"),
    ("1013110100000000", "１日３回朝夕食前と就寝前"),
    ("1013140400000000", "１日３回朝夕食後と就寝前"),
    ("1013111000000000", "１日３回昼夕食前と就寝前"),
    ("1013144000000000", "１日３回昼夕食後と就寝前"),
    ("1014111100000000", "１日４回朝昼夕食前と就寝前"),
    ("1014144400000000", "１日４回朝昼夕食後と就寝前"),
    ("1022000000000000", "１日２回１２時間毎"),
    ("1023000000000000", "１日３回８時間毎"),
    ("1024000000000000", "１日４回６時間毎"),
    ("1026000000000000", "１日６回４時間毎"),
    ("1028000000000000", "１日８回３時間毎"),
];

/// The name of a code; none where the list has no such code.
pub(super) fn name(code: &str) -> Option<&'static str> {
    let code = code.trim();
    USAGES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::super::told::{Moment, by_text};
    use super::super::{Meal, Slot, Time};
    use super::*;

    #[test]
    fn every_name_is_read_whole() {
        for (code, name) in USAGES {
            let told = by_text(name).unwrap_or_else(|| panic!("{code} {name} is not read"));
            assert!(told.times_a_day.is_some() && !told.at.is_empty(), "{code} {told:?}");
        }
    }

    /// The characters of a code that names meals: count, bedtime, evening, noon, morning. The rows were not mixed up in copying.
    #[test]
    fn names_and_codes_agree_where_the_codes_name_meals() {
        let rows = USAGES.iter().filter(|(code, _)| code.starts_with("101"));
        for (code, name) in rows {
            let digit = |at: usize| code.as_bytes()[at] - b'0';
            let meal =
                |digit| [None, Some(Meal::Before), Some(Meal::JustBefore), Some(Meal::JustAfter), Some(Meal::After)][digit];
            let mut times = Vec::new();
            for (slot, at) in [(Slot::Morning, 7), (Slot::Noon, 6), (Slot::Evening, 5)] {
                times.extend((digit(at) > 0).then(|| Time { slot, meal: meal(usize::from(digit(at))) }));
            }
            times.extend((digit(4) == 1).then_some(Time { slot: Slot::Bedtime, meal: None }));
            let told = by_text(name).unwrap();
            assert_eq!(told.times_a_day, Some(digit(3)), "{code} {name}");
            match digit(8) {
                9 => assert_eq!(told.at, [Moment::Waking], "{code} {name}"),
                _ => assert_eq!(told.at, super::super::told::moments(&times), "{code} {name}"),
            }
        }
    }

    #[test]
    fn a_code_is_looked_up_and_never_guessed() {
        assert_eq!(name("1013044400000000"), Some("１日３回朝昼夕食後"));
        assert_eq!(name(" 1022000000000000 "), Some("１日２回１２時間毎"));
        for unknown in ["", "1013044400000001", "1015144400000000", "101304440000000", "2013044400000000"] {
            assert_eq!(name(unknown), None, "{unknown}");
        }
    }
}
