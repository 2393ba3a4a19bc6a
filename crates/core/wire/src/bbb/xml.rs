//! Writing answers. No prolog, no self-closed elements: an empty one is a start and an end, as the reference has it.

use std::fmt::{self, Display};

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// An answer being written.
pub struct Xml(Writer<Vec<u8>>);

impl fmt::Debug for Xml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Xml").field(&self.0.get_ref().len()).finish()
    }
}

impl Xml {
    /// Writes `<response>` with whatever `content` puts into it.
    pub fn response(content: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self(Writer::new(Vec::new()));
        xml.element("response", content);
        String::from_utf8(xml.0.into_inner()).expect("names and texts are strings")
    }

    /// An element that holds others.
    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.write(Event::Start(BytesStart::new(name)));
        content(self);
        self.write(Event::End(BytesEnd::new(name)));
    }

    /// An element that holds text. Characters that XML cannot carry are replaced by U+FFFD.
    pub fn text(&mut self, name: &str, value: impl Display) {
        let value: String = value.to_string().chars().map(|c| if is_legal(c) { c } else { '\u{fffd}' }).collect();
        self.element(name, |xml| xml.write(Event::Text(BytesText::new(&value))));
    }

    fn write(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("a Vec takes everything");
    }
}

/// XML 1.0 section 2.2.
const fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
