//! Every figure that the server counts is named in the operators' documentation.

use std::collections::BTreeSet;

use crate::purity::Source;

/// How the code names a figure: macros of the `metrics` crate, and the samples of the debug pages.
const CALLS: [&str; 4] = ["counter!(", "gauge!(", "histogram!(", "say("];

/// Where they are written down.
pub(crate) const DOCUMENT: &str = "docs/operations.md";

/// The figures named in these files.
///
/// # Errors
/// When there is none: a check that finds nothing would go unnoticed.
pub(crate) fn named_in(files: &[Source]) -> anyhow::Result<BTreeSet<String>> {
    let found: BTreeSet<String> = files.iter().flat_map(|file| names(&file.text)).collect();
    anyhow::ensure!(!found.is_empty(), "no figure is named anywhere");
    Ok(found)
}

fn names(text: &str) -> impl Iterator<Item = String> {
    let after = |call| text.split(call).skip(1).collect::<Vec<_>>();
    CALLS.into_iter().flat_map(after).filter_map(|rest| {
        let name = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        let ours = name.starts_with("plenum_") || name.starts_with("media_");
        ours.then(|| name.to_owned())
    })
}

/// Figures that the document does not name.
pub(crate) fn check(figures: &BTreeSet<String>, document: &str) -> Vec<String> {
    let is_named = |figure: &String| {
        document
            .split('`')
            .skip(1)
            .step_by(2)
            .any(|code| code.split(|c: char| !is_of_name(c)).any(|word| word == figure))
    };
    let missing = figures.iter().filter(|figure| !is_named(figure));
    missing.map(|figure| format!("the figure `{figure}` is not in {DOCUMENT}")).collect()
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_every_call_and_missed_in_the_document() {
        let text = r#"
            metrics::counter!("media_a_total", "reason" => "x").increment(1);
            metrics::gauge!(
                "plenum_b"
            );
            say("plenum_c", &labels, 1.0);
            say("something else");
        "#;
        let file = Source { path: "x.rs".into(), text: text.to_owned() };
        let figures = named_in(&[file]).unwrap();
        assert_eq!(figures.iter().collect::<Vec<_>>(), ["media_a_total", "plenum_b", "plenum_c"]);

        let findings = check(&figures, "media_a_total, `plenum_b{shard}`, `plenum_c_total`");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("media_a_total") && findings[1].contains("plenum_c"));
        assert!(named_in(&[]).is_err());
    }
}
