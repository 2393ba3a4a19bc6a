//! Two hundred participants on one shard or two, on lines that lose, delay, reorder and narrow, who come, go, mute, choose other
//! sizes, lose rights and connections in an order that a seed decides. They publish in every codec and do not all know all
//! of them. Some are older clients with two connections, and who publishes makes do with what the uplink carries.
//!
//! `PLENUM_SEED` chooses the first seed, `PLENUM_SEEDS` how many are played (default 4). They are dealt out to several tests, which
//! run side by side.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

mod judging;
mod meeting;
// Other tests use the rest of it.
#[allow(dead_code)]
#[path = "../simulation/mod.rs"]
mod simulation;

use judging::SETTLING;
use meeting::{CODINGS, Meeting, NARROW_UPLINKS, STORM};
use simulation::checks;
use simulation::net::Weather;
use simulation::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The rooms: how many are in it, and how many of them publish.
const ROOMS: [(&str, usize, usize); 5] =
    [("lecture", 150, 1), ("seminar", 24, 3), ("board", 10, 4), ("pair", 2, 2), ("tutorial", 14, 2)];

/// So many seconds of listening and of watching those on narrow uplinks are left in a storm at least, of those in which nothing
/// happened to either side.
const LISTENED: u64 = 600;
const WATCHED: u64 = 10;

/// Amounts are nearly the same that differ by so much, which is a second of the larger pictures, and by so great a part of the whole
/// besides.
const NEAR: usize = 25;
const PART: usize = 10;

fn play(seed: u64) -> Result<String, String> {
    let mut meeting = Meeting::new(seed);
    let mut faults = Vec::new();
    let begun = Instant::now();
    let mut spent = Vec::new();
    meeting.assemble(&ROOMS);
    spent.push(begun.elapsed());
    let speakers = meeting.sorted_publishers();
    meeting.storm();
    let (heard, silence) = meeting.assert_never_starved(&speakers, meeting.world.now, &mut faults);
    let watched = meeting.assert_adapted(&speakers, meeting.world.now, &mut faults);
    if heard < LISTENED || watched < WATCHED {
        faults.push(format!(
            "only {heard} s of listening and {watched} s of watching in which nothing happened to either side"
        ));
    }
    spent.push(begun.elapsed());
    meeting.calm();
    meeting.assert_well(&mut faults);
    spent.push(begun.elapsed());
    meeting.faults_of_streams(&mut faults);
    let (forwarded, most) = (meeting.world.forwarded, meeting.world.most);
    meeting.disperse(&mut faults);
    spent.push(begun.elapsed());
    let tail = meeting.log.len().saturating_sub(5);
    let story = format!(
        "{forwarded} packets forwarded, {spent:?}, {most:?}, {heard} s of listening in the storm with {silence:?} of silence, {watched} s of watching those on narrow uplinks, {:?}",
        &meeting.log[tail..]
    );
    let count = faults.len();
    faults.truncate(40);
    if count == 0 { Ok(story) } else { Err(format!("{count} faults; {story}\n{}", faults.join("\n"))) }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// So many tests share the seeds.
const TABLES: usize = 4;

/// Plays every seed of one of the tests. Returns what there is to tell of them.
fn survives(table: usize) -> String {
    let first = number("PLENUM_SEED").unwrap_or(1);
    let mut stories = Vec::new();
    for seed in (first..first + number("PLENUM_SEEDS").unwrap_or(4)).skip(table).step_by(TABLES) {
        match play(seed) {
            Ok(story) => stories.push(format!("seed {seed}: {story}")),
            Err(faults) => panic!("PLENUM_SEED={seed} replays this: {faults}"),
        }
    }
    stories.join("\n")
}

#[test]
fn a_meeting_of_two_hundred_survives_what_networks_and_people_do() {
    println!("{}", survives(0));
}

#[test]
fn a_second_one_survives_too() {
    println!("{}", survives(1));
}

#[test]
fn a_third_one_survives_too() {
    println!("{}", survives(2));
}

#[test]
fn a_fourth_one_survives_too() {
    println!("{}", survives(3));
}

/// What each client got, by whose it was: packets of each size of pictures, pictures that could be shown, packets of sound.
type Got = BTreeMap<(String, u16), [usize; 4]>;

fn got(world: &World) -> Got {
    let mut all = Got::new();
    for peer in &world.peers {
        let mut count = |publisher, what: usize| all.entry((peer.name.clone(), publisher)).or_default()[what] += 1;
        for stream in peer.received.values() {
            stream.shots.values().for_each(|(_, shot)| count(shot.publisher, usize::from(shot.layer)));
            checks::decoded(stream).into_iter().for_each(|(_, publisher)| count(publisher, 2));
            stream.sounds.values().for_each(|(_, sound)| count(sound.publisher, 3));
        }
    }
    all
}

/// What happens to a few people, what each of them has got before that, and what afterwards.
fn tale(seed: u64) -> (Vec<String>, Got, Got) {
    let mut meeting = Meeting::new(seed);
    meeting.assemble(&[("seminar", 7, 3), ("pair", 2, 2)]);
    let before = got(&meeting.world);
    meeting.storm();
    (meeting.log, before, got(&meeting.world))
}

#[test]
fn a_seed_repeats_what_happens_and_nearly_what_comes_of_it() {
    let first = number("PLENUM_SEED").unwrap_or(1);
    for seed in [first, first + 1] {
        let (once, again) = (tale(seed), tale(seed));
        assert!(once.0.len() > 50 && once.1.len() > 10, "seed {seed} tells little");
        assert_eq!(once.0, again.0, "seed {seed} is another story");
        assert_eq!(once.1, again.1, "seed {seed} assembles otherwise");
        let whose: BTreeSet<_> = once.2.keys().chain(again.2.keys()).collect();
        let mut same = 0;
        for who in &whose {
            let [amounts, other] = [&once, &again].map(|tale| tale.2.get(*who).copied().unwrap_or_default());
            let near = amounts.iter().zip(&other).all(|(one, other)| one.abs_diff(*other) <= NEAR + one / PART);
            assert!(near, "seed {seed}: {who:?} got {amounts:?} and {other:?}");
            same += usize::from(amounts == other);
        }
        assert!(same * 2 > whose.len(), "seed {seed}: only {same} of {} are the same", whose.len());
    }
}

/// How long a layer that stopped by itself has to be sent before it is believed, and its publisher's estimate to grow before.
const RETURNING: Duration = Duration::from_secs(20);

#[test]
fn whoever_has_a_narrow_uplink_is_heard_and_seen_small_and_seen_large_again_once_it_is_wide() {
    let first = number("PLENUM_SEED").unwrap_or(1);
    let mut meeting = Meeting::new(first);
    let mut faults = Vec::new();
    meeting.assemble(&[("everybody", 8, CODINGS.len())]);
    let speakers = meeting.sorted_publishers();
    for (index, rate) in speakers.iter().copied().zip(NARROW_UPLINKS.into_iter().cycle()) {
        meeting.upset(index, false);
        meeting.set_uplink(index, Weather { rate: Some(rate), ..Weather::FINE });
    }
    meeting.world.run(SETTLING + STORM);
    let (heard, silence) = meeting.assert_never_starved(&speakers, meeting.world.now, &mut faults);
    let watched = meeting.assert_adapted(&speakers, meeting.world.now, &mut faults);
    if heard < WATCHED || watched < WATCHED {
        faults.push(format!("only {heard} s of listening and {watched} s of watching"));
    }
    for index in speakers.iter().copied() {
        meeting.set_uplink(index, Weather::FINE);
    }
    meeting.world.run(RETURNING);
    let wide = meeting.world.now;
    meeting.assert_well(&mut faults);
    meeting.assert_large(wide, &mut faults);
    meeting.faults_of_streams(&mut faults);
    assert!(faults.is_empty(), "PLENUM_SEED={first} replays this: {}", faults.join("\n"));
    println!("{heard} s of listening, {watched} s of watching, {silence:?} of silence");
}
