//! Times that were measured, in a form in which they can be read.

use std::time::Duration;

/// The time below which `share` (0 to 1) of `sorted` lies, in milliseconds; 0 if nothing was measured.
pub fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
