//! The thread that checks: one text at a time, each with the open texts in place of the files. A panic is the end of one check, not of the
//! server.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use gen_lsp_types::Uri;

use crate::driver::{Request, Session, plain};
use crate::ide::{Facts, Module, Syntax};

/// A text to check.
pub struct Job {
    /// The document.
    pub uri: Uri,
    /// Its version.
    pub version: i32,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
    /// The open texts, by their paths.
    pub texts: BTreeMap<PathBuf, String>,
}

/// What came of a check.
pub struct Done {
    /// The document.
    pub uri: Uri,
    /// The version that was checked.
    pub version: i32,
    /// What was seen, or how the check panicked.
    pub facts: Result<Arc<Facts>, String>,
    /// How long it took.
    pub took: Duration,
}

/// The thread that checks.
pub struct Checking {
    jobs: Option<Sender<Job>>,
    /// What came of checks.
    pub done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

impl Checking {
    /// Starts the thread.
    pub fn start() -> Checking {
        let (jobs, waiting) = unbounded::<Job>();
        let (finished, done) = unbounded();
        let work = move || {
            for job in waiting {
                let started = Instant::now();
                let facts = catch_unwind(AssertUnwindSafe(|| facts_of(&job))).map_err(|panic| message_of(&*panic));
                let done = Done { uri: job.uri, version: job.version, facts, took: started.elapsed() };
                if finished.send(done).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("check".to_owned()).spawn(work).ok();
        Checking { jobs: Some(jobs), done, thread }
    }

    /// Hands a text over.
    pub fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Checking {
    /// Lets the check that runs come to its end.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a check of a text sees.
fn facts_of(job: &Job) -> Arc<Facts> {
    let request = Request { texts: job.texts.clone(), noting: true, ..Request::default() };
    let session = match &job.path {
        Some(path) => Session::open(path, &request),
        None => Session::check(&job.uri.0, job.text.clone(), PathBuf::new(), &request),
    };
    let module = |(written, file): (&str, crate::source::FileId)| {
        let file = session.sources.file(file);
        let syntax = Arc::new(Syntax::new(file.text.as_str()));
        (written.to_owned(), Module { path: plain(file.name.as_ref()), syntax })
    };
    let modules = session.imports().into_iter().map(module).collect();
    let Session { sources, file, notes, diagnostics, .. } = session;
    Arc::new(Facts { sources, file, notes, diagnostics, modules })
}

/// What a panic says.
pub fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
