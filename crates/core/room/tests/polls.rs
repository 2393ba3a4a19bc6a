//! Polls: one vote each, and nobody learns more than they may.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::policy::Denial;
use proptest::prelude::*;
use prost::Message;
use room::{ClientSubject, PollAsk, PollRefusal, PollReport};
use scene::{Scene, data, user};
use wire::pnm::{self, DataMsgBodyType as Body, NatsMsgServerToClientEvents as Event};

fn wish(question: &str, options: &[&str]) -> pnm::CreatePollReq {
    let options = options.iter().zip(1..).map(|(text, id)| pnm::CreatePollOptions { id, text: (*text).into() });
    pnm::CreatePollReq { question: question.into(), options: options.collect(), ..Default::default() }
}

/// Ana moderates, ben and eva attend.
fn meeting() -> Scene {
    let mut scene = Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        features.polls_features = Some(pnm::PollsFeatures { is_allow: true, is_active: false });
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
    }
    scene
}

fn ask(scene: &mut Scene, by: &str, ask: PollAsk) -> Result<pnm::PollResponse, PollRefusal> {
    let now = scene.now();
    let told = scene.room.poll(now, &user(by), ask);
    scene.drain();
    told
}

fn create(scene: &mut Scene, change: impl FnOnce(&mut pnm::CreatePollReq)) -> String {
    let mut wish = wish("Tea or coffee?", &["tea", "coffee", "water"]);
    change(&mut wish);
    ask(scene, "ana", PollAsk::Create(wish)).unwrap().poll_id.unwrap()
}

fn vote(scene: &mut Scene, by: &str, poll: &str, chosen: &[u64]) -> Result<pnm::PollResponse, PollRefusal> {
    ask(scene, by, PollAsk::Vote { poll: poll.into(), chosen: chosen.into() })
}

fn counts(scene: &mut Scene, by: &str, poll: &str) -> Vec<u64> {
    let told = ask(scene, by, PollAsk::Result(poll.into())).unwrap().poll_responses_result.unwrap();
    told.options.iter().map(|option| option.vote_count).collect()
}

fn reports(scene: &Scene) -> Vec<PollReport> {
    scene.room.poll_reports(&user("ana"), None).unwrap()
}

fn details(scene: &mut Scene, poll: &str) -> BTreeMap<String, String> {
    ask(scene, "ana", PollAsk::Details(poll.into())).unwrap().responses
}

fn choice(scene: &mut Scene, by: &str, poll: &str, whose: &str) -> Result<pnm::PollResponse, PollRefusal> {
    ask(scene, by, PollAsk::Choice { poll: poll.into(), whose: whose.into() })
}

#[test]
fn polls_are_turned_on_for_everybody() {
    let mut scene = meeting();
    ask(&mut scene, "ana", PollAsk::Activate(true)).unwrap();

    let mail = scene.take_mail("ben");
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].event, Event::RoomMetadataUpdate);
    assert!(mail[0].msg.contains(r#""polls_features":{"is_allow":true,"is_active":true}"#), "{}", mail[0].msg);
    ask(&mut scene, "ana", PollAsk::Activate(true)).unwrap();
    assert_eq!(scene.events("ben"), [], "they were on already");
}

#[test]
fn a_new_poll_is_announced_to_everybody_but_its_maker_and_its_end_to_all() {
    let mut scene = meeting();
    let poll = create(&mut scene, |_| {});

    assert_eq!(scene.take_mail("ana"), []);
    let mail = scene.take_mail("ben");
    assert_eq!((mail[0].event, mail[0].msg.as_str()), (Event::PollCreated, poll.as_str()));

    ask(&mut scene, "ana", PollAsk::Close(poll.clone())).unwrap();
    for id in ["ana", "ben"] {
        let mail = scene.take_mail(id);
        assert_eq!((mail[0].event, mail[0].msg.as_str()), (Event::PollClosed, poll.as_str()));
    }
    ask(&mut scene, "ana", PollAsk::Close(poll)).unwrap();
    assert_eq!(scene.events("ben"), [], "it was closed already");
}

#[test]
fn somebody_in_the_waiting_room_hears_of_no_poll() {
    let mut scene = Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        features.polls_features = Some(pnm::PollsFeatures { is_allow: true, is_active: true });
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ben");

    let poll = create(&mut scene, |_| {});

    assert_eq!(scene.events("ben"), []);
    assert_eq!(vote(&mut scene, "ben", &poll, &[1]), Err(PollRefusal::Denied(Denial::Waiting)));
    assert_eq!(ask(&mut scene, "ben", PollAsk::List), Err(PollRefusal::Denied(Denial::Waiting)));
}

#[test]
fn a_vote_counts_once_while_the_poll_runs() {
    let mut scene = meeting();
    let poll = create(&mut scene, |_| {});

    vote(&mut scene, "ben", &poll, &[2]).unwrap();
    assert_eq!(vote(&mut scene, "ben", &poll, &[1]), Err(PollRefusal::Voted));
    let own = choice(&mut scene, "ben", &poll, "ben").unwrap();
    assert_eq!((own.voted, own.has_voted, own.voted_options), (Some(2), true, vec![2]));
    assert_eq!(choice(&mut scene, "eva", &poll, "eva").unwrap().voted, Some(0));
    assert_eq!(ask(&mut scene, "eva", PollAsk::Total(poll.clone())).unwrap().total_responses, Some(1));

    ask(&mut scene, "ana", PollAsk::Close(poll.clone())).unwrap();
    assert_eq!(vote(&mut scene, "eva", &poll, &[1]), Err(PollRefusal::Closed));
    assert_eq!(counts(&mut scene, "eva", &poll), [0, 1, 0]);
}

#[test]
fn a_vote_is_for_options_of_the_poll() {
    let mut scene = meeting();
    let single = create(&mut scene, |_| {});
    let double = create(&mut scene, |wish| (wish.multiple_choice, wish.max_choices) = (true, 2));
    let any = create(&mut scene, |wish| wish.multiple_choice = true);

    for (poll, chosen) in [
        (&single, &[][..]),
        (&single, &[0]),
        (&single, &[4]),
        (&single, &[u64::MAX]),
        (&single, &[1, 2]),
        (&double, &[1, 1]),
        (&double, &[1, 9]),
        (&double, &[1, 2, 3]),
        (&any, &[1, 2, 3, 4]),
    ] {
        assert_eq!(vote(&mut scene, "ben", poll, chosen), Err(PollRefusal::NoOption), "{chosen:?}");
    }
    assert_eq!(vote(&mut scene, "ben", "nothing", &[1]), Err(PollRefusal::Unknown));
    vote(&mut scene, "ben", &double, &[3, 1]).unwrap();
    vote(&mut scene, "ben", &any, &[1, 2, 3]).unwrap();
    assert_eq!(counts(&mut scene, "ana", &double), [1, 0, 1]);
    assert_eq!(ask(&mut scene, "ana", PollAsk::Total(any)).unwrap().total_responses, Some(1), "people count");
    assert_eq!(choice(&mut scene, "ben", &double, "ben").unwrap().voted_options, [1, 3]);
}

#[test]
fn a_poll_has_a_question_and_real_options() {
    let mut scene = meeting();
    let long = "x".repeat(1001);
    let many: Vec<&str> = vec!["x"; 51];
    let mut twice = wish("q", &["a", "b"]);
    twice.options[1].id = 1;
    let mut zero = wish("q", &["a", "b"]);
    zero.options[0].id = 0;
    for bad in [
        wish("", &["a", "b"]),
        wish(" \u{7} ", &["a", "b"]),
        wish(&long, &["a", "b"]),
        wish("q", &[]),
        wish("q", &["a"]),
        wish("q", &["a", " "]),
        wish("q", &["a", &"x".repeat(256)]),
        wish("q", &many),
        twice,
        zero,
    ] {
        assert_eq!(ask(&mut scene, "ana", PollAsk::Create(bad)), Err(PollRefusal::Incomplete));
    }
    for number in 0..200 {
        ask(&mut scene, "ana", PollAsk::Create(wish(&number.to_string(), &["a", "b"]))).unwrap();
    }
    let one_more = ask(&mut scene, "ana", PollAsk::Create(wish("q", &["a", "b"])));
    assert_eq!(one_more, Err(PollRefusal::TooMany));
    let stats = ask(&mut scene, "ben", PollAsk::Stats).unwrap().stats.unwrap();
    assert_eq!((stats.total_polls, stats.total_running), (200, 200));
}

#[test]
fn only_moderators_make_polls_and_see_who_voted_and_rooms_without_polls_have_none() {
    let mut scene = meeting();
    let poll = create(&mut scene, |_| {});
    vote(&mut scene, "ben", &poll, &[1]).unwrap();

    let denied = Err(PollRefusal::Denied(Denial::NotModerator));
    assert_eq!(ask(&mut scene, "ben", PollAsk::Create(wish("q", &["a", "b"]))), denied);
    assert_eq!(ask(&mut scene, "ben", PollAsk::Close(poll.clone())), denied);
    assert_eq!(ask(&mut scene, "ben", PollAsk::Activate(true)), denied);
    assert_eq!(ask(&mut scene, "ben", PollAsk::Details(poll.clone())), denied);
    assert_eq!(choice(&mut scene, "eva", &poll, "ben"), Err(PollRefusal::NotYours));
    assert_eq!(choice(&mut scene, "eva", "", "eva"), Err(PollRefusal::NoId));
    assert_eq!(ask(&mut scene, "eva", PollAsk::Result(poll.clone())), Err(PollRefusal::Running));
    assert_eq!(counts(&mut scene, "ana", &poll), [1, 0, 0], "a moderator looks earlier");
    assert_eq!(choice(&mut scene, "ana", &poll, "ben").unwrap().voted, Some(1));

    let mut without = Scene::new(|_| {});
    without.join_admin("ana");
    let refused = ask(&mut without, "ana", PollAsk::Create(wish("q", &["a", "b"])));
    assert_eq!(refused, Err(PollRefusal::Denied(Denial::FeatureOff)));
}

#[test]
fn whoever_only_watches_has_no_vote() {
    let mut scene = meeting();
    scene.admit("spy", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("spy");
    let poll = create(&mut scene, |_| {});
    assert_eq!(vote(&mut scene, "spy", &poll, &[1]), Err(PollRefusal::Denied(Denial::Spectator)));
    assert!(ask(&mut scene, "spy", PollAsk::List).is_ok(), "they see what others see");
}

#[test]
fn respondents_are_told_in_a_form_that_names_cannot_break() {
    let mut scene = meeting();
    scene.admit("x", |ticket| ticket.name = "a:b\"c".into()).unwrap();
    scene.connect("x");
    let poll = create(&mut scene, |wish| wish.multiple_choice = true);
    assert_eq!(details(&mut scene, &poll)["all_respondents"], "[]");
    assert_eq!(details(&mut scene, &poll)["total_resp"], "0");

    vote(&mut scene, "x", &poll, &[3, 1]).unwrap();

    let details = details(&mut scene, &poll);
    assert_eq!(details["all_respondents"], r#"["x:1:ab\"c","x:3:ab\"c"]"#);
    assert_eq!(details["total_resp"], "1");
    assert_eq!(["1_count", "2_count", "3_count"].map(|key| details[key].as_str()), ["1", "0", "1"]);
}

#[test]
fn nobody_learns_who_chose_what_in_an_anonymous_poll_not_even_the_journal() {
    let mut scene = meeting();
    let poll = create(&mut scene, |wish| wish.anonymous = true);
    vote(&mut scene, "ben", &poll, &[2]).unwrap();
    vote(&mut scene, "eva", &poll, &[2]).unwrap();

    assert_eq!(vote(&mut scene, "ben", &poll, &[1]), Err(PollRefusal::Voted));
    assert_eq!(details(&mut scene, &poll)["all_respondents"], "[]");
    assert_eq!(details(&mut scene, &poll)["2_count"], "2");
    assert_eq!(choice(&mut scene, "ana", &poll, "ben"), Err(PollRefusal::Anonymous));
    let own = choice(&mut scene, "ben", &poll, "ben").unwrap();
    assert_eq!((own.voted, own.has_voted, own.voted_options), (Some(4_294_967_295), true, vec![]));
    assert!(reports(&scene)[0].votes.is_empty());
    for (key, value) in &scene.journal {
        assert!(!key.starts_with("vote.") || value.is_empty(), "{key} says more than that somebody voted");
    }
}

#[test]
fn a_moderator_takes_the_results_along_whole_or_of_one_poll_and_nobody_else_does() {
    let mut scene = meeting();
    let first = create(&mut scene, |wish| wish.multiple_choice = true);
    let second = create(&mut scene, |_| {});
    vote(&mut scene, "ben", &first, &[1, 3]).unwrap();
    ask(&mut scene, "ana", PollAsk::Close(second.clone())).unwrap();

    let all = reports(&scene);
    assert_eq!(all.iter().map(|report| report.id.as_str()).collect::<Vec<_>>(), [&first, &second]);
    let [whole, closed] = &all[..] else { panic!("two polls") };
    assert_eq!((whole.total, whole.multiple_choice, whole.closed_ms), (1, true, None));
    assert_eq!(whole.options.iter().map(|option| option.votes).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!((whole.votes[0].user.as_str(), &whole.votes[0].chosen[..]), ("ben", &[1, 3][..]));
    assert_eq!(whole.votes[0].name, "Name of ben");
    assert_eq!(closed.closed_ms, Some(scene.now().unix_ms));
    assert_eq!(scene.room.poll_reports(&user("ana"), Some(&second)).unwrap(), all[1..]);
    assert_eq!(scene.room.poll_reports(&user("ana"), Some("x")), Err(PollRefusal::Unknown));
    assert_eq!(scene.room.poll_reports(&user("ben"), None), Err(Denial::NotModerator.into()));
}

#[test]
fn live_results_are_for_everybody() {
    let mut scene = meeting();
    let poll = create(&mut scene, |wish| wish.live_results = true);
    vote(&mut scene, "eva", &poll, &[3]).unwrap();
    assert_eq!(counts(&mut scene, "ben", &poll), [0, 0, 1]);
    let listed = ask(&mut scene, "ben", PollAsk::List).unwrap().polls;
    assert_eq!((listed[0].live_results, listed[0].total_responses), (true, 1));
}

#[test]
fn polls_survive_a_restart() {
    let mut scene = meeting();
    let open = create(&mut scene, |wish| (wish.multiple_choice, wish.max_choices) = (true, 2));
    let secret = create(&mut scene, |wish| wish.anonymous = true);
    let closed = create(&mut scene, |_| {});
    vote(&mut scene, "ben", &open, &[1, 3]).unwrap();
    vote(&mut scene, "ben", &secret, &[2]).unwrap();
    vote(&mut scene, "eva", &closed, &[2]).unwrap();
    ask(&mut scene, "ana", PollAsk::Close(closed.clone())).unwrap();
    let before = (ask(&mut scene, "ana", PollAsk::List), details(&mut scene, &open), reports(&scene));

    let mut scene = scene.restart(Duration::from_secs(2));

    assert_eq!((ask(&mut scene, "ana", PollAsk::List), details(&mut scene, &open), reports(&scene)), before);
    assert_eq!(counts(&mut scene, "ana", &secret), [0, 1, 0]);
    assert_eq!(vote(&mut scene, "ben", &secret, &[1]), Err(PollRefusal::Voted));
    assert_eq!(vote(&mut scene, "ben", &closed, &[1]), Err(PollRefusal::Closed));
    vote(&mut scene, "eva", &open, &[2]).unwrap();
    let next = create(&mut scene, |_| {});
    assert_eq!(ask(&mut scene, "ben", PollAsk::List).unwrap().polls[3].id, next, "it comes after the others");
}

#[test]
fn word_of_a_vote_says_nothing_of_its_voter() {
    let mut scene = meeting();
    let poll = create(&mut scene, |_| {});
    scene.publish("ben", ClientSubject::Data, data("ben", Body::NewPollResponse, "nonsense").encode_to_vec());
    assert_eq!(scene.heard("ana"), Vec::<bytes::Bytes>::new(), "of no poll");

    scene.publish("ben", ClientSubject::Data, data("ben", Body::NewPollResponse, &poll).encode_to_vec());

    let heard = scene.heard("ana");
    let message = pnm::DataChannelMessage::decode(heard[0].clone()).unwrap();
    assert_eq!((message.from_user_id.as_str(), message.message), ("system", poll));
}

proptest! {
    /// Whatever people try, counts are those of a plain tally of first valid votes, now and after a restart.
    #[test]
    fn counts_are_those_of_first_valid_votes(
        anonymous in any::<bool>(),
        most in 0u32..4,
        tries in proptest::collection::vec((0usize..3, proptest::collection::vec(0u64..6, 0..5)), 0..12),
    ) {
        let mut scene = meeting();
        let poll = create(&mut scene, |wish| {
            (wish.anonymous, wish.multiple_choice, wish.max_choices) = (anonymous, true, most);
        });
        let mut expected = [0u64; 3];
        let mut voted = BTreeSet::new();
        for (who, chosen) in tries {
            let limit = if most == 0 { 3 } else { most as usize };
            let distinct: BTreeSet<u64> = chosen.iter().copied().filter(|id| (1..=3).contains(id)).collect();
            let valid = !chosen.is_empty() && chosen.len() <= limit && distinct.len() == chosen.len();
            let accepted = vote(&mut scene, ["ana", "ben", "eva"][who], &poll, &chosen).is_ok();
            prop_assert_eq!(accepted, valid && !voted.contains(&who));
            if accepted {
                voted.insert(who);
                for id in chosen {
                    expected[usize::try_from(id).unwrap() - 1] += 1;
                }
            }
        }
        prop_assert_eq!(counts(&mut scene, "ana", &poll), expected.to_vec());
        let mut scene = scene.restart(Duration::from_secs(1));
        prop_assert_eq!(counts(&mut scene, "ana", &poll), expected.to_vec());
        let total = ask(&mut scene, "ana", PollAsk::Total(poll)).unwrap().total_responses;
        prop_assert_eq!(total, Some(voted.len() as u64));
    }
}
