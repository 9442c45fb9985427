//! Logs go to standard error. Never in them: names, birth dates, drugs, card codes, PINs, tokens, bodies of requests.

use tracing_subscriber::EnvFilter;

/// Starts logging; `KUSURIBAKO_LOG` chooses what, warnings and worse by default.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("KUSURIBAKO_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // Only the first start in a process counts; tests start several.
    let _ = subscriber.try_init();
}
