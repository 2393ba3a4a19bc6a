//! The messages of the HTTP API as JSON Schema (2020-12), as profile J reads and writes them (http-api.md section 0.3).
//!
//! Names and types come from the descriptors, bounds from the rules that check requests, words from the comments in
//! `proto/`. So nothing is said here that the code does not do.

mod answer;
mod request;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage};
use serde_json::{Map, Value, json};

use crate::create::RoomDefaults;
use crate::json::ProtoJson;
use crate::validate::{FieldRule, Rules, rules_of};

pub use words::comment;

/// A message that is sent to us, and its rules.
#[derive(Debug, Clone)]
pub struct Sent {
    descriptor: MessageDescriptor,
    rules: Vec<FieldRule>,
}

impl Sent {
    /// The shape of requests of that type.
    pub fn of<M: ProtoJson + Rules>() -> Self {
        Self { descriptor: M::default().descriptor(), rules: rules_of::<M>() }
    }

    /// Its name among the components.
    pub fn name(&self) -> &str {
        self.descriptor.name()
    }
}

/// A message that we send.
#[derive(Debug, Clone)]
pub struct Answered {
    descriptor: MessageDescriptor,
}

impl Answered {
    /// The shape of answers of that type.
    pub fn of<M: ReflectMessage + Default>() -> Self {
        Self { descriptor: M::default().descriptor() }
    }

    /// Its name among the components.
    pub fn name(&self) -> &str {
        self.descriptor.name()
    }
}

/// Where a schema among the components is.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Schemas of all these messages and of everything inside them, by name. A message that travels both ways has two: what
/// is read is laxer than what is written, and is called `…Input`.
pub fn components(sent: &[Sent], answered: &[Answered], defaults: &RoomDefaults) -> Map<String, Value> {
    let mut written = Reached::default();
    for message in answered {
        written.add(&message.descriptor);
    }
    let mut read = Reached::default();
    for message in sent {
        read.add(&message.descriptor);
    }
    let mut out = Map::new();
    for choice in written.enums.values().chain(read.enums.values()) {
        out.insert(choice.name().to_owned(), enumeration(choice));
    }
    for message in written.messages.values() {
        out.insert(message.name().to_owned(), answer::message(message));
    }
    let both: BTreeSet<String> =
        read.messages.keys().filter(|name| written.messages.contains_key(*name)).cloned().collect();
    let facts = request::Facts::new(sent, defaults, both);
    for message in read.messages.values() {
        out.insert(facts.name(message), facts.message(message));
    }
    out
}

/// Everything inside some messages, by full name.
#[derive(Default)]
struct Reached {
    messages: BTreeMap<String, MessageDescriptor>,
    enums: BTreeMap<String, EnumDescriptor>,
}

impl Reached {
    fn add(&mut self, message: &MessageDescriptor) {
        if self.messages.insert(message.full_name().to_owned(), message.clone()).is_some() {
            return;
        }
        for field in message.fields() {
            match value_kind(&field) {
                Kind::Message(inner) => self.add(&inner),
                Kind::Enum(inner) => {
                    self.enums.insert(inner.full_name().to_owned(), inner);
                }
                _ => {}
            }
        }
    }
}

/// What a field holds: of a map, what its values are.
fn value_kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

/// Fields in the order of their declaration.
fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let numbers = message.descriptor_proto().field.iter().map(|field| field.number().unsigned_abs());
    numbers.filter_map(|number| message.get_field(number)).collect()
}

fn enumeration(choice: &EnumDescriptor) -> Value {
    let names: Vec<String> = choice.values().map(|value| value.name().to_owned()).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), names.into());
    if let Some(text) = comment(choice.parent_file_descriptor_proto(), choice.path()) {
        schema.insert("description".into(), text.into());
    }
    Value::Object(schema)
}

/// An object schema. Its order is kept beside it, since JSON objects have none.
fn object(message: &MessageDescriptor, properties: Map<String, Value>, required: Vec<String>) -> Map<String, Value> {
    let order: Vec<String> = fields(message).iter().map(|field| field.name().to_owned()).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    if let Some(text) = comment(message.parent_file_descriptor_proto(), message.path()) {
        schema.insert("description".into(), text.into());
    }
    schema.insert("properties".into(), properties.into());
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema.insert("x-order".into(), order.into());
    schema
}

/// Adds what the comment at the field says.
fn describe(schema: &mut Map<String, Value>, field: &FieldDescriptor) {
    let message = field.parent_message();
    let text = comment(message.parent_file_descriptor_proto(), field.path());
    if let Some(text) = text {
        schema.insert("description".into(), text.into());
    }
}

#[cfg(test)]
mod tests;
