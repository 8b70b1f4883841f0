//! What a plugin keeps from one life to the next.

mod quota;

use std::sync::{Arc, Mutex, PoisonError};

use lazaret_protocol::{ActError, ActResult, Failure, KvAct, MAX_KEY_BYTES};

pub(crate) use quota::Limits;

use super::{Outcome, failed};
use crate::store::{Kv, KvPlace, StoreError};

/// The most entries of one answer.
const MAX_ENTRIES: usize = 256;

/// An answer that has so many bytes of entries gets no more.
const LIST_BYTES: u64 = 1024 * 1024;

/// Where the values of the plugin are, if its engine keeps any.
pub(crate) type Place = Option<Arc<Mutex<KvPlace>>>;

/// Does an act on the values of the plugin. Blocks.
pub(super) fn perform(act: &KvAct, place: &Place, limits: &Limits) -> Outcome {
    let Some(place) = place else {
        let message = "this engine has no state directory to keep anything in";
        return Err(failed(Failure::Other, message));
    };
    if let KvAct::Get { key } | KvAct::Put { key, .. } | KvAct::Swap { key, .. } = act
        && (key.is_empty() || key.len() > MAX_KEY_BYTES)
    {
        let message = format!("a key has 1 to {MAX_KEY_BYTES} bytes");
        return Err(failed(Failure::Other, message));
    }
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    match place.with(|kv| done(act, kv, limits)) {
        Ok(outcome) => outcome,
        Err(error) => Err(told(&error)),
    }
}

fn done(act: &KvAct, kv: &mut Kv, limits: &Limits) -> rusqlite::Result<Outcome> {
    let (key, expected, value) = match act {
        KvAct::Get { key } => return Ok(Ok(ActResult::Value(kv.get(key)?))),
        KvAct::List { prefix, after } => {
            let (entries, more) = kv.list(prefix, after.as_deref(), MAX_ENTRIES, LIST_BYTES)?;
            return Ok(Ok(ActResult::Entries { entries, more }));
        }
        KvAct::Put { key, value } => (key, None, value),
        KvAct::Swap {
            key,
            expected,
            value,
        } => (key, Some(expected), value),
    };
    let old = kv.get(key)?;
    // Of a key that was put: whether it was there.
    let answer = match expected {
        Some(expected) if *expected != old => return Ok(Ok(ActResult::Found(false))),
        Some(_) => true,
        None => old.is_some(),
    };
    match limits.after(kv.kept(), key, old.as_ref(), value.as_ref()) {
        Ok(kept) => {
            if old.is_some() || value.is_some() {
                kv.put(key, value.as_ref(), kept)?;
            }
            Ok(Ok(ActResult::Found(answer)))
        }
        Err(limit) => Ok(Err(limit)),
    }
}

fn told(error: &StoreError) -> ActError {
    let full = matches!(
        error,
        StoreError::Database { source, .. }
            if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
    );
    // Where on the host that is and what is the matter with it is no business of the plugin's.
    let message = match error {
        _ if full => "the engine's disk is full: nothing was changed",
        StoreError::KvInUse(_) => "what the plugin keeps is in use elsewhere, as by another engine",
        _ => "the engine failed to keep it",
    };
    failed(Failure::Other, message)
}

#[cfg(test)]
mod tests;
