//! Our address as others see it, asked of STUN servers (RFC 8489).

use crate::stun;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

/// How long to wait for an answer before asking again, and how often.
const PATIENCE: Duration = Duration::from_millis(700);
const TRIES: u32 = 4;

/// Longest answer.
const MAX_ANSWER: usize = 1024;

/// Most servers that are asked.
const MAX_SERVERS: usize = 8;

/// Asks those servers (`host:port`) for our addresses: at most one of each family, IPv4 first. Takes three seconds at most if
/// nobody answers, or a little longer if names are hard to resolve.
pub async fn external_addresses(servers: &[String]) -> Vec<IpAddr> {
    let (v4, v6) =
        tokio::join!(ask_any(servers, Ipv4Addr::UNSPECIFIED.into()), ask_any(servers, Ipv6Addr::UNSPECIFIED.into()));
    v4.into_iter().chain(v6).collect()
}

/// The first answer of any of them over one family.
async fn ask_any(servers: &[String], from: IpAddr) -> Option<IpAddr> {
    let mut questions = tokio::task::JoinSet::new();
    let servers: Vec<String> = servers.iter().take(MAX_SERVERS).cloned().collect();
    for server in servers {
        questions.spawn(async move { ask(&server, from).await });
    }
    while let Some(answer) = questions.join_next().await {
        // One that fails or panics is like one that is silent.
        if let Ok(Ok(address)) = answer {
            return Some(address);
        }
    }
    None
}

async fn ask(server: &str, from: IpAddr) -> io::Result<IpAddr> {
    let found = timeout(PATIENCE * TRIES, lookup_host(server)).await??;
    let to = found.into_iter().find(|address| address.is_ipv4() == from.is_ipv4());
    let to = to.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = UdpSocket::bind(SocketAddr::new(from, 0)).await?;
    socket.connect(to).await?;
    let transaction = transaction(socket.local_addr()?);
    let question = stun::binding_request(&transaction);
    for _ in 0..TRIES {
        socket.send(&question).await?;
        let mut buffer = [0; MAX_ANSWER];
        let answer = timeout(PATIENCE, async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                if let Some(mapped) = stun::mapped_address(&buffer[..length], &transaction) {
                    return Ok::<_, io::Error>(mapped);
                }
            }
        });
        if let Ok(answer) = answer.await {
            return answer.map(|mapped| mapped.ip());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Tells answers to this process from others; the socket takes none but the server's anyway.
fn transaction(local: SocketAddr) -> [u8; 12] {
    let mut transaction = *b"plenum\0\0\0\0\0\0";
    transaction[6..8].copy_from_slice(&local.port().to_be_bytes());
    transaction[8..].copy_from_slice(&std::process::id().to_be_bytes());
    transaction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says so of everybody, after having lost the first question.
    async fn server(claimed: SocketAddr) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let name = socket.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            let mut asked = 0;
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                asked += 1;
                if asked == 1 {
                    continue;
                }
                assert_eq!(length, 20);
                let transaction: [u8; 12] = buffer[8..20].try_into().unwrap();
                // An answer to another question first.
                socket.send_to(&stun::binding_response(&[0; 12], claimed), from).await.unwrap();
                socket.send_to(&stun::binding_response(&transaction, claimed), from).await.unwrap();
            }
        });
        name
    }

    #[tokio::test]
    async fn the_address_is_what_a_server_says() {
        let good = server("203.0.113.7:4711".parse().unwrap()).await;
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let servers = [silent.local_addr().unwrap().to_string(), good];

        assert_eq!(external_addresses(&servers).await, [IpAddr::from([203, 0, 113, 7])]);
    }

    #[tokio::test]
    async fn without_an_answer_there_is_none() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();

        assert!(external_addresses(&[silent.local_addr().unwrap().to_string()]).await.is_empty());
        assert!(external_addresses(&[]).await.is_empty());
    }
}
