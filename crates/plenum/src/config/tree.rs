//! Configuration before it means anything: sections, lists and plain texts, each knowing where it was written.
//!
//! YAML would turn `1.10` or `0x1f` into numbers. Whether a value is a number is for its key to decide, so the text is
//! kept as written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// What separates the parts of a key in the name of an environment variable.
const SEPARATOR: &str = "__";

/// The names of environment variables we read begin with this.
const PREFIX: &str = "PLENUM__";

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of the file, from 1; 0 if unknown.
    Line(u64),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(0) => write!(f, "the configuration file"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag => write!(f, "command line"),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) origin: Origin,
}

/// What a value looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key with nothing behind it, the same as no key.
    Nothing,
    Text(String),
    List(Vec<Node>),
    Section(BTreeMap<String, Node>),
}

impl Node {
    /// A section without content.
    pub(super) fn empty() -> Self {
        Self { kind: Kind::Section(BTreeMap::new()), origin: Origin::Line(0) }
    }

    /// Reads a YAML document. The error never quotes the document, which may hold secrets.
    pub(super) fn from_yaml(yaml: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! { with_snippet: false };
        match serde_saphyr::from_str_with_options::<Spanned<Raw>>(yaml, options) {
            Ok(raw) => Ok(keep_text(raw, yaml)),
            Err(error) => {
                let place = error
                    .location()
                    .map_or(String::new(), |at| format!(" at or near line {}, column {}", at.line(), at.column()));
                Err(format!("not a YAML document{place}: {}", reason(&error)))
            }
        }
    }

    /// Puts a text at a path of keys, replacing what is there. A key already there is found whatever its case.
    pub(super) fn put(&mut self, path: &[&str], text: String, origin: Origin) {
        let mut node = self;
        for key in path {
            if !matches!(node.kind, Kind::Section(_)) {
                *node = Self { kind: Kind::Section(BTreeMap::new()), origin: origin.clone() };
            }
            let Kind::Section(entries) = &mut node.kind else { return };
            let known = entries.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned();
            let key = known.unwrap_or_else(|| key.to_ascii_lowercase());
            node = entries.entry(key).or_insert_with(|| Self { kind: Kind::Nothing, origin: origin.clone() });
        }
        *node = Self { kind: Kind::Text(text), origin };
    }

    /// Puts environment variables of the form `PLENUM__CLIENT__PORT` where they belong; others are left alone. The
    /// answer names those without a usable key.
    pub(super) fn put_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
        let mut variables: Vec<_> = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        variables.sort_unstable();
        let mut unusable = Vec::new();
        for (name, value) in variables {
            let path: Vec<_> = name[PREFIX.len()..].split(SEPARATOR).collect();
            if path.iter().any(|key| key.is_empty()) {
                unusable.push(name);
            } else {
                self.put(&path, value, Origin::Variable(name.clone()));
            }
        }
        unusable
    }
}

/// A kind of complaint instead of the parser's own words where those could quote a value.
fn reason(error: &serde_saphyr::Error) -> &'static str {
    match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "a key is there twice",
        serde_saphyr::Error::MultipleDocuments { .. } => "there is more than one document",
        serde_saphyr::Error::UnknownAnchor { .. } => "an alias names no anchor",
        serde_saphyr::Error::Budget { .. } => "it is too large or too deep",
        _ => "check indentation, quotes and colons there",
    }
}

/// As the parser gives it.
enum Raw {
    Nothing,
    Quoted(String),
    /// Taken for a number or a truth value; printed again, in case the original cannot be found.
    Inferred(String),
    List(Vec<Spanned<Raw>>),
    Section(Vec<(String, Spanned<Raw>)>),
}

fn keep_text(raw: Spanned<Raw>, yaml: &str) -> Node {
    let kind = match raw.value {
        Raw::Nothing => Kind::Nothing,
        Raw::Quoted(text) => Kind::Text(text),
        Raw::Inferred(printed) => Kind::Text(as_written(&raw.defined, yaml).map_or(printed, str::to_owned)),
        Raw::List(items) => Kind::List(items.into_iter().map(|item| keep_text(item, yaml)).collect()),
        Raw::Section(entries) => {
            Kind::Section(entries.into_iter().map(|(key, value)| (key, keep_text(value, yaml))).collect())
        }
    };
    Node { kind, origin: Origin::Line(raw.referenced.line()) }
}

/// The characters of an unquoted number or truth value.
fn as_written<'y>(location: &Location, yaml: &'y str) -> Option<&'y str> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    let text = yaml.get(start..start.checked_add(length)?)?.trim();
    let plausible =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte));
    plausible.then_some(text)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

macro_rules! inferred {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E>(self, value: $type) -> Result<Raw, E> {
            Ok(Raw::Inferred(value.to_string()))
        })*
    };
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or a section")
    }

    inferred!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64);

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Quoted(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut section = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            section.push(entry);
        }
        Ok(Raw::Section(section))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_the_text_it_was_written_with() {
        let node = Node::from_yaml(
            "a: 1.10\nb: 0x1F # hex\nc: 007\nd: yes\ne: 1_000\nf: \"0x1F\"\ng: 1e3\nh: {i: 12, j: [1.0, true]}\nk: *x\n"
                .replace("k: *x", "k: 99999999999999999999999999999999999999999999")
                .as_str(),
        )
        .unwrap();

        let Kind::Section(entries) = &node.kind else { panic!("{node:?}") };
        let text = |key: &str| entries[key].kind.clone();
        for (key, expected) in [
            ("a", "1.10"),
            ("b", "0x1F"),
            ("c", "007"),
            ("d", "yes"),
            ("e", "1_000"),
            ("f", "0x1F"),
            ("g", "1e3"),
            ("k", "99999999999999999999999999999999999999999999"),
        ] {
            assert_eq!(text(key), Kind::Text(expected.to_owned()), "{key}");
        }
        let Kind::Section(inner) = text("h") else { panic!("{node:?}") };
        assert_eq!(inner["i"].kind, Kind::Text("12".to_owned()));
        assert_eq!(entries["d"].origin, Origin::Line(4));
        let Kind::List(items) = &inner["j"].kind else { panic!("{node:?}") };
        assert_eq!(items[0].kind, Kind::Text("1.0".to_owned()));
        assert_eq!(items[1].kind, Kind::Text("true".to_owned()));
    }

    #[test]
    fn a_broken_document_is_refused_without_quoting_it() {
        for yaml in ["secret: 'hunter2", "a: {secret: hunter2", "hunter2: 1\nhunter2: 2\n", "a: *hunter2", "- [hunter2"]
        {
            let error = Node::from_yaml(yaml).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("line"), "{error}");
        }
    }

    #[test]
    fn an_empty_document_holds_nothing() {
        for yaml in ["", "\n", "# only a comment\n", "---\n", "null"] {
            assert_eq!(Node::from_yaml(yaml).unwrap().kind, Kind::Nothing, "{yaml:?}");
        }
    }

    #[test]
    fn variables_find_their_key_whatever_its_case() {
        let mut node = Node::from_yaml("client: {port: 1}\nhooks: 5\n").unwrap();

        let unusable = node.put_environment(
            [("PLENUM__CLIENT__Port", "2"), ("PLENUM__HOOKS__A", "3"), ("PATH", "/bin"), ("PLENUM____X", "4")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );

        let Kind::Section(entries) = node.kind else { panic!() };
        let Kind::Section(client) = &entries["client"].kind else { panic!() };
        let Kind::Section(hooks) = &entries["hooks"].kind else { panic!() };
        assert_eq!(client["port"].kind, Kind::Text("2".to_owned()));
        assert_eq!(client["port"].origin, Origin::Variable("PLENUM__CLIENT__Port".to_owned()));
        assert_eq!(hooks["a"].kind, Kind::Text("3".to_owned()));
        assert_eq!(unusable, ["PLENUM____X"]);
    }
}
