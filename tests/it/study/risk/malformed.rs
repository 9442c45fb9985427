//! Files that are wrong, each in its own way, and what is said of them: file, line, column, and the cure.

use kusuribako::risk::jshis::{Cell, Cells, Exceedance};
use kusuribako::risk::mesh::Mesh;
use kusuribako::study::tables;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SITES: &str = "site,lat,lon,p\na,38.1,140.1,0.1\nb,38.2,140.2,0.2\nc,38.3,140.3,0.3\n";
const CODE: &str = "CODE,T30_I45_PS,T30_I50_PS,T30_I55_PS,T30_I60_PS\n";

/// What is said of a file of this kind with this text.
fn said_of(kind: &str, text: &str) -> String {
    let file = "dir/f.csv";
    let sites = tables::read_sites(SITES, "sites.csv").unwrap().sites;
    let said = match kind {
        "sites" => tables::read_sites(text, file).map(|_| ()).map_err(|error| error.to_string()),
        "places" => tables::read_places(text, file).map(|_| ()).map_err(|error| error.to_string()),
        "placement" => tables::read_placement(text, file, &sites).map(|_| ()).map_err(|error| error.to_string()),
        "causes" => tables::read_causes(text, file, &sites).map(|_| ()).map_err(|error| error.to_string()),
        "draws" => tables::read_outcomes(text, file, &sites).map(|_| ()).map_err(|error| error.to_string()),
        "ruptures" => tables::read_ruptures(text, file).map(|_| ()).map_err(|error| error.to_string()),
        "jshis" => Cells::wanted(BTreeSet::new()).read(text, file).map(|_| ()).map_err(|error| error.to_string()),
        other => panic!("no such kind: {other}"),
    };
    said.expect_err(text)
}

/// Kind, text, what is said.
const CASES: &[(&str, &str, &str)] = &[
    ("sites", "", "line 1, column 1: the file is empty; give a header line"),
    ("sites", "# only a comment\n\n", "line 1, column 1: the file is empty"),
    ("sites", "site,p\n", "line 2, column 1: there is a header but no line under it; give a line for each entry"),
    ("sites", "name,p\nx,0.1\n", "line 1, column site: there is no such column, only name, p; add it to the header"),
    (
        "sites",
        "site;p\na;0.1\n",
        "line 1, column site: there is no such column, only site;p; add it to the header line; values are separated by commas",
    ),
    (
        "sites",
        "# made up\nsite,name\na,x\n",
        "line 2, column p: the site has no probability of damage; run `kusuribako study hazard`",
    ),
    (
        "sites",
        "site,p\na,0.1\nb,\n",
        "line 3, column p: the site has no probability of damage; run `kusuribako study hazard`, or give",
    ),
    ("sites", "site,p,P\na,0.1,0.1\n", "line 1, column P: this column is there twice; rename or remove one"),
    ("sites", "site,p\na,0.1,7\n", "line 2, column 3: the line has 3 values, the header 2; give one value for each column"),
    ("sites", "site,name,p\n\na,x\n", "line 3, column p: the line has 2 values, the header 3"),
    (
        "sites",
        "site,name,p\na,\"x,0.1\nb,y,0.2\n",
        "line 2, column name: the value goes on over the end of the line; close the quotation mark",
    ),
    ("sites", "site,p\na\u{7},0.1\n", "line 2, column site: there is an unprintable character; remove it"),
    ("sites", "site,p\n,0.1\n", "line 2, column site: nothing is written here; give a value"),
    (
        "sites",
        "site,p\na,0.1\n# x\nb,0.2\na,0.3\n",
        "line 5, column site: site a is already on line 2; give each site an id of its own",
    ),
    ("sites", "site,p\na,high\n", "line 2, column p: “high” is not a number; write a number such as 0.25"),
    ("sites", "site,p\na,NaN\n", "line 2, column p: “NaN” is not a number"),
    (
        "sites",
        "site,p\na,\"0,25\"\n",
        "line 2, column p: “0,25” is not a number; write a number such as 0.25, with a decimal point",
    ),
    ("sites", "site,p\na,25%\n", "line 2, column p: “25%” is not a number"),
    ("sites", "site,p\na,1.5\n", "line 2, column p: 1.5 is not a probability; write a number from 0 to 1"),
    ("sites", "site,p\r\na,0.1\r\nb,-0.1\r\n", "line 3, column p: -0.1 is not a probability"),
    (
        "sites",
        "site,p,patients\na,0.1,\"1,200\"\n",
        "line 2, column patients: “1,200” is not a count; write a whole number without separators",
    ),
    ("sites", "site,p,patients\na,0.1,-3\n", "line 2, column patients: “-3” is not a count"),
    ("sites", "site,p,patients\na,0.1,12.5\n", "line 2, column patients: “12.5” is not a count"),
    (
        "sites",
        "site,p,patients\na,0.1,99999999999999999999\n",
        "line 2, column patients: 99999999999999999999 is too many; write at most 1000000000",
    ),
    (
        "sites",
        "site,p,patients\na,0.1,5\nb,0.1,\n",
        "line 3, column patients: nothing is written here, but other sites have patients; give each site its",
    ),
    ("sites", "site,p,capacity\na,0.1,many\n", "line 2, column capacity: “many” is not a count"),
    (
        "sites",
        "site,p,lat\na,0.1,38\n",
        "line 1, column lon: one of lat and lon is given without the other; give both, or neither",
    ),
    ("sites", "site,p,lat,lon\na,0.1,38,\n", "line 2, column lon: one of lat and lon is given without the other"),
    (
        "sites",
        "site,p,lat,lon\na,0.1,140.8,38.2\n",
        "line 2, column lat: 140.8 degrees is no latitude; write degrees north from -90 to 90; are lat and lon exchanged?",
    ),
    ("sites", "site,p,lat,lon\na,0.1,38.2,500\n", "line 2, column lon: 500 degrees is no longitude"),
    ("places", "site,lat,lon\na,38° 15',140.9\n", "line 2, column lat: “38° 15'” is not a number"),
    ("placement", "home,copy\na,b\n", "line 1, column site: there is no such column, only home, copy"),
    ("placement", "site,alternate\na,b\na,x\n", "line 3, column alternate: there is no site x; use an id of the sites file"),
    ("placement", "site,alternate\nA,b\n", "line 2, column site: there is no site A"),
    ("placement", "site,alternate\nb,b\n", "line 2, column alternate: site b is its own alternate; name another site"),
    (
        "placement",
        "site,alternate\na,b\nb,a\na,b\n",
        "line 4, column alternate: this says the same as line 2; remove one of the two lines",
    ),
    ("placement", "site,alternate\na,\n", "line 2, column alternate: nothing is written here"),
    ("causes", "cause,site\nx,a\n", "line 1, column probability: there is no such column, only cause, site"),
    (
        "causes",
        "cause,probability,site\nx,0.1,a\nx,0.2,b\n",
        "line 3, column probability: the cause has probability 0.1 on line 2; give a cause one probability",
    ),
    ("causes", "cause,probability,site\nx,0.1,a\nx,0.1,a\n", "line 3, column site: this says the same as line 2"),
    ("causes", "cause,probability,site\nx,2,a\n", "line 2, column probability: 2 is not a probability"),
    ("causes", "cause,probability,site\nx,0.1,z\n", "line 2, column site: there is no site z"),
    (
        "draws",
        "draw,site\n1,a\n",
        "line 1, column draw: the file does not say how many draws there are; write a line `# draws = 1000`",
    ),
    ("draws", "# draws = 5\ndraw,site\n6,a\n", "line 3, column draw: draw 6 is not one of 1 to 5; number the draws from 1"),
    ("draws", "# draws = 5\ndraw,site\n0,a\n", "line 3, column draw: draw 0 is not one of 1 to 5"),
    (
        "ruptures",
        "rupture,rate,mw,depth_km,kind,lat,lon\nx,1,4,10,crustal,38,140\n",
        "line 2, column mw: 4 is not from 5 to 9.5; write a number in this range",
    ),
    (
        "ruptures",
        "rupture,rate,mw,depth_km,kind,lat,lon\nx,1,7,10,deep,38,140\n",
        "line 2, column kind: “deep” is not a kind of earthquake; write crustal, interface or intraslab",
    ),
    (
        "ruptures",
        "rupture,rate,mw,depth_km,kind,lat,lon\nx,0,7,10,crustal,38,140\n",
        "line 2, column rate: no rupture has a rate above 0",
    ),
    (
        "ruptures",
        "rupture,rate,mw,depth_km,kind,lat,lon,lat2\nx,1,7,10,crustal,38,140,38\n",
        "line 1, column lon2: one of lat and lon",
    ),
    (
        "jshis",
        "# VER. = X\n5740360942,0.9,0.5,0.2,0.1\n",
        "line 1, column CODE: no line has a column CODE; give a CSV file of J-SHIS",
    ),
    (
        "jshis",
        "# x\n# CODE,T30_I45_PS,T30_I55_PS,T30_I60_PS\n",
        "line 2, column T30_I50_PS: there is no such column; give the file of probabilities within 30 years",
    ),
    (
        "jshis",
        "CODE,T30_I45_PS,T30_I45_PS,T30_I50_PS,T30_I55_PS,T30_I60_PS\n",
        "line 1, column T30_I45_PS: this column is there twice",
    ),
];

/// The fourth line of a file of J-SHIS, and what is said of it.
const HAZARD_LINES: &[(&str, &str)] = &[
    ("5740360943,0.9,0.5,0.2", "line 4, column CODE: the line has 4 values, the header 5; the line is damaged"),
    ("57403609,0.9,0.5,0.2,0.1", "line 4, column CODE: “57403609” is not the code of a 250 m mesh; a code has ten digits"),
    ("5740360945,0.9,0.5,0.2,0.1", "line 4, column CODE: “5740360945” is not the code"),
    ("5740360943,0.9,high,0.2,0.1", "line 4, column T30_I50_PS: mesh 5740360943: “high” is not a number"),
    (
        "5740360943,90,50,20,10",
        "line 4, column T30_I45_PS: mesh 5740360943: 90 is not a probability; give probabilities from 0 to 1, not per cent",
    ),
    (
        "5740360943,0.9,0.5,0.6,0.1",
        "line 4, column T30_I55_PS: mesh 5740360943: 0.6 is more than the 0.5 of the weaker shaking",
    ),
    ("5740360943,0.9,,0.95,0.1", "line 4, column T30_I55_PS: mesh 5740360943: 0.95 is more than the 0.9"),
];

#[test]
fn each_says_where_it_is_wrong_and_what_to_do() {
    let hazard = |line: &str| format!("# x\n# {CODE}5740360942,0.9,0.5,0.2,0.1\n{line}\n");
    let cases = CASES.iter().map(|(kind, text, expected)| (*kind, (*text).to_owned(), *expected));
    let cases = cases.chain(HAZARD_LINES.iter().map(|(line, expected)| ("jshis", hazard(line), *expected)));
    let mut kinds = 0;
    for (kind, text, expected) in cases {
        let said = said_of(kind, &text);
        assert!(
            said.starts_with("dir/f.csv, line ") && said.contains(expected),
            "{kind} {text:?}\n  said {said}\n  not  {expected}"
        );
        kinds += 1;
    }
    assert!(kinds >= 30, "{kinds}");
}

fn mesh(code: &str) -> Mesh {
    Mesh::parse(code).unwrap()
}

#[test]
fn files_of_j_shis_are_read_as_they_come() {
    let codes = ["5740360942", "5740360943", "5740360944", "5740361011"];
    let mut cells = Cells::wanted(codes.into_iter().map(mesh).collect());
    let first = format!(
        "\u{feff}# VER. = MADE UP\r\n# NAME, x\r\n# {}\r\n# a remark\r\n5740360942 , 0.9,0.5,0.20,1e-1,7\r\n\r\n5740360943,0.9,nan,0.2,0.1,\r\n",
        "CODE,T30_I45_PS,T30_I50_PS,T30_I55_PS,T30_I60_PS,ARV"
    );
    assert_eq!(cells.read(&first, "one.csv"), Ok(2));
    let second = format!("{CODE}5740360944,-1,-1,-1,-1\n5740360942,0.9,0.5,0.2,0.1\n5740360943,0.8,0.5,0.2,0\n");
    assert_eq!(cells.read(&second, "two.csv"), Ok(3));
    assert_eq!(cells.get(mesh(codes[0])), Cell::Known(Exceedance([0.9, 0.5, 0.2, 0.1])));
    assert_eq!(
        cells.get(mesh(codes[1])),
        Cell::Known(Exceedance([0.8, 0.5, 0.2, 0.0])),
        "a later file fills what one left out"
    );
    assert_eq!(cells.get(mesh(codes[2])), Cell::Missing { file: "two.csv", line: 2, column: "T30_I45_PS" });
    assert_eq!(cells.get(mesh(codes[3])), Cell::Absent);
    let other = cells.read(&format!("{CODE}5740360942,0.9,0.5,0.2,0.05\n"), "three.csv").unwrap_err().to_string();
    assert!(other.contains("three.csv, line 2") && other.contains("has other values in one.csv, line 5"), "{other}");
}

#[test]
fn a_site_without_a_hazard_value_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let hazard = super::write(&dir, "h.csv", &format!("{CODE}5740361932,,,,\n5740361921,0.9,0.5,0.2,0.1\n"));
    for (row, said) in [
        (
            "b,38.2640,140.8760",
            "line 2, column lat: site b lies in mesh 5740371031, which none of the J-SHIS files has; give the J-SHIS file of that area",
        ),
        ("c,38.263,140.867", "line 2, column lat: site c lies in mesh 5740361932, which has no T30_I45_PS in"),
        ("d,51.5,-0.1", "line 2, column lat: site d does not lie in Japan's grid; write degrees north and east"),
        ("e,,", "line 2, column lat: site e has no coordinates; give it lat and lon"),
    ] {
        let sites = super::write(&dir, "s.csv", &format!("site,lat,lon\n{row}\n"));
        let ran = super::study(&["hazard", "--jshis", &hazard, "--sites", &sites]);
        assert!(ran.code == 1 && ran.err.contains(said), "{row}: {}", ran.err);
    }
}

#[test]
fn what_is_written_is_read_back_and_other_columns_stay() {
    let text = "\u{feff}# a comment\r\nSite,町,P,Name,host\r\n\"#1\",\"本町, 北\",0.10,薬局,h\r\n2,x,1,,\r\n";
    let mut table = tables::read_sites(text, "s.csv").unwrap();
    let [first, second] = &table.sites[..] else { panic!("{table:?}") };
    assert_eq!((first.id.as_str(), first.host.as_str(), first.patients, first.capacity), ("#1", "h", 1, None));
    assert_eq!((second.name.as_str(), second.host.as_str(), second.place), ("2", "2", None));
    let written = table.write();
    assert_eq!(written, "# a comment\nSite,町,P,Name,host\n\"#1\",\"本町, 北\",0.10,薬局,h\n2,x,1,,\n");
    table.set_damage(&[0.125, 1e-12]);
    assert_eq!(tables::read_sites(&table.write(), "s.csv").unwrap().sites, table.sites);
    let mut without = tables::read_places("site\na\nb\n", "s.csv").unwrap();
    assert_eq!(without.damage_is_known, [false, false]);
    without.set_damage(&[0.5, 0.25]);
    assert_eq!(without.write(), "site,p\na,0.5\nb,0.25\n");

    let sites = tables::read_sites(SITES, "s.csv").unwrap().sites;
    let placement = vec![vec![1, 2], vec![], vec![0]];
    let again = tables::write_placement(&sites, &placement);
    assert_eq!(again, "site,alternate\na,b\na,c\nc,a\n");
    assert_eq!(tables::read_placement(&again, "p.csv", &sites), Ok(placement));
    let causes = tables::read_causes("site,cause,probability\nc,x,0.25\nb,y,0\na,x,0.25\n", "c.csv", &sites).unwrap();
    assert_eq!(causes.iter().map(|cause| cause.sites.clone()).collect::<Vec<_>>(), [vec![0, 2], vec![1]]);
    assert_eq!(tables::read_causes(&tables::write_causes(&sites, &causes), "c.csv", &sites), Ok(causes));
    let outcomes = tables::read_outcomes("# draws = 70\ndraw,site\n70,c\n1,a\n70,a\n", "d.csv", &sites).unwrap();
    assert_eq!((outcomes.lost(0), outcomes.lost(1), outcomes.lost(2)), (&[1, 32][..], &[0, 0][..], &[0, 32][..]));
    let notes = ["seed = 1".to_owned()];
    assert_eq!(tables::read_outcomes(&tables::write_outcomes(&sites, &outcomes, &notes), "d.csv", &sites), Ok(outcomes));
}

proptest! {
    /// Peers' and people's files never end the program, and every complaint has a line of the file, or the one after it.
    #[test]
    fn no_text_makes_a_reader_panic(body in "[#a-c0-9,.\"\r\n=e \u{feff}é-]{0,80}", header in 0..7_usize) {
        const HEADERS: [&str; 7] = ["", "site,p,lat,lon,patients\n", "site,alternate\n", "cause,probability,site\n",
            "# draws = 3\ndraw,site\n", "rupture,rate,mw,depth_km,kind,lat,lon\n", CODE];
        let text = format!("{}{body}", HEADERS[header]);
        let sites = tables::read_sites(SITES, "sites.csv").unwrap().sites;
        let lines = text.lines().count() + 1;
        let mut wrong = Vec::new();
        wrong.extend(tables::read_sites(&text, "f").err());
        wrong.extend(tables::read_placement(&text, "f", &sites).err());
        wrong.extend(tables::read_causes(&text, "f", &sites).err());
        wrong.extend(tables::read_outcomes(&text, "f", &sites).err());
        wrong.extend(tables::read_ruptures(&text, "f").err());
        for error in wrong {
            prop_assert!((1..=lines).contains(&error.line), "{error} of {text:?}");
        }
        if let Err(error) = Cells::wanted(BTreeSet::new()).read(&text, "f") {
            prop_assert!((1..=lines).contains(&error.line), "{error} of {text:?}");
        }
        if let Ok(table) = tables::read_places(&text, "f") {
            prop_assert_eq!(tables::read_places(&table.write(), "f").map(|again| again.sites), Ok(table.sites));
        }
    }
}
