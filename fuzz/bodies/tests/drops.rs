//! What only somebody sends who seals by hand is thrown away, counted by its reason, and noticed by nobody else.
//!
//! What an ordinary client can send is in `tests/drops.rs` of `media`.

#![allow(clippy::unwrap_used)]

use fuzz_bodies::connected::{Sealed, World};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How much was thrown away, by reason.
#[derive(Clone, Default)]
struct Drops(Arc<Mutex<BTreeMap<String, u64>>>);

struct One(String, Drops);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        if value > 0 {
            *self.1.0.lock().unwrap().entry(self.0.clone()).or_default() += value;
        }
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Drops {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let reason = key.labels().find(|label| label.key() == "reason");
        match reason.filter(|_| key.name() == "media_drops_total") {
            Some(reason) => Counter::from_arc(Arc::new(One(reason.value().to_owned(), self.clone()))),
            None => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// What the hostile client sends then is counted for that reason, once, and for no other.
fn counts(reason: &str, cause: impl FnOnce(&mut World)) {
    let drops = Drops::default();
    with_local_recorder(&drops, || {
        let mut world = World::new();
        world.pass(Duration::from_secs(1));
        assert_eq!(*drops.0.lock().unwrap(), BTreeMap::new(), "before anything happened");
        cause(&mut world);
        world.pump();
        assert_eq!(*drops.0.lock().unwrap(), BTreeMap::from([(reason.to_owned(), 1)]));
        world.assert_others_are_well();
    });
}

/// Keeps the payload type, from the microphone's source.
const AS_IT_IS: u8 = 0x40;

#[test]
fn a_packet_beyond_the_longest() {
    counts("packet_too_long", |world| world.send_sealed(Sealed::Packet(0), &[0; 1600]));
}

#[test]
fn a_packet_of_sound_in_a_format_of_pictures() {
    counts("packet_format", |world| {
        let mut packet = [0; 40];
        packet[1] = 96;
        world.send_sealed(Sealed::Packet(AS_IT_IS), &packet);
    });
}

#[test]
fn rtcp_whose_parts_do_not_fit() {
    // A report about nothing, and then one that is longer than what is there.
    let control = [0x80, 201 - 192, 0, 1, 0, 0, 0, 9, 0x80, 201, 0, 9];
    counts("control_garbage", |world| world.send_sealed(Sealed::Control(AS_IT_IS), &control));
}
