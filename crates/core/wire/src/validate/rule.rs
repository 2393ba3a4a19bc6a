//! The rules themselves, for whoever describes the API: they are heard from the very code that checks requests.

use prost_reflect::prost::Message;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};

use super::{Check, Rules};

/// What a value must keep. Absent values keep everything but [`Self::Required`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A text that is not empty, or a message that is there.
    Required,
    /// Letters, digits, `-` and `_`, at least one; otherwise `text` is said.
    Id {
        /// What is said.
        text: &'static str,
    },
    /// A number, 1 or more.
    AboveZero,
    /// `false`: what it tells is the server's to say.
    Off,
    /// 0, for the same reason.
    Zero,
    /// An empty text, for the same reason.
    Empty,
    /// An absolute URI of any scheme.
    Uri,
    /// So many characters at most.
    Characters(usize),
    /// So many bytes at most.
    Bytes(usize),
    /// No NUL character, for which not every database has a place.
    NoNul,
    /// So many entries of a list at most.
    MostItems(usize),
    /// So many entries of a list at least.
    LeastItems(usize),
    /// So many bytes of one entry at most.
    ItemBytes(usize),
    /// So many entries of a map at most.
    MostPairs(usize),
    /// So many bytes of one key at most.
    KeyBytes(usize),
    /// So many bytes of all keys and values at most.
    TotalBytes(usize),
    /// Exactly one of these fields is there.
    OneOf(&'static [&'static str]),
}

impl Rule {
    /// What callers are told about `field` (http-api.md section 0.6).
    pub(super) fn message(self, field: &str) -> String {
        match self {
            Self::Required => "value is required".into(),
            Self::Id { text } => text.into(),
            Self::AboveZero => "must be greater than 0".into(),
            Self::Off => "must equal false".into(),
            Self::Zero => "must equal 0".into(),
            Self::Empty => format!("{field} should not contain any value"),
            Self::Uri => "must be a valid URI".into(),
            Self::Characters(most) => format!("must be at most {most} characters"),
            Self::Bytes(most) | Self::KeyBytes(most) | Self::TotalBytes(most) => {
                format!("must be at most {most} bytes")
            }
            Self::NoNul => "must not contain a NUL character".into(),
            Self::MostItems(most) => format!("must contain no more than {most} item(s)"),
            Self::LeastItems(least) => format!("must contain at least {least} item(s)"),
            Self::ItemBytes(most) => format!("each item must be at most {most} bytes"),
            Self::MostPairs(most) => format!("must contain no more than {most} pair(s)"),
            Self::OneOf(members) => format!("one of {} must be set", members.join(", ")),
        }
    }
}

/// A rule and the field it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRule {
    /// Declared names, joined with dots; entries of a map have no name of their own. Empty is the request itself.
    pub path: String,
    /// The rule.
    pub rule: Rule,
}

/// Every rule of a request, in the order in which it is checked.
pub fn rules_of<M: Rules + ReflectMessage + Message + Default>() -> Vec<FieldRule> {
    let descriptor = M::default().descriptor();
    let choices = descriptor.oneofs().map(|choice| choice.fields().len()).max().unwrap_or(1);
    let mut rules: Vec<FieldRule> = Vec::new();
    for choice in 0..choices {
        let sample: M = sample(&descriptor, choice).transcode_to().expect("the sample is made of M's own descriptor");
        for rule in Check::listen(&sample) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    rules
}

/// A message with every message inside it present, so that no rule is out of reach. Of a choice, the member with that
/// number is set.
fn sample(descriptor: &MessageDescriptor, choice: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let Kind::Message(inner) = field.kind() else {
            continue;
        };
        let chosen = field.containing_oneof().is_none_or(|all| all.fields().nth(choice) == Some(field.clone()));
        if field.is_map() {
            if let Kind::Message(value) = inner.map_entry_value_field().kind() {
                let entry = (MapKey::String("key".into()), Value::Message(sample(&value, choice)));
                message.set_field(&field, Value::Map([entry].into()));
            }
        } else if !field.is_list() && (chosen || is_optional(&field)) {
            message.set_field(&field, Value::Message(sample(&inner, choice)));
        }
    }
    message
}

/// Declared `optional`, which is a choice of one.
fn is_optional(field: &prost_reflect::FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|choice| choice.is_synthetic())
}
