//! Properties of reading and writing, over made-up documents and made-up damage.

use super::*;
use proptest::prelude::*;

fn slugs(text: &str) -> Vec<&'static str> {
    let reading = read("f", &charset::encode(text).bytes);
    assert_eq!(reading.documents.len(), 1, "{reading:?}");
    reading.documents[0].findings.iter().map(|finding| finding.rule.slug).collect()
}

/// A file of version 08 with the given lines after a patient.
fn file(lines: &str) -> String {
    format!("JAHISTC08,1\r\n1,山田 太郎,1,19800101,,,,,,,\r\n{}", lines.replace('\n', "\r\n"))
}

const DRUG: &str = "201,1,薬,1,錠,1,,1,,,\n";
const USAGE: &str = "301,1,毎食後,3,日分,1,1,,1\n";

/// Written and read again, a document says the same.
fn assert_returns(document: &Document) {
    let written = write(document);
    let again = read("again", &written.bytes);
    assert_eq!(again.documents.len(), 1);
    assert!(again.documents[0].document.says_the_same(document), "{:#?}\n{document:#?}", again.documents[0].document);
}

#[test]
fn a_clean_file_has_no_findings() {
    assert_eq!(slugs(&file(&format!("5,20200410,1\n{DRUG}{USAGE}"))), Vec::<&str>::new());
}

#[test]
fn a_drug_without_code_is_fatal_unless_its_kind_is_none() {
    let visit = |drug: &str| file(&format!("5,20200410,1\n{drug}{USAGE}"));
    assert_eq!(slugs(&visit("201,1,薬,1,錠,2,,1,,,\n")), ["drug-code-missing"]);
    assert_eq!(slugs(&visit("201,1,薬,1,錠,2, ,1,,,\n")), ["drug-code-missing"]);
    assert_eq!(slugs(&visit("201,1,薬,1,錠,,,1,,,\n")), ["field-required", "drug-code-missing"]);
    let own = visit("201,1,薬,,,,,2,,,\n").replace("JAHISTC08,1", "JAHISTC08,2");
    assert_eq!(slugs(&own), Vec::<&str>::new());
}

#[test]
fn the_rest_of_the_file_goes_on() {
    let bad = file("5,20200410,1\n201,1,薬,1,錠,2,,1,,,\n");
    let good = file(&format!("5,20200410,1\n{DRUG}{USAGE}"));
    let reading = read("f", &charset::encode(&(bad + &good)).bytes);
    let aside: Vec<bool> = reading.documents.iter().map(Assessed::is_set_aside).collect();
    assert_eq!(aside, [true, false]);
    let finding = reading.documents[0].findings.iter().find(|f| f.rule.slug == "drug-code-missing").unwrap();
    assert_eq!((finding.line, finding.field.map(|f| (f.column, f.name))), (Some(4), Some((7, "薬品コード"))));
}

#[test]
fn nobody_is_taken_in_without_a_readable_patient() {
    assert_eq!(slugs("JAHISTC08,1\r\n5,20200410,1\r\n"), ["patient-missing"]);
    assert_eq!(slugs("JAHISTC08,1\r\n1,,1,19800101,,,,,,,\r\n"), ["patient-name-unreadable"]);
    assert_eq!(slugs("JAHISTC08,1\r\n1,山田,1,昨日,,,,,,,\r\n"), ["patient-birth-unreadable"]);
    assert_eq!(slugs("JAHISTC08,1\r\n1,山田,1,,,,,,,,\r\n"), ["patient-birth-unreadable"]);
    assert_eq!(slugs(&file("1,山田 花子,2,19850101,,,,,,,\n")), ["patient-twice"]);
    assert_eq!(slugs(&file("1,山田 太郎,1,19800101,,,,,,,\n")), ["record-repeated"]);
    let reading = read("f", b"JAHISTC08,1\r\n1,\xFC\xFE,1,19800101,,,,,,,\r\n");
    assert!(reading.documents[0].findings.iter().any(|f| f.rule.slug == "patient-name-unreadable"));
}

#[test]
fn an_ingredient_needs_its_drug() {
    let otc = "3,市販薬,,,2,7,\n";
    assert_eq!(slugs(&file(&format!("{otc}31,7,成分,1,,2\n"))), Vec::<&str>::new());
    assert_eq!(slugs(&file(&format!("31,7,成分,1,,2\n{otc}"))), Vec::<&str>::new());
    assert_eq!(slugs(&file(&format!("{otc}31,8,成分,1,,2\n"))), ["ingredient-without-otc"]);
    let reading = read("f", &charset::encode(&file(&format!("{otc}31,8,成分,1,,2\n"))).bytes);
    let again = read("g", write_text(&reading.documents[0].document).as_bytes());
    assert!(again.documents[0].is_set_aside(), "what was fatal stays fatal when written and read");
}

#[test]
fn odd_groups_are_kept_and_said() {
    let visit = |lines: &str| file(&format!("5,20200410,1\n{lines}"));
    assert_eq!(slugs(&visit(DRUG)), ["usage-missing"]);
    assert_eq!(slugs(&visit(USAGE)), ["usage-without-drug"]);
    assert_eq!(slugs(&visit(&format!("{DRUG}{USAGE}{USAGE}"))), ["usage-repeated", "usage-without-drug"]);
    assert_eq!(slugs(&visit(&format!("281,1,注,1\n{DRUG}{USAGE}"))), ["supplement-without-drug"]);
    assert_eq!(slugs(&visit(&format!("{DRUG}281,2,注,1\n{USAGE}"))), ["rp-mismatch"]);
    assert_eq!(slugs(&file(&format!("{DRUG}{USAGE}"))), ["visit-missing"]);
}

#[test]
fn a_drug_after_the_usage_does_not_inherit_it() {
    let text = file(&format!("5,20200410,1\n{DRUG}{USAGE}{DRUG}301,1,眠前,3,日分,1,1,,1\n"));
    let reading = read("f", &charset::encode(&text).bytes);
    let groups = &reading.documents[0].document.visits[0].prescriptions[0].groups;
    let usages: Vec<_> = groups.iter().map(|g| (g.rp, g.drugs.len(), g.usage.as_ref().unwrap().name.as_str())).collect();
    assert_eq!(usages, [(1, 1, "毎食後"), (1, 1, "眠前")]);
}

#[test]
fn drugs_belong_to_the_prescriber_before_them() {
    let text = file(&format!("5,20200410,1\n{DRUG}{USAGE}55,医師,内科,1\n{DRUG}{USAGE}"));
    let reading = read("f", &charset::encode(&text).bytes);
    let prescriptions = &reading.documents[0].document.visits[0].prescriptions;
    let names: Vec<_> = prescriptions.iter().map(|p| p.prescriber.as_ref().map(|p| p.name.as_str())).collect();
    assert_eq!(names, [None, Some("医師")]);
    assert!(prescriptions.iter().all(|p| p.groups.len() == 1 && p.groups[0].drugs.len() == 1));
}

#[test]
fn odd_fields_are_kept_and_said() {
    let visit = |drug: &str| slugs(&file(&format!("5,20200410,1\n{drug}{USAGE}")));
    assert_eq!(visit("201,1,薬,1,錠,2,62000499,1,,,\n"), ["code-form"]);
    assert_eq!(visit("201,1,薬,1,錠,4,2456001F1354,1,,,\n"), ["code-check-digit"]);
    assert_eq!(visit("201,1,薬,1,錠,7,1,1,,,\n"), ["value-unknown"]);
    assert_eq!(visit("201,1,薬,一,錠,1,,1,,,\n"), ["number-unreadable"]);
    assert_eq!(visit("201,1,薬,1,錠,1,\n"), ["fields-few"]);
    assert_eq!(visit("201,1,薬,1,錠,1,,1,,,,x\n"), ["fields-many"]);
    assert_eq!(visit("201,x,薬,1,錠,1,,1,,,\n")[0], "rp-unreadable");
    assert_eq!(slugs(&file("5,20200431,1\n")), ["date-unreadable"]);
    assert_eq!(slugs(&file("5,2020/04/10,1\n")), ["date-format"]);
    assert_eq!(slugs(&file("5,20200410,1\n11,局,48,4,1234567,,,,1\n")), ["code-form"]);
    assert_eq!(slugs(&file("999,何か\n")), ["record-unknown"]);
    assert_eq!(slugs(&file("4,メモ,20200101,2\n2,1,卵,1\n")), ["record-order"]);
}

#[test]
fn older_versions_are_measured_by_their_own_columns() {
    let text =
        "JAHISTC01\r\n1,山田,1,S550101\r\n5,20200410\r\n11,局,13,4,1234567\r\n201,1,薬,1,錠,1,\r\n301,1,毎食後,3,日分,1,1,\r\n";
    assert_eq!(slugs(text), Vec::<&str>::new());
    let newer = text.replace("JAHISTC01", "JAHISTC01,1").replace("5,20200410", "5,20200410,1") + "401,注意\r\n";
    assert_eq!(slugs(&newer), ["fields-newer-than-version", "record-newer-than-version"]);
}

#[test]
fn commas_and_line_ends_in_values_give_way() {
    let mut document = Document::new(OutputCategory::PatientToFacility);
    document.memos.push(crate::record::Memo { text: "a,b\r\nc\u{1A}".to_owned(), ..Default::default() });
    assert!(write_text(&document).contains("4,a，b c ,,\r\n"));
}

#[test]
fn the_writer_says_what_it_could_not_write() {
    let mut document = Document::new(OutputCategory::FacilityToPatient);
    document.patient = Some(crate::record::Patient { name: "𠮷野".to_owned(), ..Default::default() });
    let found: Vec<_> = write(&document).findings.iter().map(|f| (f.rule.slug, f.line)).collect();
    assert!(found.contains(&("character-unmappable", Some(2))), "{found:?}");
    assert!(found.contains(&("patient-birth-unreadable", Some(2))), "{found:?}");
}

#[test]
fn parts_of_different_records_stay_apart() {
    let part = |id: &str, name: &str, number: u32| {
        format!("JAHISTC08,1\r\n1,{name},1,19800101,,,,,,,\r\n4,{number},,2\r\n911,{id},2,{number}\r\n").into_bytes()
    };
    let sources = [part("A", "甲", 2), part("B", "乙", 1), part("A", "甲", 1), part("B", "乙", 2), part("A", "甲", 1)];
    let sources = sources.into_iter().enumerate().map(|(n, bytes)| Source { name: n.to_string(), bytes });
    let reading = gather(sources);
    let memos = |n: usize| reading.documents[n].document.memos.iter().map(|m| m.text.as_str()).collect::<Vec<_>>();
    assert_eq!(reading.documents.len(), 2);
    assert_eq!((memos(0), memos(1)), (vec!["1", "2"], vec!["1", "2"]));
    assert!(reading.documents.iter().all(|d| !d.is_set_aside()));
    assert_eq!(reading.documents[0].files, ["2", "0"]);
}

#[test]
fn a_part_that_came_twice_with_other_contents_is_fatal() {
    let part = |text: &str| format!("JAHISTC08,1\r\n1,甲,1,19800101,,,,,,,\r\n4,{text},,2\r\n911,A,1,1\r\n").into_bytes();
    let source = |text: &str| Source { name: text.to_owned(), bytes: part(text) };
    let reading = gather([source("a"), source("b")]);
    assert!(reading.documents[0].findings.iter().any(|f| f.rule.slug == "part-conflict"));
    let unreadable = read("f", "JAHISTC08,1\r\n1,甲,1,19800101\r\n911,A,2,3\r\n".as_bytes());
    assert!(unreadable.documents[0].findings.iter().any(|f| f.rule.slug == "part-unreadable"));
}

#[test]
fn an_incomplete_record_stays_incomplete_when_written() {
    let part = "JAHISTC08,1\r\n1,甲,1,19800101,,,,,,,\r\n911,A,3,2\r\n";
    let reading = read("f", part.as_bytes());
    assert!(reading.documents[0].is_set_aside());
    let again = read("g", write_text(&reading.documents[0].document).as_bytes());
    assert_eq!(again.documents[0].document.part.as_ref().map(PartInfo::missing), Some(vec![1, 3]));
}

#[test]
fn a_line_longer_than_a_part_is_refused() {
    let mut document = Document::new(OutputCategory::PatientToFacility);
    document.memos.push(crate::record::Memo { text: "長".repeat(1000), ..Default::default() });
    let error = split(&document, "A", PART_BYTES_MAX).unwrap_err();
    assert_eq!(error, SplitError::LineTooLong { bytes: 2006, limit: 1800 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(document in arbitrary::document()) {
        assert_returns(&document);
        let stored = read("stored", write_text(&document).as_bytes());
        prop_assert!(stored.documents[0].document.says_the_same(&document));
    }

    #[test]
    fn split_and_joined_in_any_order_it_is_the_same(document in arbitrary::document(), seed in any::<usize>()) {
        let Ok((mut parts, _)) = split(&document, "20260401123456", 400) else { return Ok(()) };
        prop_assert!(parts.iter().all(|part| part.len() <= 400));
        let rotation = seed % parts.len();
        parts.rotate_left(rotation);
        let doubled: Vec<_> = parts.iter().chain(parts.last()).cloned().collect();
        let sources = doubled.into_iter().enumerate().map(|(n, bytes)| Source { name: n.to_string(), bytes });
        let reading = gather(sources);
        if parts.len() > 1 {
            prop_assert_eq!(reading.documents.len(), 1);
            prop_assert!(reading.documents[0].document.says_the_same(&document));
            prop_assert!(reading.documents[0].findings.iter().any(|f| f.rule.slug == "part-doubled"));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut with_header = b"JAHISTC08,1\r\n1,a,1,19800101\r\n5,20200101\r\n".to_vec();
        with_header.extend(&bytes);
        json::to_json(&read("f", &bytes));
        json::to_json(&read("f", &with_header));
    }

    /// Records in an order and number that no rule allows: all is kept, and what is written says the same again.
    #[test]
    fn any_records_come_back(
        lines in prop::collection::vec((prop::sample::select(NUMBERS.to_vec()), "[0-3 ,A薬]{0,14}"), 0..25),
    ) {
        let text = lines.iter().fold(file(""), |text, (number, rest)| text + &format!("{number},{rest}\r\n"));
        let reading = read("f", &charset::encode(&text).bytes);
        assert_returns(&reading.documents[0].document);
        let again = read("again", &write(&reading.documents[0].document).bytes);
        prop_assert_eq!(again.documents[0].is_set_aside(), reading.documents[0].is_set_aside());
    }
}

const NUMBERS: [&str; 25] = [
    "1", "2", "3", "31", "4", "5", "11", "15", "51", "55", "201", "281", "291", "301", "311", "391", "401", "411", "421",
    "501", "601", "701", "777", "911", "",
];
