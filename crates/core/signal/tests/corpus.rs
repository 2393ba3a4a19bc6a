//! What the fuzzer found or was given, replayed without one.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use signal::JoinRequest;
use std::path::Path;
use support::World;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn hostile_messages_leave_the_others_alone() {
    for input in corpus("signal_request") {
        let mut world = World::new();
        let (ann, bob) = (world.join("ann"), world.join("bob"));
        let (kind, bytes) = input.split_first().unwrap();
        let now = world.now();
        match kind % 3 {
            0 => world.room.request(ann, bytes, now),
            kind => {
                world.room.message(ann, kind == 1, bytes, now);
            }
        }
        world.settle();
        assert!(!world.gone.contains(&bob), "{input:?}");
    }
}

#[test]
fn hostile_join_requests_are_refused_or_read_alike_by_door_and_room() {
    let mut taken = 0;
    for input in corpus("join_request") {
        let read = JoinRequest::read(&input);
        let inner = std::str::from_utf8(&input).ok().and_then(|text| wire::join_request::decode(text).ok());
        taken += usize::from(read.is_ok() || inner.is_some());
        assert!(inner.is_none_or(|inner| JoinRequest::read(&inner).is_ok()));
    }
    assert!(taken >= 3, "the corpus holds requests that get far");
}
