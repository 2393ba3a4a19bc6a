//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Options;

/// Rooms for people: a complete web-conferencing server.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(ServeArgs),
    /// Make a join link; creates the room if needed.
    Token(TokenArgs),
    /// Print the API key and secret.
    Secrets(ConfigArgs),
    /// Look at everything the server needs and say what is wrong; changes nothing.
    Doctor(DoctorArgs),
    /// Take over sessions, recordings and artifacts of a plugNmeet server; may be run again.
    Import(ImportArgs),
}

/// Where settings come from.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file [default: config.yaml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// A server for trying out on one's own machine
    #[arg(long)]
    dev: bool,
}

/// Settings of `plenum serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address, or address and TCP port, to listen on [default: 0.0.0.0:8080, with all addresses of IPv6 too]
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    listen: Option<Listen>,
    /// UDP port for all media [default: the number of the TCP port]
    #[arg(long, value_name = "PORT")]
    media_port: Option<u16>,
    /// Address that clients send media to; may be given several times [default: those of the interfaces]
    #[arg(long, value_name = "ADDRESS")]
    advertise: Vec<IpAddr>,
}

/// Settings of `plenum doctor`: those the server is started with.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Settings of `plenum import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The `config.yaml` of the plugNmeet server
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Plenum's own configuration, if it is another file
    #[arg(long, value_name = "FILE")]
    pub(crate) into: Option<PathBuf>,
    /// Plenum's data folder [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Give files a second name instead of a second copy; both folders must be on one file system
    #[arg(long)]
    pub(crate) link: bool,
    /// Only look and count; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Settings of `plenum token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The running server [default: the configured address and port]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Room id
    #[arg(long)]
    pub(crate) room: String,
    /// Display name
    #[arg(long)]
    pub(crate) name: String,
    /// User id [default: made from the name and a random number]
    #[arg(long)]
    pub(crate) user_id: Option<String>,
    /// As a moderator
    #[arg(long)]
    pub(crate) admin: bool,
}

/// `127.0.0.1`, `127.0.0.1:8080`, `[::1]:8080` or `:8080`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listen {
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(both) = text.parse::<SocketAddr>() {
            return Ok(Self { address: Some(both.ip()), port: Some(both.port()) });
        }
        if let Ok(address) = text.parse() {
            return Ok(Self { address: Some(address), port: None });
        }
        match text.strip_prefix(':').map(str::parse) {
            Some(Ok(port)) => Ok(Self { address: None, port: Some(port) }),
            _ => Err("expected an address, an address and a port, or a colon and a port".to_owned()),
        }
    }
}

impl ConfigArgs {
    pub(crate) fn options(&self) -> Options {
        Options { config: self.config.clone(), data: self.data.clone(), dev: self.dev, ..Options::default() }
    }
}

impl ServeArgs {
    pub(crate) fn options(&self) -> Options {
        Options {
            listen: self.listen.and_then(|listen| listen.address),
            port: self.listen.and_then(|listen| listen.port),
            media_port: self.media_port,
            advertise: self.advertise.clone(),
            ..self.config.options()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn listen_takes_an_address_a_port_or_both() {
        let parsed = |text: &str| text.parse::<Listen>().map(|listen| (listen.address, listen.port));
        let local: IpAddr = [127, 0, 0, 1].into();

        assert_eq!(parsed("127.0.0.1"), Ok((Some(local), None)));
        assert_eq!(parsed("127.0.0.1:0"), Ok((Some(local), Some(0))));
        assert_eq!(parsed(":9090"), Ok((None, Some(9090))));
        assert!(parsed("localhost:9090").is_err());
    }
}
