//! JSON as it was written: order, duplicates and all, since the mapping has rules about duplicates.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{JsonError, MAX_BODY, MAX_DEPTH};

/// One JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Marks the one error of ours inside serde's.
const TOO_DEEP: &str = "nested too deeply";

/// Reads one object and nothing after it.
pub(super) fn parse(body: &[u8]) -> Result<Node, JsonError> {
    if body.len() > MAX_BODY {
        return Err(JsonError::Size);
    }
    let mut input = serde_json::Deserializer::from_slice(body);
    let node = Depth(0).deserialize(&mut input).and_then(|node| input.end().map(|()| node)).map_err(|error| {
        if error.to_string().starts_with(TOO_DEEP) {
            return JsonError::Depth;
        }
        JsonError::Syntax(format!("(line {}:{}): unexpected token", error.line(), error.column()))
    })?;
    if matches!(node, Node::Object(_)) { Ok(node) } else { Err(JsonError::NotAnObject) }
}

/// Builds a [`Node`] that many levels below the top.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.0 < MAX_DEPTH { Ok(Self(self.0 + 1)) } else { Err(E::custom(TOO_DEEP)) }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<Node, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or(Node::Negative(value), Node::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let depth = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(depth)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let depth = self.below()?;
        let mut object = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            object.push((name, entries.next_value_seed(depth)?));
        }
        Ok(Node::Object(object))
    }
}
