//! What a file is, by its content. Its name only says which kind of text a text is.

/// How much of a file tells what it is.
pub(crate) const HEAD: usize = 16 * 1024;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileType {
    /// Without dot, lower case.
    pub(crate) extension: &'static str,
    /// Media type.
    pub(crate) mime: &'static str,
}

/// Texts that differ by name only. None of them is anything that a browser runs.
const TEXTS: [FileType; 6] = [
    FileType { extension: "txt", mime: "text/plain" },
    FileType { extension: "csv", mime: "text/csv" },
    FileType { extension: "md", mime: "text/markdown" },
    FileType { extension: "json", mime: "application/json" },
    FileType { extension: "vtt", mime: "text/vtt" },
    FileType { extension: "srt", mime: "application/x-subrip" },
];
const SVG: FileType = FileType { extension: "svg", mime: "image/svg+xml" };
const HTML: FileType = FileType { extension: "html", mime: "text/html" };
const XML: FileType = FileType { extension: "xml", mime: "text/xml" };

/// What begins with `head` and is called `name`; `None` if that cannot be said.
pub(crate) fn of(head: &[u8], name: &str) -> Option<FileType> {
    if let Some(found) = infer::get(head).filter(|found| found.matcher_type() != infer::MatcherType::Text) {
        return Some(FileType { extension: found.extension(), mime: found.mime_type() });
    }
    let text = text(head)?;
    Some(marked_up(text).unwrap_or_else(|| {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
        TEXTS.into_iter().find(|text| text.extension == extension).unwrap_or(TEXTS[0])
    }))
}

/// The head as text, if it is one; its last letter may be cut.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    (!text.is_empty() && text.chars().all(is_text)).then_some(text)
}

fn marked_up(text: &str) -> Option<FileType> {
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let begins = |with: &str| start.starts_with(with);
    if !begins("<") {
        return None;
    }
    if begins("<!doctype html") || start.contains("<html") || start.contains("<script") && !start.contains("<svg") {
        Some(HTML)
    } else if start.contains("<svg") {
        Some(SVG)
    } else if begins("<?xml") {
        Some(XML)
    } else {
        // Whatever it is, a browser might take it for a page.
        Some(HTML)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(head: &[u8], name: &str) -> Option<&'static str> {
        of(head, name).map(|found| found.extension)
    }

    #[test]
    fn a_file_is_what_its_content_says() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        assert_eq!(of(png, "holiday.pdf"), Some(FileType { extension: "png", mime: "image/png" }));
        assert_eq!(extension(b"%PDF-1.7\n", "x"), Some("pdf"));
        assert_eq!(extension(b"\xff\xd8\xff\xe0\0\x10JFIF", "x"), Some("jpg"));
        assert_eq!(extension(b"MZ\x90\0\x03", "x.txt"), Some("exe"));
        assert_eq!(extension(b"#!/bin/sh\necho", "x.txt"), Some("txt"));
        assert_eq!(extension(b"\0\x01\x02\x03 nothing known", "x.txt"), None);
        assert_eq!(extension(b"", "x.txt"), None);
    }

    #[test]
    fn a_text_is_what_it_is_called_unless_a_browser_would_run_it() {
        assert_eq!(extension(b"a;b;c\n", "list.CSV"), Some("csv"));
        assert_eq!(extension("gr\u{fc}\u{df}e".as_bytes(), "letter.exe"), Some("txt"));
        for page in [&b"<html><script>"[..], b" \n<!DOCTYPE html>", b"<script>alert(1)</script>", b"<p>hello"] {
            assert_eq!(extension(page, "notes.txt"), Some("html"));
        }
        assert_eq!(extension(b"<?xml version=\"1.0\"?><svg xmlns=\"\">", "x.txt"), Some("svg"));
        assert_eq!(extension(b"<?xml version=\"1.0\"?><a/>", "x.txt"), Some("xml"));
    }

    #[test]
    fn a_letter_cut_at_the_end_of_the_head_does_not_matter() {
        let mut head = "x".repeat(HEAD - 1).into_bytes();
        head.push(0xc3);
        assert_eq!(extension(&head, "x.md"), Some("md"));
    }
}
