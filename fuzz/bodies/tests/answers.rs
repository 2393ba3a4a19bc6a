//! The answers that the fuzz target begins with come as far as they should, so that fuzzing them means something.

use fuzz_bodies::answer::{Outcome, answer};

fn outcome(name: &str) -> Option<Outcome> {
    let file = format!("{}/../corpus/answer/{name}", env!("CARGO_MANIFEST_DIR"));
    answer(&std::fs::read(file).expect(name))
}

#[test]
fn answers_that_fit_are_taken_and_others_are_not() {
    let expected = [
        ("chromium", Outcome::Taken),
        ("chromium_after_a_reconnect", Outcome::Taken),
        ("shortest", Outcome::Taken),
        ("of_the_second_offer", Outcome::Taken),
        ("of_one_that_takes_away_and_restarts", Outcome::Taken),
        ("of_an_offer_nobody_made", Outcome::AnotherOffer),
        ("one_name_twice", Outcome::Unread),
        ("too_few_sections", Outcome::Refused),
    ];

    let found = expected.map(|(name, _)| (name, outcome(name)));

    assert_eq!(found, expected.map(|(name, outcome)| (name, Some(outcome))));
}
