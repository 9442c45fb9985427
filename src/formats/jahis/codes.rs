//! The forms of drug codes.

/// What is wrong with a code of a given kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeFault {
    /// Wrong length or characters.
    Form,
    /// The twelfth character does not fit the other eleven.
    CheckDigit,
}

/// Checks a drug code (record 201) against its kind. Kinds that nobody knows are not checked.
pub(super) fn check_drug_code(kind: &str, code: &str) -> Result<(), CodeFault> {
    let is_digits = code.bytes().all(|b| b.is_ascii_digit());
    match kind {
        "2" if !is_digits || code.len() != 9 => Err(CodeFault::Form),
        "6" if !is_digits || !matches!(code.len(), 7 | 9 | 13) => Err(CodeFault::Form),
        "3" | "4" => check_twelve(code),
        _ => Ok(()),
    }
}

/// 一般名コード: 12 characters that end in ZZZ.
pub(super) fn is_generic_code(code: &str) -> bool {
    code.len() == 12 && code.ends_with("ZZZ") && code.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// JAMI usage code: 16 characters.
pub(super) fn is_usage_code(code: &str) -> bool {
    code.len() == 16 && code.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn check_twelve(code: &str) -> Result<(), CodeFault> {
    const WEIGHTS: [u32; 11] = [5, 6, 7, 8, 9, 4, 5, 6, 7, 8, 9];
    let values: Option<Vec<u32>> = code.bytes().map(value).collect();
    let values = values.filter(|values| values.len() == 12).ok_or(CodeFault::Form)?;
    let sum: u32 = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    if values[11] == sum % 11 % 10 { Ok(()) } else { Err(CodeFault::CheckDigit) }
}

/// 0–9; A–I = 1–9, J–R = 1–9, S–Z = 2–9.
fn value(character: u8) -> Option<u32> {
    let value = match character {
        b'0'..=b'9' => character - b'0',
        b'A'..=b'I' => character - b'A' + 1,
        b'J'..=b'R' => character - b'J' + 1,
        b'S'..=b'Z' => character - b'S' + 2,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_the_price_list() {
        assert_eq!(check_drug_code("4", "2456001F1353"), Ok(()));
        assert_eq!(check_drug_code("3", "2456001F1354"), Err(CodeFault::CheckDigit));
        assert_eq!(check_drug_code("4", "2456001F135"), Err(CodeFault::Form));
        assert_eq!(check_drug_code("4", "2456001f1353"), Err(CodeFault::Form));
    }

    #[test]
    fn lengths_follow_the_kind() {
        assert_eq!(check_drug_code("2", "620004992"), Ok(()));
        assert_eq!(check_drug_code("2", " 612310013"), Err(CodeFault::Form));
        for hot in ["1000001", "100000101", "1000001010101"] {
            assert_eq!(check_drug_code("6", hot), Ok(()));
        }
        assert_eq!(check_drug_code("6", "10000010"), Err(CodeFault::Form));
        assert!(is_generic_code("1179044F1ZZZ") && !is_generic_code("1179044F1020"));
        assert!(is_usage_code("1013044400000000") && !is_usage_code("101304440000000"));
    }
}
