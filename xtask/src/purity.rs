//! No clock, no I/O and no hidden randomness in the sources of a core crate.
//!
//! Dependencies are judged in [`crate::arrows`]; this looks at what the code itself calls. It reads text, not types: a
//! small scanner blanks comments, strings and everything under `#[cfg(test)]`, then looks for the forbidden paths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// What a core crate must not write, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("Instant::now", "take `now: Instant` as an argument"),
    ("SystemTime::now", "take the time as an argument"),
    (".elapsed()", "subtract from the `now` that came in"),
    ("UdpSocket", "sockets belong to a rim crate"),
    ("TcpStream", "sockets belong to a rim crate"),
    ("TcpListener", "sockets belong to a rim crate"),
    ("std::fs", "files belong to a rim crate"),
    ("std::thread", "threads belong to a rim crate"),
    ("std::process", "processes belong to a rim crate"),
    ("thread_rng", "take the random source or the value as an argument"),
    ("rand::rng()", "take the random source or the value as an argument"),
    ("rand::random", "take the random source or the value as an argument"),
    ("Uuid::new_v4", "take the id as an argument"),
    ("Uuid::now_v7", "take the id as an argument"),
    ("tokio::", "runtimes belong to a rim crate"),
];

/// One source file of a core crate.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path as shown to the reader, relative to the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All sources that end up in a core crate's library: `src/` without the modules that only tests compile.
pub(crate) fn core_sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    sources(root, &sorted_entries(&root.join("crates/core"))?)
}

/// Every product source file of every crate, likewise.
///
/// # Errors
/// When a folder or file cannot be read.
pub(crate) fn all_sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut crates = vec![root.join("crates/plenum")];
    for ring in ["crates/core", "crates/app", "crates/rim"] {
        crates.extend(sorted_entries(&root.join(ring))?);
    }
    sources(root, &crates)
}

fn sources(root: &Path, crates: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    for krate in crates {
        let folder = krate.join("src");
        if folder.is_dir() {
            collect(root, &folder, &mut found)?;
        }
    }
    let test_only = test_only_modules(&found);
    found.retain(|source| !test_only.iter().any(|module| is_inside(&source.path, module)));
    Ok(found)
}

/// Every forbidden call, with its place.
pub(crate) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let code = without_tests(&blank(&source.text));
        for (number, line) in code.lines().enumerate() {
            for (call, advice) in FORBIDDEN.iter().filter(|(call, _)| mentions(line, call)) {
                findings.push(format!("{}:{}: `{call}` in a core crate: {advice}", source.path, number + 1));
            }
        }
        for (line, module) in grouped_imports(&code) {
            findings.push(format!("{}:{line}: `std::{module}` in a core crate: belongs to a rim crate", source.path));
        }
    }
    findings
}

/// Forbidden modules inside `std::{...}`, with their lines.
fn grouped_imports(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, opening) in code.match_indices("std::{") {
        let group = &code[at + opening.len()..at + end_of_item(&code[at..])];
        for word in group.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
            let module = word.split("::").next().unwrap_or_default();
            if ["fs", "thread", "process"].contains(&module) {
                let offset = word.as_ptr() as usize - code.as_ptr() as usize;
                found.push((code[..offset].matches('\n').count() + 1, module));
            }
        }
    }
    found
}

/// Whether the call stands on the line as a path of its own, not as the tail of a longer word.
fn mentions(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        call.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) -> anyhow::Result<()> {
    for path in sorted_entries(folder)? {
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            found.push(Source { path: shown, text });
        }
    }
    Ok(())
}

fn sorted_entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// Modules declared as `#[cfg(test)] mod name;`, as path prefixes without `.rs`.
fn test_only_modules(sources: &[Source]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for source in sources {
        let code = blank(&source.text);
        let file = Path::new(&source.path);
        let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") | None => file.with_file_name(""),
            Some(_) => file.with_extension(""),
        };
        for tail in code.split("#[cfg(test)]").skip(1) {
            let declaration = tail.split(['{', ';']).next().unwrap_or_default();
            let ends_in_file = tail[declaration.len()..].starts_with(';');
            let name = declaration.split_whitespace().skip_while(|word| *word != "mod").nth(1);
            if let (true, Some(name)) = (ends_in_file, name) {
                modules.insert(folder.join(name).display().to_string());
            }
        }
    }
    modules
}

fn is_inside(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The text with comments, strings and characters turned into spaces; line numbers stay.
fn blank(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            '/' if bytes.get(at + 1) == Some(&'/') => end_of_line(&bytes, at),
            '/' if bytes.get(at + 1) == Some(&'*') => end_of_block_comment(&bytes, at),
            '"' => end_of_string(&bytes, at),
            'r' if !is_word(&bytes, at) => end_of_raw_string(&bytes, at).unwrap_or(at),
            '\'' => end_of_char(&bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(bytes[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Whether the character at `at` continues an identifier.
fn is_word(text: &[char], at: usize) -> bool {
    at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_')
}

fn end_of_line(text: &[char], at: usize) -> usize {
    text[at..].iter().position(|c| *c == '\n').map_or(text.len(), |length| at + length)
}

fn end_of_block_comment(text: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn end_of_string(text: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn end_of_raw_string(text: &[char], start: usize) -> Option<usize> {
    let hashes = text[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let closes =
        |at: usize| text[at] == '"' && text[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    Some((open + 1..text.len()).find(|at| closes(*at)).map_or(text.len(), |at| at + 1 + hashes))
}

/// The end of a character literal; `None` for a lifetime.
fn end_of_char(text: &[char], start: usize) -> Option<usize> {
    match text.get(start + 1)? {
        '\\' => text[start + 3..].iter().position(|c| *c == '\'').map(|length| start + 4 + length),
        _ => (text.get(start + 2) == Some(&'\'')).then_some(start + 3),
    }
}

/// The (blanked) code with every item under `#[cfg(test)]` turned into spaces; line numbers stay.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (kept, item) = rest.split_at(at);
        out.push_str(kept);
        let end = end_of_item(item);
        out.extend(item[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Where the item ends that starts at the beginning of `text`: at its `;`, or at the brace that closes its body.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        check(&[Source { path: "crates/core/room/src/lib.rs".into(), text: text.into() }])
    }

    #[test]
    fn a_clock_read_in_a_core_crate_is_found_with_its_line() {
        assert_eq!(
            findings("fn tick() {\n    let now = Instant::now();\n}\n"),
            ["crates/core/room/src/lib.rs:2: `Instant::now` in a core crate: take `now: Instant` as an argument"]
        );
    }

    #[test]
    fn every_forbidden_call_is_found() {
        for (call, _) in FORBIDDEN {
            let receiver = if call.starts_with('.') { "since" } else { "" };
            assert_eq!(findings(&format!("fn f() {{ {receiver}{call}; }}")).len(), 1, "{call}");
        }
    }

    #[test]
    fn a_forbidden_module_cannot_hide_in_a_grouped_import() {
        assert_eq!(findings("use std::{collections::HashMap, fs, io};\n").len(), 1);
        assert_eq!(findings("use std::{\n    fs::File,\n    thread,\n};\n").len(), 2);
        assert_eq!(findings("use std::{fmt, str::FromStr};\n"), Vec::<String>::new());
    }

    #[test]
    fn comments_and_strings_may_speak_of_what_is_forbidden() {
        let text = "//! Never calls Instant::now.\n/* std::fs /* nested */ thread_rng */\nconst A: &str = \"std::fs \\\" \
                    SystemTime::now\";\nconst B: &str = r#\"Instant::now\"#;\nfn f<'a>(c: &'a char) -> bool { *c == '\"' || *c == '\\'' }\n";

        assert_eq!(findings(text), Vec::<String>::new());
    }

    #[test]
    fn code_after_a_lifetime_or_a_quote_character_is_still_read() {
        assert_eq!(findings("fn f<'a>(x: &'a str) -> char { '\"' }\nfn g() { Instant::now(); }\n").len(), 1);
        assert_eq!(findings("fn f() -> char { '\\u{1F600}' }\nfn g() { Instant::now(); }\n").len(), 1);
    }

    #[test]
    fn tests_may_read_the_clock_but_code_after_them_may_not() {
        let text =
            "#[cfg(test)]\nmod tests {\n    fn f() { if true { Instant::now(); } }\n}\nfn g() { Instant::now(); }\n";

        assert_eq!(findings(text).len(), 1);
        assert!(findings(text)[0].contains(":5:"));
    }

    #[test]
    fn a_longer_word_that_ends_like_a_forbidden_one_is_fine() {
        assert_eq!(findings("fn f() { HeldInstant::now(); }"), Vec::<String>::new());
    }

    #[test]
    fn a_module_that_only_tests_compile_is_left_out_with_everything_below_it() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let modules = test_only_modules(&[
            source("crates/core/room/src/lib.rs", "#[cfg(test)]\nmod scene;\nmod room;"),
            source("crates/core/room/src/room.rs", "#[cfg(test)]\npub(crate) mod tests;\n"),
        ]);

        assert!(modules.iter().any(|module| is_inside("crates/core/room/src/scene.rs", module)));
        assert!(modules.iter().any(|module| is_inside("crates/core/room/src/scene/people.rs", module)));
        assert!(modules.iter().any(|module| is_inside("crates/core/room/src/room/tests.rs", module)));
        assert!(!modules.iter().any(|module| is_inside("crates/core/room/src/room.rs", module)));
        assert!(!modules.iter().any(|module| is_inside("crates/core/room/src/scenery.rs", module)));
    }
}
