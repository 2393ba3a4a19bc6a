//! Takes values out of a tree and remembers every mistake on the way, so that all are reported at once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::tree::{Kind, Node, Origin};
use super::value::Expected;
use super::{Mistake, Notice};

/// Longest list and largest number of keys in a section.
const MAX_ITEMS: usize = 10_000;

/// Longest piece of a wrong value shown to the operator, in characters.
const SHOWN: usize = 60;

/// Everything found so far.
#[derive(Default)]
pub(super) struct Findings {
    mistakes: RefCell<Vec<Mistake>>,
    notices: RefCell<Vec<Notice>>,
    /// Every key somebody asked for; the sample configuration must show each.
    #[cfg(test)]
    pub(super) asked: RefCell<std::collections::BTreeSet<String>>,
}

impl Findings {
    pub(super) fn mistake(&self, key: impl Into<String>, text: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { key: key.into(), text: text.into() });
    }

    pub(super) fn notice(&self, key: impl Into<String>, text: impl Into<String>) {
        self.notices.borrow_mut().push(Notice { key: key.into(), text: text.into() });
    }

    pub(super) fn into_parts(self) -> (Vec<Mistake>, Vec<Notice>) {
        (self.mistakes.into_inner(), self.notices.into_inner())
    }
}

/// A section being read. Whatever is left when it is finished is an unknown key.
pub(super) struct Section<'f> {
    findings: &'f Findings,
    path: String,
    entries: BTreeMap<String, Node>,
}

impl<'f> Section<'f> {
    /// The whole document.
    pub(super) fn root(findings: &'f Findings, node: Node) -> Self {
        Self::of(findings, String::new(), Some(node))
    }

    fn of(findings: &'f Findings, path: String, node: Option<Node>) -> Self {
        let entries = match node.map(|node| (node.kind, node.origin)) {
            None | Some((Kind::Nothing, _)) => BTreeMap::new(),
            Some((Kind::Section(entries), _)) => entries,
            Some((Kind::Text(_) | Kind::List(_), origin)) => {
                let name = if path.is_empty() { "configuration" } else { &path };
                findings.mistake(name, format!("expected keys and values below it ({origin})"));
                BTreeMap::new()
            }
        };
        Self { findings, path, entries }
    }

    /// The full name of a key of this section.
    pub(super) fn name_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The full name of this section.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Takes a value out, unless the key is absent or has nothing behind it.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        self.entries.remove(key).filter(|node| node.kind != Kind::Nothing)
    }

    /// Whether a key is there with something behind it, good or not.
    pub(super) fn has(&self, key: &str) -> bool {
        match self.entries.get(key).map(|node| &node.kind) {
            None | Some(Kind::Nothing) => false,
            Some(Kind::Text(text)) => !text.is_empty(),
            Some(Kind::List(_) | Kind::Section(_)) => true,
        }
    }

    /// Whether a key is there with this text behind it, in whatever case.
    pub(super) fn says(&self, key: &str, text: &str) -> bool {
        matches!(self.entries.get(key).map(|node| &node.kind), Some(Kind::Text(found)) if found.eq_ignore_ascii_case(text))
    }

    /// A section below; empty if absent.
    pub(super) fn section(&mut self, key: &str) -> Section<'f> {
        let node = self.take(key);
        Section::of(self.findings, self.name_of(key), node)
    }

    /// The same, or `None` if absent, where presence alone has a meaning.
    pub(super) fn optional_section(&mut self, key: &str) -> Option<Section<'f>> {
        let node = self.take(key)?;
        Some(Section::of(self.findings, self.name_of(key), Some(node)))
    }

    /// Overwrites `target` if the key is there and its value is good.
    pub(super) fn set<T>(&mut self, key: &str, target: &mut T, parse: impl Fn(&str) -> Result<T, Expected>) {
        if let Some(value) = self.value(key, parse, Shown::Yes) {
            *target = value;
        }
    }

    /// The same for a value that has no default. An empty text is the same as no key.
    pub(super) fn set_optional<T>(
        &mut self,
        key: &str,
        target: &mut Option<T>,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) {
        let value = self.value(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }, Shown::Yes);
        if let Some(Some(value)) = value {
            *target = Some(value);
        }
    }

    /// The same for a value that no message may show.
    pub(super) fn set_secret<T>(
        &mut self,
        key: &str,
        target: &mut Option<T>,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) {
        let value = self.value(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }, Shown::No);
        if let Some(Some(value)) = value {
            *target = Some(value);
        }
    }

    /// Overwrites `target` with a list; in an environment variable its items are separated by commas.
    pub(super) fn set_list<T>(&mut self, key: &str, target: &mut Vec<T>, parse: impl Fn(&str) -> Result<T, Expected>) {
        self.ask(key);
        let Some(node) = self.take(key) else { return };
        let name = self.name_of(key);
        let items = match node.kind {
            Kind::List(items) => items,
            Kind::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Node { kind: Kind::Text(item.to_owned()), origin: node.origin.clone() })
                .collect(),
            Kind::Nothing | Kind::Section(_) => {
                self.findings.mistake(name, format!("expected a list ({})", node.origin));
                return;
            }
        };
        if items.len() > MAX_ITEMS {
            self.findings.mistake(name, format!("expected at most {MAX_ITEMS} items ({})", node.origin));
            return;
        }
        let parsed = items
            .into_iter()
            .enumerate()
            .filter_map(|(position, item)| self.parse(&format!("{name}[{position}]"), item, &parse, Shown::Yes));
        *target = parsed.collect();
    }

    /// A list of sections; each is finished by whoever reads it.
    pub(super) fn sections(&mut self, key: &str) -> Vec<Section<'f>> {
        self.ask(key);
        let Some(node) = self.take(key) else { return Vec::new() };
        let name = self.name_of(key);
        match node.kind {
            Kind::List(items) if items.len() <= MAX_ITEMS => items
                .into_iter()
                .enumerate()
                .map(|(position, item)| Section::of(self.findings, format!("{name}[{position}]"), Some(item)))
                .collect(),
            Kind::List(_) => {
                self.findings.mistake(name, format!("expected at most {MAX_ITEMS} items ({})", node.origin));
                Vec::new()
            }
            Kind::Text(text) if text.is_empty() => Vec::new(),
            Kind::Text(_) | Kind::Nothing | Kind::Section(_) => {
                self.findings.mistake(name, format!("expected a list ({})", node.origin));
                Vec::new()
            }
        }
    }

    fn value<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, Expected>, shown: Shown) -> Option<T> {
        self.ask(key);
        let node = self.take(key)?;
        self.parse(&self.name_of(key), node, parse, shown)
    }

    fn parse<T>(&self, name: &str, node: Node, parse: impl Fn(&str) -> Result<T, Expected>, shown: Shown) -> Option<T> {
        let Kind::Text(text) = node.kind else {
            self.findings.mistake(name, format!("expected a single value ({})", node.origin));
            return None;
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.findings.mistake(name, wrong(&expected, &text, &node.origin, shown));
                None
            }
        }
    }

    #[cfg(test)]
    fn ask(&self, key: &str) {
        self.findings.asked.borrow_mut().insert(self.name_of(key));
    }

    #[cfg(not(test))]
    fn ask(&self, _: &str) {}

    /// What nobody asked for, to be looked at by other rules.
    pub(super) fn rest(self) -> Node {
        Node { kind: Kind::Section(self.entries), origin: Origin::Line(0) }
    }

    /// Reports what nobody asked for.
    pub(super) fn finish(self) {
        for (key, node) in self.entries.iter().take(MAX_ITEMS) {
            self.findings.mistake(self.name_of(&shorten(key)), format!("unknown key ({})", node.origin));
        }
    }
}

/// Whether a message may show a wrong value.
#[derive(Clone, Copy)]
enum Shown {
    Yes,
    No,
}

fn wrong(expected: &str, text: &str, origin: &Origin, shown: Shown) -> String {
    match shown {
        Shown::Yes => format!("expected {expected}, found `{}` ({origin})", shorten(text)),
        Shown::No => format!("expected {expected} ({origin})"),
    }
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
