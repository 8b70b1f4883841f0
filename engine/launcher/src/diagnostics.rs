//! Keeps what libcontainer logs while it works: its errors name the step, its log names the cause.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// The most bytes kept between two calls of [`Diagnostics::take`].
const MAX_BYTES: usize = 4096;

/// The errors logged since they were last taken.
#[derive(Clone, Default)]
pub(crate) struct Diagnostics(Arc<Mutex<String>>);

/// Starts keeping errors logged in this process.
pub(crate) fn install() -> Diagnostics {
    let diagnostics = Diagnostics::default();
    let subscriber = tracing_subscriber::registry().with(diagnostics.clone());
    tracing::subscriber::set_global_default(subscriber)
        .expect("no subscriber was set before this one");
    diagnostics
}

impl Diagnostics {
    /// What was logged, as one line; empty where nothing was.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber> Layer<S> for Diagnostics {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + line.0.len() < MAX_BYTES {
            if !kept.is_empty() {
                kept.push_str("; ");
            }
            kept.push_str(&line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _infallible = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}={value:?}"),
        };
    }
}
