//! `plenum secrets`: the API key and secret, for whoever configures an application.

use crate::cli::ConfigArgs;
use crate::config;

/// Prints key and secret; they are made now if there are none yet.
#[expect(clippy::print_stdout, reason = "the answer of a command line program")]
pub(crate) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.options(), config::environment())?;
    let credentials = config::secrets::credentials(&loaded.config)?;
    println!("api_key: {}", credentials.key);
    println!("secret: {}", credentials.secret.expose());
    Ok(())
}
