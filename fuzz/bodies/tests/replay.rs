//! Every corpus, and a little noise, through every target.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

#[test]
fn every_target_has_a_corpus_and_survives_it() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (name, run) in fuzz_bodies::ALL {
        let inputs: Vec<_> = fs::read_dir(corpora.join(name)).expect(name).map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{name}");
        for input in inputs {
            run(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for entry in fs::read_dir(corpora).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(fuzz_bodies::ALL.iter().any(|(target, _)| name.to_str() == Some(target)), "{}", name.display());
    }
}

#[test]
fn every_target_can_be_fuzzed() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    for (name, _) in fuzz_bodies::ALL {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

/// Three connections are made for each of its inputs.
const DEAR: &str = "connected";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn noise_of_somebody_who_is_connected_is_survived(input in prop::collection::vec(any::<u8>(), 0..2000)) {
        fuzz_bodies::connected::run(&input);
    }

    #[test]
    fn somebody_who_is_connected_and_sends_a_few_wrong_bytes_is_survived(seed in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(DEAR);
        let mut inputs: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort_unstable();
        let mut input = fs::read(&inputs[seed.index(inputs.len())]).unwrap();
        let at = at.index(input.len());
        input[at] = byte;
        fuzz_bodies::connected::run(&input);
    }
}

proptest! {
    #[test]
    fn noise_is_survived(input in prop::collection::vec(any::<u8>(), 0..2000)) {
        for (_, run) in fuzz_bodies::ALL.iter().filter(|(name, _)| *name != DEAR) {
            run(&input);
        }
    }

    #[test]
    fn corpora_with_a_few_wrong_bytes_are_survived(seed in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
        for (name, run) in fuzz_bodies::ALL.iter().filter(|(name, _)| *name != DEAR) {
            let mut inputs: Vec<_> =
                fs::read_dir(corpora.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
            inputs.sort_unstable();
            let mut input = fs::read(&inputs[seed.index(inputs.len())]).unwrap();
            if !input.is_empty() {
                let at = at.index(input.len());
                input[at] = byte;
            }
            run(&input);
        }
    }
}
