//! What is thrown away of a participant is counted, each with its reason.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use bytes::Bytes;
use media::Datagram;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use str0m::rtp::ExtensionValues;
use support::World;
use wire::lk;
use wire::lk::signal_request::Message as Request;

/// What was counted, by name and reason.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<BTreeMap<String, u64>>>);

struct One(String, Counted);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.1.0.lock().unwrap().entry(self.0.clone()).or_default() += value;
    }

    fn absolute(&self, value: u64) {
        self.1.0.lock().unwrap().insert(self.0.clone(), value);
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let reason = key.labels().find(|label| label.key() == "reason").map_or("", |label| label.value());
        Counter::from_arc(Arc::new(One(format!("{} {reason}", key.name()), self.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Counted {
    fn drops(&self, reason: &str) -> u64 {
        self.0.lock().unwrap().get(&format!("media_drops_total {reason}")).copied().unwrap_or(0)
    }
}

#[test]
fn what_is_thrown_away_is_counted_by_reason() {
    let counted = Counted::default();
    with_local_recorder(&counted, || {
        let mut world = World::new();
        let (eve, ann) = (world.join("eve"), world.join("ann"));
        world.pass(Duration::from_secs(3));
        world.publish(eve);
        world.pass(Duration::from_secs(1));
        world.stream(eve, 1, 5);

        world.send_raw(eve, &[0x90], &ExtensionValues::default());
        world.pass(Duration::from_millis(50));
        assert!(counted.drops("picture_garbage") > 0);

        world.send_data(eve, &[0xff; 9]);
        world.pass(Duration::from_millis(50));
        assert_eq!(counted.drops("data_garbage"), 1);

        world.feed(eve, &[5; 40]);
        assert_eq!(counted.drops("datagram_garbage"), 1);

        let (source, destination) = ("198.51.100.9:4000".parse().unwrap(), "192.0.2.1:8080".parse().unwrap());
        let now = world.now;
        world.engine.handle_datagram(now, Datagram { source, destination, contents: &[0x80; 40] });
        assert_eq!(counted.drops("unknown_source"), 1);

        let link = world.clients[eve].link;
        world.engine.message(link, &Bytes::from_static(&[0xff; 9]), now);
        assert_eq!(counted.drops("signal_garbage"), 1);

        let offer =
            lk::SessionDescription { r#type: "offer".into(), sdp: "v=garbage".into(), id: 9, ..Default::default() };
        world.request(ann, Request::Offer(offer));
        assert_eq!(counted.drops("description"), 1);
    });
}

#[test]
fn media_that_its_sender_did_not_seal_is_counted_and_honest_media_is_not() {
    let counted = Counted::default();
    with_local_recorder(&counted, || {
        let mut world = World::new();
        let (eve, _) = (world.join("eve"), world.join("ann"));
        world.pass(Duration::from_secs(3));
        world.publish(eve);
        world.pass(Duration::from_secs(1));
        world.stream(eve, 1, 50);
        assert_eq!(counted.drops("packet_unread"), 0);

        let mut made_up = [7; 60];
        made_up[0] = 0x80;
        made_up[1] = 111;
        for _ in 0..3 {
            world.feed(eve, &made_up);
        }
        world.pass(Duration::from_millis(50));
        assert_eq!(counted.drops("packet_unread"), 3);
    });
}
