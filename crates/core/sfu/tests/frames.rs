//! Whole frames cut into packets and put together again, over a network that loses, repeats and shuffles.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sfu::codec::Codec;
use sfu::dependency::Dependencies;
use sfu::frames::assembler::{Assembler, Packet};
use sfu::frames::packetizer::{CutError, MAX_PAYLOAD, Packetizer};
use sfu::frames::{Format, Frame, MAX_FRAME};
use std::time::{Duration, Instant};

const VIDEO: [Codec; 4] = [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264];

/// RTP ticks between pictures.
const STEP: u32 = 3000;

/// A picture that says which it is, as an encoder of that codec makes it.
fn picture(codec: Codec, number: u8, key: bool, size: usize) -> Vec<u8> {
    let body = |head: &[u8]| {
        let mut bytes = head.to_vec();
        bytes.resize(head.len() + size.max(1), number | 0x80);
        bytes
    };
    match codec {
        Codec::Vp8 => body(&[u8::from(!key), 0, 0, 0x9d]),
        Codec::Vp9 => body(&[if key { 0x82 } else { 0x86 }, 0x49]),
        Codec::Av1 => {
            // A sequence header of two bytes and a frame, each with its size in two bytes of `leb128` or one.
            let mut bytes = if key { vec![0x0a, 2, 7, 8] } else { Vec::new() };
            let frame = body(&[]);
            bytes.extend([0x32, frame.len() as u8 & 0x7f | 0x80, (frame.len() >> 7) as u8 & 0x7f | 0x80]);
            bytes.push((frame.len() >> 14) as u8);
            bytes.extend(frame);
            bytes
        }
        Codec::H264 => {
            let slice = body(&[0, 0, 0, 1, if key { 0x65 } else { 0x61 }]);
            let sets = [0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0x8c, 9, 0, 0, 0, 1, 0x68, 0xce, 9];
            if key { [&sets[..], &slice].concat() } else { slice }
        }
    }
}

/// AV1 units with their sizes as short as they can be: what travels is the same, sizes are written anew.
fn same(codec: Codec, one: &[u8], other: &[u8]) -> bool {
    codec != Codec::Av1 && one == other || codec == Codec::Av1 && one.ends_with(&other[other.len() - 1..])
}

/// The packets of pictures; those numbered in `keys` are key frames.
fn film(codec: Codec, sizes: &[usize], keys: &[usize]) -> (Vec<Vec<u8>>, Vec<Packet>) {
    let mut cutter = Packetizer::new(Format::Video(codec));
    let start = Instant::now();
    let mut packets = Vec::new();
    let mut pictures = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let data = picture(codec, index as u8, keys.contains(&index), *size);
        let timestamp = index as u32 * STEP;
        let pieces = cutter.cut(timestamp, &data).unwrap();
        packets.extend(pieces.into_iter().map(|piece| Packet {
            format: Format::Video(codec),
            sequence: piece.sequence,
            timestamp,
            marker: piece.marker,
            captured: start + Duration::from_millis(33 * index as u64),
            rotation: None,
            audio_level: None,
            payload: piece.payload,
        }));
        pictures.push(data);
    }
    (pictures, packets)
}

/// Everything that comes out, if a packet arrives each millisecond.
fn watch(packets: impl IntoIterator<Item = Packet>) -> Vec<Frame> {
    watch_slowly(packets, Duration::from_millis(1))
}

/// The same, if they arrive so far apart.
fn watch_slowly(packets: impl IntoIterator<Item = Packet>, pause: Duration) -> Vec<Frame> {
    let mut assembler = Assembler::new();
    let mut now = Instant::now();
    let mut frames = Vec::new();
    for packet in packets {
        now += pause;
        assembler.push(packet, now);
        frames.extend(std::iter::from_fn(|| assembler.poll()));
    }
    frames
}

fn numbers(frames: &[Frame]) -> Vec<u32> {
    frames.iter().map(|frame| frame.timestamp / STEP).collect()
}

#[test]
fn pictures_of_every_codec_come_out_as_they_went_in() {
    for codec in VIDEO {
        let (pictures, packets) = film(codec, &[4000, 10, MAX_PAYLOAD, 3 * MAX_PAYLOAD], &[0, 2]);
        assert!(packets.iter().all(|packet| packet.payload.len() <= MAX_PAYLOAD), "{codec:?}");

        let frames = watch(packets);

        assert_eq!(frames.len(), 4, "{codec:?}");
        for (index, (frame, picture)) in frames.iter().zip(&pictures).enumerate() {
            assert!(same(codec, &frame.data, picture), "{codec:?} {index}");
            assert_eq!(frame.timestamp, index as u32 * STEP);
            assert_eq!(frame.key_frame, index % 2 == 0, "{codec:?} {index}");
            assert!(!frame.after_loss && frame.format == Format::Video(codec));
        }
    }
}

#[test]
fn units_of_av1_keep_their_order_and_get_short_sizes() {
    let (_, packets) = film(Codec::Av1, &[200], &[0]);
    let frame = watch(packets).remove(0);
    let expected = [&[0x0a, 2, 7, 8, 0x32, 0x80 | 72, 1][..], &[0x80; 200]].concat();
    assert_eq!(frame.data, expected);
}

#[test]
fn a_packet_of_av1_with_a_count_of_its_units_is_read_and_what_does_not_travel_is_left_out() {
    // Two units: a temporal delimiter, and a sequence header without a size; then the frame, over two packets.
    let packet = |sequence, payload: &[u8]| Packet {
        format: Format::Video(Codec::Av1),
        sequence,
        timestamp: 0,
        marker: sequence == 2,
        captured: Instant::now(),
        rotation: None,
        audio_level: None,
        payload: payload.into(),
    };
    let frames = watch([packet(1, &[0x78, 1, 0x10, 2, 0x08, 7, 0x30, 1, 2]), packet(2, &[0x90, 3, 4])]);
    assert_eq!(frames[0].data, &[0x0a, 1, 7, 0x32, 4, 1, 2, 3, 4][..]);
}

#[test]
fn layers_of_vp9_become_a_superframe() {
    let packet = |sequence, spatial: u8, marker, body: &[u8]| Packet {
        format: Format::Video(Codec::Vp9),
        sequence,
        timestamp: 0,
        marker,
        captured: Instant::now(),
        rotation: None,
        audio_level: None,
        // I L B E, picture id, layer, TL0PICIDX.
        payload: [&[0xac, 5, spatial << 1, 0], body].concat().into(),
    };
    let frames = watch([packet(1, 0, false, &[0x82, 1]), packet(2, 1, true, &[0x86; 300])]);
    let index = [0b1100_1001, 2, 0, 44, 1, 0b1100_1001];
    assert_eq!(frames[0].data, [&[0x82, 1][..], &[0x86; 300], &index].concat());
    assert!(frames[0].key_frame);
}

#[test]
fn a_key_frame_of_h264_gets_the_parameter_sets_that_came_once() {
    let packet = |sequence, picture: u32, payload: &[u8], marker| Packet {
        format: Format::Video(Codec::H264),
        sequence,
        timestamp: picture * STEP,
        marker,
        captured: Instant::now(),
        rotation: None,
        audio_level: None,
        payload: payload.into(),
    };
    let sets: &[u8] = &[0x78, 0, 5, 0x67, 0x42, 0xe0, 0x1f, 0x8c, 0, 3, 0x68, 0xce, 9];
    let frames = watch([packet(1, 0, sets, false), packet(2, 0, &[0x65, 1], true), packet(3, 1, &[0x65, 2], true)]);
    let with_sets =
        |slice| [0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0x8c, 0, 0, 0, 1, 0x68, 0xce, 9, 0, 0, 0, 1, 0x65, slice];
    assert_eq!(frames[0].data, &with_sets(1)[..]);
    assert_eq!(frames[1].data, &with_sets(2)[..]);

    assert_eq!(watch([packet(1, 0, &[0x65, 1], true)]), [], "nobody can decode it without");
}

#[test]
fn shuffled_and_repeated_packets_make_no_difference() {
    for codec in VIDEO {
        let (_, packets) = film(codec, &[3000; 8], &[0]);
        let mut shuffled: Vec<Packet> = packets[..3].to_vec();
        shuffled.extend(packets[3..].chunks(3).flat_map(|some| some.iter().rev()).cloned());
        shuffled.extend(packets.iter().rev().cloned());

        assert_eq!(watch(shuffled), watch(packets));
    }
}

#[test]
fn after_a_loss_pictures_are_left_out_up_to_a_key_frame_which_says_so() {
    for codec in VIDEO {
        // A picture has three packets, and a second of packets follows each; the key frame at 900 is the next.
        let sizes = [3000; 1000];
        let (_, packets) = film(codec, &sizes, &[0, 900]);
        let mut assembler = Assembler::new();
        let mut now = Instant::now();
        let mut frames = Vec::new();
        let mut asked = 0;
        for packet in packets.into_iter().filter(|packet| packet.timestamp != 10 * STEP || !packet.marker) {
            now += Duration::from_millis(1);
            asked += usize::from(assembler.push(packet, now));
            frames.extend(std::iter::from_fn(|| assembler.poll()));
        }

        let shown = numbers(&frames);
        assert_eq!(shown[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "{codec:?}");
        assert_eq!(shown[10..], (900..1000).collect::<Vec<u32>>(), "{codec:?}");
        assert!(frames[10].after_loss && frames[10].key_frame, "{codec:?}");
        assert_eq!(frames.iter().filter(|frame| frame.after_loss).count(), 1, "{codec:?}");
        assert!(asked > 1000, "{codec:?}: asked for a key frame {asked} times");
    }
}

#[test]
fn a_picture_that_is_cut_off_where_the_layer_changes_does_not_come_out() {
    for codec in VIDEO {
        let (_, mut packets) = film(codec, &[10, 3 * MAX_PAYLOAD, 10, 10], &[0, 2]);
        let rest = packets.iter().rposition(|packet| packet.timestamp == STEP).unwrap();
        packets.remove(rest);
        (0..).zip(&mut packets).for_each(|(number, packet)| packet.sequence = number);

        let frames = watch(packets.clone());
        let told: Vec<_> = frames.iter().map(|frame| (frame.timestamp / STEP, frame.after_loss)).collect();
        assert_eq!(told, [(0, false), (2, true), (3, false)], "{codec:?}");

        packets.iter_mut().for_each(|packet| packet.marker = false);
        packets.retain(|packet| packet.timestamp != STEP);
        (0..).zip(&mut packets).for_each(|(number, packet)| packet.sequence = number);
        assert_eq!(numbers(&watch(packets)), [0, 2], "{codec:?}: nobody marks, and the last may go on");
    }
}

#[test]
fn what_is_missing_is_waited_for_and_the_first_pictures_are_no_loss() {
    let (_, packets) = film(Codec::Vp8, &[3000; 30], &[5]);
    let late = packets.iter().position(|packet| packet.timestamp == 10 * STEP).unwrap();
    let mut order: Vec<Packet> = packets.clone();
    let packet = order.remove(late);
    order.insert(late + 40, packet);

    let frames = watch(order);

    assert_eq!(numbers(&frames), (5..30).collect::<Vec<u32>>(), "from the key frame on, all of them");
    assert!(frames.iter().all(|frame| !frame.after_loss));
}

#[test]
fn a_picture_is_turned_as_its_last_packet_says_and_sound_as_loud_as_its_own() {
    let mut cutter = Packetizer::new(Format::Video(Codec::Vp8));
    let mut packets = Vec::new();
    for (number, rotation) in (0u32..).zip([Some(90), Some(270), None]) {
        let data = picture(Codec::Vp8, u8::try_from(number).unwrap(), number == 0, 3000);
        let pieces = cutter.cut(number * STEP, &data).unwrap();
        packets.extend(pieces.into_iter().map(|piece| Packet {
            format: Format::Video(Codec::Vp8),
            sequence: piece.sequence,
            timestamp: number * STEP,
            marker: piece.marker,
            captured: Instant::now(),
            rotation: rotation.filter(|_| piece.marker),
            audio_level: None,
            payload: piece.payload,
        }));
    }
    let turned: Vec<u16> = watch(packets).iter().map(|frame| frame.rotation).collect();
    assert_eq!(turned, [90, 270, 0]);

    let mut cutter = Packetizer::new(Format::Red);
    let mut voice = |number| Packet { audio_level: Some(number), ..sound(Format::Red, &mut cutter, number.into()) };
    let [first, _, third] = [voice(1), voice(2), voice(3)];
    let levels: Vec<Option<u8>> = watch([first, third]).iter().map(|frame| frame.audio_level).collect();
    assert_eq!(levels, [Some(1), None, Some(3)]);
}

#[test]
fn endless_pictures_and_endless_gaps_are_given_up() {
    let mut assembler = Assembler::new();
    let now = Instant::now();
    let packet = |sequence: u64, start: bool| Packet {
        format: Format::Video(Codec::Vp8),
        sequence,
        timestamp: 0,
        marker: false,
        captured: now,
        rotation: None,
        audio_level: None,
        payload: [&[if start { 0x10 } else { 0 }, 0][..], &[0; 1200]].concat().into(),
    };
    let most = (MAX_FRAME / 1201) as u64 - 1;
    for sequence in 0..=most + 10 {
        let needs = assembler.push(packet(sequence, sequence == 0), now);
        assert_eq!(needs, sequence > most, "{sequence}");
    }
    // The first is missing for ever, and time does not pass.
    for sequence in most + 20..most + 5000 {
        assembler.push(packet(sequence, false), now);
    }
    assert_eq!(assembler.poll(), None);
    assert!(!assembler.push(packet(most + 5000, true), now), "and it goes on");
}

fn sound(format: Format, cutter: &mut Packetizer, number: u32) -> Packet {
    let pieces = cutter.cut(number * 960, &[number as u8; 40]).unwrap();
    let piece = pieces.into_iter().next().unwrap();
    let (sequence, payload) = (piece.sequence, piece.payload);
    Packet {
        format,
        sequence,
        timestamp: number * 960,
        marker: false,
        captured: Instant::now(),
        rotation: None,
        audio_level: None,
        payload,
    }
}

#[test]
fn sound_comes_in_order_and_a_gap_is_told_once() {
    let mut cutter = Packetizer::new(Format::Opus);
    let packets: Vec<Packet> = (0..200).map(|number| sound(Format::Opus, &mut cutter, number)).collect();
    let mut order: Vec<Packet> = packets.iter().filter(|packet| packet.sequence != 21).cloned().collect();
    order.swap(3, 4);

    let frames = watch(order);

    let heard: Vec<u8> = frames.iter().map(|frame| frame.data[0]).collect();
    assert_eq!(heard, (0..200).filter(|number| *number != 20).collect::<Vec<u8>>());
    let told: Vec<u8> = frames.iter().filter(|frame| frame.after_loss).map(|frame| frame.data[0]).collect();
    assert_eq!(told, [21]);
}

#[test]
fn redundant_sound_fills_its_gaps_at_once() {
    let mut cutter = Packetizer::new(Format::Red);
    let packets: Vec<Packet> = (0..50).map(|number| sound(Format::Red, &mut cutter, number)).collect();
    // Every third is lost, and once two in a row.
    let lost = |number: u64| number.is_multiple_of(3) || number == 31;

    let arrived = packets.iter().filter(|packet| !lost(packet.sequence - 1)).cloned();
    let frames = watch_slowly(arrived, Duration::from_millis(20));

    let heard: Vec<u8> = frames.iter().map(|frame| frame.data[0]).collect();
    let expected: Vec<u8> = (1..50).filter(|number| *number != 30).collect();
    assert_eq!(heard, expected, "31 is repeated by 32, 30 by nobody");
    assert!(
        frames.iter().all(|frame| frame.format == Format::Opus && frame.timestamp == u32::from(frame.data[0]) * 960)
    );
    assert!(frames[0].captured <= frames[1].captured);
    assert_eq!(frames.iter().filter(|frame| frame.after_loss).count(), 1, "where two were lost");
}

#[test]
fn frames_that_are_none_are_refused() {
    let mut vp9 = Packetizer::new(Format::Video(Codec::Vp9));
    assert_eq!(vp9.cut(0, &[]), Err(CutError::Size(0)));
    assert_eq!(vp9.cut(0, &[0x12, 0x34]), Err(CutError::Malformed));
    assert_eq!(vp9.cut(0, &vec![0x82; MAX_FRAME + 1]), Err(CutError::Size(MAX_FRAME + 1)));
    let mut av1 = Packetizer::new(Format::Video(Codec::Av1));
    assert_eq!(av1.cut(0, &[0x0a, 9, 1]), Err(CutError::Malformed), "longer than what is there");
    let mut h264 = Packetizer::new(Format::Video(Codec::H264));
    assert_eq!(h264.cut(0, &[0x65, 1, 2]), Err(CutError::Malformed), "no start code");
    let mut opus = Packetizer::new(Format::Opus);
    assert!(opus.cut(0, &vec![1; MAX_PAYLOAD + 1]).is_err());
}

#[test]
fn the_profile_is_the_frames_own() {
    let mut h264 = Packetizer::new(Format::Video(Codec::H264));
    let first = h264.cut(0, &picture(Codec::H264, 0, true, 10)).unwrap();
    assert_eq!(first.last().unwrap().profile, 0x42e0);
    let mut vp9 = Packetizer::new(Format::Video(Codec::Vp9));
    assert_eq!(vp9.cut(0, &[0x92, 0x49]).unwrap()[0].profile, 2);
}

#[test]
fn the_dependency_descriptors_of_av1_are_read_by_forwarding() {
    let mut cutter = Packetizer::new(Format::Video(Codec::Av1));
    let mut dependencies = Dependencies::new();
    let mut sequence = 0;
    for (number, key) in [(0, true), (1, false), (2, false), (3, true)] {
        let pieces = cutter.cut(number * STEP, &picture(Codec::Av1, number as u8, key, 3000)).unwrap();
        let last = pieces.len() - 1;
        for (index, piece) in pieces.iter().enumerate() {
            sequence += 1;
            let frame = dependencies.read(piece.dependency.as_ref().unwrap(), number * STEP, sequence).unwrap();
            assert_eq!((frame.start_of_frame, frame.end_of_frame), (index == 0, index == last));
            assert_eq!((frame.inter_predicted, u32::from(frame.number)), (!key, number));
            assert_eq!((frame.spatial, frame.temporal, frame.switches_up), (0, 0, true));
        }
    }
}

fn any_codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(VIDEO.to_vec())
}

proptest! {
    /// Whatever is lost and in whatever order the rest comes: frames are whole, in order, and begin again with key frames.
    #[test]
    fn only_whole_frames_come_out_and_in_order(
        codec in any_codec(),
        sizes in prop::collection::vec(1usize..4000, 1..20),
        keys in prop::collection::vec(0usize..20, 0..5),
        fate in prop::collection::vec((any::<bool>(), 0usize..4, 0u64..300), 1..80),
    ) {
        let (pictures, packets) = film(codec, &sizes, &keys);
        let mut assembler = Assembler::new();
        let mut now = Instant::now();
        let mut frames: Vec<Frame> = Vec::new();
        let mut order = packets.clone();
        for (index, (_, ahead, _)) in fate.iter().enumerate().take(order.len()) {
            let other = (index + ahead).min(order.len() - 1);
            order.swap(index, other);
        }
        for (index, packet) in order.into_iter().enumerate() {
            let (lost, _, pause) = fate[index % fate.len()];
            now += Duration::from_millis(pause);
            if !lost {
                assembler.push(packet, now);
            }
            frames.extend(std::iter::from_fn(|| assembler.poll()));
        }
        let shown = numbers(&frames);
        prop_assert!(shown.windows(2).all(|pair| pair[0] < pair[1]), "{shown:?}");
        for (index, frame) in frames.iter().enumerate() {
            let number = shown[index] as usize;
            prop_assert!(same(codec, &frame.data, &pictures[number]));
            prop_assert_eq!(frame.key_frame, keys.contains(&number));
            if index == 0 || shown[index - 1] + 1 != shown[index] {
                prop_assert!(frame.key_frame);
                prop_assert_eq!(frame.after_loss, index > 0);
            }
        }
    }

    /// Hostile packets are put together or given up.
    #[test]
    fn any_bytes_get_an_answer(
        codec in any_codec(),
        packets in prop::collection::vec((0u64..40, 0u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..60),
    ) {
        let mut assembler = Assembler::new();
        let now = Instant::now();
        for (sequence, timestamp, marker, payload) in packets {
            for format in [Format::Video(codec), Format::Red] {
                let payload = payload.clone().into();
                assembler.push(Packet { format, sequence, timestamp, marker, captured: now, rotation: None, audio_level: None, payload }, now);
            }
            while let Some(frame) = assembler.poll() {
                prop_assert!(!frame.data.is_empty() && frame.data.len() <= MAX_FRAME + 64 * 1024);
            }
        }
    }

    /// What comes out of any bytes goes in again.
    #[test]
    fn any_frame_is_cut_or_refused(codec in any_codec(), data in prop::collection::vec(any::<u8>(), 0..5000)) {
        let mut cutter = Packetizer::new(Format::Video(codec));
        for piece in cutter.cut(0, &data).into_iter().flatten() {
            prop_assert!(piece.payload.len() <= MAX_PAYLOAD && !piece.payload.is_empty());
        }
    }
}
