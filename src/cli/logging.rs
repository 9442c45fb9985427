//! Logs go to standard error. Never in them: names, birth dates, drugs, card codes, PINs, tokens, bodies of requests.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging; `KUSURIBAKO_LOG` chooses what (`info`, or `warn,kusuribako::store=debug`), warnings and worse by default.
pub(crate) fn start() {
    let chosen = std::env::var("KUSURIBAKO_LOG").ok().and_then(|wish| wish.parse::<Targets>().ok());
    // What strangers do wrong over HTTP/2 is not worth a line each: a flood would fill the disk.
    let usual = || Targets::new().with_default(LevelFilter::WARN).with_target("h2", LevelFilter::ERROR);
    let filter = chosen.unwrap_or_else(usual);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    // Only the first start in a process counts; tests start several.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
