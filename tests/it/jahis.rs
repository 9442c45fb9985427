//! JAHIS files end to end: the public samples, splitting and joining, pictures of QR codes, and `inspect`.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests; pixels are small numbers")]

use image::{GrayImage, ImageEncoder, Luma, imageops};
use kusuribako::cli::inspect::{InspectArgs, run};
use kusuribako::formats::jahis::{Assessed, Document, PART_BYTES_MAX, Reading, Severity, Source, gather, read, split, write};
use kusuribako::formats::qr::{self, Correction, QrSymbol, Symbol};
use proptest::prelude::*;
use std::path::PathBuf;

const SAMPLES: [&str; 9] = [
    "spec-v2.4-sample-1.sjis.csv",
    "spec-v2.4-sample-2.sjis.csv",
    "spec-v2.4-sample-3.sjis.csv",
    "spec-v2.4-sample-4.sjis.csv",
    "spec-v2.4-sample-5.sjis.csv",
    "tc-invalid-missing-drug-code.txt",
    "tc-invalid-missing-otc-sequence-parent.txt",
    "tc-minimal-valid.txt",
    "tc-multi-dispensing.txt",
];

/// The folder with the samples; where it is absent, the test says so and passes.
fn samples(test: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KUSURIBAKO_TEST_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let folder = root.join("jahis");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("{test} skipped: no ../shared/data");
    None
}

/// A sample as CP932 and as UTF-8 with LF, whichever of the two it is on disk.
fn both(folder: &std::path::Path, name: &str) -> (Vec<u8>, Vec<u8>) {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let encoding = if name.contains("sjis") { encoding_rs::SHIFT_JIS } else { encoding_rs::UTF_8 };
    let text = encoding.decode(&bytes).0.replace("\r\n", "\n");
    let (cp932, _, is_lossy) = encoding_rs::SHIFT_JIS.encode(&text);
    assert!(!is_lossy, "{name}");
    (crlf(&cp932), text.into_bytes())
}

fn crlf(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..])
}

fn one(reading: &Reading) -> &Assessed {
    assert_eq!(reading.documents.len(), 1, "{reading:#?}");
    &reading.documents[0]
}

/// Line, column and rule of every finding that is more than a note.
fn findings(assessed: &Assessed) -> Vec<(Option<usize>, Option<usize>, &'static str)> {
    let serious = assessed.findings.iter().filter(|finding| finding.severity() > Severity::Note);
    serious.map(|finding| (finding.line, finding.field.map(|field| field.column), finding.rule.slug)).collect()
}

fn expected_findings(name: &str) -> Vec<(Option<usize>, Option<usize>, &'static str)> {
    let at = |line, column, rule| (Some(line), Some(column), rule);
    match name {
        // ` 612310013`, as printed in the specification.
        "spec-v2.4-sample-1.sjis.csv" => vec![at(10, 7, "field-spaces")],
        // Needles and a container have no usage name.
        "spec-v2.4-sample-2.sjis.csv" => vec![at(18, 3, "usage-name-empty"), at(20, 3, "usage-name-empty")],
        // Needles with code kind 1 and a code.
        "spec-v2.4-sample-3.sjis.csv" => {
            vec![at(22, 7, "code-unexpected"), at(23, 3, "usage-name-empty"), at(25, 3, "usage-name-empty")]
        }
        "spec-v2.4-sample-4.sjis.csv" => vec![at(20, 3, "usage-name-empty"), at(25, 3, "usage-name-empty")],
        "tc-invalid-missing-drug-code.txt" => vec![at(4, 7, "drug-code-missing")],
        "tc-invalid-missing-otc-sequence-parent.txt" => vec![at(3, 2, "ingredient-without-otc")],
        _ => Vec::new(),
    }
}

#[test]
fn every_sample_is_read_in_both_charsets_with_its_findings() {
    let Some(folder) = samples("every_sample_is_read_in_both_charsets_with_its_findings") else { return };
    for name in SAMPLES {
        let (cp932, utf8) = both(&folder, name);
        let (from_cp932, from_utf8) = (read(name, &cp932), read(name, &utf8));
        assert_eq!(one(&from_cp932).document, one(&from_utf8).document, "{name}");
        assert_eq!(findings(one(&from_cp932)), expected_findings(name), "{name}");
        assert_eq!(findings(one(&from_utf8)), expected_findings(name), "{name}");
        assert_eq!(from_cp932.findings, [], "{name}");
        let about_file: Vec<_> = from_utf8.findings.iter().map(|finding| finding.rule.slug).collect();
        assert_eq!(about_file, ["charset-utf8", "line-end"], "{name}");
        assert_eq!(one(&from_cp932).is_set_aside(), name.contains("invalid"), "{name}");
        let bom = [b"\xEF\xBB\xBF", utf8.as_slice(), b"\x1A"].concat();
        assert_eq!(one(&read(name, &bom)).document, one(&from_utf8).document, "{name}");
    }
}

#[test]
fn a_sample_says_what_is_printed_in_it() {
    let Some(folder) = samples("a_sample_says_what_is_printed_in_it") else { return };
    let name = "spec-v2.4-sample-4.sjis.csv";
    let reading = read(name, &both(&folder, name).0);
    let Document { version, patient, visits, .. } = &one(&reading).document;
    assert_eq!(version.to_string(), "JAHISTC07");
    assert_eq!(patient.as_ref().unwrap().birth.day.unwrap().0.to_string(), "1958-03-03");
    let visit = &visits[0];
    assert_eq!((visit.date.raw.as_str(), visit.date.day.unwrap().0.to_string().as_str()), ("R020410", "2020-04-10"));
    let departments: Vec<_> =
        visit.prescriptions.iter().map(|p| (p.prescriber.as_ref().unwrap().department.as_str(), p.groups.len())).collect();
    assert_eq!(departments, [("内科", 5), ("皮膚科", 2)]);
    let drug = &visit.prescriptions[0].groups[0].drugs[0];
    assert_eq!((drug.name.as_str(), drug.amount.as_str(), drug.unit.as_str()), ("ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg", "6", "Ｃ"));
    assert_eq!(visit.leftovers[0].text, "服用忘れによりｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ12錠残薬あり");
}

#[test]
fn every_sample_comes_back_from_writing_and_splitting() {
    let Some(folder) = samples("every_sample_comes_back_from_writing_and_splitting") else { return };
    for name in SAMPLES {
        let document = one(&read(name, &both(&folder, name).0)).document.clone();
        let written = write(&document);
        let again = read("written", &written.bytes);
        assert!(one(&again).document.says_the_same(&document), "{name}");
        assert_eq!(one(&again).is_set_aside(), name.contains("invalid"), "{name}");
        let (parts, _) = split(&document, "20260401000001", 300).unwrap();
        let mut sources: Vec<_> = sources("part", &parts).collect();
        sources.reverse();
        sources.extend(self::sources("again", &parts[..1]));
        let joined = gather(sources);
        // A short sample is one part without record 911, so its double is a record of its own.
        assert!(joined.documents[0].document.says_the_same(&document), "{name}");
        assert_eq!(joined.documents.len(), if parts.len() == 1 { 2 } else { 1 }, "{name}");
    }
}

fn sources<'a>(prefix: &'a str, parts: &'a [Vec<u8>]) -> impl Iterator<Item = Source> + 'a {
    parts.iter().enumerate().map(move |(n, bytes)| Source { name: format!("{prefix}{}", n + 1), bytes: bytes.clone() })
}

/// A record long enough for several symbols, made up here.
fn long_record() -> Document {
    let mut text = "JAHISTC08,1\r\n1,山田 太郎,1,S550101,,,,,,,ﾔﾏﾀﾞ ﾀﾛｳ\r\n".to_owned();
    for day in (1..=9).rev() {
        text += &format!("5,2026040{day},1\r\n11,株式会社 みなと薬局,13,4,1234567,,,,1\r\n");
        for rp in 1..=4 {
            text +=
                &format!("201,{rp},ｱﾑﾛｼﾞﾋﾟﾝ錠{rp}.5mg「試」,1,錠,1,,1,,,\r\n301,{rp},【分１　朝食後服用】,28,日分,1,1,,1\r\n");
        }
        text += "999,知らない行\r\n";
    }
    one(&read("long", &encoding_rs::SHIFT_JIS.encode(&text).0)).document.clone()
}

#[test]
fn a_missing_part_is_named() {
    let (mut parts, _) = split(&long_record(), "7", 1000).unwrap();
    assert!(parts.len() >= 3);
    parts.remove(1);
    let reading = gather(sources("part", &parts));
    let finding = one(&reading).findings.iter().find(|finding| finding.rule.slug == "parts-missing").unwrap();
    assert_eq!(finding.details[0], "2");
    assert!(one(&reading).is_set_aside());
}

/// Symbols side by side on a sheet.
fn sheet(symbols: &[Symbol], module_px: u32) -> GrayImage {
    let pictures: Vec<_> = symbols.iter().map(|symbol| symbol.picture(module_px)).collect();
    let side = pictures.iter().map(GrayImage::width).max().unwrap();
    let mut sheet = GrayImage::from_pixel(side * u32::try_from(pictures.len()).unwrap(), side, Luma([255]));
    for (place, picture) in (0..).zip(&pictures) {
        imageops::replace(&mut sheet, picture, place * i64::from(side), 0);
    }
    sheet
}

fn png(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.write_image(picture.as_raw(), picture.width(), picture.height(), image::ExtendedColorType::L8).unwrap();
    bytes
}

/// Turned by an angle, as a hand-held camera sees it, on a light ground.
fn turned(picture: &GrayImage, degrees: f32) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let side = (width.max(height) * 1.5) as u32;
    GrayImage::from_fn(side, side, |x, y| {
        let (dx, dy) = (x as f32 - side as f32 / 2.0, y as f32 - side as f32 / 2.0);
        let (sx, sy) = (dx * cos + dy * sin + width / 2.0, dy * cos - dx * sin + height / 2.0);
        let is_inside = sx >= 0.0 && sy >= 0.0 && sx < width && sy < height;
        if is_inside { *picture.get_pixel(sx as u32, sy as u32) } else { Luma([230]) }
    })
}

fn symbol(bytes: &[u8]) -> Symbol {
    let symbol = QrSymbol { bytes: bytes.to_vec(), append: None };
    Symbol::of_bytes(&symbol, Correction::Medium).unwrap()
}

fn read_pictures(pictures: &[Vec<u8>]) -> Reading {
    gather(sources("picture", pictures))
}

#[test]
fn parts_are_read_back_from_pictures() {
    let document = long_record();
    let (parts, _) = split(&document, "7", PART_BYTES_MAX).unwrap();
    assert!(parts.len() > 1);
    let pictures: Vec<_> = parts.iter().rev().map(|part| symbol(part).png().unwrap()).collect();
    let reading = read_pictures(&pictures);
    assert!(one(&reading).document.says_the_same(&document), "{:?}", reading.findings);
    assert!(reading.unreadable.is_empty() && !one(&reading).is_set_aside());
}

#[test]
fn structured_append_is_read_back_from_pictures() {
    let document = long_record();
    let bytes = write(&document).bytes;
    let cut = qr::cut(&bytes, 701).unwrap();
    assert!(cut.len() >= 3);
    let mut pictures: Vec<Vec<u8>> =
        cut.iter().map(|symbol| Symbol::of_bytes(symbol, Correction::Low).unwrap().png().unwrap()).collect();
    pictures.reverse();
    pictures.push(pictures[0].clone());
    let reading = read_pictures(&pictures);
    assert!(one(&reading).document.says_the_same(&document), "{:?}", reading.findings);
    assert_eq!(reading.findings, []);
}

#[test]
fn a_missing_symbol_is_named() {
    let bytes = write(&long_record()).bytes;
    let cut = qr::cut(&bytes, 1200).unwrap();
    let without_second = cut.iter().enumerate().filter(|(place, _)| *place != 1);
    let pictures = without_second.map(|(_, symbol)| Symbol::of_bytes(symbol, Correction::Low).unwrap().png().unwrap());
    let reading = read_pictures(&pictures.collect::<Vec<_>>());
    assert_eq!(reading.documents, []);
    let found: Vec<_> = reading.findings.iter().map(|finding| (finding.rule.slug, finding.details[0].as_str())).collect();
    assert_eq!(found, [("symbol-missing", "2")]);
}

#[test]
fn several_symbols_in_one_picture_are_all_read() {
    let document = long_record();
    let (parts, _) = split(&document, "7", 900).unwrap();
    let symbols: Vec<_> = parts.iter().take(3).map(|part| symbol(part)).collect();
    let found = qr::read_picture(&png(&sheet(&symbols, 4))).unwrap();
    assert_eq!(found.len(), symbols.len());
    assert!(parts.iter().take(3).all(|part| found.iter().any(|symbol| symbol.bytes == *part)));
}

#[test]
fn turned_scaled_and_inverted_pictures_are_read() {
    let data = "JAHISTC08,2\r\n1,山田 太郎,1,19800101\r\n4,メモ,20260401,2\r\n";
    let bytes = encoding_rs::SHIFT_JIS.encode(data).0;
    let expected = vec![QrSymbol { bytes: bytes.to_vec(), append: None }];
    let plain = symbol(&bytes).picture(6);
    for degrees in [3.0, -12.0, 33.0, 90.0, 178.0] {
        assert_eq!(qr::read_picture(&png(&turned(&plain, degrees))).unwrap(), expected, "{degrees}°");
    }
    for side in [plain.width() / 2, plain.width() * 3 / 4, plain.width() * 7 / 4] {
        let scaled = imageops::resize(&plain, side, side, imageops::FilterType::Triangle);
        assert_eq!(qr::read_picture(&png(&scaled)).unwrap(), expected, "{side} px");
    }
    let mut inverted = plain.clone();
    imageops::invert(&mut inverted);
    assert_eq!(qr::read_picture(&png(&inverted)).unwrap(), expected);
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 60);
    imageops::blur(&turned(&plain, 8.0), 1.0).write_with_encoder(encoder).unwrap();
    assert_eq!(qr::read_picture(&jpeg).unwrap(), expected);
}

#[test]
fn a_card_symbol_is_read_back_from_every_drawing() {
    let url = b"http://kusuri.internal/c/0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV";
    let found = qr::read_picture(&qr::png(url, Correction::Medium).unwrap()).unwrap();
    assert_eq!(found, [QrSymbol { bytes: url.to_vec(), append: None }]);
    // The terminal drawing, with square pixels again.
    let drawn = qr::terminal(url, Correction::Medium).unwrap();
    let rows: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
    let side = u32::try_from(rows[0].len()).unwrap();
    let picture = GrayImage::from_fn(side * 6, u32::try_from(rows.len()).unwrap() * 12, |x, y| {
        let character = rows[(y / 12) as usize][(x / 6) as usize];
        let is_upper = y % 12 < 6;
        let is_light = character == '█' || character == if is_upper { '▀' } else { '▄' };
        Luma([if is_light { 255 } else { 0 }])
    });
    assert_eq!(qr::read_picture(&png(&picture)).unwrap(), found);
}

#[test]
fn a_huge_picture_is_refused_before_its_pixels() {
    // A PNG header of 30,000 × 30,000 pixels with a few bytes of data.
    let mut bomb = png(&GrayImage::new(8, 8));
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    let reading = read_pictures(&[bomb]);
    assert_eq!(reading.findings[0].rule.slug, "picture-too-large");
    assert_eq!(reading.unreadable, ["picture1"]);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[test]
fn a_sheet_of_finder_patterns_costs_no_more_than_an_empty_one() {
    let (side, tile) = (2000, 9 * 3);
    let squares = GrayImage::from_fn(side, side, |x, y| {
        let from_centre = |pixel: u32| (pixel % tile / 3).abs_diff(4);
        let ring = from_centre(x).max(from_centre(y));
        Luma([if matches!(ring, 0 | 1 | 3) { 0 } else { 255 }])
    });
    let seconds_min = |picture: &GrayImage| {
        let bytes = png(picture);
        let run = || {
            let start = std::time::Instant::now();
            assert_eq!(qr::read_picture(&bytes).unwrap(), []);
            start.elapsed().as_secs_f64()
        };
        (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
    };
    let (empty, crowded) = (seconds_min(&GrayImage::from_pixel(side, side, Luma([255]))), seconds_min(&squares));
    // Measured: 0.7 times; 5 times when every pattern is followed up, and growing with the square of the side.
    assert!(crowded < empty * 2.5, "{crowded} s for a crowded sheet, {empty} s for an empty one");
}

#[test]
fn a_picture_without_a_record_is_said() {
    let empty = png(&GrayImage::from_pixel(200, 200, Luma([255])));
    let url = qr::png(b"https://example.org/", Correction::Medium).unwrap();
    let broken = b"\x89PNG\r\n\x1A\nbroken".to_vec();
    let reading = read_pictures(&[empty, url, broken]);
    let slugs: Vec<_> = reading.findings.iter().map(|finding| finding.rule.slug).collect();
    assert_eq!(slugs, ["picture-without-qr", "not-jahis", "picture-broken"]);
    assert_eq!(reading.unreadable.len(), 3);
}

fn inspect(files: &[PathBuf], json: bool) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = InspectArgs { files: files.to_vec(), json };
    let code = run(&args, &mut out, &mut err).unwrap();
    (code, String::from_utf8(out).unwrap())
}

#[test]
fn inspect_prints_one_json_document_for_parts_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let (parts, _) = split(&long_record(), "7", 1000).unwrap();
    let mut files = Vec::new();
    for (n, part) in parts.iter().enumerate().rev() {
        let file = folder.path().join(format!("part{n}.csv"));
        std::fs::write(&file, part).unwrap();
        files.push(file);
    }
    let (code, out) = inspect(&files, true);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(json["version"], "JAHISTC08");
    assert_eq!(json["output_category"], 1);
    assert_eq!(json["patient"]["birth"], "1980-01-01");
    assert_eq!(json["visits"].as_array().unwrap().len(), 9);
    let group = &json["visits"][0]["groups"][3];
    assert_eq!((json["visits"][0]["date"].as_str(), group["rp"].as_u64()), (Some("2026-04-09"), Some(4)));
    assert_eq!(group["usage"], "【分１　朝食後服用】");
    let drug = &group["drugs"][0];
    assert_eq!(drug["name"], "ｱﾑﾛｼﾞﾋﾟﾝ錠4.5mg「試」");
    assert_eq!(
        (drug["amount"].as_str(), drug["unit"].as_str(), drug["code_kind"].as_str()),
        (Some("1"), Some("錠"), Some("1"))
    );
    let finding = &json["findings"][0];
    assert_eq!((finding["rule"].as_str(), finding["severity"].as_str()), (Some("record-unknown"), Some("note")));
    assert!(finding["file"].as_str().unwrap().ends_with(".csv") && finding["line"].is_u64());
}

#[test]
fn inspect_prints_its_json_though_a_file_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.csv"), folder.path().join("absent.csv"));
    std::fs::write(&good, write(&long_record()).bytes).unwrap();
    let (code, out) = inspect(&[bad.clone(), good.clone()], true);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["findings"][0]["rule"].as_str()), (1, Some("file-unreadable")));
    assert_eq!(json["patient"]["name"], "山田 太郎");
    let (code, out) = inspect(&[good.clone(), good], true);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["records"].as_array().map(Vec::len)), (0, Some(2)));
    let (code, out) = inspect(&[bad], true);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["records"].as_array().map(Vec::len)), (1, Some(0)));
}

#[test]
fn inspect_shows_drugs_and_lets_no_file_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evil.csv");
    std::fs::write(&file, "JAHISTC08,1\r\n1,\x1B[31m山田,1,19800101\r\n5,20200410,1\r\n201,1,薬,1,錠,2,,1\r\n").unwrap();
    let (code, out) = inspect(&[file], false);
    assert_eq!(code, 0);
    assert!(out.contains("薬　1錠") && out.contains("【保留】") && out.contains("4行目 7列「薬品コード」"), "{out}");
    assert!(!out.contains('\x1B'));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Samples with bytes changed, lost and doubled: always read, always the same after writing.
    #[test]
    fn damaged_samples_are_survived(
        which in 0..SAMPLES.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..12),
    ) {
        let Some(folder) = samples("damaged_samples_are_survived") else { return Ok(()) };
        let mut bytes = both(&folder, SAMPLES[which]).0;
        for (place, how, byte) in damage {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..bytes.len().min(at + usize::from(byte)))),
                2 => bytes.insert(at, b','),
                _ => bytes.extend_from_within(at..),
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
        for assessed in read("damaged", &bytes).documents {
            let document = &assessed.document;
            let again = read("again", &write(document).bytes);
            // A character that could not be read is written as ■, so only undamaged text comes back the same.
            let is_legible = !format!("{document:?}").contains('\u{FFFD}');
            prop_assert!(!is_legible || one(&again).document.says_the_same(document), "{document:#?}");
        }
    }

    #[test]
    fn damaged_pictures_are_survived(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = qr::png(b"JAHISTC08,1", Correction::Low).unwrap();
        for (place, byte) in damage {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = qr::read_picture(&bytes);
    }
}
