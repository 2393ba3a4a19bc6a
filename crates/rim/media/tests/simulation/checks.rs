//! What must hold of every stream somebody received, whatever happened on the way.

use super::film::Shot;
use super::peer::{Peer, Received};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Everything that is wrong with what one client received. `clean` says whose packets all arrived at the shard, in order.
pub(crate) fn faults(peer: &Peer, clean: &HashSet<u16>, muted: &HashMap<u16, Vec<(u32, u32)>>) -> Vec<String> {
    let mut faults = peer.problems.clone();
    for (source, stream) in &peer.received {
        let mut say = |fault: String| faults.push(format!("source {source}: {fault}"));
        pictures(peer, *source, stream, &mut say);
        let publishers: HashSet<u16> = stream
            .shots
            .values()
            .map(|(_, shot)| shot.publisher)
            .chain(stream.sounds.values().map(|(_, sound)| sound.publisher))
            .collect();
        if publishers.contains(&peer.number) {
            say("its own voice or picture".into());
        }
        for (_, sound) in stream.sounds.values() {
            if muted
                .get(&sound.publisher)
                .is_some_and(|spans| spans.iter().any(|(from, to)| (*from..*to).contains(&sound.number)))
            {
                say(format!("sound {} of {} was sent while muted", sound.number, sound.publisher));
                break;
            }
        }
        let Some(sent) = peer.sent.get(source) else { continue };
        if sent.repeated > 0 {
            say(format!("{} numbers were used twice", sent.repeated));
        }
        if publishers.is_subset(clean) && !sent.missing.is_empty() {
            let mut missing: Vec<u64> = sent.missing.iter().copied().collect();
            missing.sort_unstable();
            missing.truncate(5);
            say(format!("{} of {} numbers were left out: {missing:?}…", sent.missing.len(), sent.count));
        }
    }
    faults
}

fn pictures(peer: &Peer, source: u32, stream: &Received, say: &mut impl FnMut(String)) {
    let Some((first_number, (_, first))) = stream.shots.first_key_value() else { return };
    let first_sent = peer.sent.get(&source).map(|sent| sent.first & 0xffff);
    if first_sent == Some(first_number & 0xffff) && !first.key_frame {
        say(format!("begins with {first:?}"));
    }
    let mut before: Option<(u64, Shot)> = None;
    for (number, (_, shot)) in &stream.shots {
        if let Some((last_number, last)) = before
            && last_number + 1 == *number
            && let Err(fault) = follows(&last, shot)
        {
            say(format!("{fault} at {number}: {last:?}, then {shot:?}"));
            return;
        }
        before = Some((*number, *shot));
    }
}

/// Whether a packet may come right after another in one stream.
fn follows(last: &Shot, shot: &Shot) -> Result<(), &'static str> {
    let same_source = (last.publisher, last.camera, last.layer) == (shot.publisher, shot.camera, shot.layer);
    let step = shot.picture_id.wrapping_sub(last.picture_id) & 0x7fff;
    if !shot.first {
        return if same_source && last.frame == shot.frame && step == 0 {
            Ok(())
        } else {
            Err("a picture goes on that did not begin")
        };
    }
    if step != 1 {
        return Err("the picture ids are not continuous");
    }
    if !same_source && !shot.key_frame {
        return Err("another stream begins without a key frame");
    }
    let base_step = shot.base_index.wrapping_sub(last.base_index);
    if base_step != u8::from(shot.temporal == 0) {
        return Err("the base indices are not continuous");
    }
    Ok(())
}

/// The longest time without sound of a publisher between two moments.
pub(crate) fn longest_silence(peer: &Peer, publisher: u16, from: Instant, to: Instant) -> Duration {
    let mut heard: Vec<Instant> = peer
        .received
        .values()
        .flat_map(|stream| stream.sounds.values())
        .filter(|(at, sound)| sound.publisher == publisher && (from..=to).contains(at))
        .map(|(at, _)| *at)
        .collect();
    heard.sort_unstable();
    heard.insert(0, from);
    heard.push(to);
    heard.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// Pictures of a publisher that could be shown between two moments: whole, and with all they depend on.
pub(crate) fn shown(peer: &Peer, publisher: u16, from: Instant, to: Instant) -> usize {
    let mut shown = 0;
    for stream in peer.received.values() {
        let mut decoder: Option<(u8, u8, u32)> = None;
        let mut under_way: Option<(u64, Shot)> = None;
        for (number, (at, shot)) in stream.shots.iter().filter(|(_, (_, shot))| shot.publisher == publisher) {
            let goes_on = under_way.is_some_and(|(last, begun)| last + 1 == *number && begun.frame == shot.frame);
            if shot.first || goes_on {
                let begun = if shot.first { *shot } else { under_way.map_or(*shot, |(_, begun)| begun) };
                under_way = Some((*number, begun));
                if shot.last {
                    let known = decoder.is_some_and(|(camera, layer, base)| {
                        (camera, layer) == (begun.camera, begun.layer)
                            && begun.base_index.wrapping_sub(u8::try_from(base).unwrap())
                                == u8::from(begun.temporal == 0)
                    });
                    if begun.key_frame || known {
                        decoder = Some((begun.camera, begun.layer, u32::from(begun.base_index)));
                        shown += usize::from((from..=to).contains(at));
                    }
                }
            } else {
                under_way = None;
            }
        }
    }
    shown
}
