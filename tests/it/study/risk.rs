//! Risk from end to end: hazard files to probabilities, earthquakes to joint losses, maps, and what is said of files that are wrong.

mod joint;
mod malformed;

use super::{json, study};
use kusuribako::risk::Place;
use kusuribako::risk::fragility::Fragilities;
use kusuribako::risk::mesh::Mesh;
use kusuribako::risk::states::Afterwards;
use kusuribako::study::tables;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A file of the shipped example.
fn example(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/study").join(name).to_str().unwrap().to_owned()
}

fn write(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The list of Sendai's institutions; where it is absent, the test says so and passes.
fn sendai(test: &str) -> Option<String> {
    let root = std::env::var_os("KUSURIBAKO_TEST_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let read = std::fs::read_to_string(root.join("sites/sendai_med_inst_geo.csv")).ok();
    if read.is_none() {
        println!("{test} skipped: no ../shared/data");
    }
    read
}

/// Its rows: code, name, place, mesh.
fn institutions(text: &str) -> Vec<(String, String, Place, String)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let at = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let [code, name, lat, lng, mesh] = ["code9", "name", "lat", "lng", "mesh250"].map(at);
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.unwrap();
        let place = Place { lat: row[lat].parse().unwrap(), lon: row[lng].parse().unwrap() };
        (row[code].to_owned(), row[name].to_owned(), place, row[mesh].to_owned())
    };
    reader.records().map(row).collect()
}

/// Sites and a made-up hazard file for them: probabilities that vary smoothly with the place.
fn made_up_region(institutions: &[(String, String, Place, String)]) -> (String, String) {
    let mut sites = "site,name,lat,lon\n".to_owned();
    let mut cells = BTreeMap::new();
    for (code, name, Place { lat, lon }, mesh) in institutions {
        sites += &format!("{code},\"{name}\",{lat},{lon}\n");
        let height = 2.0 + 7.0 * (lon - 140.9) + 5.0 * (38.3 - lat);
        cells.insert(mesh.clone(), [0.5, 1.8, 3.2, 4.8].map(|class: f64| 1.0 / (1.0 + (1.5 * (class - height)).exp())));
    }
    let mut hazard =
        "# MADE-UP VALUES, not of J-SHIS\n# DATE = 2026-11-22\n# CODE,T30_I45_PS,T30_I50_PS,T30_I55_PS,T30_I60_PS\n".to_owned();
    for (mesh, [a, b, c, d]) in cells {
        hazard += &format!("{mesh},{a:.6},{b:.6},{c:.6},{d:.6}\n");
    }
    (sites, hazard)
}

#[test]
fn every_institution_of_sendai_lies_in_its_mesh() {
    let Some(text) = sendai("every_institution_of_sendai_lies_in_its_mesh") else { return };
    let institutions = institutions(&text);
    assert_eq!(institutions.len(), 886);
    for (code, _, place, mesh) in institutions {
        assert_eq!(Mesh::at(place).unwrap().to_string(), mesh, "{code}");
    }
}

#[test]
fn a_made_up_hazard_for_886_sites_gives_p_a_map_and_a_scenario() {
    let Some(text) = sendai("a_made_up_hazard_for_886_sites_gives_p_a_map_and_a_scenario") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (sites, hazard) = made_up_region(&institutions(&text));
    let (sites, hazard) = (write(&dir, "sites.csv", &sites), write(&dir, "hazard.csv", &hazard));
    let with_p = dir.path().join("with-p.csv").to_str().unwrap().to_owned();
    let ran = study(&["hazard", "--jshis", &hazard, "--sites", &sites, "--out", &with_p]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("shaking only"), "{}", ran.err);
    let written = std::fs::read_to_string(&with_p).unwrap();
    let table = tables::read_sites(&written, "with-p.csv").unwrap();
    assert_eq!(table.sites.len(), 886);
    assert!(table.sites.iter().all(|site| site.damage > 0.0 && site.damage < 1.0));

    let placement = planned(&dir, &written, "all", 886);
    // A region of 24 of them: every 37th, as they stand in the list.
    let mut chosen = written.lines().take(1).chain(written.lines().skip(1).step_by(37)).collect::<Vec<_>>().join("\n");
    chosen.push('\n');
    let few = planned(&dir, &chosen, "chosen", 24);
    let map = study(&["map", "--sites", &path_of(&dir, "chosen.csv"), "--placement", &few]);
    assert_eq!((map.code, map.out.contains("<svg")), (0, true), "{}", map.err);
    keep_to_look_at("map-24-of-886.svg", &map.out);

    let lost = table.sites.iter().step_by(20).map(|site| site.id.as_str()).collect::<Vec<_>>().join(",");
    let draw = || study(&["map", "--sites", &with_p, "--placement", &placement, "--lose", &lost]);
    let map = draw();
    assert_eq!(map.code, 0, "{}", map.err);
    // Six circles stand in the legend for shades and losses, and one for the one number of patients.
    assert_eq!(map.out.matches("<circle").count(), 886 + 7);
    assert_eq!(map.out, draw().out);
    keep_to_look_at("map-886.svg", &map.out);

    let drawn = json(&[
        "scenario",
        "--sites",
        &with_p,
        "--mw",
        "7",
        "--depth",
        "10",
        "--kind",
        "crustal",
        "--at",
        "38.3,140.8",
        "--draws",
        "50",
        "--seed",
        "3",
    ]);
    assert_eq!((drawn["sites"].as_array().unwrap().len(), &drawn["causes"]), (886, &Value::from("shaking only")));
}

fn path_of(dir: &TempDir, name: &str) -> String {
    dir.path().join(name).to_str().unwrap().to_owned()
}

/// Plans a region with limited space and distance, checks what is said of the plan, and gives the file of the placement.
fn planned(dir: &TempDir, sites: &str, name: &str, count: usize) -> String {
    let (sites, placement) = (write(dir, &format!("{name}.csv"), sites), path_of(dir, &format!("{name}-placement.csv")));
    let limits = ["--alternates", "1.5", "--capacity-factor", "3", "--max-km", "30"];
    let plan = json(&[&["plan", "--sites", &sites, "--out", &placement][..], &limits[..]].concat());
    let number = |key: &str| plan.pointer(key).and_then(Value::as_f64).unwrap();
    assert_eq!(plan["n"], Value::from(count));
    let (value, bound, random) = (number("/value"), number("/bound"), number("/baselines/random"));
    assert!(random < value && value <= bound + 1e-12, "{random} < {value} <= {bound}");
    let table = tables::read_sites(&std::fs::read_to_string(&sites).unwrap(), "sites").unwrap();
    let text = std::fs::read_to_string(&placement).unwrap();
    let alternates = tables::read_placement(&text, "placement", &table.sites).unwrap();
    assert_eq!(alternates.iter().map(Vec::len).sum::<usize>(), count * 3 / 2);
    let place = |at: usize| table.sites[at].place.unwrap();
    assert!((0..count).all(|home| alternates[home].iter().all(|other| place(home).distance_km(place(*other)) <= 30.0)));
    // As the table says, each site keeps at most three times the mean, which is one and a half patients here.
    let held = |site: usize| alternates.iter().filter(|others| others.contains(&site)).count();
    assert!((0..count).all(|site| held(site) <= 5), "no site holds for more than it may");
    placement
}

/// Leaves a picture under target/, for a person to open.
fn keep_to_look_at(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn the_shipped_example_is_what_the_commands_make() {
    let (sites, hazard) = (example("SITES.csv"), example("HAZARD.csv"));
    let again = study(&["hazard", "--jshis", &hazard, "--sites", &sites]);
    assert_eq!(again.out, std::fs::read_to_string(&sites).unwrap(), "{}", again.err);
    for file in ["SITES.csv", "HAZARD.csv", "CAUSES.csv", "RUPTURES.csv"] {
        let first = std::fs::read_to_string(example(file)).unwrap().lines().next().unwrap_or_default().to_lowercase();
        assert!(first.starts_with("# made-up"), "{file} does not say that it is made up");
    }
    let map = study(&["map", "--sites", &sites, "--placement", &example("PLACEMENT.csv"), "--lose", "3,7,12"]);
    assert_eq!(map.out, std::fs::read_to_string(example("map.svg")).unwrap(), "{}", map.err);
    let read = |name: &str| std::fs::read_to_string(example(name)).unwrap();
    assert_eq!(Fragilities::read(&read("fragility.json"), "fragility.json").unwrap(), Fragilities::miyakoshi_1997());
    assert_eq!(Afterwards::read(&read("afterwards.json"), "afterwards.json").unwrap(), Afterwards::default());
}

#[test]
fn every_step_of_equation_1_is_shown() {
    let (sites, hazard) = (example("SITES.csv"), example("HAZARD.csv"));
    let shown = study(&["hazard", "--jshis", &hazard, "--sites", &sites, "--explain", "7"]).out;
    for said in ["mesh 5741409243", "T30_I45_PS = 0.928126", "Miyakoshi et al. 1997", "6+", "p = 0.308482482561404"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let all = json(&["hazard", "--jshis", &hazard, "--sites", &sites, "--explain", "7"]);
    let site = &all["sites"][6];
    let products: f64 = site["steps"].as_array().unwrap().iter().map(|step| step["product"].as_f64().unwrap()).sum();
    assert!((products - site["p"].as_f64().unwrap()).abs() < 1e-15);
    assert_eq!(all["sites"][5].get("steps"), None);
}

#[test]
fn other_fragility_functions_can_be_configured() {
    let dir = tempfile::tempdir().unwrap();
    let sites = write(&dir, "s.csv", "site,lat,lon\n1,38.26,140.87\n");
    let hazard = write(&dir, "h.csv", "CODE,T30_I45_PS,T30_I50_PS,T30_I55_PS,T30_I60_PS\n5740361921,0.6,0.3,0.1,0.02\n");
    let step = r#"{"default":"step","middles":[4.2,4.7,5.2,5.7,6.3],
        "functions":[{"id":"step","curve":{"intensity":{"mean":5.5,"sigma":0}},"damage":"any","provenance":"made up"}]}"#;
    let step = write(&dir, "f.json", step);
    let found = json(&["hazard", "--jshis", &hazard, "--sites", &sites, "--fragility", &step]);
    assert!((found["sites"][0]["p"].as_f64().unwrap() - 0.1).abs() < 1e-15, "{found}");
    let unknown = study(&["hazard", "--jshis", &hazard, "--sites", &sites, "--building", "brick"]);
    assert_eq!((unknown.code, unknown.err.contains("use one of wood-before-1951-half")), (1, true), "{}", unknown.err);
}

#[test]
fn a_scenario_follows_from_its_seed_and_its_draws_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (sites, ruptures, causes) = (example("SITES.csv"), example("RUPTURES.csv"), example("CAUSES.csv"));
    let run = |seed: &str, out: &str, extra: &[&str]| {
        let out = dir.path().join(out).to_str().unwrap().to_owned();
        let args =
            ["scenario", "--sites", &sites, "--ruptures", &ruptures, "--causes", &causes, "--draws", "700", "--seed", seed];
        let found = json(&[&args[..], &["--out", &out], extra].concat());
        (found, std::fs::read_to_string(out).unwrap())
    };
    let (first, again, other) = (run("7", "a", &[]), run("7", "b", &[]), run("8", "c", &[]));
    assert_eq!(first, again);
    assert_ne!(first.1, other.1);
    let table = tables::read_sites(&std::fs::read_to_string(&sites).unwrap(), "SITES.csv").unwrap();
    let outcomes = tables::read_outcomes(&first.1, "a", &table.sites).unwrap();
    assert_eq!((outcomes.draws(), outcomes.sites()), (700, 24));
    for (site, said) in first.0["sites"].as_array().unwrap().iter().enumerate() {
        let lost: u32 = outcomes.lost(site).iter().map(|word| word.count_ones()).sum();
        let (lost, p) = (f64::from(lost) / 700.0, said["p_destroyed"].as_f64().unwrap());
        assert!((said["lost"].as_f64().unwrap() - lost).abs() < 1e-12);
        assert!((lost - p).abs() < 4.5 * (p * (1.0 - p) / 700.0).sqrt() + 1e-9, "site {site}: {lost} {p}");
    }
    assert!(first.1.contains("# seed = 7\n") && first.1.contains("tsunami zone"), "{}", &first.1[..300]);

    // On day 1 more sites are lost than are destroyed: some have no power.
    let (day_1, text) = run("7", "d", &["--day", "1"]);
    assert!(day_1["lost"].as_f64().unwrap() > first.0["lost"].as_f64().unwrap());
    assert!(text.contains("# lost = not serving at noon of day 1\n"));
    for day in day_1["days"].as_array().unwrap() {
        let states: f64 = day["states"].as_object().unwrap().values().map(|mean| mean.as_f64().unwrap()).sum();
        assert!((states - 24.0).abs() < 1e-9, "{day}");
    }
    assert!((day_1["days"][0]["serving"].as_f64().unwrap() + day_1["lost"].as_f64().unwrap() - 24.0).abs() < 1e-9);
}

/// Pins the generator, the distributions and the order in which values are taken: a printed seed must mean the same in years.
#[test]
fn a_seed_means_the_same_draws_for_ever() {
    let drawn = json(&[
        "scenario",
        "--sites",
        &example("SITES.csv"),
        "--ruptures",
        &example("RUPTURES.csv"),
        "--draws",
        "300",
        "--seed",
        "42",
    ]);
    let times: Vec<u64> =
        drawn["ruptures"].as_array().unwrap().iter().map(|rupture| rupture["draws"].as_u64().unwrap()).collect();
    let lost: Vec<f64> = drawn["sites"].as_array().unwrap().iter().map(|site| site["lost"].as_f64().unwrap() * 300.0).collect();
    assert_eq!(times, [6, 170, 124]);
    assert_eq!(
        lost.iter().map(|lost| format!("{lost:.0}")).collect::<Vec<_>>().join(" "),
        "4 6 9 2 25 26 23 5 22 1 9 23 13 4 5 5 2 5 3 17 2 4 36 2"
    );
}

#[test]
fn wrong_options_are_named_with_the_cure() {
    let (sites, dir) = (example("SITES.csv"), tempfile::tempdir().unwrap());
    let cp932 = dir.path().join("cp932.csv");
    std::fs::write(&cp932, encoding_rs::SHIFT_JIS.encode("site,name\n1,見本薬局\n").0).unwrap();
    let quake = ["scenario", "--sites", &sites, "--mw", "7", "--depth", "10", "--kind", "crustal", "--at", "38.3,140.8"];
    for (args, code, said) in [
        (
            vec!["map", "--sites", cp932.to_str().unwrap()],
            1,
            "line 2, column 2: this is not UTF-8 text; save the file as UTF-8",
        ),
        (vec!["map", "--sites", &sites, "--lose", "99"], 1, "--lose: there is no site \"99\"; use an id of the sites file"),
        (vec!["map", "--sites", "/nowhere/s.csv"], 1, "cannot read /nowhere/s.csv"),
        (quake.to_vec(), 2, "--seed"),
        ([&quake[..], &["--seed", "1", "--between", "2"]].concat(), 2, "write a number from 0 to 1"),
        (vec!["scenario", "--sites", &sites, "--seed", "1"], 2, "--mw"),
        ([&quake[..], &["--seed", "1", "--to", "38"]].concat(), 2, "comma between"),
        (
            vec!["hazard", "--jshis", &example("HAZARD.csv"), "--sites", &sites, "--explain", "x"],
            1,
            "--explain: there is no site",
        ),
    ] {
        let ran = study(&args);
        assert_eq!((ran.code, ran.err.contains(said)), (code, true), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{args:?} says something on standard output");
    }
}
