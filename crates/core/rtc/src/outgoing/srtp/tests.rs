use super::*;
use proptest::prelude::*;

const PROFILES: [SrtpProfile; 3] =
    [SrtpProfile::AES128_CM_SHA1_80, SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AEAD_AES_256_GCM];

/// RFC 7714 sections 16 and 17: keys count up from zero, and this is the salt.
const GCM_SALT: &str = "51756964 2070726f 2071756f";
const GCM_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                       69736120 696e2070 61727465 73207472 6573";
const GCM_RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                        deadbeef deadbeef deadbeef deadbeef deadbeef";
const GCM_RTCP_INDEX: u32 = 0x5d4;

#[test]
fn session_keys_are_those_of_rfc_3711_b_3() {
    let (key, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
    let suite = Suite::of(SrtpProfile::AES128_CM_SHA1_80).unwrap();
    let master = Master { key: &key, salt: &salt, suite };
    for (label, expected) in [
        (0, "C61E7A93744F39EE10734AFE3FF7A087"),
        (2, "30CBBC08863D8C85D49DB34A9AE1"),
        (1, "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098"),
    ] {
        let expected = hex(expected);
        let mut derived = vec![0xff; expected.len()];
        master.derive(label, &mut derived).unwrap();
        assert_eq!(derived, expected, "label {label}");
    }
}

#[test]
fn the_key_stream_is_that_of_rfc_3711_b_2() {
    let (key, salt) = (hex("2B7E151628AED2A6ABF7158809CF4F3C"), hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
    let session = Session::counter(&key, &salt, &[0; 20]).unwrap();
    let mut packet = vec![0; 0xff02 * 16];
    session.seal_rtp(&mut packet, 0, 0, 0);
    for (block, expected) in [
        (0, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"),
        (0xfeff, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44"),
    ] {
        assert_eq!(packet[block * 16..][..48], hex(expected), "block {block}");
    }
}

#[test]
fn every_part_has_its_place_in_the_start() {
    let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
    let session = Session::counter(&[0; 16], &salt, &[0; 20]).unwrap();
    assert_eq!(session.start(0x0102_0304, 0x1122_3344_5566) << 16, number(&hex("F0F1F2F3F5F7F5F3E9DBC9BFA99B0000")));
    let session = Session::gcm(&aead::AES_128_GCM, &[0; 16], &[0; 12]).unwrap();
    let nonce = session.nonce(0x0102_0304, 0x1122_3344_5566);
    assert_eq!(nonce.as_ref().to_vec(), hex("0000 01020304 11223344 5566"));
}

/// What the reference implementation seals with the master key of RFC 3711 B.3 (libsrtp, its self test).
#[test]
fn counter_mode_seals_as_the_reference_implementation() {
    let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    let suite = Suite::of(SrtpProfile::AES128_CM_SHA1_80).unwrap();
    let master = Master { key: &master, salt: &salt, suite };

    let mut packet = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    master.session(RTP_LABELS).unwrap().seal_rtp(&mut packet, 12, 0xcafe_babe, 0x1234);
    let sealed = "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb";
    assert_eq!(packet, hex(sealed));

    let mut packet = hex("81c8000b cafebabe abababab abababab abababab abababab");
    master.session(RTCP_LABELS).unwrap().seal_rtcp(&mut packet, 1).unwrap();
    let sealed = "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798";
    assert_eq!(packet, hex(sealed));
}

#[test]
fn rtp_is_sealed_as_in_rfc_7714_16() {
    for (key, sealed) in [
        (
            16,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
             51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            32,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
             76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let mut packet = hex(GCM_RTP);
        gcm(key).seal_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b);
        assert_eq!(packet, hex(sealed));
    }
}

#[test]
fn rtcp_is_sealed_and_opened_as_in_rfc_7714_17() {
    for (key, sealed) in [
        (
            16,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
             4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            32,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
             8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ] {
        let mut packet = hex(GCM_RTCP);
        gcm(key).seal_rtcp(&mut packet, GCM_RTCP_INDEX).unwrap();
        assert_eq!(packet, hex(sealed));
        let mut open = Open { rtcp: gcm(key), replays: Replays::default() };
        assert_eq!(open.rtcp(&packet), Some(hex(GCM_RTCP)));
    }
}

#[test]
fn what_is_only_signed_is_refused() {
    let tag = "841dd968 3dd78ec9 2ae58790 125f62b3";
    let packet = hex(&[GCM_RTCP, tag, "000005d4"].concat());
    let mut open = Open { rtcp: gcm(16), replays: Replays::default() };
    assert_eq!(open.rtcp(&packet), None);
}

#[test]
fn both_sides_open_each_other_and_not_themselves() {
    for profile in PROFILES {
        let (ours, theirs) = (keys(profile, true), keys(profile, false));
        for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
            let mut seal = one.seal().unwrap();
            for round in 0..3 {
                let mut packet = report(7, round);
                seal.rtcp(&mut packet);
                assert!(packet.len() <= report(7, round).len() + Seal::OVERHEAD);
                assert_eq!(one.open().unwrap().rtcp(&packet), None);
                assert_eq!(other.open().unwrap().rtcp(&packet), Some(report(7, round)), "{profile}");
            }
        }
    }
}

#[test]
fn rtp_comes_back_out_with_header_and_rollovers_signed() {
    for profile in PROFILES {
        let (ours, theirs) = (keys(profile, true), keys(profile, false));
        let seal = ours.seal().unwrap();
        let session = theirs.master(true).unwrap().session(RTP_LABELS).unwrap();
        let index = 0x0001_0002_fffe;
        for length in [0, 1, 15, 16, 17, 1200] {
            let plain: Vec<u8> = (0..12 + length).map(|at: usize| at.to_le_bytes()[0]).collect();
            let mut packet = plain.clone();
            seal.rtp(&mut packet, 12, 9, index);
            assert_eq!(packet[..12], plain[..12]);
            assert!(packet.len() > plain.len() && packet.len() <= plain.len() + Seal::OVERHEAD);
            assert_eq!(open_rtp(&session, &packet, 12, 9, index), Some(plain));
            assert_eq!(open_rtp(&session, &packet, 12, 9, index ^ 1 << 16), None, "other rollovers");
            packet[1] ^= 1;
            assert_eq!(open_rtp(&session, &packet, 12, 9, index), None, "other header");
        }
    }
}

#[test]
fn indices_count_up_from_zero_until_the_keys_are_used_up() {
    for profile in PROFILES {
        let mut seal = keys(profile, true).seal().unwrap();
        let mut open = keys(profile, false).open().unwrap();
        let index = |packet: &[u8], open: &Open| u32::from_be_bytes(open.rtcp.split(packet).unwrap().word) & !ENCRYPTED;
        for expected in [0, 1, 2] {
            let mut packet = report(1, 0);
            seal.rtcp(&mut packet);
            assert_eq!(index(&packet, &open), expected);
        }
        seal.next = u32::MAX >> 1;
        let mut packet = report(1, 0);
        seal.rtcp(&mut packet);
        assert_eq!(index(&packet, &open), u32::MAX >> 1);
        assert!(open.rtcp(&packet).is_some());
        let mut packet = report(1, 0);
        seal.rtcp(&mut packet);
        assert!(packet.is_empty());
    }
}

#[test]
fn what_is_no_rtcp_is_emptied_rather_than_left_readable() {
    let mut seal = keys(SrtpProfile::AEAD_AES_128_GCM, true).seal().unwrap();
    let mut packet = vec![0x80, 200, 0, 1, 2, 3, 4];
    seal.rtcp(&mut packet);
    assert!(packet.is_empty() && seal.next == 0);
}

#[test]
fn a_packet_is_taken_once_in_any_order() {
    for profile in PROFILES {
        let mut seal = keys(profile, true).seal().unwrap();
        let mut open = keys(profile, false).open().unwrap();
        let packets: Vec<_> = (0..200)
            .map(|_| {
                let mut packet = report(5, 0);
                seal.rtcp(&mut packet);
                packet
            })
            .collect();
        for at in [0, 2, 1, 70, 69, 7, 199, 136] {
            assert!(open.rtcp(&packets[at]).is_some(), "{at} is new");
            assert!(open.rtcp(&packets[at]).is_none(), "{at} was here");
        }
        for at in [0, 2, 70, 135] {
            assert!(open.rtcp(&packets[at]).is_none(), "{at} is too old");
        }
    }
}

#[test]
fn a_forged_packet_moves_no_window() {
    let mut seal = keys(SrtpProfile::AEAD_AES_128_GCM, true).seal().unwrap();
    let mut open = keys(SrtpProfile::AEAD_AES_128_GCM, false).open().unwrap();
    let mut packet = report(5, 0);
    seal.rtcp(&mut packet);
    let mut forged = packet.clone();
    *forged.last_mut().unwrap() = 0xff;
    assert!(open.rtcp(&forged).is_none());
    assert!(open.rtcp(&packet).is_some());
}

#[test]
fn senders_have_windows_of_their_own_and_the_silent_one_is_forgotten() {
    let mut replays = Replays::default();
    let most = u32::try_from(MAX_SENDERS).unwrap();
    for ssrc in 0..most {
        assert!(!replays.has(ssrc, 5));
        replays.note(ssrc, 5);
    }
    replays.note(0, 6);
    replays.note(most, 5);
    assert_eq!(replays.0.len(), MAX_SENDERS);
    assert!(replays.has(0, 5) && replays.has(0, 6) && !replays.has(0, 7));
    assert!(!replays.has(1, 5) && replays.has(2, 5) && replays.has(most, 5));
}

#[test]
fn material_of_another_length_makes_nothing() {
    for profile in PROFILES {
        let length = profile.keying_material_len();
        for wrong in [0, 1, length - 1, length + 1, 2 * length] {
            let keys = Keys { profile, material: KeyingMaterial::new(&vec![1; wrong]), is_client: true };
            assert!(keys.seal().is_none() && keys.open().is_none());
        }
    }
}

#[test]
fn keys_are_not_printed() {
    let keys =
        Keys { profile: SrtpProfile::AEAD_AES_128_GCM, material: KeyingMaterial::new(&[0xa7; 56]), is_client: true };
    let printed = format!("{keys:?} {:?} {:?}", keys.seal().unwrap(), keys.open().unwrap());
    assert!(!printed.contains("167") && !printed.to_lowercase().contains("a7"), "{printed}");
}

proptest! {
    /// No byte of a packet can be changed and none left out.
    #[test]
    fn a_packet_that_was_touched_is_refused(profile in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut seal = keys(PROFILES[profile], true).seal().unwrap();
        let mut open = keys(PROFILES[profile], false).open().unwrap();
        let mut packet = report(3, 77);
        seal.rtcp(&mut packet);
        let at = at.index(packet.len());
        prop_assert_eq!(open.rtcp(&packet[..at]), None);
        packet[at] ^= 1_u8 << bit;
        prop_assert_eq!(open.rtcp(&packet), None);
        packet[at] ^= 1_u8 << bit;
        prop_assert_eq!(open.rtcp(&packet), Some(report(3, 77)));
    }

    #[test]
    fn garbage_is_refused(profile in 0..3_usize, packet in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut open = keys(PROFILES[profile], false).open().unwrap();
        prop_assert_eq!(open.rtcp(&packet), None);
    }

    /// Whatever is asked for, sealing does not panic and always adds a tag.
    #[test]
    fn any_packet_can_be_sealed(
        profile in 0..3_usize,
        plain in prop::collection::vec(any::<u8>(), 0..80),
        header in 0..100_usize,
        (ssrc, index) in any::<(u32, u64)>(),
    ) {
        let mut seal = keys(PROFILES[profile], true).seal().unwrap();
        let mut packet = plain.clone();
        seal.rtp(&mut packet, header, ssrc, index);
        prop_assert!(packet.len() > plain.len() && packet.len() <= plain.len() + Seal::OVERHEAD);
        let mut packet = plain.clone();
        seal.rtcp(&mut packet);
        prop_assert!(packet.is_empty() == (plain.len() < RTCP_HEAD) && packet.len() <= plain.len() + Seal::OVERHEAD);
    }
}

/// A session with the key of RFC 7714 of that length.
fn gcm(key: u8) -> Session {
    let algorithm = if key == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
    Session::gcm(algorithm, &(0..key).collect::<Vec<_>>(), &hex(GCM_SALT)).unwrap()
}

fn keys(profile: SrtpProfile, is_client: bool) -> Keys {
    let material: Vec<u8> = (1..).take(profile.keying_material_len()).collect();
    Keys { profile, material: KeyingMaterial::new(&material), is_client }
}

/// A sender report without blocks.
fn report(ssrc: u32, packets: u32) -> Vec<u8> {
    let words = [0x80c8_0006, ssrc, 1, 2, 3, packets, 5];
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// What a client does with an RTP packet.
fn open_rtp(session: &Session, packet: &[u8], header: usize, ssrc: u32, index: u64) -> Option<Vec<u8>> {
    match &session.cipher {
        Cipher::Gcm(key) => {
            let (head, body) = packet.split_at(header);
            let mut body = body.to_vec();
            let body = key.open_in_place(session.nonce(ssrc, index), Aad::from(head), &mut body).ok()?;
            Some([head, body].concat())
        }
        Cipher::Counter { key, tag } => {
            let (signed, sent) = packet.split_last_chunk::<SHA1_TAG>()?;
            let rollovers = u32::try_from(index >> 16).unwrap().to_be_bytes();
            let expected = hmac::sign(tag, &[signed, &rollovers].concat());
            if expected.as_ref()[..SHA1_TAG] != *sent {
                return None;
            }
            let mut plain = signed.to_vec();
            key.less_safe_encrypt(&mut plain[header..], session.counter_start(ssrc, index)).ok()?;
            Some(plain)
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| u8::try_from(high << 4 | low).unwrap()).collect()
}
