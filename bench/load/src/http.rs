//! Plain HTTP/1.1 on one kept-alive connection, so that what is measured is the server and not a client library.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Whom to call, and how calls are signed.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address and port.
    pub address: String,
    /// What `API-KEY` says.
    pub key: String,
    /// What signs the body.
    pub secret: String,
}

/// One kept-alive connection.
#[derive(Debug)]
pub struct Connection<'a> {
    server: &'a Server,
    stream: BufReader<TcpStream>,
}

impl<'a> Connection<'a> {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(server: &'a Server) -> anyhow::Result<Self> {
        let address = &server.address;
        let stream = TcpStream::connect(address).await.with_context(|| format!("no server at {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { server, stream: BufReader::new(stream) })
    }

    /// A signed call of the server API that must succeed; gives its answer.
    ///
    /// # Errors
    /// When it does not succeed.
    pub async fn call(&mut self, path: &str, body: &str) -> anyhow::Result<String> {
        let signature = wire::signature::sign(&self.server.secret, body.as_bytes());
        let headers = format!(
            "content-type: application/json\r\napi-key: {}\r\nhash-signature: {signature}\r\n",
            self.server.key
        );
        let answer = String::from_utf8(self.post(path, &headers, body.as_bytes()).await?)?;
        if !answer.contains("\"status\":true") {
            bail!("{path} failed: {answer}");
        }
        Ok(answer)
    }

    /// Posts a body with these header lines; gives the body of the answer, whatever its status.
    ///
    /// # Errors
    /// When the connection breaks or the answer is no HTTP.
    pub async fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        let address = &self.server.address;
        let mut request =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {}\r\n\r\n", body.len())
                .into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).await?;
        self.read_answer().await
    }

    async fn read_answer(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut length = None;
        let mut line = String::new();
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line).await? > 0, "the server closed the connection");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.filter(|length| *length <= MAX_ANSWER).context("the answer has no usable length")?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }
}
