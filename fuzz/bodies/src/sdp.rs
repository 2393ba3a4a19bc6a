//! A hostile offer: whatever is read of it is bounded and hangs together.

use std::collections::BTreeSet;

use rtc::{MAX_SDP_BYTES, MAX_SECTIONS, analyse_offer};

/// One description.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(sections) = analyse_offer(text) else { return };
    assert!(text.len() <= MAX_SDP_BYTES && sections.len() <= MAX_SECTIONS);
    let mids: BTreeSet<_> = sections.iter().map(|section| section.mid.as_str()).collect();
    assert_eq!(mids.len(), sections.len(), "every section has a mid of its own");
}
