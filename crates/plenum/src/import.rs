//! `plenum import`: takes over what a reference server remembers: sessions, recordings, artifacts and their files.
//!
//! It may be run any number of times: what is there already stays as it is, so a run that was interrupted is simply
//! started again. A file comes before the row that names it. Nothing is changed at the place it comes from.

mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use blobs::{Adopted, Way};
use futures_util::future::join_all;
use ports::archive::Archive as _;
use ports::blobs::Key;
use store::{Reference, Store};

use crate::cli::ImportArgs;
use crate::config::{self, Config, Options};
use crate::serve;

/// Rows that cannot be taken over and are named one by one; the rest are counted.
const MOST_NAMED: usize = 20;

/// Reads, checks and takes over. The answer is an error if anything has to be tried again.
pub(crate) async fn run(args: ImportArgs) -> anyhow::Result<()> {
    let source = Source::read(&args.config)?;
    let into = Options { config: Some(args.into.unwrap_or(args.config)), data: args.data, ..Options::default() };
    let target = config::load(&into, config::environment())?.config;

    let reference = Reference::connect(&source.server, &source.prefix).await?;
    let mut import = Import {
        reference,
        source,
        way: if args.link { Way::Link } else { Way::Copy },
        recordings: target.recordings.folder.clone(),
        artifacts: target.artifacts.folder.clone(),
        store: None,
        counts: BTreeMap::new(),
        named: Vec::new(),
    };
    if args.dry_run {
        import.everything().await?;
    } else {
        let _lock = serve::claim(&target.data, serve::CLAIM_PATIENCE).await.context("stop the server first")?;
        let store = match &target.database {
            Some(server) => Store::connect(server).await,
            None => Store::open(&target.data.join("plenum.db")).await,
        };
        let store = store.context("could not open the database to import into; is a server running on it?")?;
        import.store = Some(store.clone());
        let done = import.everything().await;
        store.close().await;
        done?;
    }
    import.summarise(args.dry_run);
    let failed = import.count(Outcome::Failed);
    if failed > 0 {
        bail!("{failed} files could not be brought over; run it again once the reason is gone");
    }
    Ok(())
}

/// Where everything comes from.
struct Source {
    server: store::Server,
    prefix: String,
    /// `None` if the configuration names none.
    recordings: Option<PathBuf>,
    artifacts: PathBuf,
}

impl Source {
    fn read(file: &Path) -> anyhow::Result<Self> {
        // A data folder nobody has shows which folders the file does not name; `dev` allows its sample secret.
        let nowhere = Path::new("/dev/null/plenum");
        let options =
            Options { config: Some(file.to_owned()), data: Some(nowhere.to_owned()), dev: true, ..Options::default() };
        let Config { database, table_prefix: prefix, recordings, artifacts, .. } = config::load(&options, [])?.config;
        let server =
            database.with_context(|| format!("{} names no database server in database_info", file.display()))?;
        let named = |folder: PathBuf| Some(folder).filter(|folder| !folder.starts_with(nowhere));
        Ok(Self {
            server,
            prefix,
            recordings: named(recordings.folder),
            // The reference's default (http-api.md section 10).
            artifacts: named(artifacts.folder).unwrap_or_else(|| PathBuf::from("./artifacts")),
        })
    }
}

/// What became of a row or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It came over, or would.
    Taken,
    /// It was there already.
    Before,
    /// It cannot be kept.
    Refused,
    /// Its session goes on over there.
    Running,
    /// The file is not where its row says.
    Absent,
    /// The file is there and could not be brought over.
    Failed,
}

struct Import {
    reference: Reference,
    source: Source,
    way: Way,
    recordings: PathBuf,
    artifacts: PathBuf,
    /// `None` to only look.
    store: Option<Store>,
    counts: BTreeMap<(&'static str, Outcome), u64>,
    named: Vec<String>,
}

impl Import {
    async fn everything(&mut self) -> anyhow::Result<()> {
        self.sessions().await.context("could not import sessions")?;
        self.all_recordings().await.context("could not import recordings")?;
        self.all_artifacts().await.context("could not import artifacts")?;
        let old = self.reference.old_analytics().await?;
        if old > 0 {
            self.name(format!("{old} rows of room_analytics: start that server's latest version once, it moves them"));
        }
        Ok(())
    }

    async fn sessions(&mut self) -> anyhow::Result<()> {
        const KIND: &str = "sessions";
        let mut behind = 0;
        loop {
            let page = self.reference.sessions(behind).await?;
            let Some(last) = page.last() else { return Ok(()) };
            behind = last.id;
            let mut good = Vec::new();
            for row in page {
                if row.is_running && row.lasted_s.is_none() {
                    self.note(KIND, Outcome::Running);
                    continue;
                }
                match rows::session(&row) {
                    Ok(session) => good.push(session),
                    Err(why) => self.refuse(KIND, row.id, &why),
                }
            }
            let outcomes = match &self.store {
                None => vec![Ok(true); good.len()],
                // All of a page at once: the store makes a few commits of them.
                Some(store) => join_all(good.into_iter().map(|session| store.adopt_session(session))).await,
            };
            for added in outcomes {
                self.note(KIND, if added? { Outcome::Taken } else { Outcome::Before });
            }
            self.progress(KIND);
        }
    }

    async fn all_recordings(&mut self) -> anyhow::Result<()> {
        const KIND: &str = "recordings";
        let mut behind = 0;
        loop {
            let page = self.reference.recordings(behind).await?;
            let Some(last) = page.last() else { return Ok(()) };
            behind = last.id;
            for row in page {
                let (recording, key) = match rows::recording(&row) {
                    Ok(good) => good,
                    Err(why) => {
                        self.refuse(KIND, row.id, &why);
                        continue;
                    }
                };
                if let Some(from) = self.source.recordings.clone() {
                    let to = self.recordings.clone();
                    if self.file("files of recordings", &from, &to, &key).await? == Outcome::Failed {
                        continue;
                    }
                    // What a recorder wrote beside it, if it did.
                    if let Some(side) = key.beside(".json")
                        && blobs::is_there(&from, &side).unwrap_or_default()
                    {
                        self.file("side files", &from, &to, &side).await?;
                    }
                } else {
                    self.note("files of recordings", Outcome::Absent);
                }
                let Some(store) = &self.store else {
                    self.note(KIND, Outcome::Taken);
                    continue;
                };
                if store.find_recording(&recording.record_id).await?.is_some() {
                    self.note(KIND, Outcome::Before);
                } else {
                    store.add_recording(recording).await?;
                    self.note(KIND, Outcome::Taken);
                }
            }
            self.progress(KIND);
        }
    }

    async fn all_artifacts(&mut self) -> anyhow::Result<()> {
        const KIND: &str = "artifacts";
        let mut behind = 0;
        loop {
            let page = self.reference.artifacts(behind).await?;
            let Some(last) = page.last() else { return Ok(()) };
            behind = last.id;
            for row in page {
                let (artifact, key) = match rows::artifact(&row) {
                    Ok(good) => good,
                    Err(why) => {
                        self.refuse(KIND, row.id, &why);
                        continue;
                    }
                };
                if let Some(key) = key {
                    let (from, to) = (self.source.artifacts.clone(), self.artifacts.clone());
                    if self.file("files of artifacts", &from, &to, &key).await? == Outcome::Failed {
                        continue;
                    }
                }
                let Some(store) = &self.store else {
                    self.note(KIND, Outcome::Taken);
                    continue;
                };
                if store.find_artifact(&artifact.artifact_id).await?.is_some() {
                    self.note(KIND, Outcome::Before);
                } else {
                    store.add_artifact(artifact).await?;
                    self.note(KIND, Outcome::Taken);
                }
            }
            self.progress(KIND);
        }
    }

    /// Brings one file over.
    async fn file(&mut self, kind: &'static str, from: &Path, to: &Path, key: &Key) -> anyhow::Result<Outcome> {
        let (way, dry) = (self.way, self.store.is_none());
        let (source, target, name) = (from.to_owned(), to.to_owned(), key.clone());
        let work = move || {
            if dry || is_same_folder(&source, &target) {
                let there = blobs::is_there(&source, &name)?;
                return Ok(if !there {
                    Adopted::Absent
                } else if dry && !is_same_folder(&source, &target) {
                    Adopted::Now
                } else {
                    Adopted::Before
                });
            }
            blobs::adopt(&source, &target, &name, way)
        };
        let outcome = match tokio::task::spawn_blocking(work).await? {
            Ok(Adopted::Now) => Outcome::Taken,
            Ok(Adopted::Before) => Outcome::Before,
            Ok(Adopted::Absent) => Outcome::Absent,
            Err(error) => {
                self.name(format!("{}: {error}", from.join(key.as_str()).display()));
                Outcome::Failed
            }
        };
        self.note(kind, outcome);
        Ok(outcome)
    }

    fn refuse(&mut self, kind: &'static str, row: i64, why: &str) {
        self.name(format!("{kind}, row {row}: {why}"));
        self.note(kind, Outcome::Refused);
    }

    fn name(&mut self, text: String) {
        if self.named.len() < MOST_NAMED {
            self.named.push(text);
        }
    }

    fn note(&mut self, kind: &'static str, outcome: Outcome) {
        *self.counts.entry((kind, outcome)).or_default() += 1;
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.counts.iter().filter(|((_, found), _)| *found == outcome).map(|(_, count)| count).sum()
    }

    /// One line per page, for whoever waits.
    #[expect(clippy::print_stderr, reason = "how far a command line program came")]
    fn progress(&self, kind: &'static str) {
        let seen: u64 = self.counts.iter().filter(|((of, _), _)| *of == kind).map(|(_, count)| count).sum();
        eprintln!("{seen} {kind} looked at");
    }

    #[expect(clippy::print_stdout, reason = "the answer of a command line program")]
    fn summarise(&self, dry: bool) {
        for line in &self.named {
            println!("left out: {line}");
        }
        for ((kind, outcome), count) in &self.counts {
            let what = match outcome {
                Outcome::Taken if dry => "would be imported",
                Outcome::Taken => "imported",
                Outcome::Before => "there already",
                Outcome::Refused => "left out, see above",
                Outcome::Running => "left out, since they go on there; run it again afterwards",
                Outcome::Absent => "not where their rows say",
                Outcome::Failed => "could not be brought over",
            };
            println!("{kind}: {count} {what}");
        }
        if self.counts.is_empty() {
            println!("nothing to import");
        }
    }
}

/// Whether both names lead to one folder, as when a server starts with the reference's own configuration.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
