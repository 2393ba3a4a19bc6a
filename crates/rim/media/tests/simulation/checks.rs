//! What must hold of every stream somebody received, whatever happened on the way.

use super::film::{Codec, Shot};
use super::peer::{Peer, Received};
use sfu::dependency::Dependencies;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Everything that is wrong with what one client received. `clean` says whose packets all arrived at the shard, in order.
pub(crate) fn faults(peer: &Peer, clean: &HashSet<u16>, muted: &HashMap<u16, Vec<(u32, u32)>>) -> Vec<String> {
    let mut faults = peer.problems.clone();
    let strangers = peer.strangers.iter();
    faults.extend(strangers.map(|(source, (_, what))| format!("source {source} was never announced: {what}")));
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
    let begins = first.key_frame && first.first && (!first.scalable || first.layer == 0);
    if first_sent == Some(first_number & 0xffff) && !begins {
        say(format!("begins with {first:?}"));
    }
    let mut before: Option<(u64, Shot)> = None;
    let mut decoder = Decoder::default();
    for (number, (_, shot)) in &stream.shots {
        if !peer.knows.takes(shot.codec) {
            say(format!("it does not know the codec of {shot:?}"));
            return;
        }
        let last = before.filter(|(last, _)| last + 1 == *number).map(|(_, last)| last);
        let order = last.map_or(Ok(()), |last| follows(&last, shot));
        let described = stream.descriptors.get(number);
        if let Err(fault) = order.and_then(|()| decoder.take(last.as_ref(), *number, shot, described)) {
            say(format!("{fault} at {number}: {last:?}, then {shot:?}"));
            return;
        }
        before = Some((*number, *shot));
    }
}

/// Whether a packet may come right after another in one stream.
fn follows(last: &Shot, shot: &Shot) -> Result<(), &'static str> {
    let same_source = (last.publisher, last.camera) == (shot.publisher, shot.camera)
        && (last.layer == shot.layer || shot.scalable && last.scalable);
    let same_picture = same_source && last.frame == shot.frame;
    if !shot.first {
        return if same_picture && last.layer == shot.layer && !last.last && last.picture_id == shot.picture_id {
            Ok(())
        } else {
            Err("a picture goes on that did not begin")
        };
    }
    if same_picture && shot.scalable {
        let above = last.last && last.layer + 1 == shot.layer && !last.marker;
        return if above { numbers(last, shot) } else { Err("the sizes of a picture are not in order") };
    }
    if shot.scalable && shot.layer > 0 {
        return Err("a picture begins in the middle");
    }
    // One may be cut short by a key picture of another size that overtakes the rest of it.
    if !last.marker && (shot.scalable || !shot.key_frame) {
        return Err("nothing says that the picture before is over");
    }
    if !same_source && !shot.key_frame {
        return Err("another stream begins without a key frame");
    }
    if !shot.key_frame && shot.base.wrapping_sub(last.base) != u8::from(shot.temporal == 0) {
        return Err("pictures are missing that others depend on");
    }
    numbers(last, shot)
}

/// Whether what the codec counts goes on.
fn numbers(last: &Shot, shot: &Shot) -> Result<(), &'static str> {
    let new_picture = last.frame != shot.frame || !shot.scalable;
    let bits = if shot.codec == Codec::Av1 { 0xffff } else { 0x7fff };
    let step = shot.picture_id.wrapping_sub(last.picture_id) & bits;
    let as_counted = step == shot.id.wrapping_sub(last.id) & bits;
    // A switch goes on right behind what was sent last, and so does whatever comes after something was withheld.
    let fits = match shot.codec {
        Codec::H264 => true,
        Codec::Vp8 => step == 1,
        Codec::Vp9 | Codec::Av1 => as_counted || (shot.key_frame && step == 1),
    };
    if !fits {
        return Err("the picture ids are not continuous");
    }
    let base_step = shot.base_index.wrapping_sub(last.base_index);
    let expected = u8::from(new_picture && shot.temporal == 0);
    let fits = match shot.codec {
        Codec::H264 | Codec::Av1 => true,
        Codec::Vp8 => base_step == expected,
        Codec::Vp9 => base_step == expected || (shot.key_frame && base_step == shot.base.wrapping_sub(last.base)),
    };
    if fits { Ok(()) } else { Err("the base indices are not continuous") }
}

/// What a receiver has of a stream whose pictures say on what they depend.
#[derive(Debug, Default)]
struct Decoder {
    /// The largest size of the newest picture of the temporal layer 0.
    size: Option<u8>,
    /// The largest size that what comes of the picture under way may have.
    reach: Option<u8>,
    structure: Option<Dependencies>,
    /// Decode targets that are sent, as told last.
    active: u32,
}

impl Decoder {
    /// Whether it can make something of the next packet. Before it there is `last`, unless packets are missing.
    fn take(
        &mut self,
        last: Option<&Shot>,
        number: u64,
        shot: &Shot,
        described: Option<&(u32, Vec<u8>)>,
    ) -> Result<(), &'static str> {
        if last.is_none() {
            *self = Self::default();
        }
        if shot.scalable && shot.first {
            if shot.layer == 0 {
                self.reach = if shot.key_frame { Some(u8::MAX) } else { self.size };
            }
            if self.reach.is_some_and(|reach| reach < shot.layer) {
                return Err("a size begins without a key picture");
            }
            if shot.temporal == 0 && self.reach.is_some() {
                self.size = Some(shot.layer);
            }
        }
        if shot.codec == Codec::Av1 { self.describe(number, shot, described) } else { Ok(()) }
    }

    fn describe(&mut self, number: u64, shot: &Shot, described: Option<&(u32, Vec<u8>)>) -> Result<(), &'static str> {
        let Some((timestamp, descriptor)) = described else { return Err("a descriptor is missing") };
        if shot.first && shot.key_frame && (shot.layer == 0 || !shot.scalable) {
            self.structure = Some(Dependencies::new());
        }
        let Some(structure) = &mut self.structure else { return Ok(()) };
        let Some(frame) = structure.read(descriptor, *timestamp, number) else {
            return Err("a descriptor cannot be read");
        };
        let spatial = if shot.scalable { shot.layer } else { 0 };
        let told = (frame.start_of_frame, frame.end_of_frame, frame.spatial, frame.temporal, frame.inter_predicted);
        if told != (shot.first, shot.last, spatial, shot.temporal, !shot.key_frame) {
            return Err("a descriptor is not that of its packet");
        }
        self.active = frame.active.unwrap_or(self.active);
        let reaches = |(spatial, temporal)| self.active & structure.targets_within(&frame, spatial, temporal);
        // Some target that is sent goes up to it: more of them do than only those that stay below.
        let all = reaches((u8::MAX, u8::MAX));
        let below = spatial.checked_sub(1).map_or(0, |below| reaches((below, u8::MAX)));
        let slower = shot.temporal.checked_sub(1).map_or(0, |slower| reaches((u8::MAX, slower)));
        if all & !below & !slower == 0 {
            return Err("no decode target that is sent has this picture");
        }
        if shot.marker && shot.scalable && self.active & !structure.targets_within(&frame, spatial, u8::MAX) != 0 {
            return Err("a decode target is promised that is not sent");
        }
        Ok(())
    }
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

/// Pictures of a publisher whose end came between two moments, whether or not there was all that they depend on.
pub(crate) fn ends(peer: &Peer, publisher: u16, from: Instant, to: Instant) -> usize {
    let shots = peer.received.values().flat_map(|stream| stream.shots.values());
    shots.filter(|(at, shot)| shot.publisher == publisher && shot.marker && (from..=to).contains(at)).count()
}

/// Pictures of a publisher that could be shown between two moments.
pub(crate) fn shown(peer: &Peer, publisher: u16, from: Instant, to: Instant) -> usize {
    let is_asked = |(at, by): &(Instant, u16)| *by == publisher && (from..=to).contains(at);
    peer.received.values().map(|stream| decoded(stream).into_iter().filter(is_asked).count()).sum()
}

/// Packets of a publisher's larger pictures between two moments.
pub(crate) fn large_parts(peer: &Peer, publisher: u16, from: Instant, to: Instant) -> usize {
    let shots = peer.received.values().flat_map(|stream| stream.shots.values());
    shots.filter(|(at, shot)| shot.publisher == publisher && shot.layer > 0 && (from..=to).contains(at)).count()
}

/// The pictures of a stream that could be shown, whole, and with all they depend on: when, and whose.
pub(crate) fn decoded(stream: &Received) -> Vec<(Instant, u16)> {
    let mut shown = Vec::new();
    // Whose camera, the size unless all come together, and the newest picture of the temporal layer 0.
    let mut decoder: Option<(u16, u8, u8, u8)> = None;
    let mut under_way: Option<(u64, Shot)> = None;
    for (number, (at, shot)) in &stream.shots {
        let size = if shot.scalable { 0 } else { shot.layer };
        let begins = shot.first && (!shot.scalable || shot.layer == 0);
        let goes_on = under_way.is_some_and(|(last, begun)| {
            (last + 1, begun.publisher, begun.frame) == (*number, shot.publisher, shot.frame)
        });
        let begun = under_way.map(|(_, begun)| begun).filter(|_| goes_on);
        let Some(begun) = begun.or(Some(*shot).filter(|_| begins)) else {
            under_way = None;
            continue;
        };
        under_way = Some((*number, begun));
        if shot.marker {
            let known = decoder.is_some_and(|(publisher, camera, of, base)| {
                (publisher, camera, of) == (begun.publisher, begun.camera, size)
                    && begun.base.wrapping_sub(base) == u8::from(begun.temporal == 0)
            });
            if begun.key_frame || known {
                decoder = Some((begun.publisher, begun.camera, size, begun.base));
                shown.push((*at, begun.publisher));
            }
        }
    }
    shown
}
