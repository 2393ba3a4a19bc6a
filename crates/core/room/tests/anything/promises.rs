//! What the room says of people and what they may do: the two must agree after every step.

use std::collections::{BTreeMap, BTreeSet};

use model::media::Source;
use room::{AuthorizeRefusal, Room};
use serde_json::Value;

use crate::scene::user;
use crate::{NAMES, SECRET};

/// `metadata` and `people` as the room shows them.
pub(crate) fn check(room: &Room, metadata: &Value, people: &BTreeMap<String, Value>) {
    hands_have_an_order(people);
    for (id, person) in people.iter().filter(|(id, _)| !SECRET.contains(&id.as_str())) {
        rights_follow_locks(room, metadata, id, person);
        nobody_is_held_without_reason(metadata, person);
    }
    let extra = &metadata["extra_data"];
    let is_blocked = |name: &&&str| room.authorize(&user(name), None) == Err(AuthorizeRefusal::Blocked);
    let blocked = NAMES.iter().filter(is_blocked).count();
    assert_eq!(extra.get("plenum_blocked"), (blocked > 0).then(|| Value::from(blocked.to_string())).as_ref());
    for lit in extra["plenum_spotlight"].as_str().into_iter().flat_map(|list| list.split(',')) {
        assert!(room.authorize(&user(lit), None).is_ok(), "{lit} is in the spotlight and was sent out");
    }
}

fn hands_have_an_order(people: &BTreeMap<String, Value>) {
    let mut hands = BTreeSet::new();
    for hand in people.values().map(|person| &person["raised_hand"]).filter(|hand| hand["is_raised"] == true) {
        assert!(hands.insert(hand["raised_at"].to_string()), "two hands at the same time");
    }
}

fn rights_follow_locks(room: &Room, metadata: &Value, id: &str, person: &Value) {
    let is_admin = person["is_admin"] == true;
    let publish = room.media_permission(&user(id)).unwrap().publish;
    let (own, by_default) = (&person["lock_settings"], &metadata["default_lock_settings"]);
    let hosts_alone = metadata["room_features"]["admin_only_webcams"] == true;
    for (lock, source) in [
        ("lock_microphone", Source::Microphone),
        ("lock_webcam", Source::Camera),
        ("lock_screen_sharing", Source::ScreenShare),
    ] {
        let is_locked = own.get(lock).or_else(|| by_default.get(lock)).is_some_and(|on| on == true);
        let is_theirs = is_admin || !(is_locked || (source == Source::Camera && hosts_alone));
        let waits = person["wait_for_approval"] == true;
        assert_eq!(publish.contains(source), !waits && is_theirs, "{id} {lock}");
    }
}

fn nobody_is_held_without_reason(metadata: &Value, person: &Value) {
    if person["extra_data"].get("plenum_held").is_none() {
        return;
    }
    assert!(person["is_admin"] != true && person["lock_settings"]["lock_microphone"] == true, "what is held is locked");
    assert!(metadata["extra_data"].get("plenum_self_unmute").is_some(), "hosts say who speaks");
}
