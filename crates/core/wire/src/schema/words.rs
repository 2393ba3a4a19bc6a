//! Comments of `proto/` as descriptions.

use prost_reflect::prost_types::FileDescriptorProto;

/// The comment above a declaration, as one paragraph per block; `None` if there is none.
pub fn comment(file: &FileDescriptorProto, path: &[i32]) -> Option<String> {
    let places = &file.source_code_info.as_ref()?.location;
    let text = places.iter().find(|place| place.path == path)?.leading_comments();
    let paragraphs: Vec<String> = text.split("\n\n").map(flow).filter(|text| !text.is_empty()).collect();
    (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
}

fn flow(block: &str) -> String {
    block.split_whitespace().collect::<Vec<_>>().join(" ")
}
