//! The study's commands from end to end.

mod plan;
mod risk;

use serde_json::Value;
use std::process::Command;

/// What the program said.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn study(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_kusuribako")).arg("study").args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The JSON that a command prints.
fn json(args: &[&str]) -> Value {
    let ran = study(&[args, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}
