//! Rooms with hundreds of cameras, and signalling sockets that are not read for a moment: nothing is lost on them.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "support/drops.rs"]
mod counted;
#[allow(dead_code)]
mod support;

use counted::Drops;
use model::media::{CameraView, MediaPermission, Source};
use model::{Identity, RoomId, SessionId};
use ports::media::inside::{Format, InsideJoin, InsideKind, InsideOrder, ItemReceiver, items};
use ports::media::{SIGNAL_QUEUE, SignalDown};
use prost::Message as _;
use std::collections::BTreeMap;
use std::time::Duration;
use str0m::Rtc;
use str0m::media::{Direction, MediaKind};
use support::{World, permission};
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_response::Message as Response;

const PUBLISHERS: usize = 10;
const CAMERAS: usize = 30;

/// Ten participants inside the process show thirty cameras each.
fn a_hall() -> (World, Vec<ItemReceiver>) {
    let mut world = World::new();
    let mut ends = Vec::new();
    for number in 0..PUBLISHERS {
        let (sender, receiver) = items(64);
        let join = InsideJoin {
            room: RoomId::try_from("room").unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from(format!("p{number}").as_str()).unwrap(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            kind: InsideKind::Ingress,
            permission: MediaPermission { subscribe: false, ..permission() },
        };
        let link = world.engine.enter(&join, sender, world.now).unwrap();
        world.pass(Duration::from_millis(10));
        for camera in 0..CAMERAS {
            let order = InsideOrder::Publish {
                name: format!("cam{camera}"),
                source: Source::Camera,
                format: Format::Vp8,
                size: (640, 360),
                stereo: false,
            };
            world.engine.inside_order(link, order, world.now);
            // Nobody publishes faster than some a second for long.
            world.pass(Duration::from_millis(100));
        }
        ends.push(receiver);
    }
    world.pass(Duration::from_secs(1));
    assert_eq!(world.engine.holdings().tracks, PUBLISHERS * CAMERAS);
    (world, ends)
}

/// Joins with an offer, over a link as long as those of real sockets.
fn join_with(world: &mut World, name: &str, permission: MediaPermission) -> mpsc::Receiver<SignalDown> {
    let mut rtc = Rtc::builder().set_rtp_mode(true).build(world.now);
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, _) = api.apply().unwrap();
    let sdp = offer.to_sdp_string();
    let request = lk::JoinRequest {
        connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
        publisher_offer: Some(lk::SessionDescription { r#type: "offer".into(), sdp, id: 1, ..Default::default() }),
        ..Default::default()
    };
    let (link, down) = mpsc::channel(SIGNAL_QUEUE);
    let mut join = world.join_request(name, &request);
    join.permission = permission;
    world.engine.join(&join, link, world.now).unwrap();
    down
}

/// Whether an answer is among what waits on the link.
fn is_answered(down: &mut mpsc::Receiver<SignalDown>) -> bool {
    let messages = std::iter::from_fn(|| down.try_recv().ok());
    let answers = messages.filter(|message| {
        let SignalDown::Message(message) = message else { return false };
        matches!(lk::SignalResponse::decode(message.clone()).unwrap().message, Some(Response::Answer(_)))
    });
    answers.count() == 1
}

#[test]
fn whoever_may_not_see_three_hundred_cameras_still_has_the_answer_to_the_join() {
    let drops = Drops::default();
    drops.record(|| {
        let (mut world, _ends) = a_hall();

        let hidden = MediaPermission { cameras: CameraView::Moderators, ..permission() };
        let mut down = join_with(&mut world, "ann", hidden);

        assert_eq!(drops.by_reason().get("signal_queue"), None);
        assert!(is_answered(&mut down));
    });
}

#[test]
fn the_rule_that_hides_three_hundred_cameras_cuts_nobody_off() {
    let drops = Drops::default();
    drops.record(|| {
        let (mut world, _ends) = a_hall();
        let ann = world.join("ann");
        world.pass(Duration::from_secs(1));
        let rules = [CameraView::Moderators, CameraView::Everyone];
        for cameras in rules.into_iter().cycle().take(20) {
            let (room, who) = (RoomId::try_from("room").unwrap(), Identity::try_from("ann").unwrap());
            world.engine.set_permission(&room, &who, MediaPermission { cameras, ..permission() }, world.now);
        }

        assert!(world.unread(ann) < SIGNAL_QUEUE, "{}", world.unread(ann));
        world.pass(Duration::from_secs(5));
        assert_eq!(drops.by_reason().get("signal_queue"), None);
    });
}
