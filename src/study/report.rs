//! The paper's study as lines of text, and as an HTML page that needs nothing from elsewhere.

use super::figure::{Series, escape, figure_1};
use super::paper::{LOST, PAPER_EXPECTED, RANDOM_PLACEMENTS, Reading, SEED, SITES};
use crate::availability::reads::Reads;
use crate::placement::baselines::{PAPER_RANDOM, PAPER_RISK};

/// The names of the paper's two placements.
const NAMES: [&str; 2] = ["risk リスク考慮", "random ランダム"];

/// What is to be said of the t-test.
const T_TEST_REMARK: &str = "Every pattern is enumerated, so both expectations are exact numbers and a t-test adds nothing: it would call any \
                             difference significant if only the patterns are many. It is reported because the paper reports one.";

/// A table: a title, a head, rows.
struct Table {
    title: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// The figure of a reading.
#[must_use]
pub fn figure(reading: &Reading) -> String {
    let series = |name, found: &'_ crate::availability::enumerate::Enumeration| (name, found.distribution.clone());
    let (a, b) = (series(NAMES[0], &reading.comparison.first), series(NAMES[1], &reading.comparison.second));
    let note = format!(
        "p: {}; {} patterns, each weighted by its probability",
        reading.source,
        thousands(reading.comparison.first.patterns)
    );
    figure_1(&[Series { name: a.0, distribution: &a.1 }, Series { name: b.0, distribution: &b.1 }], &note)
}

fn table_1() -> Table {
    let reads = Reads::table_1();
    let internet: Vec<String> = reads.internet.iter().map(|share| format!("{share:.2}")).collect();
    let rows = [
        ("n", "sites", SITES.to_string()),
        ("m", "patients", "100,000".to_owned()),
        ("k", "damaged sites", LOST.to_string()),
        ("T", "days looked at", reads.internet.len().to_string()),
        ("I(t)", "share of users with internet on day t", internet.join(", ")),
        ("R_T", "reads in days 1..T", format!("{:.0}", reads.total)),
        ("r(t)", "variation of reads by day", "1.0".to_owned()),
    ];
    let rows = rows.into_iter().map(|(symbol, said, value)| vec![symbol.to_owned(), said.to_owned(), value]).collect();
    Table { title: "Table 1: conditions", head: vec!["symbol", "what", "value"], rows }
}

fn table_2() -> Table {
    let row = |site: usize| vec![(site + 1).to_string(), PAPER_RISK[site].to_string(), PAPER_RANDOM[site].to_string()];
    Table { title: "Table 2: site and alternate", head: vec!["site", "risk", "random"], rows: (0..SITES).map(row).collect() }
}

fn expectations(readings: &[Reading]) -> Table {
    let mut rows = vec![vec!["the paper (its p was not published)".to_owned()]];
    rows[0].extend(PAPER_EXPECTED.iter().map(|e| format!("{e:.3}")));
    rows[0].extend(["–".to_owned(), "–".to_owned(), "–".to_owned()]);
    for reading in readings {
        let (risk, random) = (&reading.comparison.first, &reading.comparison.second);
        rows.push(vec![
            reading.source.clone(),
            format!("{:.12}", risk.expected),
            format!("{:.12}", random.expected),
            thousands(risk.patterns),
            format!("{:.2} %", 100.0 * reading.comparison.at_least),
            format!("{:.2} / {:.2} %", 100.0 * reading.above_random[0], 100.0 * reading.above_random[1]),
        ]);
    }
    let head =
        vec!["p", "E[A] risk", "E[A] random", "patterns", "risk ≥ random (by P)", "above random placements (risk / random)"];
    Table { title: "Expected availability, half of the sites lost", head, rows }
}

fn plans(reading: &Reading) -> Table {
    let row = |plan: &super::paper::OurPlan| {
        let reported = plan.reported.map_or_else(|| "–".to_owned(), |(value, place)| format!("{value} ({place})"));
        vec![plan.name.to_owned(), reported, format!("{:.6}", plan.expected), format!("{:.6}", plan.bound)]
    };
    let head = vec!["rule", "reported", "ours", "bound"];
    Table { title: "Plans under the fit, half of the sites lost", head, rows: reading.plans.iter().map(row).collect() }
}

fn t_test(reading: &Reading) -> String {
    let test = reading.t_test;
    // The two-sided critical value of the normal law at 1 %; with millions of patterns Student's is the same.
    let verdict = if test.t.abs() > 2.576 { "significant at 1 %" } else { "not significant at 1 %" };
    format!(
        "t-test under {}: t = {:.1}, {:.0} degrees of freedom: {verdict}. {T_TEST_REMARK}",
        reading.source, test.t, test.freedom
    )
}

fn tables(readings: &[Reading], fit: &Reading) -> Vec<Table> {
    vec![table_1(), table_2(), expectations(readings), plans(fit)]
}

fn remarks(fit: &Reading) -> Vec<String> {
    vec![
        "The fit is computed, not data: one of many vectors p under which table 2's placements give the paper's 0.809 and 0.756.".to_owned(),
        "With equal p the expectation does not depend on the placement: all of the difference comes from differing p.".to_owned(),
        format!("Ranked among {} random placements, seed {SEED}.", thousands_of(RANDOM_PLACEMENTS)),
        t_test(fit),
        "Shaking only, and each site on its own: the optimistic special case. `study scenario` draws what is lost together.".to_owned(),
    ]
}

/// The study as lines of text.
#[must_use]
pub fn as_text(readings: &[Reading], fit: &Reading) -> Vec<String> {
    let mut lines = Vec::new();
    for table in tables(readings, fit) {
        lines.push(table.title.to_owned());
        lines.extend(aligned(&table));
        lines.push(String::new());
    }
    lines.extend(remarks(fit));
    lines
}

fn aligned(table: &Table) -> Vec<String> {
    let wide = |column: usize| {
        let cells = table.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(table.head[column].chars().count())
    };
    let widths: Vec<usize> = (0..table.head.len()).map(wide).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, wide)| format!("{cell:<wide$}")).collect();
        format!("  {}", padded.join("  ")).trim_end().to_owned()
    };
    let mut lines = vec![line(&mut table.head.iter().copied())];
    lines.extend(table.rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines
}

/// The study as a page of its own: no script, no font, nothing from elsewhere.
#[must_use]
pub fn as_html(readings: &[Reading], fit: &Reading) -> String {
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>The founding paper, reproduced 論文の再現</title>\n<style>\n\
         body { font: 17px/1.6 'Noto Sans JP', 'Hiragino Sans', Meiryo, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }\n\
         table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { border: 1px solid #bbb; padding: .2rem .7rem; text-align: left; font-variant-numeric: tabular-nums }\n\
         th { background: #f0f0f0 } .wide { overflow-x: auto } svg { width: 100%; height: auto } h2 { margin-top: 2rem; font-size: 1.2rem }\n\
         </style>\n</head>\n<body>\n<h1>The founding paper, reproduced<br>論文の再現</h1>\n\
         <p>Munakata, Song, Tezuka, Muraoka: Disaster-tolerance Evaluation for a Highly-available Storage Platform … (2015). Everything here is computed anew.</p>\n",
    );
    for table in tables(readings, fit) {
        html += &format!("<h2>{}</h2>\n<div class=\"wide\"><table>\n<tr>", escape(table.title));
        table.head.iter().for_each(|cell| html += &format!("<th>{}</th>", escape(cell)));
        html += "</tr>\n";
        for row in &table.rows {
            html += "<tr>";
            row.iter().for_each(|cell| html += &format!("<td>{}</td>", escape(cell)));
            html += "</tr>\n";
        }
        html += "</table></div>\n";
    }
    html += &format!("<h2>Figure 1</h2>\n{}", figure(fit));
    html += "<h2>Remarks</h2>\n<ul>\n";
    remarks(fit).iter().for_each(|remark| html += &format!("<li>{}</li>\n", escape(remark)));
    html += "</ul>\n</body>\n</html>\n";
    html
}

fn thousands_of(count: usize) -> String {
    thousands(u64::try_from(count).unwrap_or(u64::MAX))
}

/// A number with commas.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap_or_default()).collect();
    parts.join(",")
}
