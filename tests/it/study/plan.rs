//! The study's commands from end to end: the paper reproduced, placements evaluated by three methods, plans, what-if, and what is said of wrong input.

use super::{json, study};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// Files of one test.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// 24 sites of equal risk.
    fn equal(&self) -> String {
        let lines: String = (1..=24).map(|site| format!("{site},0.3\n")).collect();
        self.file("sites.csv", &format!("site,p\n{lines}"))
    }

    /// Each site's alternates are the next ones.
    fn ring(&self, alternates: usize) -> String {
        let lines = (0..24).flat_map(|s| (1..=alternates).map(move |a| format!("{},{}\n", s + 1, (s + a) % 24 + 1)));
        self.file("placement.csv", &format!("site,alternate\n{}", lines.collect::<String>()))
    }
}

fn near(value: &Value, known: f64, within: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - known).abs() <= within)
}

#[test]
fn equal_risks_by_all_three_methods() {
    let files = Files::new();
    let sites = files.equal();
    for (alternates, known) in [(1, 0.760_869_565_217_391_3), (2, 0.891_304_347_826_087), (3, 0.953_416_149_068_323)] {
        let placement = files.ring(alternates);
        let evaluate = |method: &str| {
            json(&[
                "evaluate",
                "--sites",
                &sites,
                "--placement",
                &placement,
                "--lost",
                "12",
                "--method",
                method,
                "--draws",
                "20000",
            ])
        };
        let exact = evaluate("exact");
        assert!(near(&exact["expected"], known, 1e-9) && exact["distribution"].is_null(), "{exact}");
        assert_eq!((&exact["n"], &exact["k"], &exact["error"]), (&24.into(), &12.into(), &0.0.into()));
        let all = evaluate("enumerate");
        assert!(near(&all["expected"], known, 1e-9), "{all}");
        assert_eq!(all["patterns"], 2_704_156);
        let mass: f64 = all["distribution"].as_array().unwrap().iter().map(|atom| atom["probability"].as_f64().unwrap()).sum();
        assert!((mass - 1.0).abs() < 1e-9 && all["minimum"].as_f64() <= all["worst5"].as_f64(), "{all}");
        let sample = evaluate("sample");
        let error = sample["error"].as_f64().unwrap();
        assert!(error > 0.0 && error < 0.01 && near(&sample["expected"], known, 2.0 * error), "{sample}");
        assert_eq!(sample, evaluate("sample"), "the same seed, the same sample");
    }
}

#[test]
fn the_paper_is_reproduced() {
    let files = Files::new();
    let dir = files.path("report");
    let ran = study(&["paper", "--out", &dir]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for said in [
        "2,704,156",
        "0.760869565217",
        "0.808999612049",
        "0.755999307459",
        "computed, not data",
        "a t-test adds nothing",
        "0.949883",
    ] {
        assert!(ran.out.contains(said), "{said} is not said: {}", ran.out);
    }
    let read = |name: &str| std::fs::read_to_string(PathBuf::from(&dir).join(name)).unwrap();
    let svg = read("figure-1.svg");
    assert!(svg.starts_with("<svg") && svg.contains("E[A] = 0.8090") && svg.contains("可用性"), "{svg}");
    let html = read("report.html");
    assert!(html.contains("<svg") && html.contains("Table 2"), "{html}");
    assert!(!html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "").contains("http"), "nothing from elsewhere");
    let document: Value = serde_json::from_str(&read("study.json")).unwrap();
    let fit = &document["readings"][1];
    assert_eq!(format!("{:.3}", fit["risk"]["expected"].as_f64().unwrap()), "0.809");
    assert_eq!(format!("{:.3}", fit["random"]["expected"].as_f64().unwrap()), "0.756");
    assert!(near(&fit["risk"]["closed_form"], fit["risk"]["expected"].as_f64().unwrap(), 1e-9));
    let reached: Vec<f64> = fit["plans"].as_array().unwrap().iter().map(|plan| plan["expected"].as_f64().unwrap()).collect();
    assert!(reached[0] >= 0.809 && reached[1] >= 0.879 && reached[2] >= 0.94 && reached[3] >= 0.97, "{reached:?}");
}

#[test]
fn the_fit_given_as_a_file_gives_the_papers_values() {
    let root = std::env::var_os("KUSURIBAKO_TEST_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let file = root.join("study/fitted_p.csv");
    if !file.is_file() {
        println!("the_fit_given_as_a_file_gives_the_papers_values skipped: no ../shared/data");
        return;
    }
    let found = json(&["paper", "--p", file.to_str().unwrap()]);
    assert!(near(&found["readings"][1]["risk"]["expected"], 0.809, 5e-4), "{}", found["readings"][1]);
    assert!(near(&found["readings"][1]["random"]["expected"], 0.756, 5e-4), "{}", found["readings"][1]);
}

#[test]
fn a_plan_is_written_evaluated_explained_and_kept() {
    let files = Files::new();
    let lines: String = (1..=30).map(|s| format!("{s},{},{}\n", 0.02 * f64::from(s), 100 + 17 * (s % 5))).collect();
    let sites = files.file("sites.csv", &format!("site,p,patients\n{lines}"));
    let (first, second) = (files.path("first.csv"), files.path("second.csv"));
    let plan =
        |more: &[&str]| json(&[&["plan", "--sites", &sites, "--alternates", "1.5", "--capacity-factor", "1.5"], more].concat());
    let made = plan(&["--out", &first]);
    let (value, bound) = (made["value"].as_f64().unwrap(), made["bound"].as_f64().unwrap());
    assert!(value <= bound && made["gap"].as_f64().unwrap() < 0.01, "{made}");
    assert!(value > made["baselines"]["random"].as_f64().unwrap(), "{made}");
    assert!(made["placement"][0]["why"].as_str().unwrap().contains("for site 1"), "{}", made["placement"][0]);
    let worth = json(&["evaluate", "--sites", &sites, "--placement", &first, "--lost", "15", "--method", "exact"]);
    assert!(near(&worth["expected"], value, 1e-12), "{worth} {value}");
    let again = plan(&["--from", &first, "--out", &second]);
    assert_eq!(again["moved"], 0);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let text = study(&["plan", "--sites", &sites, "--alternates", "1", "--objective", "worst5", "--lost", "15", "--explain"]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(text.out.contains("bound") && text.out.contains("because") && text.out.contains("site,alternate"), "{}", text.out);
}

#[test]
fn drawn_scenarios_are_evaluated_and_planned_for() {
    let files = Files::new();
    let sites = files.file("sites.csv", "site,p\na,0.5\nb,0.5\nc,0.5\nd,0.5\n");
    let placement = files.file("placement.csv", "site,alternate\na,b\nb,a\nc,d\nd,c\n");
    // a and b always fall together, c and d never with them.
    let draws = files.file("draws.csv", "# draws = 4\ndraw,site\n1,a\n1,b\n2,c\n2,d\n");
    let found = json(&["evaluate", "--sites", &sites, "--placement", &placement, "--scenarios", &draws]);
    assert!(near(&found["expected"], 0.75, 1e-12) && near(&found["minimum"], 0.5, 1e-12), "{found}");
    let plan = json(&["plan", "--sites", &sites, "--alternates", "1", "--objective", "events", "--scenarios", &draws]);
    assert!(near(&plan["value"], 1.0, 1e-12) && near(&plan["gap"], 0.0, 1e-12), "{plan}");
}

#[test]
fn what_if_says_who_reads_and_what_to_copy() {
    let files = Files::new();
    let sites = files.file("sites.csv", "site,p,patients,host\na,0.5,10,x\nb,0.5,20,x\nc,0.1,30,y\nd,0.2,40,z\n");
    let placement = files.file("placement.csv", "site,alternate\na,c\nb,a\nc,d\nd,c\n");
    let found = json(&["what-if", "--sites", &sites, "--placement", &placement, "--lose", "a"]);
    assert!(near(&found["availability"], 0.8, 1e-12), "{found}");
    assert_eq!(found["lost"], serde_json::json!(["a", "b"]), "b is in the same building");
    assert_eq!((&found["records"][0]["site"], &found["records"][0]["left"]), (&"b".into(), &serde_json::json!([])));
    assert_eq!(found["records"][1]["next"], "d", "a's records are left at c alone");
}

#[test]
fn wrong_input_is_named_with_the_cure() {
    let files = Files::new();
    let (sites, placement) = (files.equal(), files.ring(1));
    let sure = files.file("sure.csv", "site,p\n1,1\n2,0\n3,0.5\n");
    let three = files.file("three.csv", "site,alternate\n1,2\n2,3\n3,1\n");
    let many: String = (1..=31).map(|site| format!("{site},0.3\n")).collect();
    let many = files.file("many.csv", &format!("site,p\n{many}"));
    for (args, said) in [
        (&["evaluate", "--sites", &sure, "--placement", &three, "--lost", "3"][..], "choose a number from 1 to 2"),
        (
            &["evaluate", "--sites", &sure, "--placement", &three, "--lost", "0", "--method", "sample"],
            "exactly 0 sites lost cannot happen",
        ),
        (
            &["evaluate", "--sites", &many, "--placement", &three, "--lost", "3", "--method", "enumerate"],
            "use the exact method, or sample",
        ),
        (&["evaluate", "--sites", &sites, "--placement", "/nowhere.csv"], "/nowhere.csv"),
        (&["plan", "--sites", &sites, "--alternates", "30"], "ask for 0 to 23"),
        (&["plan", "--sites", &sites, "--alternates", "1", "--max-km", "3"], "has no lat and lon"),
        (
            &["plan", "--sites", &sites, "--alternates", "1", "--capacity-factor", "0"],
            "capacity factor must be a number above 0",
        ),
        (&["plan", "--sites", &sites, "--alternates", "1", "--objective", "events"], "study scenario"),
        (&["what-if", "--sites", &sites, "--placement", &placement, "--lose", "99"], "there is no site"),
        (&["paper", "--p", &sure], "the paper has 24 sites"),
    ] {
        let ran = study(args);
        assert_eq!((ran.code, ran.err.contains(said)), (1, true), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{args:?} says something on standard output");
    }
}
