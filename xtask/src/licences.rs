//! Which licences a Rust dependency may carry.
//!
//! The list is the `allow` list of `deny.toml`, so that this check and `cargo deny` can never disagree. This one needs
//! nothing installed and answers in a second.

use std::collections::BTreeSet;

use anyhow::Context;

use crate::metadata::Metadata;

/// The licence names in `allow = [...]` of the `[licenses]` section.
///
/// # Errors
/// When the section or the list is missing, since an empty list would refuse everything with a misleading reason.
pub(crate) fn allowed_in(deny_toml: &str) -> anyhow::Result<BTreeSet<String>> {
    let text: String = deny_toml
        .lines()
        .map(|line| line.split_once('#').map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join("\n");
    let section = text.split("[licenses]").nth(1).context("deny.toml has no [licenses] section")?;
    let section = section.split("\n[").next().unwrap_or(section);
    let list = section.split("allow = [").nth(1).context("[licenses] in deny.toml has no allow list")?;
    let list = list.split(']').next().unwrap_or(list);
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Every package whose licence expression cannot be satisfied from the list.
pub(crate) fn check(metadata: &Metadata, allowed: &BTreeSet<String>) -> Vec<String> {
    metadata
        .packages
        .iter()
        .filter_map(|package| {
            let name = format!("{} {}", package.name, package.version);
            let Some(licence) = &package.license else {
                return Some(format!("{name} states no licence"));
            };
            match is_allowed(licence, allowed) {
                Some(true) => None,
                Some(false) => Some(format!("{name} is under `{licence}`, which deny.toml does not allow")),
                None => Some(format!("{name} has a licence expression that could not be read: `{licence}`")),
            }
        })
        .collect()
}

/// Whether the SPDX expression can be satisfied, or `None` if it is not one. The old `MIT/Apache-2.0` form means `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let answer = parser.any_of()?;
    parser.words.is_empty().then_some(answer)
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a BTreeSet<String>,
}

impl<'a> Parser<'a> {
    fn any_of(&mut self) -> Option<bool> {
        let mut answer = self.all_of()?;
        while self.take("OR") {
            answer |= self.all_of()?;
        }
        Some(answer)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let answer = self.any_of()?;
            return self.take(")").then_some(answer);
        }
        let name = self.next()?;
        if matches!(name, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        if self.take("WITH") {
            let exception = self.next()?;
            return Some(self.allowed.contains(&format!("{name} WITH {exception}")));
        }
        Some(self.allowed.contains(name))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn either_side_of_an_or_is_enough_and_both_sides_of_an_and_are_needed() {
        let allowed = list(&["MIT", "Zlib"]);

        assert_eq!(is_allowed("MIT OR GPL-3.0-only", &allowed), Some(true));
        assert_eq!(is_allowed("GPL-3.0-only/MIT", &allowed), Some(true));
        assert_eq!(is_allowed("MIT AND GPL-3.0-only", &allowed), Some(false));
        assert_eq!(is_allowed("(GPL-3.0-only OR MIT) AND Zlib", &allowed), Some(true));
        assert_eq!(is_allowed("GPL-3.0-only OR MIT AND Apache-2.0", &allowed), Some(false));
    }

    #[test]
    fn an_exception_counts_as_its_own_licence() {
        assert_eq!(is_allowed("Apache-2.0 WITH LLVM-exception", &list(&["Apache-2.0"])), Some(false));
        assert_eq!(
            is_allowed("Apache-2.0 WITH LLVM-exception", &list(&["Apache-2.0 WITH LLVM-exception"])),
            Some(true)
        );
    }

    #[test]
    fn an_unreadable_expression_is_not_taken_for_a_yes() {
        for broken in ["", "MIT OR", "(MIT", "MIT Zlib", "AND MIT", "MIT WITH"] {
            assert_eq!(is_allowed(broken, &list(&["MIT", "Zlib"])), None, "{broken}");
        }
    }

    #[test]
    fn a_foreign_or_missing_licence_is_reported_by_package() {
        let metadata = serde_json::from_value(serde_json::json!({
            "packages": [
                { "id": "a", "name": "good", "version": "1.0.0", "license": "MIT", "manifest_path": "" },
                { "id": "b", "name": "viral", "version": "2.1.0", "license": "AGPL-3.0-only", "manifest_path": "" },
                { "id": "c", "name": "silent", "version": "0.1.0", "license": null, "manifest_path": "" },
            ],
            "workspace_members": [], "resolve": { "nodes": [] },
        }))
        .expect("the synthetic metadata has cargo's shape");

        assert_eq!(
            check(&metadata, &list(&["MIT"])),
            ["viral 2.1.0 is under `AGPL-3.0-only`, which deny.toml does not allow", "silent 0.1.0 states no licence"]
        );
    }

    #[test]
    fn the_list_is_read_from_the_licences_section_only() {
        let text =
            "[bans]\nallow = [\"no\"]\n[licenses]\n# \"not this\"\nallow = [\n  \"MIT\", # why\n  \"ISC\",\n]\n[x]\n";

        assert_eq!(allowed_in(text).expect("well formed"), list(&["MIT", "ISC"]));
        assert!(allowed_in("[bans]\n").is_err());
    }

    #[test]
    fn the_repository_s_own_list_refuses_the_gpl_family() {
        let allowed = allowed_in(include_str!("../../deny.toml")).expect("deny.toml is well formed");

        assert!(allowed.contains("Apache-2.0"));
        for refused in ["GPL-2.0-only", "GPL-3.0-only", "LGPL-3.0-only", "AGPL-3.0-only", "SSPL-1.0"] {
            assert_eq!(is_allowed(refused, &allowed), Some(false), "{refused}");
        }
    }
}
