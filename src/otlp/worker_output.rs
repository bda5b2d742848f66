//! What the batch worker wants from its host.

/// A request. Never reused by the same worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExportId(pub u32);

/// A call of [`Worker::flush`](crate::otlp::worker::Worker::flush).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlushId(pub u32);

/// How a flush or a shutdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlushResult {
    /// The server has answered for every record. Those that it rejected in a partial success are counted, no failure.
    Exported,
    /// At least one record was dropped meanwhile.
    Failed,
    /// Its time was up. A flush's records stay queued, a shutdown's are dropped.
    TimedOut,
}

impl FlushResult {
    /// The stable name, as JavaScript sees it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// What the host is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Abort this request; its outcome does not matter any more.
    Cancel {
        /// The request.
        id: ExportId,
    },
    /// Resolve these flushes.
    FlushDone {
        /// In the order of their calls.
        ids: Vec<FlushId>,
        /// The same for all of them.
        result: FlushResult,
    },
    /// Send a request with the records of [`Worker::records`](crate::otlp::worker::Worker::records), and say what came of it with
    /// [`Worker::handle_response`](crate::otlp::worker::Worker::handle_response).
    Send {
        /// The request.
        id: ExportId,
        /// 1, or more if it has exactly the records of the `Send` before: its encoded body may be reused.
        attempt: u32,
        /// How many records it has.
        records: usize,
        /// How long its body is at most, in bytes.
        body_len: usize,
        /// When it is given up, by the worker's clock. [`Output::WakeAt`] covers it: the host needs no timer of
        /// its own.
        deadline_ms: f64,
    },
    /// Resolve the shutdown, and all calls of it to come. It comes once; only a `WakeAt(None)` may follow.
    ShutdownDone {
        /// How it ended.
        result: FlushResult,
    },
    /// Set the one timer to this moment of the worker's clock, instead of any earlier one; with `None`, clear it.
    WakeAt(Option<f64>),
}

/// A request that [`Worker::take_for_unload`](crate::otlp::worker::Worker::take_for_unload) wants sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnloadBatch {
    /// The request.
    pub id: ExportId,
    /// How many records it has.
    pub records: usize,
    /// How long its body is at most, in bytes.
    pub body_len: usize,
}
