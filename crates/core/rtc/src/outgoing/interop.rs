//! Our packets at the stack and the stack's at us, with the keys of one handshake.

use super::rtcp::{self, Feedback};
use super::srtp::Keys;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider};
use str0m::crypto::dtls::{DtlsVersion, KeyingMaterial, ProtocolVersion, SrtpProfile};
use str0m::media::MediaKind;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

const SSRC: u32 = 0x5055_0007;

/// What the handshake led to at either side.
static HEARD: Mutex<Vec<Keys>> = Mutex::new(Vec::new());

/// One for each profile.
static LISTENING: [Listening; 3] = [
    Listening(SrtpProfile::AES128_CM_SHA1_80),
    Listening(SrtpProfile::AEAD_AES_128_GCM),
    Listening(SrtpProfile::AEAD_AES_256_GCM),
];

#[test]
fn our_packets_and_those_of_the_stack_are_alike() {
    for listening in &LISTENING {
        compare(listening, true);
        compare(listening, false);
    }
}

fn compare(listening: &'static Listening, is_client: bool) {
    let mut scene = Scene::connected(listening, is_client);
    let mut heard = std::mem::take(&mut *HEARD.lock().unwrap());
    assert_eq!(heard.len(), 2);
    heard.retain(|keys| keys.is_client == is_client && keys.profile == listening.0);
    let keys = heard.pop().unwrap();
    let (mut seal, mut open) = (keys.seal().unwrap(), keys.open().unwrap());

    // The stack seals as we do.
    scene.write(0xfffe);
    scene.run(Duration::from_millis(100));
    let is_rtp = |packet: &&Vec<u8>| packet[0] == 0x90;
    let sealed = scene.ours.sent.iter().rfind(is_rtp).unwrap().clone();
    let [received] = &scene.received()[..] else { panic!("one packet was written") };
    let header = received.header.header_len;
    let mut packet = [&sealed[..header], &received.payload].concat();
    seal.rtp(&mut packet, header, SSRC, 0xfffe);
    assert_eq!(packet, sealed);

    // The stack opens what we seal, also when the numbers start over.
    for index in [0xffff, 0x1_0000, 0x1_0001_u32] {
        let mut report = Vec::new();
        rtcp::sender_report(&mut report, SSRC, 0xe000_0000_8000_0000, 1234, 1, 99, "someone");
        seal.rtcp(&mut report);
        let [.., high, low] = index.to_be_bytes();
        let mut packet = [&sealed[..2], &[high, low], &sealed[4..header], b"ours"].concat();
        seal.rtp(&mut packet, header, SSRC, index.into());
        scene.theirs.inbox.extend([report, packet]);
        scene.run(Duration::from_millis(100));
    }
    let received = scene.received();
    assert_eq!(received.len(), 4);
    let last = received[3];
    assert_eq!((*last.seq_no, &*last.payload), (0x1_0001, &b"ours"[..]));
    assert_eq!(last.last_sender_info.as_ref().unwrap().sender_octet_count, 99);

    // We open what the stack says about our stream.
    scene.run(Duration::from_secs(8));
    let mut highest_seen = None;
    for packet in scene.theirs.sent.iter().filter_map(|packet| open.rtcp(packet)) {
        rtcp::read(&packet, &mut |feedback| {
            if let Feedback::Reception { ssrc: SSRC, highest, .. } = feedback {
                highest_seen = Some(highest);
            }
        });
    }
    assert_eq!(highest_seen, Some(0x1_0001));
}

/// Two stacks whose handshake is listened to.
struct Scene {
    now: Instant,
    ours: Side,
    theirs: Side,
}

struct Side {
    rtc: Rtc,
    address: SocketAddr,
    inbox: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    events: Vec<Event>,
}

impl Scene {
    fn connected(listening: &'static Listening, we_are_client: bool) -> Self {
        let now = Instant::now();
        let mut crypto = str0m::crypto::from_feature_flags();
        crypto.dtls_provider = listening;
        let crypto = Arc::new(crypto);
        let (ours, theirs) = (Side::new(&crypto, 1, now), Side::new(&crypto, 2, now));
        let mut scene = Self { now, ours, theirs };

        scene.ours.meet(&mut scene.theirs, we_are_client);
        scene.theirs.meet(&mut scene.ours, !we_are_client);
        scene.ours.rtc.direct_api().declare_stream_tx(SSRC.into(), None, "sound".into(), None);
        scene.theirs.rtc.direct_api().expect_stream_rx(SSRC.into(), None, "sound".into(), None);

        while !(scene.ours.rtc.is_connected() && scene.theirs.rtc.is_connected()) {
            assert!(scene.now < now + Duration::from_secs(10));
            scene.run(Duration::from_millis(10));
        }
        scene
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            self.ours.turn(self.now, &mut self.theirs);
            self.theirs.turn(self.now, &mut self.ours);
        }
    }

    fn write(&mut self, index: u64) {
        let pt = self.ours.rtc.codec_config().params()[0].pt();
        let mut api = self.ours.rtc.direct_api();
        let stream = api.stream_tx(&SSRC.into()).unwrap();
        stream.write_rtp(RtpWrite::new(pt, index.into(), 7, self.now, &b"theirs"[..]));
    }

    fn received(&self) -> Vec<&RtpPacket> {
        let events = self.theirs.events.iter();
        events.filter_map(|event| if let Event::RtpPacket(packet) = event { Some(packet) } else { None }).collect()
    }
}

impl Side {
    fn new(crypto: &Arc<str0m::crypto::CryptoProvider>, host: u8, now: Instant) -> Self {
        let mut rtc = Rtc::builder().set_rtp_mode(true).set_crypto_provider(Arc::clone(crypto)).build(now);
        let address = SocketAddr::from(([host; 4], 1000));
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self { rtc, address, inbox: VecDeque::new(), sent: Vec::new(), events: Vec::new() }
    }

    fn meet(&mut self, other: &mut Self, is_client: bool) {
        self.rtc.add_remote_candidate(Candidate::host(other.address, "udp").unwrap());
        let print = other.rtc.direct_api().local_dtls_fingerprint().clone();
        let credentials = other.rtc.direct_api().local_ice_credentials();
        let mut api = self.rtc.direct_api();
        api.set_remote_fingerprint(print);
        api.set_remote_ice_credentials(credentials);
        api.set_ice_controlling(is_client);
        api.start_dtls(is_client).unwrap();
        api.declare_media("sound".into(), MediaKind::Audio);
    }

    fn turn(&mut self, now: Instant, other: &mut Self) {
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain(other);
        while let Some(packet) = self.inbox.pop_front() {
            let (source, destination) = (other.address, self.address);
            let contents = packet.as_slice().try_into().unwrap();
            let receive = Receive { proto: Protocol::Udp, source, destination, contents };
            self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
            self.drain(other);
        }
    }

    fn drain(&mut self, other: &mut Self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Event(event) => self.events.push(event),
                Output::Transmit(transmit) => {
                    let packet: Vec<u8> = transmit.contents.into();
                    self.sent.push(packet.clone());
                    other.inbox.push_back(packet);
                }
            }
        }
    }
}

/// Makes handshakes that tell what they led to, and that always lead to one profile: its keys are the beginning of what the
/// longest asks for.
#[derive(Debug)]
struct Listening(SrtpProfile);

impl DtlsProvider for Listening {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = str0m::crypto::from_feature_flags().dtls_provider.new_dtls(cert, now, version, mtu)?;
        Ok(Box::new(Heard(inner, self.0)))
    }
}

#[derive(Debug)]
struct Heard(Box<dyn DtlsInstance>, SrtpProfile);

impl DtlsInstance for Heard {
    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.0.poll_output(buf);
        let DtlsOutput::KeyingMaterial(material, _) = &output else { return output };
        let (profile, is_client) = (self.1, self.0.is_active());
        let cut = || KeyingMaterial::new(&material[..profile.keying_material_len()]);
        HEARD.lock().unwrap().push(Keys { profile, material: cut(), is_client });
        DtlsOutput::KeyingMaterial(cut(), profile)
    }

    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
