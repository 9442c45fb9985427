//! The project's files as text, and the parts of them that the rules look at.

use std::path::Path;

/// A text file of the project.
pub struct File {
    /// From the project's root, with slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Text files of the project, sorted by path.
pub struct Tree(pub Vec<File>);

impl Tree {
    /// What lies in the project's directory, without what building leaves there.
    pub fn of_the_project() -> Self {
        // Asked when the test runs, so that a built test can also be pointed at another tree.
        let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&root);
        let mut files = Vec::new();
        walk(root, root, &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(files.iter().any(|f| f.path == "src/lib.rs"), "the tree was not found");
        Self(files)
    }

    /// A tree for showing that a rule can fail.
    pub fn made_up(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect())
    }

    /// The file at `path`.
    pub fn find(&self, path: &str) -> Option<&File> {
        self.0.iter().find(|f| f.path == path)
    }

    /// Files of Rust.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.0.iter().filter(|f| f.path.ends_with(".rs"))
    }
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                walk(root, &path, files);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path != ".git" {
                files.push(File { path, text });
            }
        }
    }
}

impl File {
    /// The room under src/ that it belongs to: `src/seal/card.rs` is of `seal`.
    pub fn room(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        rest.split('/').next()
    }

    /// Whether it is a file of tests as a whole.
    pub fn is_tests(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Numbered lines of code that is built into the program, comments taken away.
    pub fn shipped_code(&self) -> Vec<(usize, String)> {
        let tests_begin = if self.is_tests() { 0 } else { self.first_line_of_tests() };
        self.code().into_iter().take_while(|(n, _)| *n < tests_begin).collect()
    }

    /// Numbered lines of test code, comments taken away.
    pub fn test_code(&self) -> Vec<(usize, String)> {
        let tests_begin = if self.is_tests() { 0 } else { self.first_line_of_tests() };
        self.code().into_iter().skip_while(|(n, _)| *n < tests_begin).collect()
    }

    /// Tests stand at the end of a file, behind the first `#[cfg(test)]` that opens a module with a body.
    fn first_line_of_tests(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let opens = |n: &usize| {
            lines[*n].trim() == "#[cfg(test)]"
                && lines[n + 1..].iter().find(|l| !l.starts_with("#[")).is_some_and(|l| l.ends_with('{') || l.ends_with('}'))
        };
        (0..lines.len()).find(opens).map_or(usize::MAX, |n| n + 1)
    }

    fn code(&self) -> Vec<(usize, String)> {
        let without_comment = |line: &str| line.find("//").filter(|at| !line[..*at].ends_with(':')).map_or(line.len(), |at| at);
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line[..without_comment(line)].to_owned())).collect()
    }

    /// Lines that contain one of `words`, as `path:line` and the word.
    pub fn lines_with<'w>(&self, lines: &[(usize, String)], words: &[&'w str]) -> Vec<(String, &'w str)> {
        let hits = |(n, line): &(usize, String)| {
            words.iter().find(|word| line.contains(**word)).map(|word| (format!("{}:{n}", self.path), *word))
        };
        lines.iter().filter_map(hits).collect()
    }

    /// All lines, numbered.
    pub fn numbered(&self) -> Vec<(usize, String)> {
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line.to_owned())).collect()
    }

    /// Rooms that its code names by `crate::room`, each with the line: groups in braces too.
    pub fn rooms_named(&self) -> Vec<(usize, String)> {
        let code: String = self.code().into_iter().map(|(_, line)| line + "\n").collect();
        let mut named = Vec::new();
        for (at, _) in code.match_indices("crate::") {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &code[at + "crate::".len()..];
            let line = code[..at].matches('\n').count() + 1;
            let first_words = if rest.starts_with('{') { group(rest) } else { vec![word(rest)] };
            named.extend(first_words.into_iter().filter(|w| !w.is_empty()).map(|w| (line, w)));
        }
        named
    }
}

/// The first word of each item of `{a::{b, c}, d}`.
fn group(text: &str) -> Vec<String> {
    let (mut depth, mut begins, mut words) = (0_usize, true, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            c if c.is_whitespace() => {}
            _ if depth == 1 && begins => {
                words.push(word(&text[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
