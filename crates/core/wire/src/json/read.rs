//! From JSON to messages.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::{JsonError, Node};

/// How much of a wrong value an error repeats, in characters.
const SHOWN: usize = 64;

/// Builds the message `node` describes.
pub(crate) fn message_from(descriptor: MessageDescriptor, node: &Node) -> Result<DynamicMessage, JsonError> {
    let Node::Object(entries) = node else {
        return Err(JsonError::NotAnObject);
    };
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut seen = Seen::default();
    for (name, node) in entries {
        let Some(field) = field_named(&descriptor, name) else {
            continue;
        };
        seen.note(&field, node)?;
        if let Some(value) = value_from(&field, node)? {
            message.set_field(&field, value);
        }
    }
    Ok(message)
}

/// The field called `name` in either spelling.
pub(crate) fn field_named(descriptor: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_name(name).or_else(|| descriptor.get_field_by_json_name(name))
}

/// Which fields and choices of one object are taken.
#[derive(Default)]
struct Seen {
    fields: HashSet<u32>,
    choices: HashSet<String>,
}

impl Seen {
    fn note(&mut self, field: &FieldDescriptor, node: &Node) -> Result<(), JsonError> {
        if !self.fields.insert(field.number()) {
            return Err(JsonError::Duplicate(field.name().to_owned()));
        }
        let Some(choice) = field.containing_oneof().filter(|_| *node != Node::Null) else {
            return Ok(());
        };
        if self.choices.insert(choice.name().to_owned()) {
            return Ok(());
        }
        Err(JsonError::Choice { field: field.name().to_owned(), choice: choice.name().to_owned() })
    }
}

/// The value of one field; `None` if the field stays unset.
pub(crate) fn value_from(field: &FieldDescriptor, node: &Node) -> Result<Option<Value>, JsonError> {
    if *node == Node::Null {
        return Ok(None);
    }
    if field.is_map() {
        return map_from(field, node).map(Some);
    }
    if !field.is_list() {
        return single(field, node);
    }
    let Node::List(items) = node else {
        return Err(wrong(field, "repeated", node));
    };
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        list.extend(single(field, item)?);
    }
    Ok(Some(Value::List(list)))
}

fn map_from(field: &FieldDescriptor, node: &Node) -> Result<Value, JsonError> {
    let (Node::Object(entries), Kind::Message(entry)) = (node, field.kind()) else {
        return Err(wrong(field, "map", node));
    };
    let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    let mut map = HashMap::with_capacity(entries.len());
    for (name, node) in entries {
        let key = map_key(&key_field, name).ok_or_else(|| wrong(field, "map", &Node::Text(name.clone())))?;
        let Some(value) = single(&value_field, node)? else {
            continue;
        };
        if map.insert(key, value).is_some() {
            return Err(JsonError::Duplicate(name.clone()));
        }
    }
    Ok(Value::Map(map))
}

fn map_key(field: &FieldDescriptor, name: &str) -> Option<MapKey> {
    let node = match (field.kind(), name) {
        (Kind::Bool, "true") => Node::Bool(true),
        (Kind::Bool, "false") => Node::Bool(false),
        _ => Node::Text(name.to_owned()),
    };
    single(field, &node).ok().flatten()?.into_map_key()
}

/// One value of the field's type. `None` for an enum name nobody knows.
fn single(field: &FieldDescriptor, node: &Node) -> Result<Option<Value>, JsonError> {
    let integer = |kind| integer(node).ok_or_else(|| wrong(field, kind, node));
    let value = match field.kind() {
        Kind::Bool => match node {
            Node::Bool(value) => Value::Bool(*value),
            _ => return Err(wrong(field, "bool", node)),
        },
        Kind::String => match node {
            Node::Text(text) => Value::String(text.clone()),
            _ => return Err(wrong(field, "string", node)),
        },
        Kind::Bytes => match bytes(node) {
            Some(bytes) => Value::Bytes(bytes.into()),
            None => return Err(wrong(field, "bytes", node)),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            i32::try_from(integer("int32")?).map(Value::I32).map_err(|_| wrong(field, "int32", node))?
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            i64::try_from(integer("int64")?).map(Value::I64).map_err(|_| wrong(field, "int64", node))?
        }
        Kind::Uint32 | Kind::Fixed32 => {
            u32::try_from(integer("uint32")?).map(Value::U32).map_err(|_| wrong(field, "uint32", node))?
        }
        Kind::Uint64 | Kind::Fixed64 => {
            u64::try_from(integer("uint64")?).map(Value::U64).map_err(|_| wrong(field, "uint64", node))?
        }
        Kind::Float => float(node).map(narrow).map(Value::F32).ok_or_else(|| wrong(field, "float", node))?,
        Kind::Double => float(node).map(Value::F64).ok_or_else(|| wrong(field, "double", node))?,
        Kind::Enum(names) => match node {
            Node::Text(name) => match names.get_value_by_name(name) {
                Some(value) => Value::EnumNumber(value.number()),
                None => return Ok(None),
            },
            _ => i32::try_from(integer("enum")?).map(Value::EnumNumber).map_err(|_| wrong(field, "enum", node))?,
        },
        Kind::Message(descriptor) => match node {
            Node::Object(_) => Value::Message(message_from(descriptor, node)?),
            _ => return Err(wrong(field, "message", node)),
        },
    };
    Ok(Some(value))
}

/// An integer, an integral float, or either of them as text. `i128` holds every 64-bit number of both signs.
fn integer(node: &Node) -> Option<i128> {
    match node {
        Node::Unsigned(value) => Some((*value).into()),
        Node::Negative(value) => Some((*value).into()),
        Node::Float(value) => integral(*value),
        Node::Text(text) => match text.parse::<i128>() {
            Ok(value) if !text.starts_with('+') => Some(value),
            Ok(_) => None,
            Err(_) => integral(number_text(text)?),
        },
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked: integral and within 64 bits")]
fn integral(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() <= 18_446_744_073_709_551_615.0).then_some(value as i128)
}

/// A number as JSON spells it, so neither `inf` nor `+1` nor blanks.
fn number_text(text: &str) -> Option<f64> {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).then_some(())?;
    serde_json::from_str(text).ok()
}

fn float(node: &Node) -> Option<f64> {
    match node {
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what the sender gets")]
        Node::Unsigned(value) => Some(*value as f64),
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what the sender gets")]
        Node::Negative(value) => Some(*value as f64),
        Node::Float(value) => Some(*value),
        Node::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => number_text(text),
        },
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float field keeps the nearest float")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Either alphabet of base64, padded or not.
fn bytes(node: &Node) -> Option<Vec<u8>> {
    let Node::Text(text) = node else {
        return None;
    };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    GeneralPurpose::new(&alphabet, config).decode(text).ok()
}

fn wrong(field: &FieldDescriptor, kind: &'static str, node: &Node) -> JsonError {
    let value = match node {
        Node::Null => "null".to_owned(),
        Node::Bool(value) => value.to_string(),
        Node::Unsigned(value) => value.to_string(),
        Node::Negative(value) => value.to_string(),
        Node::Float(value) => value.to_string(),
        Node::Text(text) => format!("{:?}", text.chars().take(SHOWN).collect::<String>()),
        Node::List(_) => "[".to_owned(),
        Node::Object(_) => "{".to_owned(),
    };
    JsonError::Value { kind, field: field.name().to_owned(), value }
}
