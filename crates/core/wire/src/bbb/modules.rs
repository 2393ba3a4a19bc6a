//! The body of `create`: documents to show on the board.
//!
//! The parser knows no document types and no entities but XML's own five, goes a few levels deep and keeps one address,
//! so there is nothing in it that could grow.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting that is read; `modules/module/document` is three.
const MAX_DEPTH: usize = 8;

/// Why a body is not the list of modules.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// Not text.
    #[error("XML syntax error: invalid UTF-8")]
    Encoding,
    /// Not XML.
    #[error("XML syntax error: {0}")]
    Syntax(#[from] quick_xml::Error),
    /// It breaks off.
    #[error("XML syntax error: unexpected EOF")]
    Unfinished,
    /// Something else than modules.
    #[error("expected element <modules>")]
    Root,
    /// A document type or a deep nest: nobody needs them here.
    #[error("XML syntax error: not allowed here")]
    Forbidden,
}

/// The address of the last document that has one. Documents without address, whose content stands in the body itself,
/// are passed over.
///
/// # Errors
/// See [`ModulesError`].
pub fn last_document(body: &[u8]) -> Result<Option<String>, ModulesError> {
    let text = std::str::from_utf8(body).map_err(|_| ModulesError::Encoding)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::from_str(text);
    let (mut depth, mut seen, mut found) = (0, false, None);
    loop {
        match reader.read_event()? {
            Event::Start(tag) => {
                enter(&tag, depth, &mut seen, &mut found)?;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(ModulesError::Forbidden);
                }
            }
            Event::Empty(tag) => enter(&tag, depth, &mut seen, &mut found)?,
            Event::End(_) => depth -= 1,
            Event::DocType(_) => return Err(ModulesError::Forbidden),
            Event::Eof if depth == 0 && seen => return Ok(found),
            Event::Eof => return Err(ModulesError::Unfinished),
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::GeneralRef(_) => {}
        }
    }
}

fn enter(tag: &BytesStart<'_>, depth: usize, seen: &mut bool, found: &mut Option<String>) -> Result<(), ModulesError> {
    let name = tag.local_name();
    if depth == 0 && (*seen || name.as_ref() != "modules") {
        return Err(ModulesError::Root);
    }
    *seen = true;
    if depth == 2 && name.as_ref() == "document" {
        let url = tag.try_get_attribute("url").map_err(quick_xml::Error::from)?;
        let url = url.map(|url| url.normalized_value(XmlVersion::Implicit1_0)).transpose()?;
        if let Some(url) = url.map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()) {
            *found = Some(url);
        }
    }
    Ok(())
}
