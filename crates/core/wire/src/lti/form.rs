//! `application/x-www-form-urlencoded`, kept in order and byte for byte: a signature is over what was sent.

use std::borrow::Cow;

/// Most items that are looked at. Platforms send some fifty.
const MAX_ITEMS: usize = 512;

/// The items of a body, in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// Reads a body. An item without `=` is a name with an empty value, a stray `%` stands for itself. `None` if there
    /// are too many items.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let items = body.split(|byte| *byte == b'&').filter(|item| !item.is_empty());
        let mut form = Self::default();
        for item in items {
            if form.0.len() == MAX_ITEMS {
                return None;
            }
            let at = item.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((item, &[][..]), |at| (&item[..at], &item[at + 1..]));
            form.0.push((decoded(name), decoded(value)));
        }
        Some(form)
    }

    /// The first value of that name, if it is not empty.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name.as_bytes())?;
        (!value.is_empty()).then(|| String::from_utf8_lossy(value))
    }

    /// The first value of that name, or nothing.
    pub fn text(&self, name: &str) -> Cow<'_, str> {
        self.get(name).unwrap_or_default()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    rest = after;
                    nibble(*high) << 4 | nibble(*low)
                }
                _ => b'%',
            },
            other => *other,
        });
    }
    bytes
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_decoded_in_order() {
        let form = Form::parse(b"a=1+2&b=%C3%BC%2b&a=3&=x").unwrap();
        assert_eq!((form.text("a").as_ref(), form.text("b").as_ref()), ("1 2", "ü+"));
        assert_eq!(form.items().count(), 4);
        assert_eq!(form.get("c"), None);
    }

    #[test]
    fn an_item_without_an_equals_sign_is_a_name() {
        let form = Form::parse(b"flag&&x=%zz%4").unwrap();
        assert_eq!(form.items().next(), Some((&b"flag"[..], &b""[..])));
        assert_eq!((form.get("flag"), form.text("x").as_ref()), (None, "%zz%4"));
    }

    #[test]
    fn a_body_of_nothing_but_items_is_not_read_to_its_end() {
        assert!(Form::parse("a&".repeat(MAX_ITEMS).as_bytes()).is_some());
        assert_eq!(Form::parse("a&".repeat(MAX_ITEMS + 1).as_bytes()), None);
    }
}
