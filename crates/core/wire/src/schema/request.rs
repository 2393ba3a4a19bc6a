//! What we read: numbers also as texts, names also in lowerCamelCase, `null` as if absent, and whatever nobody knows is
//! passed over. The schemas show the spelling we write ourselves.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage};
use serde_json::{Map, Value, json};

use super::{Sent, describe, fields, object, reference, value_kind};
use crate::create::{DEFAULT_SETTINGS, RoomDefaults};
use crate::pnm;
use crate::validate::Rule;

/// A field: the full name of its message, and its own. An empty own name is the message.
type Place = (String, String);

/// What is known about fields beyond their declaration.
pub(super) struct Facts {
    rules: BTreeMap<Place, Vec<Rule>>,
    defaults: BTreeMap<Place, Value>,
    /// Messages that are written as well.
    both: BTreeSet<String>,
}

impl Facts {
    pub(super) fn new(sent: &[Sent], defaults: &RoomDefaults, both: BTreeSet<String>) -> Self {
        let mut rules: BTreeMap<Place, Vec<Rule>> = BTreeMap::new();
        for message in sent {
            for rule in &message.rules {
                if let Some(place) = place(&message.descriptor, &rule.path) {
                    let known = rules.entry(place).or_default();
                    if !known.contains(&rule.rule) {
                        known.push(rule.rule);
                    }
                }
            }
        }
        Self { rules, defaults: defaults_of(defaults), both }
    }

    /// The name of a message among the components.
    pub(super) fn name(&self, message: &MessageDescriptor) -> String {
        let ending = if self.both.contains(message.full_name()) { "Input" } else { "" };
        format!("{}{ending}", message.name())
    }

    pub(super) fn message(&self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields(message) {
            let rules = self.rules(message, field.name());
            if rules.iter().any(|rule| matches!(rule, Rule::Required | Rule::Id { .. })) {
                required.push(field.name().to_owned());
            }
            properties.insert(field.name().to_owned(), self.property(message, &field, rules));
        }
        let mut schema = object(message, properties, required);
        for rule in self.rules(message, "") {
            if let Rule::OneOf(members) = rule {
                let choices: Vec<Value> = members.iter().map(|member| json!({ "required": [member] })).collect();
                schema.insert("oneOf".into(), choices.into());
            }
        }
        schema.into()
    }

    fn rules(&self, message: &MessageDescriptor, field: &str) -> &[Rule] {
        self.rules.get(&(message.full_name().to_owned(), field.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn property(&self, message: &MessageDescriptor, field: &FieldDescriptor, rules: &[Rule]) -> Value {
        let value = self.value(&value_kind(field));
        let mut schema = if field.is_map() {
            Map::from_iter([("type".to_owned(), "object".into()), ("additionalProperties".to_owned(), value)])
        } else if field.is_list() {
            Map::from_iter([("type".to_owned(), "array".into()), ("items".to_owned(), value)])
        } else {
            value.as_object().cloned().unwrap_or_default()
        };
        describe(&mut schema, field);
        for rule in rules {
            apply(&mut schema, *rule);
        }
        if let Some(default) = self.defaults.get(&(message.full_name().to_owned(), field.name().to_owned())) {
            schema.insert("default".into(), default.clone());
        }
        schema.into()
    }

    fn value(&self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => number("int32", i32::MIN.into(), i32::MAX.into()),
            Kind::Uint32 | Kind::Fixed32 => number("uint32", 0, u32::MAX.into()),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => number("int64", i64::MIN, i64::MAX),
            Kind::Uint64 | Kind::Fixed64 => number("uint64", 0, i64::MAX),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Enum(choice) => reference(choice.name()),
            Kind::Message(message) => reference(&self.name(message)),
        }
    }
}

/// A number, or its digits as a text.
fn number(format: &str, least: i64, most: i64) -> Value {
    let digits = if least < 0 { "^-?[0-9]{1,20}$" } else { "^[0-9]{1,20}$" };
    json!({ "type": ["integer", "string"], "format": format, "minimum": least, "maximum": most, "pattern": digits })
}

/// Says a rule in JSON Schema, and in `x-` words what it has none for.
fn apply(schema: &mut Map<String, Value>, rule: Rule) {
    let mut put = |name: &str, value: Value| {
        schema.insert(name.to_owned(), value);
    };
    match rule {
        Rule::Required => {
            if schema.get("type").is_some_and(|kind| kind == "string") {
                schema.insert("minLength".into(), 1.into());
            }
        }
        Rule::Id { .. } => put("pattern", "^[a-zA-Z0-9_-]+$".into()),
        Rule::AboveZero => put("minimum", 1.into()),
        // What the server fills in: these values, or nothing at all.
        Rule::Off => {
            put("const", false.into());
            put("readOnly", true.into());
        }
        Rule::Zero => {
            put("maximum", 0.into());
            put("readOnly", true.into());
        }
        Rule::Empty => {
            put("maxLength", 0.into());
            put("readOnly", true.into());
        }
        Rule::MostItems(0) => {
            put("maxItems", 0.into());
            put("readOnly", true.into());
        }
        Rule::Uri => put("format", "uri".into()),
        Rule::Characters(most) => put("maxLength", most.into()),
        // There is no text of more characters than bytes.
        Rule::Bytes(most) => {
            put("maxLength", most.into());
            put("x-max-bytes", most.into());
        }
        Rule::NoNul => put("pattern", "^[^\\u0000]*$".into()),
        Rule::MostItems(most) => put("maxItems", most.into()),
        Rule::LeastItems(least) => put("minItems", least.into()),
        Rule::ItemBytes(most) => {
            if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
                items.insert("maxLength".into(), most.into());
                items.insert("x-max-bytes".into(), most.into());
            }
        }
        Rule::MostPairs(most) => put("maxProperties", most.into()),
        Rule::KeyBytes(most) => put("propertyNames", json!({ "maxLength": most, "x-max-bytes": most })),
        Rule::TotalBytes(most) => put("x-max-bytes", most.into()),
        Rule::OneOf(_) => {}
    }
}

/// The field at the end of a path of declared names.
fn place(root: &MessageDescriptor, path: &str) -> Option<Place> {
    let mut message = root.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            return Some((message.full_name().to_owned(), name.to_owned()));
        }
        let Kind::Message(inner) = value_kind(&message.get_field_by_name(name)?) else {
            return None;
        };
        message = inner;
    }
    None
}

fn defaults_of(defaults: &RoomDefaults) -> BTreeMap<Place, Value> {
    let features = defaults.features.transcode_to_dynamic();
    let locks = defaults.lock_settings.transcode_to_dynamic();
    let metadata = pnm::RoomMetadata::default().descriptor();
    let mut out = BTreeMap::new();
    for setting in DEFAULT_SETTINGS {
        let lock = setting.name().strip_prefix("default_lock_settings.");
        let (found, path) = match lock {
            Some(lock) => (value_at(&locks, lock), setting.name().to_owned()),
            None => (value_at(&features, setting.name()), format!("room_features.{}", setting.name())),
        };
        if let (Some(value), Some(place)) = (found, place(&metadata, &path)) {
            out.insert(place, value);
        }
    }
    out
}

/// A switch or a number; `None` if it is not set.
fn value_at(message: &DynamicMessage, path: &str) -> Option<Value> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = message.descriptor().get_field_by_name(name)?;
    if field.supports_presence() && !message.has_field(&field) {
        return None;
    }
    let value = message.get_field(&field);
    match rest {
        Some(rest) => value_at(value.as_message()?, rest),
        None => value
            .as_bool()
            .map(Value::from)
            .or_else(|| value.as_u32().map(Value::from))
            .or_else(|| value.as_u64().map(Value::from)),
    }
}
