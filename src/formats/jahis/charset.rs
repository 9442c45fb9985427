//! CP932 (what `encoding_rs` calls Shift_JIS is windows-31j) and UTF-8, told apart without being told.
//!
//! User-defined characters (外字, bytes F040–F9FC) become private-use characters U+E000–U+E757 when read, so they are
//! written back as the same bytes.

use encoding_rs::{DecoderResult, EncoderResult, SHIFT_JIS, UTF_8};

/// How a file's characters were coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// Nothing but ASCII, so it does not matter.
    Ascii,
    /// What the specification says.
    Cp932,
    /// What others send.
    Utf8,
}

/// Reads bytes as text. What cannot be read becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> (String, Charset) {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return (decode_with(UTF_8, rest).0, Charset::Utf8);
    }
    let (utf8, utf8_faults) = decode_with(UTF_8, bytes);
    let (cp932, cp932_faults) = decode_with(SHIFT_JIS, bytes);
    if utf8_faults == 0 && utf8.is_ascii() {
        return (utf8, Charset::Ascii);
    }
    // Half-width katakana of CP932 can look like two-byte UTF-8, but Japanese text in UTF-8 has three-byte characters.
    let is_japanese = utf8.chars().any(|c| c.len_utf8() == 3 && c != char::REPLACEMENT_CHARACTER);
    let is_utf8 = if is_japanese { utf8_faults <= cp932_faults } else { utf8_faults < cp932_faults };
    if is_utf8 { (utf8, Charset::Utf8) } else { (cp932, Charset::Cp932) }
}

fn decode_with(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> (String, usize) {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let length = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() * 3);
    let (mut text, mut faults, mut at) = (String::with_capacity(length), 0, 0);
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(&bytes[at..], &mut text, true);
        at += read;
        match result {
            DecoderResult::InputEmpty => return (text, faults),
            DecoderResult::OutputFull => text.reserve(bytes.len() - at + 16),
            DecoderResult::Malformed(_, _) => {
                faults += 1;
                text.reserve(16);
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// A text in CP932, and what had to give way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// Characters that were written as ■.
    pub(super) unmappable: Vec<char>,
    /// Characters that were written as their equivalent.
    pub(super) replaced: Vec<char>,
}

/// Writes text as CP932, with ■ for what has no place there.
pub(super) fn encode(text: &str) -> Encoded {
    let mut encoded = Encoded::default();
    for character in text.chars() {
        if encode_char(character, &mut encoded.bytes) {
            continue;
        }
        match equivalent(character) {
            Some(same) if encode_char(same, &mut encoded.bytes) => encoded.replaced.push(character),
            _ => {
                encoded.unmappable.push(character);
                encode_char('■', &mut encoded.bytes);
            }
        }
    }
    encoded
}

/// How many bytes a text takes in CP932.
pub(super) fn encoded_len(text: &str) -> usize {
    encode(text).bytes.len()
}

fn encode_char(character: char, bytes: &mut Vec<u8>) -> bool {
    if character.is_ascii() {
        bytes.extend(u8::try_from(character));
        return true;
    }
    if let Some(code) = user_defined(character) {
        bytes.extend(code);
        return true;
    }
    if equivalent(character).is_some() {
        return false;
    }
    let mut utf8 = [0; 4];
    let mut code = [0; 4];
    let mut encoder = SHIFT_JIS.new_encoder();
    let (result, _, written) = encoder.encode_from_utf8_without_replacement(character.encode_utf8(&mut utf8), &mut code, true);
    let is_mapped = matches!(result, EncoderResult::InputEmpty);
    if is_mapped {
        bytes.extend_from_slice(&code[..written]);
    }
    is_mapped
}

/// The bytes of a user-defined character: 188 to each lead byte from F0.
fn user_defined(character: char) -> Option<[u8; 2]> {
    let place = u32::from(character).checked_sub(0xE000).filter(|place| *place < 1880)?;
    let trail = place % 188;
    let trail = if trail < 63 { trail + 0x40 } else { trail + 0x41 };
    Some([u8::try_from(0xF0 + place / 188).ok()?, u8::try_from(trail).ok()?])
}

/// Characters that other systems write where CP932 has another code point for the same sign.
fn equivalent(character: char) -> Option<char> {
    match character {
        '\u{301C}' => Some('\u{FF5E}'), // 〜 ～
        '\u{2016}' => Some('\u{2225}'), // ‖ ∥
        '\u{2212}' => Some('\u{FF0D}'), // − －
        '\u{2014}' => Some('\u{2015}'), // — ―
        '\u{00A2}' => Some('\u{FFE0}'), // ¢ ￠
        '\u{00A3}' => Some('\u{FFE1}'), // £ ￡
        '\u{00AC}' => Some('\u{FFE2}'), // ¬ ￢
        '\u{00A5}' => Some('\u{FFE5}'), // ¥ ￥
        '\u{203E}' => Some('\u{FFE3}'), // ‾ ￣
        '\u{00A0}' => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_width_katakana_is_not_taken_for_utf8() {
        // ﾂｱﾃﾞ in CP932 is valid UTF-8 too ("±..." and the like).
        let text = "1,ﾂｱ,1";
        let (read, charset) = decode(&encode(text).bytes);
        assert_eq!((read.as_str(), charset), (text, Charset::Cp932));
    }

    #[test]
    fn utf8_is_found_with_and_without_bom() {
        let text = "1,鈴木 太郎,ｽｽﾞｷ";
        assert_eq!(decode(text.as_bytes()), (text.to_owned(), Charset::Utf8));
        assert_eq!(decode(format!("\u{FEFF}{text}").as_bytes()), (text.to_owned(), Charset::Utf8));
        assert_eq!(decode(b"JAHISTC08,1"), ("JAHISTC08,1".to_owned(), Charset::Ascii));
    }

    #[test]
    fn a_cut_utf8_file_is_still_utf8() {
        let text = "201,1,ノルバスク錠２．５ｍｇ,1,錠,2,612170709,1".as_bytes();
        let cut = text.iter().position(|b| *b == 0xE9).unwrap();
        let (read, charset) = decode(&text[..cut + 1]);
        assert_eq!(charset, Charset::Utf8);
        assert!(read.ends_with('\u{FFFD}'), "{read}");
    }

    #[test]
    fn what_is_outside_cp932_gives_way_and_is_said() {
        let encoded = encode("𠮷野〜8㎎—é");
        assert_eq!(encoded.unmappable, ['𠮷', 'é']);
        assert_eq!(encoded.replaced, ['〜', '—']);
        assert_eq!(decode(&encoded.bytes).0, "■野～8㎎―■");
    }

    #[test]
    fn user_defined_characters_keep_their_bytes() {
        let bytes = [&b"\x93\x63"[..], &[0xF0, 0x40, 0xF0, 0x7E, 0xF0, 0x80, 0xF9, 0xFC]].concat();
        let (text, charset) = decode(&bytes);
        assert_eq!(charset, Charset::Cp932);
        assert_eq!(encode(&text), Encoded { bytes, ..Encoded::default() });
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }

        #[test]
        fn cp932_written_is_cp932_read(text in "[ -~ｱ-ﾝ亜-腕ア-ンⅠⅡ①㎎髙﨑～－∥]{0,40}") {
            let encoded = encode(&text);
            let (read, _) = decode_with(SHIFT_JIS, &encoded.bytes);
            let expected: String = text.chars().map(|c| if encoded.unmappable.contains(&c) { '■' } else { c }).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
