//! The two forms of dates that a JAHIS file may have. What else is legible is read too, by `record::text`.

/// Whether a date is written `YYYYMMDD` or as an era letter and `YYMMDD`.
pub(super) fn has_strict_form(raw: &str) -> bool {
    let digits = raw.strip_prefix(['M', 'T', 'S', 'H', 'R']);
    let (digits, length) = digits.map_or((raw, 8), |rest| (rest, 6));
    digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_forms_are_strict() {
        assert!(has_strict_form("20200410") && has_strict_form("R020410"));
        for raw in ["2020/04/10", "R2.4.10", "", " 20200410", "r020410", "２０２００４１０", "X020410"] {
            assert!(!has_strict_form(raw), "{raw}");
        }
    }
}
