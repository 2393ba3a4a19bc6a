use std::sync::Mutex;

use tokio::net::UdpSocket;

use super::*;

/// A STUN server (RFC 8489) that says of everybody what it is told to, and nothing at first.
#[derive(Clone, Default)]
struct Stun(Arc<Mutex<Option<[u8; 4]>>>);

impl Stun {
    async fn start(&self) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (name, said) = (socket.local_addr().unwrap().to_string(), self.0.clone());
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut buffer).await {
                let Some(address) = *said.lock().unwrap() else { continue };
                // A response with XOR-MAPPED-ADDRESS: port 4711 and the address, mixed with the cookie.
                let mut answer = vec![1, 1, 0, 12];
                answer.extend(&buffer[4..20]);
                answer.extend([0, 0x20, 0, 8, 0, 1, 0x12 ^ 0x21, 0x67 ^ 0x12]);
                answer.extend(address.iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(octet, cookie)| octet ^ cookie));
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        name
    }

    fn say(&self, address: Option<[u8; 4]>) {
        *self.0.lock().unwrap() = address;
    }
}

fn addresses(config: &Config) -> Addresses {
    let credentials =
        crate::config::Credentials { key: "key".to_owned(), secret: model::Redacted::new("s".repeat(32)) };
    let media = MediaConfig { port: 0, threads: 1, ..crate::transport::media_config(config, &credentials, None) };
    Addresses::new(config, media)
}

#[tokio::test]
async fn how_others_see_us_is_asked_until_it_is_known_and_followed_from_then_on() {
    let stun = Stun::default();
    let mut config = Config::default();
    config.media.use_external_ip = true;
    config.media.stun_servers = vec![stun.start().await];
    let mut known = addresses(&config);
    let inside = known.media.addresses();

    assert!(known.look().await);
    assert_eq!(known.settings().addresses(), inside);

    for outside in [[203, 0, 113, 7], [203, 0, 113, 8]] {
        stun.say(Some(outside));
        assert!(known.look().await);
        assert_eq!(known.settings().addresses(), [vec![outside.into()], inside.clone()].concat());
        assert!(!known.look().await, "nothing is new");
    }

    stun.say(None);
    assert!(!known.look().await, "who is silent for once takes nothing back");
    assert_eq!(known.settings().addresses()[0], IpAddr::from([203, 0, 113, 8]));
}

#[tokio::test]
async fn what_the_operator_says_is_not_looked_up() {
    let mut config = Config::default();
    config.media.advertise = vec!["192.0.2.7".parse().unwrap()];
    let mut known = addresses(&config);
    assert!(known.look().await);
    assert_eq!(known.settings().addresses(), config.media.advertise);
    assert!(known.is_said() && !addresses(&Config::default()).is_said());
    config.media.use_external_ip = true;
    assert!(!addresses(&config).is_said());
}

#[tokio::test]
async fn a_network_that_is_gone_for_a_moment_takes_nothing_back() {
    let mut config = Config::default();
    config.media.advertise = vec!["127.0.0.1".parse().unwrap()];
    for outside in [vec![], vec![IpAddr::from([203, 0, 113, 7])]] {
        let mut known = addresses(&config);
        known.inside = vec!["192.0.2.7".parse().unwrap()];
        known.told = [&outside[..], &known.inside].concat();
        known.outside = outside;
        let told = known.told.clone();

        assert!(!known.look().await, "clients there would be told of themselves");
        assert_eq!(known.told, told);
    }
}

#[tokio::test]
async fn the_media_plane_and_the_relays_follow() {
    // A machine without a network has itself.
    let mut known = addresses(&Config { dev: true, ..Config::default() });
    known.look().await;
    let media::Started { plane, addresses: before, .. } = media::start(&known.settings()).unwrap();
    let (tell, mut relays) = watch::channel(Relays::default());
    let at = |addresses: &[SocketAddr]| Relays {
        urls: addresses.iter().map(ToString::to_string).collect(),
        ..Relays::default()
    };
    known.renew(&plane, &tell, &at).await;
    assert!(!relays.has_changed().unwrap(), "nothing is new");

    // As if it had been so when the server started.
    known.told = vec!["192.0.2.99".parse().unwrap()];
    known.renew(&plane, &tell, &at).await;

    let urls = relays.borrow_and_update().urls.clone();
    assert_eq!(urls, before.iter().map(ToString::to_string).collect::<Vec<_>>());
}
