//! Somebody who sends far more sound than people make, on many tracks: the others get what a participant may send at most.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "support/drops.rs"]
mod counted;
#[allow(dead_code)]
mod support;

use bytes::Bytes;
use counted::Drops;
use model::media::{MediaPermission, Source};
use model::{Identity, RoomId, SessionId};
use ports::media::inside::{Format, InsideJoin, InsideKind, InsideOrder, SentFrame, items};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{World, permission};

const TRACKS: u32 = 8;

/// As many as one track may send in a second, and as many as all tracks of somebody may.
const OF_ONE: u32 = 500;
const OF_ALL: u32 = 1000;

#[test]
fn what_reaches_others_of_eight_busy_microphones_is_what_one_participant_may_send() {
    let drops = Drops::default();
    drops.record(|| {
        let mut world = World::new();
        let ann = world.join("ann");
        let (sender, _items) = items(64);
        let join = InsideJoin {
            room: RoomId::try_from("room").unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from("eve").unwrap(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            kind: InsideKind::Agent,
            permission: MediaPermission { subscribe: false, ..permission() },
        };
        let eve = world.engine.enter(&join, sender, world.now).unwrap();
        for track in 0..TRACKS {
            let (name, source) = (format!("mic{track}"), Source::Microphone);
            world.engine.inside_order(
                eve,
                InsideOrder::Publish { name, source, format: Format::Opus, size: (0, 0), stereo: false },
                world.now,
            );
        }
        world.pass(Duration::from_secs(3));
        assert_eq!(world.engine.holdings().subscriptions, usize::try_from(TRACKS).unwrap());

        // All within one second.
        world.step = Duration::from_millis(1);
        for number in 0..OF_ONE {
            for track in 0..TRACKS {
                let data = Bytes::from_static(&[0xfc, 1, 2]);
                let frame = SentFrame { timestamp: number * 96, captured: None, audio_level: None, data };
                let name = format!("mic{track}");
                world.engine.inside_order(eve, InsideOrder::Send { name, frame }, world.now);
            }
            world.pass(Duration::from_millis(1));
        }
        world.pass(Duration::from_secs(2));

        let heard = u64::try_from(world.clients[ann].received(false).len()).unwrap();
        assert_eq!(heard, u64::from(OF_ALL));
        assert_eq!(drops.by_reason().get("excess"), Some(&u64::from(TRACKS * OF_ONE - OF_ALL)));
    });
}
