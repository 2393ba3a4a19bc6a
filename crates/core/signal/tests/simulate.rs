//! Trouble that a client asks for (media-protocol.md section 6.1, `simulate`): it gets it, and nobody else does.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use prost::Message;
use signal::{ClientMessage, Connected, Dropped, PeerKey, Protocol};
use std::time::Duration;
use support::{World, all, join_request, names};
use wire::lk;
use wire::lk::DisconnectReason;
use wire::lk::leave_request::Action;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;
use wire::lk::simulate_scenario::Scenario;

/// Two people; the first hears the second, and what was said so far is taken.
fn pair() -> (World, PeerKey, PeerKey) {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(bob, "mic", lk::TrackSource::Microphone);
    world.offer(ann, 2);
    world.take(ann);
    world.take(bob);
    (world, ann, bob)
}

impl World {
    fn simulate(&mut self, peer: PeerKey, scenario: Scenario) {
        self.request(peer, Request::Simulate(lk::SimulateScenario { scenario: Some(scenario) }));
    }

    fn resume(&mut self, who: &str) -> Connected {
        self.connect(who, all(), false, &lk::JoinRequest { reconnect: true, ..join_request() }).1
    }

    /// How somebody was told to leave.
    fn farewell(&mut self, peer: PeerKey) -> Option<(DisconnectReason, Action)> {
        self.take(peer).into_iter().find_map(|message| match message {
            Response::Leave(leave) => Some((leave.reason(), leave.action())),
            _ => None,
        })
    }

    fn speakers(&mut self, peer: PeerKey) -> Vec<(String, bool)> {
        let told = self.take(peer).into_iter().filter_map(|message| match message {
            Response::SpeakersChanged(changed) => Some(changed.speakers),
            _ => None,
        });
        told.flatten().map(|speaker| (speaker.sid, speaker.active)).collect()
    }
}

#[test]
fn a_node_failure_is_a_socket_that_closes_without_a_word_and_a_session_nobody_knows() {
    let (mut world, ann, bob) = pair();
    world.simulate(bob, Scenario::NodeFailure(true));

    assert_eq!((world.closed.as_slice(), world.gone.as_slice()), (&[bob][..], &[bob][..]));
    assert!(world.take(bob).is_empty());
    let Connected::Refused(message) = world.resume("bob") else { panic!("nothing to resume") };
    let Some(Response::Leave(leave)) = lk::SignalResponse::decode(message).unwrap().message else { panic!("leave") };
    assert_eq!(leave.action(), Action::Reconnect);
    assert!(names(&world.take(ann)).contains(&"update"), "gone is gone");
    assert!(world.farewell(ann).is_none());
}

#[test]
fn each_way_of_being_sent_off_is_the_asker_s_own() {
    for (scenario, expected) in [
        (Scenario::ServerLeave(true), (DisconnectReason::ServerShutdown, Action::Disconnect)),
        (Scenario::Migration(true), (DisconnectReason::Migration, Action::Reconnect)),
        (Scenario::LeaveRequestFullReconnect(true), (DisconnectReason::StateMismatch, Action::Reconnect)),
    ] {
        let (mut world, ann, bob) = pair();
        world.simulate(bob, scenario);
        assert_eq!(world.farewell(bob), Some(expected));
        assert_eq!((world.closed.as_slice(), world.gone.as_slice()), (&[bob][..], &[bob][..]));
        assert_eq!(world.farewell(ann), None);
    }
}

#[test]
fn a_resume_is_cut_off_once_after_its_first_messages() {
    let (mut world, _, bob) = pair();
    world.simulate(bob, Scenario::DisconnectSignalOnResume(true));
    assert!(world.take(bob).is_empty() && world.closed.is_empty(), "nothing happens before");

    assert_eq!(world.resume("bob"), Connected::Resumed(bob));
    assert_eq!(names(&world.take(bob))[..2], ["reconnect", "update"]);
    assert_eq!((world.closed.as_slice(), world.gone.as_slice()), (&[bob][..], &[][..]), "media goes on");

    assert_eq!(world.resume("bob"), Connected::Resumed(bob));
    assert_eq!((world.closed.len(), names(&world.take(bob))[0]), (1, "reconnect"));
    world.pass(Duration::from_secs(120));
    assert!(world.gone.is_empty());
}

#[test]
fn a_resume_is_cut_off_once_before_its_first_message() {
    let (mut world, _, bob) = pair();
    world.simulate(bob, Scenario::DisconnectSignalOnResumeNoMessages(true));
    let now = world.now();
    world.room.link_lost(bob, now);

    assert_eq!(world.resume("bob"), Connected::CutOff);
    assert!(world.take(bob).is_empty());
    assert_eq!(world.resume("bob"), Connected::Resumed(bob));
    assert_eq!(names(&world.take(bob))[0], "reconnect");
}

#[test]
fn a_resume_long_after_that_is_not_cut_off() {
    for scenario in [Scenario::DisconnectSignalOnResume(true), Scenario::DisconnectSignalOnResumeNoMessages(true)] {
        let (mut world, _, bob) = pair();
        world.simulate(bob, scenario);
        world.pass(Duration::from_secs(6));
        assert_eq!(world.resume("bob"), Connected::Resumed(bob));
        assert!(world.closed.is_empty());
    }
}

#[test]
fn whoever_asks_is_told_that_they_speak_and_the_others_are_told_the_truth() {
    let (mut world, ann, bob) = pair();
    world.simulate(bob, Scenario::SpeakerUpdate(3));
    let sid = world.speakers(bob)[0].0.clone();
    assert!(sid.starts_with("PA_"));
    world.pass(Duration::from_secs(2));
    assert!(world.speakers(bob).is_empty());
    world.pass(Duration::from_secs(1));
    assert_eq!(world.speakers(bob), [(sid.clone(), false)]);
    assert!(world.speakers(ann).is_empty());

    world.simulate(bob, Scenario::SpeakerUpdate(i32::MAX));
    world.room.speakers(&[(bob, 0.5)]);
    world.settle();
    world.take(bob);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.speakers(bob), [(sid, true)], "after a minute at the latest, and so it is");
}

#[test]
fn bandwidth_and_protocol_are_the_packet_path_s_to_change() {
    let (mut world, _, bob) = pair();
    for bits in [300_000, 0, -5] {
        world.simulate(bob, Scenario::SubscriberBandwidth(bits));
    }
    assert_eq!(world.narrowed, [(bob, Some(300_000)), (bob, None), (bob, None)]);
    for protocol in 0..3 {
        world.simulate(bob, Scenario::SwitchCandidateProtocol(protocol));
    }
    assert_eq!(world.switched, [Protocol::Udp, Protocol::Tcp, Protocol::Tls].map(|protocol| (bob, protocol)));
    assert!(world.gone.is_empty() && world.closed.is_empty());
}

#[test]
fn what_we_know_nothing_of_is_passed_over_and_counted() {
    let (mut world, _, bob) = pair();
    let scenarios = [
        None,
        Some(Scenario::SwitchCandidateProtocol(9)),
        Some(Scenario::SpeakerUpdate(-1)),
        Some(Scenario::NodeFailure(false)),
    ];
    for scenario in scenarios {
        let request = lk::SignalRequest { message: Some(Request::Simulate(lk::SimulateScenario { scenario })) };
        let now = world.now();
        let dropped = world.room.client_message(bob, ClientMessage::read(&request.encode_to_vec()).unwrap(), now);
        assert_eq!(dropped, Some(Dropped::Simulation));
        assert!(!world.room.has_output());
    }
}
