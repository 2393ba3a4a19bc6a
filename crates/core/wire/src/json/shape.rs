//! What messages look like, read from their descriptors once.
//!
//! Reading and writing follow these tables and the bytes of the binary form. A message built from reflection would do
//! as well and is many times slower, which shows where every request makes a room.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::POOL;

/// Every message of the pool; its shape is made when it is first asked for.
static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let messages: Vec<_> = POOL.all_messages().collect();
    let by_name = messages.iter().enumerate().map(|(index, message)| (message.full_name().to_owned(), index)).collect();
    Shapes { made: messages.iter().map(|_| OnceLock::new()).collect(), messages, by_name }
});

struct Shapes {
    messages: Vec<MessageDescriptor>,
    by_name: HashMap<String, usize>,
    made: Vec<OnceLock<Shape>>,
}

/// The shape of a message of the pool.
pub(crate) fn of(message: &MessageDescriptor) -> &'static Shape {
    at(index_of(message))
}

fn index_of(message: &MessageDescriptor) -> usize {
    *SHAPES.by_name.get(message.full_name()).expect("every message is of the one pool")
}

fn at(index: usize) -> &'static Shape {
    SHAPES.made[index].get_or_init(|| Shape::new(&SHAPES.messages[index]))
}

/// A message: its fields in the order they are declared.
pub(crate) struct Shape {
    pub(crate) fields: Vec<Field>,
    by_name: HashMap<String, usize>,
}

/// One field.
pub(crate) struct Field {
    pub(crate) number: u32,
    /// The declared name.
    pub(crate) name: String,
    /// The same, ready to be written.
    pub(crate) key: String,
    /// The name in lower camel case, ready too.
    pub(crate) camel_key: String,
    pub(crate) value: Type,
    pub(crate) many: Many,
    /// Whether "not set" and "zero" are two things.
    pub(crate) has_presence: bool,
    /// The choice it is a member of; the one that `optional` makes counts too.
    pub(crate) choice: Option<String>,
}

/// How often a field may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Many {
    One,
    List,
    /// Its value is a message of two fields, key and value.
    Map,
}

/// The type of a value.
pub(crate) enum Type {
    Bool,
    Int32,
    Sint32,
    Sfixed32,
    Int64,
    Sint64,
    Sfixed64,
    Uint32,
    Fixed32,
    Uint64,
    Fixed64,
    Float,
    Double,
    Text,
    Bytes,
    Enum(EnumDescriptor),
    Message(Link),
}

/// A message inside another, or the same one.
#[derive(Clone, Copy)]
pub(crate) struct Link(usize);

impl Link {
    pub(crate) fn shape(self) -> &'static Shape {
        at(self.0)
    }
}

impl Shape {
    fn new(message: &MessageDescriptor) -> Self {
        let mut fields = Vec::new();
        let mut by_name = HashMap::new();
        for declared in &message.descriptor_proto().field {
            let field =
                message.get_field(declared.number().unsigned_abs()).expect("the descriptor lists its own fields");
            by_name.insert(field.name().to_owned(), fields.len());
            fields.push(Field::new(&field));
        }
        // The declared name of one field is never taken for the other spelling of another.
        for (index, field) in message.descriptor_proto().field.iter().enumerate() {
            by_name.entry(field.json_name().to_owned()).or_insert(index);
        }
        Self { fields, by_name }
    }

    /// The field called `name` in either spelling.
    pub(crate) fn named(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|index| &self.fields[*index])
    }
}

impl Field {
    fn new(field: &FieldDescriptor) -> Self {
        let many = match field.cardinality() {
            _ if field.is_map() => Many::Map,
            Cardinality::Repeated => Many::List,
            Cardinality::Optional | Cardinality::Required => Many::One,
        };
        Self {
            number: field.number(),
            name: field.name().to_owned(),
            key: format!("\"{}\":", field.name()),
            camel_key: format!("\"{}\":", field.json_name()),
            value: Type::of(field.kind()),
            many,
            has_presence: field.supports_presence(),
            choice: field.containing_oneof().map(|choice| choice.name().to_owned()),
        }
    }

    /// A message without the `optional` keyword and outside a choice: the kind that shows as `null`.
    pub(crate) fn is_plain_message(&self) -> bool {
        matches!(self.value, Type::Message(_)) && self.many == Many::One && self.choice.is_none()
    }

    /// A flag that is either on or off.
    pub(crate) fn is_plain_flag(&self) -> bool {
        matches!(self.value, Type::Bool) && self.many == Many::One && !self.has_presence
    }

    /// The message it holds, if it is neither a list nor a map.
    pub(crate) fn message(&self) -> Option<&'static Shape> {
        match self.value {
            Type::Message(link) if self.many == Many::One => Some(link.shape()),
            _ => None,
        }
    }
}

impl Type {
    /// Whether many of it travel packed into one piece.
    pub(crate) fn is_number(&self) -> bool {
        !matches!(self, Self::Text | Self::Bytes | Self::Message(_))
    }

    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Int32 => Self::Int32,
            Kind::Sint32 => Self::Sint32,
            Kind::Sfixed32 => Self::Sfixed32,
            Kind::Int64 => Self::Int64,
            Kind::Sint64 => Self::Sint64,
            Kind::Sfixed64 => Self::Sfixed64,
            Kind::Uint32 => Self::Uint32,
            Kind::Fixed32 => Self::Fixed32,
            Kind::Uint64 => Self::Uint64,
            Kind::Fixed64 => Self::Fixed64,
            Kind::Float => Self::Float,
            Kind::Double => Self::Double,
            Kind::String => Self::Text,
            Kind::Bytes => Self::Bytes,
            Kind::Enum(names) => Self::Enum(names),
            Kind::Message(message) => Self::Message(Link(index_of(&message))),
        }
    }
}
