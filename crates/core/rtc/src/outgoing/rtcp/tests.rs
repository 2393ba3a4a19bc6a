use super::*;
use proptest::prelude::*;

#[test]
fn report_blocks_are_read_from_either_report() {
    let block = hex("0000002a 40 fffffe 00010005 00000007 11223344 00010000");
    let said = "Reception { ssrc: 42, cumulative_lost: -2, highest: 65541, \
                last_report: 287454020, since_last_report: 65536 }";

    let receiver = [hex("81c90007 00000001"), block.clone()].concat();
    assert_eq!(said_in(&receiver), [said]);
    let sender = [hex("82c80012 00000001 0000000000000002 00000003 00000004 00000005"), block.clone(), block].concat();
    assert_eq!(said_in(&sender), [said, said]);
}

#[test]
fn lost_packets_have_a_sign() {
    for (bytes, lost) in [("007fffff", 0x7f_ffff), ("00800000", -0x80_0000), ("ff000000", 0)] {
        let block = ["81c90007 00000001 0000002a", bytes, "00000000 00000000 00000000 00000000"].concat();
        let mut read_lost = None;
        read(&hex(&block), &mut |feedback| {
            if let Feedback::Reception { cumulative_lost, .. } = feedback {
                read_lost = Some(cumulative_lost);
            }
        });
        assert_eq!(read_lost, Some(lost));
    }
}

#[test]
fn blocks_are_read_as_far_as_they_go_and_are_counted() {
    let two = [hex("9fc9000d 00000001"), vec![0; 48]].concat();
    assert_eq!(said_in(&two).len(), 2);
    let uncounted = [hex("80c9000d 00000001"), vec![0; 48]].concat();
    assert_eq!(said_in(&uncounted).len(), 0);
}

#[test]
fn missing_numbers_are_spread_out_and_start_over() {
    let nack = hex("81cd0005 00000001 0000002a 0010 8001 fffe 0003 0005 0000");
    assert_eq!(said_in(&nack), ["missing of 42: [16, 17, 32, 65534, 65535, 0, 5]"]);
    let empty = hex("81cd0002 00000001 0000002a");
    assert_eq!(said_in(&empty).len(), 0);
}

#[test]
fn key_frames_are_asked_for_in_two_ways() {
    let pli = hex("81ce0002 00000001 0000002a");
    assert_eq!(said_in(&pli), ["KeyFrame { ssrc: 42 }"]);
    let fir = hex("84ce0006 00000001 00000000 0000002a 07000000 0000002b ff000000");
    assert_eq!(said_in(&fir), ["FullIntra { ssrc: 42, command: 7 }", "FullIntra { ssrc: 43, command: 255 }"]);
}

#[test]
fn limits_are_mantissa_and_exponent() {
    for (limit, bits) in [("020bd090", 1_000_000), ("00000001", 1), ("01ffffff", u64::MAX), ("00000000", 0)] {
        let remb = ["8fce0006 00000001 00000000 52454d42", limit, "0000002a 0000002b"].concat();
        assert_eq!(said_in(&hex(&remb)), [format!("Limit {{ bits: {bits} }}")]);
    }
    let other = hex("8fce0004 00000001 00000000 52454d43 00000001");
    assert_eq!(said_in(&other).len(), 0);
}

/// A run of two that did not arrive, seven of two bits (0xd842: 1201002), fourteen of one bit (0xa001).
const ARRIVALS: &str = "00000001 00000000 0005 0017 000102 09 0002 d842 a001 04 fffc ff 0101 00 01";

#[test]
fn arrivals_are_read_in_all_three_forms() {
    let mut arrivals = vec![None, None, Some(1000), Some(0), None, Some(63_750), None, None, Some(128_000)];
    arrivals.push(Some(128_000));
    arrivals.resize(22, None);
    arrivals.push(Some(128_250));
    let expected = Arrivals { first: 5, reference: 0x102, arrivals };

    for (header, padding) in [("8fcd0008", "0000"), ("afcd0008", "0002")] {
        let packet = hex(&[header, ARRIVALS, padding].concat());
        assert_eq!(arrivals_in(&packet), slice::from_ref(&expected));
    }
}

#[test]
fn arrivals_that_are_incomplete_are_skipped_and_the_rest_is_read() {
    let whole = hex(&[ARRIVALS, "0000"].concat());
    let pli = hex("81ce0002 00000001 0000002a");
    for cut in (0..whole.len() - 4).step_by(4) {
        let length = u16::try_from(cut / 4).unwrap().to_be_bytes();
        let packet = [&hex("8fcd")[..], &length, &whole[..cut], &pli].concat();
        assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"], "{cut} bytes of it");
    }
    for (what, arrivals) in [
        ("nothing", "0005 0000 000102 09 0000 0000"),
        ("a symbol without meaning", "0005 0001 000102 09 6001 0404"),
        ("another one", "0005 0007 000102 09 f000 0404"),
        ("runs of nothing", "0005 0001 000102 09 0000 2000"),
    ] {
        let packet = [hex(&["8fcd0005 00000001 00000000", arrivals].concat()), pli.clone()].concat();
        assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"], "{what}");
    }
}

#[test]
fn no_datagram_says_more_than_so_many_numbers() {
    let runs = hex("8fcd0009 00000001 00000000 0005 ffff 000102 09 1fff1fff 1fff1fff 1fff1fff 1fff1fff 1fff0000");
    let read = arrivals_in(&[runs.clone(), runs.clone()].concat());
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].arrivals, vec![None; MAX_NUMBERS]);

    let mut nack = hex("81cd0102 00000001 0000002a");
    nack.extend([0xff; 4 * 256]);
    let (mut lists, mut numbers) = (0, 0);
    super::read(&[nack.clone(), nack, runs].concat(), &mut |feedback| match feedback {
        Feedback::Missing { numbers: list, .. } => {
            lists += 1;
            assert_eq!(list.size_hint(), (list.clone().count(), Some(list.clone().count())));
            numbers += list.count();
        }
        _ => panic!("nothing is left for {feedback:?}"),
    });
    assert_eq!((lists, numbers), (1, MAX_NUMBERS));
}

#[test]
fn what_is_unknown_is_skipped() {
    let packet = hex("80c80006 00000001 0000000000000002 00000003 00000004 00000005
         81ca0003 00000001 01016100 00000000
         80cf0002 00000001 00000000
         83cd0003 00000001 0000002a 01020304
         82ce0003 00000001 0000002a 01020304
         81cb0001 00000001
         80d10000
         81ce0002 00000001 0000002a");
    assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"]);
}

#[test]
fn reading_ends_where_lengths_do_not_fit() {
    let pli = hex("81ce0002 00000001 0000002a");
    for broken in ["81ce0009 00000001", "41ce0001 00000001", "a1ce0001 00000009", "a1ce0000", "81ce00"] {
        let packet = [pli.clone(), hex(broken), pli.clone()].concat();
        assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"], "{broken}");
    }
    assert_eq!(said_in(&pli[..8]).len(), 0);
}

#[test]
fn a_report_is_written_with_the_name_of_its_source() {
    let mut out = Vec::new();
    sender_report(&mut out, 0x0102_0304, 0x1122_3344_5566_7788, 9, 10, 11, "abc");
    assert_eq!(
        out,
        hex("80c80006 01020304 11223344 55667788 00000009 0000000a 0000000b
             81ca0003 01020304 0103 616263 000000")
    );
    assert_eq!(said_in(&out).len(), 0);
}

#[test]
fn what_is_about_the_streams_of_the_client_is_told_apart() {
    let block = "81c90007 00000001 0000002a 40fffffe 00010005 00000007 11223344 00010000";
    assert!(!is_from_sender(&hex(&[block, "81ca0002 00000001 00000000", "81ce0002 00000001 0000002a"].concat())));
    for own in ["80c80006 00000001 0000000000000002 000000030000000400000005", "81cb0001 00000001", "80cf0001 00000001"]
    {
        assert!(is_from_sender(&hex(&[block, own].concat())), "{own}");
        assert!(!is_from_sender(&hex(&["81c90008", own].concat())), "behind something that is cut off");
    }
}

#[test]
fn a_name_of_any_length_ends_with_a_zero_at_the_border_of_a_word() {
    for length in 0..300 {
        let mut out = Vec::new();
        sender_report(&mut out, 1, 2, 3, 4, 5, &"x".repeat(length));
        let kept = length.min(255);
        let (_, names) = Part::split(&out).unwrap();
        let (part, after) = Part::split(names).unwrap();
        assert!(part.kind == DESCRIPTION && part.count == 1 && after.is_empty());
        assert_eq!(usize::from(part.body[5]), kept);
        let zeros = &part.body[6 + kept..];
        assert!((1..=4).contains(&zeros.len()) && zeros.iter().all(|byte| *byte == 0));
    }
    let mut out = Vec::new();
    sender_report(&mut out, 1, 2, 3, 4, 5, &"é".repeat(200));
    assert_eq!(out[28 + 9], 254, "no half of a letter");
}

#[test]
fn several_reports_follow_each_other() {
    let mut out = Vec::new();
    for ssrc in 1..=3 {
        sender_report(&mut out, ssrc, 2, 3, 4, 5, "someone");
    }
    let (mut rest, mut kinds) = (&out[..], Vec::new());
    while let Some((part, after)) = Part::split(rest) {
        kinds.push(part.kind);
        rest = after;
    }
    assert_eq!(kinds, [200, 202, 200, 202, 200, 202]);
    assert!(rest.is_empty());
}

proptest! {
    #[test]
    fn garbage_is_read_without_harm(packet in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(numbers_in(&packet) <= MAX_NUMBERS);
    }

    /// The same where headers are right, so that what is inside is looked at.
    #[test]
    fn parts_with_garbage_are_read_without_harm(
        parts in prop::collection::vec((200..208_u8, any::<u8>(), prop::collection::vec(any::<[u8; 4]>(), 0..20)), 0..8),
    ) {
        let mut packet = Vec::new();
        for (kind, count, body) in parts {
            header(&mut packet, count & 0x3f, kind, u16::try_from(body.len()).unwrap());
            packet.extend(body.as_flattened());
        }
        prop_assert!(numbers_in(&packet) <= MAX_NUMBERS);
    }

    /// Whatever arrived, and in whatever forms that is written, it is read as it was.
    #[test]
    fn arrivals_come_back_as_they_were_written(
        (first, reference) in (any::<u16>(), 0..1_u32 << 24),
        deltas in prop::collection::vec(
            prop_oneof![Just(None), (0..256_i16).prop_map(Some), any::<i16>().prop_map(Some)],
            1..100,
        ),
        repeats in 1..20_usize,
        forms in prop::collection::vec(0..3_u8, 1..20),
    ) {
        let deltas: Vec<_> = deltas.iter().flat_map(|delta| vec![*delta; repeats]).take(MAX_NUMBERS).collect();
        let mut ticks = 0;
        let arrivals = deltas.iter().map(|delta| {
            let delta = i64::from((*delta)?);
            ticks += delta;
            Some(ticks * TICK_MICROS)
        });
        let expected = Arrivals { first, reference, arrivals: arrivals.collect() };

        let packet = written(first, reference, &deltas, &forms);

        prop_assert_eq!(arrivals_in(&packet), [expected]);
    }
}

/// Everything that a packet says, in order.
fn said_in(packet: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    read(packet, &mut |feedback| {
        said.push(match feedback {
            Feedback::Missing { ssrc, numbers } => format!("missing of {ssrc}: {:?}", numbers.collect::<Vec<_>>()),
            other => format!("{other:?}"),
        });
    });
    said
}

fn arrivals_in(packet: &[u8]) -> Vec<Arrivals> {
    let mut all = Vec::new();
    read(packet, &mut |feedback| {
        if let Feedback::Arrivals(arrivals) = feedback {
            all.push(arrivals);
        }
    });
    all
}

fn numbers_in(packet: &[u8]) -> usize {
    let mut count = 0;
    read(packet, &mut |feedback| match feedback {
        Feedback::Missing { numbers, .. } => count += numbers.count(),
        Feedback::Arrivals(arrivals) => count += arrivals.arrivals.len(),
        _ => {}
    });
    count
}

/// Transport feedback; chunks take the given forms in turn where they can, and the one with two bits where not.
fn written(first: u16, reference: u32, deltas: &[Option<i16>], forms: &[u8]) -> Vec<u8> {
    let symbol = |delta: &Option<i16>| match delta {
        None => 0_u16,
        Some(0..=255) => 1,
        Some(_) => 2,
    };
    let symbols: Vec<u16> = deltas.iter().map(symbol).collect();
    let packed = |symbols: &[u16], width: usize, most: usize| {
        let bits = symbols.iter().fold(0, |bits, symbol| bits << width | symbol);
        (bits << (width * (most - symbols.len())), symbols.len())
    };
    let mut body = [0, 0, 0, 1, 0, 0, 0, 0].to_vec();
    body.extend(first.to_be_bytes());
    body.extend(u16::try_from(deltas.len()).unwrap().to_be_bytes());
    body.extend((reference << 8 | 3).to_be_bytes());
    let (mut rest, mut forms) = (&symbols[..], forms.iter().cycle());
    while let Some(symbol) = rest.first() {
        let one_bit = &rest[..rest.len().min(14)];
        let (chunk, used) = match forms.next() {
            Some(0) => {
                let run = rest.iter().take_while(|next| *next == symbol).count();
                (symbol << 13 | u16::try_from(run).unwrap(), run)
            }
            Some(1) if one_bit.iter().all(|symbol| *symbol < 2) => {
                let (bits, used) = packed(one_bit, 1, 14);
                (0x8000 | bits, used)
            }
            _ => {
                let (bits, used) = packed(&rest[..rest.len().min(7)], 2, 7);
                (0xc000 | bits, used)
            }
        };
        body.extend(chunk.to_be_bytes());
        rest = &rest[used..];
    }
    for delta in deltas.iter().flatten() {
        match u8::try_from(*delta) {
            Ok(small) => body.push(small),
            Err(_) => body.extend(delta.to_be_bytes()),
        }
    }
    body.resize(body.len().next_multiple_of(4), 0);
    let mut packet = Vec::new();
    header(&mut packet, TRANSPORT_WIDE, TRANSPORT_FEEDBACK, u16::try_from(body.len() / 4).unwrap());
    packet.extend(body);
    packet
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| u8::try_from(high << 4 | low).unwrap()).collect()
}
