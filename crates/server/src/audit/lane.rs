//! A lane: the audit of one core. Not shared with any other thread.

mod callouts;

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use sortie_callout::{Opened, Outcome};
use sortie_model::Timestamp;
use sortie_protocol::World;

use super::chain::{ChainKey, Mac, end_plainly, reopen};
use super::{file_name, reader, record};

/// How soon results are written that no callout waits for, and how soon a failed write is tried again.
const TICK: Duration = Duration::from_millis(100);

/// Refusals recorded per tick; the rest are counted, so that a flood of bad requests cannot fill the disk (AUD-06, DOS-16).
const REFUSALS_PER_TICK: u32 = 50;

/// What a record survives before a credential leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The death of this process at once; the death of the machine after at most 100 ms more.
    #[default]
    Process,
    /// The death of the machine: every group is synchronised to disk before its callouts go on.
    Machine,
}

/// Why a lane cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The file cannot be made, read or written.
    #[error("cannot open the audit file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The last record does not end as one of ours: appending would hide it.
    #[error("the last record of the audit file {path} is damaged; run `sortie audit verify`, then move the file away")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
}

/// The audit of one core.
#[derive(Clone)]
pub struct Lane(Rc<RefCell<State>>);

struct State {
    name: Box<str>,
    opening: record::Opening,
    file: Arc<File>,
    key: ChainKey,
    durability: Durability,
    world: Arc<dyn World>,
    /// The MAC of the last group, written or not.
    mac: Mac,
    sequence: u64,
    /// Records that are not in the file yet, and how many bytes of them are groups that have their MAC.
    pending: Vec<u8>,
    grouped: usize,
    /// Length of the file up to the last whole record.
    length: u64,
    /// Those who wait for the disk, in the order of their intents' numbers.
    waiting: Vec<(u64, Waker)>,
    /// The last intent that is safe, and the last one that could not be made so.
    safe: u64,
    failed_up_to: u64,
    /// The last attempt to write, or to synchronise, failed: until it succeeds, nothing may happen.
    cannot_write: bool,
    cannot_synchronise: bool,
    is_unsynced: bool,
    is_syncing: bool,
    flusher: Option<Waker>,
    refusals_left: u32,
    refusals_unrecorded: u64,
}

impl Lane {
    /// Opens the lane `name` in `directory` and continues its chain. A last group without its end was never acknowledged: it is cut off, and the cut is recorded.
    ///
    /// # Errors
    /// The file cannot be used, or its last record is not ours.
    pub fn open(directory: &Path, name: &str, key: ChainKey, durability: Durability, world: Arc<dyn World>) -> Result<Self, LaneError> {
        let path = directory.join(file_name(name));
        let wrap = |source| LaneError::File { path: path.clone(), source };
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path).map_err(wrap)?;
        let tail = reader::tail(&mut file, name).map_err(wrap)?.ok_or_else(|| LaneError::Damaged { path: path.clone() })?;
        if tail.torn_bytes > 0 {
            file.set_len(tail.length).map_err(wrap)?;
        }
        let (sequence, mac) = tail.last.unwrap_or_else(|| (0, key.start(name)));
        file.seek(SeekFrom::End(0)).map_err(wrap)?;
        let state = State {
            name: name.into(),
            opening: record::Opening::new(name),
            file: Arc::new(file),
            key,
            durability,
            world,
            mac,
            sequence,
            pending: Vec::with_capacity(64 * 1024),
            grouped: 0,
            length: tail.length,
            waiting: Vec::new(),
            safe: sequence,
            failed_up_to: 0,
            cannot_write: false,
            cannot_synchronise: false,
            is_unsynced: false,
            is_syncing: false,
            flusher: None,
            refusals_left: REFUSALS_PER_TICK,
            refusals_unrecorded: 0,
        };
        let lane = Self(Rc::new(RefCell::new(state)));
        if tail.torn_bytes > 0 {
            let torn = tail.torn_bytes.to_string();
            let mut state = lane.0.borrow_mut();
            let at = state.world.now();
            state.append(at, "recovered", |line| record::note(line, &[("torn_bytes", &torn)]));
            drop(state);
        }
        Ok(lane)
    }

    /// Writes what there is, again and again; runs as a task of the core until the core ends.
    pub async fn run(self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_tick = {
                let mut next_tick = pin!(tick.tick());
                std::future::poll_fn(|context| {
                    let mut state = self.0.borrow_mut();
                    state.flusher = Some(context.waker().clone());
                    if !state.waiting.is_empty() && !state.is_failing() {
                        return Poll::Ready(false);
                    }
                    drop(state);
                    next_tick.as_mut().poll(context).map(|_| true)
                })
                .await
            };
            if !is_tick {
                // The other callouts of this turn add their intents first: that is the group.
                tokio::task::yield_now().await;
            }
            self.flush(is_tick).await;
        }
    }

    /// Writes and, if asked for, synchronises all pending records, then releases those who wait.
    pub async fn flush(&self, is_tick: bool) {
        let (up_to, must_sync, has_waiting, durability) = {
            let mut state = self.0.borrow_mut();
            if is_tick {
                state.refusals_left = REFUSALS_PER_TICK;
            }
            state.write();
            let must_sync = state.is_unsynced && !state.is_syncing && state.pending.is_empty();
            (state.sequence, must_sync, !state.waiting.is_empty(), state.durability)
        };
        match durability {
            Durability::Machine if must_sync => self.clone().synchronise().await,
            // Nobody waits for this: a slow disk must not hold up the groups that come meanwhile.
            Durability::Process if must_sync && is_tick => drop(tokio::task::spawn_local(self.clone().synchronise())),
            Durability::Machine | Durability::Process => {}
        }
        if has_waiting {
            self.0.borrow_mut().release(up_to);
        }
    }

    /// Makes what was written survive the death of the machine.
    async fn synchronise(self) {
        let file = {
            let mut state = self.0.borrow_mut();
            (state.is_unsynced, state.is_syncing) = (false, true);
            Arc::clone(&state.file)
        };
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        let is_good = matches!(synced, Ok(Ok(())));
        let mut state = self.0.borrow_mut();
        state.is_syncing = false;
        state.is_unsynced |= !is_good;
        if std::mem::replace(&mut state.cannot_synchronise, !is_good) == is_good {
            report("synchronised", is_good);
        }
    }

    /// Writes and synchronises all there is, at an orderly end.
    pub async fn finish(&self) {
        self.flush(true).await;
        self.clone().synchronise().await;
    }

    /// Head of the chain: the last record that is in the file, for an anchor.
    pub fn head(&self) -> Option<(u64, Mac)> {
        let state = self.0.borrow();
        state.pending.is_empty().then_some((state.sequence, state.mac))
    }

    /// What time it is for the lane.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.borrow().world.now()
    }

    /// The lane's name, as in its records.
    pub fn name(&self) -> String {
        self.0.borrow().name.to_string()
    }
}

impl State {
    /// Adds a record to the pending ones and gives its number.
    fn append(&mut self, at: Timestamp, event: &str, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        self.sequence += 1;
        self.opening.write(&mut self.pending, self.sequence, at, event);
        write(&mut self.pending);
        end_plainly(&mut self.pending);
        if self.pending.len() - self.grouped > reader::MAX_GROUP {
            self.end_group();
        }
        self.sequence
    }

    /// Makes the pending records that are in no group yet one.
    fn end_group(&mut self) {
        if self.grouped < self.pending.len() {
            reopen(&mut self.pending);
            self.mac = self.key.link(self.mac, &self.pending[self.grouped..]);
            self.mac.end(&mut self.pending);
            self.grouped = self.pending.len();
        }
    }

    /// One system call for all pending records. What could not be written stays pending; what was written in part is cut off.
    fn write(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.end_group();
        // What the last attempt has left behind, if it could not be cut off then: whole records behind half of one would make the chain end there for whoever verifies.
        let cut = if self.cannot_write { self.file.set_len(self.length) } else { Ok(()) };
        match cut.and_then(|()| (&*self.file).write_all(&self.pending)) {
            Ok(()) => {
                self.length += self.pending.len() as u64;
                self.pending.clear();
                self.grouped = 0;
                self.is_unsynced = true;
                if std::mem::replace(&mut self.cannot_write, false) {
                    report("written", true);
                }
            }
            Err(error) => {
                tracing::debug!("writing the audit failed: {error}");
                if !std::mem::replace(&mut self.cannot_write, true) {
                    report("written", false);
                }
                // If this fails too, the next attempt cuts it off, or the next start.
                let _ = self.file.set_len(self.length);
            }
        }
    }

    const fn is_failing(&self) -> bool {
        self.cannot_write || self.cannot_synchronise
    }

    /// Adds the result of an intent.
    fn close(&mut self, opened: Opened, outcome: &Outcome) {
        let at = opened.at.after(outcome.duration);
        self.append(at, "result", |line| record::result(line, opened.sequence, outcome));
    }

    /// Whether this intent is safe, or could not be made so.
    const fn is_decided(&self, sequence: u64) -> bool {
        self.safe >= sequence || self.failed_up_to >= sequence
    }

    /// Writes all that is pending, and lets those go on who wait for it.
    fn write_group(&mut self) {
        self.write();
        self.release(self.sequence);
    }

    /// Lets the flusher make this intent safe.
    fn wait(&mut self, sequence: u64, waker: &Waker) {
        self.waiting.push((sequence, waker.clone()));
        if let Some(flusher) = self.flusher.take() {
            flusher.wake();
        }
    }

    /// Everything up to this record has been written, or could not be: those who wait for it go on.
    fn release(&mut self, up_to: u64) {
        *(if self.is_failing() { &mut self.failed_up_to } else { &mut self.safe }) = up_to;
        // They stand in the order of their numbers.
        let done = self.waiting.partition_point(|(sequence, _)| *sequence <= up_to);
        self.waiting.drain(..done).for_each(|(_, waker)| waker.wake());
    }
}

/// Once when it fails, once when it is well again.
fn report(done: &str, is_good: bool) {
    if is_good {
        tracing::info!("the audit file can be {done} again");
    } else {
        tracing::error!("the audit file cannot be {done}; callouts are refused");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use sortie_callout::{AuditLog as _, Refusal};
    use sortie_model::SecretBytes;

    use super::*;
    use crate::audit::tests::Frozen;
    use crate::audit::verify;

    #[tokio::test]
    async fn rel_d02_what_could_neither_be_written_whole_nor_cut_off_is_cut_off_before_the_next_record() {
        let directory = tempfile::tempdir().unwrap();
        let key = ChainKey::new(&SecretBytes::new(*b"SECRET-chain-key-of-32-bytes-len"));
        let lane = Lane::open(directory.path(), "core-0", key.clone(), Durability::Process, Arc::new(Frozen)).unwrap();
        let path = directory.path().join(file_name("core-0"));
        let record = async |fails: bool| {
            let at = Timestamp::from_millis(1000);
            lane.refuse(Refusal { at, user: Some("alice"), reference: None, code: "not_permitted", reason: "unknown_name" });
            lane.flush(false).await;
            assert_eq!(lane.0.borrow().cannot_write, fails);
        };
        record(false).await;
        // A file that takes nothing and cannot be cut, and half a record that it has taken before.
        let whole = std::mem::replace(&mut lane.0.borrow_mut().file, Arc::new(File::open(&path).unwrap()));
        record(true).await;
        (&*whole).write_all(b"{\"lane\":\"core-0\",\"seq").unwrap();
        record(true).await;
        lane.0.borrow_mut().file = whole;
        // What has not been written is still there; refusals are only counted meanwhile.
        lane.flush(false).await;
        record(false).await;
        let verified = verify(directory.path(), &key, &BTreeMap::new()).unwrap().pop().unwrap();
        assert_eq!((verified.finding, verified.unfinished), (None, 0));
        assert!(verified.records >= 3, "{}", verified.records);
    }
}
