//! Keeps the ladder up: reads the settings anew when they change, takes over delivered certificates, gets and renews its own, ends what was
//! declared, and declares http itself where the region chose so. Nothing it does is waited for by a page; a server that lets it wait for a certificate
//! holds up nothing else.

mod alone;
mod authority;
mod certify;

use super::acme::{self, Failure};
use super::board::{Doing, Tried};
use super::config::{Config, FILE, Files};
use super::declared::{By, Declared, EnvelopeRefusal, HOURS_MAX, Journal};
use super::files::Kept;
use super::pair::Pair;
use super::{Held, Ladder};
use crate::clinic::Clinic;
use crate::region::reach::Doorplate;
use crate::sentence::Sentence;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often it looks at files, clocks and declarations.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const HOUR_MS: u64 = 3600 * 1000;

/// What the keeper asks of the node around it.
pub trait Around: Send + Sync + 'static {
    /// For how long this node has been running over all its starts, in milliseconds.
    fn running_ms(&self) -> u64;
    /// Whether another clinic is connected now.
    fn has_peers(&self) -> bool;
    /// After how many hours alone the region lets a box declare http itself; `None`: never.
    fn alone_hours(&self) -> Option<u64> {
        None
    }
    /// Said to the region, where there is one, unless it knows: what is on this box's door.
    fn tell(&self, _doorplate: &Doorplate) {}
    /// What the region's authority signed for this box; `None` where there is nothing.
    fn signed(&self) -> Option<Vec<u8>> {
        None
    }
    /// The certificate of the region's authority; `None` where there is none.
    fn authority(&self) -> Option<Vec<u8>> {
        None
    }
    /// The public name that all boxes of the region answer to.
    fn shared_name(&self) -> Option<String> {
        None
    }
}

/// The one who keeps the ladder. Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    ladder: Ladder,
    clinic: Clinic,
    dir: PathBuf,
    around: Arc<dyn Around>,
    /// Held while the journal is read, changed and kept.
    journal: Arc<Mutex<()>>,
    /// Certificate and key that an option of `serve` names.
    named: Option<Files>,
}

/// What is remembered from look to look.
#[derive(Default)]
struct Memory {
    config: Option<Config>,
    /// How often it was read: whoever writes the same settings again wants them tried again.
    read_times: u64,
    settings_seen: Option<Seen>,
    file_seen: Option<Seen>,
    internet_at_ms: Option<u64>,
    /// The names that were last put on the ladder: the clinic's own, and the region's.
    names: Option<(Vec<String>, Option<String>)>,
    /// What the certificate of rung B was made from: what the region signed, and the names.
    signed: Option<(Vec<u8>, Vec<String>)>,
}

/// The settings, for the task that gets certificates.
#[derive(Debug, Clone, Default)]
struct Settings {
    read_times: u64,
    config: Option<Config>,
}

/// Length and time of change of files: whether they are to be read again.
type Seen = Vec<Option<(u64, SystemTime)>>;

fn seen(paths: &[&PathBuf]) -> Seen {
    paths.iter().map(|path| std::fs::metadata(path).ok().and_then(|meta| Some((meta.len(), meta.modified().ok()?)))).collect()
}

impl Keeper {
    /// Of a node's ladder. `dir` is its data directory.
    pub fn new(ladder: Ladder, clinic: Clinic, dir: PathBuf, around: Arc<dyn Around>) -> Self {
        Self { ladder, clinic, dir, around, journal: Arc::default(), named: None }
    }

    /// With a certificate that is watched besides the settings: it was looked at when the node started.
    #[must_use]
    pub fn delivered(mut self, chain: &Path, key: &Path) -> Self {
        self.named = Some(Files { chain: chain.to_owned(), key: key.to_owned() });
        self
    }

    /// The ladder that it keeps.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The certificate of the region's authority (DER), where there is one.
    pub fn authority(&self) -> Option<Vec<u8>> {
        self.around.authority()
    }

    /// For how long this node has been running over all its starts, in milliseconds: by which declarations end.
    pub fn running_ms(&self) -> u64 {
        self.around.running_ms()
    }

    /// Runs until `stopping`.
    pub async fn run(self, stopping: CancellationToken) {
        let (says, config) = watch::channel(Settings::default());
        let both = async { tokio::join!(self.look_after(says), self.certify(config)) };
        let _stopped = stopping.run_until_cancelled(both).await;
    }

    async fn look_after(&self, says: watch::Sender<Settings>) {
        let mut memory = Memory::default();
        loop {
            self.look(&mut memory).await;
            says.send_if_modified(|settings| {
                let is_other = settings.read_times != memory.read_times;
                *settings = Settings { read_times: memory.read_times, config: memory.config.clone() };
                is_other
            });
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.ladder.kicked() => {}
            }
        }
    }

    /// What is there already: to be called once before anything is served. Not from async code.
    pub fn begin(&self) {
        let mut memory = Memory::default();
        self.read_settings(&mut memory);
        self.follow_names(&mut memory);
        self.read_file(&mut memory);
        self.declared();
        self.read_authority(&mut memory);
    }

    async fn look(&self, memory: &mut Memory) {
        let keeper = self.clone();
        let mut taken = std::mem::take(memory);
        // Files and the store are read beside the threads that answer.
        let looked = tokio::task::spawn_blocking(move || {
            keeper.read_settings(&mut taken);
            keeper.follow_names(&mut taken);
            keeper.read_file(&mut taken);
            keeper.declared();
            keeper.read_authority(&mut taken);
            taken
        });
        match looked.await {
            Ok(looked) => *memory = looked,
            Err(error) => tracing::error!(%error, "the ladder could not be looked after"),
        }
        self.count_alone(memory).await;
    }

    fn read_settings(&self, memory: &mut Memory) {
        let now = seen(&[&self.dir.join(FILE)]);
        if memory.settings_seen.as_ref() == Some(&now) {
            return;
        }
        memory.settings_seen = Some(now);
        match Config::read(&self.dir) {
            Err(error) => {
                let next = "mend it, or write it anew with `kusuribako access configure`";
                let say = Sentence {
                    ja: format!("アクセスの設定が読めません。直してください。（{error}）"),
                    en: format!("{error}: {next}"),
                };
                self.note(Doing::Settings, Some(("settings", say)));
            }
            Ok(config) => {
                self.note(Doing::Settings, None);
                let config = config.unwrap_or_default();
                memory.file_seen = None;
                if config.acme.is_some() {
                    self.take_kept(&config);
                }
                memory.config = Some(config);
                memory.read_times += 1;
            }
        }
    }

    /// The names that phones are sent to: the settings', and the one that the region chose, which may come at any time.
    fn follow_names(&self, memory: &mut Memory) {
        let Some(config) = &memory.config else { return };
        let shared = config.region_name.clone().or_else(|| self.around.shared_name());
        let now = (config.names.clone(), shared);
        if memory.names.as_ref() != Some(&now) {
            self.ladder.set_names(now.0.clone(), now.1.clone());
            memory.names = Some(now);
        }
    }

    /// The certificate that an earlier run got.
    fn take_kept(&self, config: &Config) {
        match acme::kept(&Kept::of(&self.dir)) {
            Ok(Some(pair)) if config.all_names().iter().all(|name| pair.covers(name)) => self.take_a(Doing::Acme, pair),
            Ok(_none_or_for_other_names) => {}
            Err(failure) => self.note(Doing::Acme, Some((failure.kind(), failure.sentence()))),
        }
    }

    fn take_a(&self, doing: Doing, pair: Pair) {
        match Held::new(pair) {
            Ok(held) => {
                self.ladder.set_a(Some(held));
                self.note(doing, None);
            }
            Err(error) => self.note(doing, Some(("certificate", Failure::from(error).sentence()))),
        }
    }

    /// A certificate that something else delivers: read when it changes, looked at, then taken over.
    fn read_file(&self, memory: &mut Memory) {
        let set = memory.config.as_ref().and_then(|config| config.certificate.clone());
        let Some(Files { chain, key }) = set.or_else(|| self.named.clone()) else { return };
        let now = seen(&[&chain, &key]);
        if memory.file_seen.as_ref() == Some(&now) {
            return;
        }
        memory.file_seen = Some(now);
        let names = memory.config.as_ref().map(Config::all_names).unwrap_or_default();
        match delivered(&chain, &key, &names, self.ladder.now_ms()) {
            Ok(pair) => self.take_a(Doing::File, pair),
            Err(why) => {
                let next = "the certificate before is kept in use; deliver chain and key again";
                let ja =
                    format!("届いた証明書は使いません。前のものを使い続けます。証明書と鍵をもう一度置いてください。（{why}）");
                self.note(Doing::File, Some(("certificate", Sentence { ja, en: format!("{why}: {next}") })));
            }
        }
    }

    fn note(&self, doing: Doing, failed: Option<(&'static str, Sentence)>) {
        if let Some((_, say)) = &failed {
            tracing::warn!(what = ?doing, "{}", say.en);
        }
        self.ladder.tried(doing, Tried { at_ms: self.ladder.now_ms(), failed });
    }

    /// What is in force about plain http. What an option of `serve` declared is left alone.
    fn declared(&self) {
        if self.ladder.declared().is_some_and(|declared| declared.by == By::Operator) {
            return;
        }
        let _journal = self.journal();
        let mut journal = match Journal::read(self.clinic.store()) {
            Ok(journal) => journal,
            Err(error) => {
                tracing::error!(%error, "what was declared about http cannot be read: it counts as not declared");
                self.ladder.set_declared(None);
                return;
            }
        };
        let before = journal.clone();
        let in_force = journal.in_force(self.around.running_ms());
        if journal != before
            && let Err(error) = journal.keep(self.clinic.store())
        {
            tracing::error!(%error, "the end of a declaration could not be kept");
        }
        self.ladder.set_declared(in_force);
    }

    fn journal(&self) -> MutexGuard<'_, ()> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the journal with nothing coming in between, keeps it, and has the ladder follow. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn with_journal<T>(&self, change: impl FnOnce(&mut Journal, u64) -> T) -> Result<T, crate::store::StoreError> {
        let store = self.clinic.store();
        let guard = self.journal();
        let mut journal = Journal::read(store)?;
        let before = journal.clone();
        let running_ms = self.around.running_ms();
        let done = change(&mut journal, running_ms);
        let is_other = journal != before;
        if is_other {
            journal.keep(store)?;
        }
        if self.ladder.declared().is_none_or(|declared| declared.by != By::Operator) {
            self.ladder.set_declared(journal.in_force(running_ms));
        }
        drop(guard);
        if is_other {
            self.ladder.kick();
        }
        Ok(done)
    }

    /// Declares http for so many hours of running time. Not from async code.
    ///
    /// # Errors
    /// What the store says: it is then not declared.
    pub fn declare(&self, by: By, reason: &str, hours: u64) -> Result<Declared, crate::store::StoreError> {
        self.with_journal(|journal, running_ms| self.put_down(journal, by, reason, hours, running_ms))
    }

    /// Opens http with an envelope's code. The code is used up and http declared in one write: neither is there without the other. Not from
    /// async code.
    ///
    /// # Errors
    /// What the store says: then the code is good as before. Within: why the code was not taken.
    pub fn open_envelope(&self, secret: &[u8]) -> Result<Result<Declared, EnvelopeRefusal>, crate::store::StoreError> {
        self.with_journal(|journal, running_ms| {
            let number = journal.use_envelope(secret, running_ms)?;
            Ok(self.put_down(journal, By::Envelope { number }, "", HOURS_MAX, running_ms))
        })
    }

    fn put_down(&self, journal: &mut Journal, by: By, reason: &str, hours: u64, running_ms: u64) -> Declared {
        let hours = hours.clamp(1, HOURS_MAX);
        let until_ms = running_ms.saturating_add(hours.saturating_mul(HOUR_MS));
        let (at_ms, reason) = (self.ladder.now_ms(), reason.to_owned());
        let declared = Declared { by, reason, at_ms, until_running_ms: Some(until_ms), ended: None };
        tracing::warn!(by = %declared.by, hours, "http is declared: patients read their own record without encryption");
        journal.declare(declared.clone());
        declared
    }
}

fn delivered(chain: &PathBuf, key: &PathBuf, names: &[String], now_ms: i64) -> Result<Pair, String> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let pair = Pair::read(&read(chain)?, &read(key)?).map_err(|e| e.to_string())?;
    pair.check(names, now_ms).map_err(|e| e.to_string())?;
    pair.server_config().map_err(|e| e.to_string())?;
    Ok(pair)
}

#[cfg(test)]
mod tests;
