//! OpenTelemetry's log records and histograms, and OTLP 1.x: how they become request bodies.
//!
//! A [`LogRecord`] is encoded once, when it is made, to JSON or to protobuf ([`Format`]); what waits in a queue
//! is bytes of known size. An [`Envelope`], made once from [`Resource`] and [`Scope`], puts any number of encoded
//! records into one `ExportLogsServiceRequest`, and tells beforehand how long that will be.
//!
//! Receivers refuse a whole batch for one value that they do not like. So nothing here writes what any of the
//! known decoders refuses: see [`json`] for the rules, and [`MAX_DEPTH`] for the one that is not about spelling.

mod digits;
pub mod json;
mod limits;
pub mod metrics;
pub mod protobuf;
pub mod queue;
mod record;
pub mod retry;
pub mod signals;
mod value;
pub mod worker;
mod worker_options;
mod worker_output;

pub(crate) use self::digits::Digits;
pub use self::limits::Limits;
pub use self::record::{LogRecord, Resource, Scope, Severity};
pub use self::value::{AnyValue, Attributes, KeyValue, MAX_DEPTH};
pub use self::worker_options::WorkerOptions;
pub use self::worker_output::{ExportId, FlushId, FlushResult, Output, UnloadBatch};

/// How records and requests are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// OTLP's dialect of proto3 JSON: OTLP/HTTP with `protocol = "json"`, files, sinks.
    Json,
    /// Binary protobuf: OTLP/HTTP with `protocol = "binary"`, and gRPC.
    Protobuf,
}

impl Format {
    /// Returns the format of a response by its `content-type`; parameters and case do not matter.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        [Self::Json, Self::Protobuf]
            .into_iter()
            .find(|format| essence.eq_ignore_ascii_case(format.content_type()))
    }

    /// The `content-type` of a request. Exactly this: some receivers refuse parameters.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// Appends one encoded record to `out`, to be put into a request by an [`Envelope`] of the same format.
    pub fn encode_record(self, record: &LogRecord<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::encode_record(record, out),
            Self::Protobuf => protobuf::encode_record(record, out),
        }
    }

    /// Begins a record with attributes: writes all that comes before the first.
    pub(crate) fn begin_record(self, record: &LogRecord<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => {
                json::write_head(record, out);
                json::begin_attributes(out);
            }
            Self::Protobuf => protobuf::write_head(record, out),
        }
    }

    /// Appends an attribute, which has a name, to a record that is begun.
    pub(crate) fn write_attribute(self, key: &str, value: &AnyValue<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::write_attribute(out, key, value),
            Self::Protobuf => protobuf::write_attribute(out, key, value),
        }
    }

    /// The same of a text, which nearly all attributes are; a `key` of letters, digits, `.` and `_`.
    pub(crate) fn write_text_attribute(self, key: &str, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::write_text_attribute(out, key, text),
            Self::Protobuf => protobuf::write_text_attribute(out, key, text),
        }
    }

    /// Ends a record that is begun: appends all that comes after the last attribute.
    pub(crate) fn end_record(self, record: &LogRecord<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Json => {
                json::end_attributes(out);
                json::write_tail(record, out);
            }
            Self::Protobuf => protobuf::write_tail(record, out),
        }
    }

    /// Reads the body of a successful response.
    ///
    /// Never fails, because success is what the status says: what cannot be read counts as nothing rejected.
    pub fn decode_response(self, body: &[u8]) -> ExportResponse {
        match self {
            Self::Json => json::decode_response(body),
            Self::Protobuf => protobuf::decode_response(body),
        }
    }

    /// Reads the `google.rpc.Status` in the body of a failed response; what cannot be read stays at its default.
    ///
    /// The trailer `grpc-status-details-bin` is [`Format::Protobuf`], after base64.
    pub fn decode_status(self, body: &[u8]) -> Status {
        match self {
            Self::Json => json::decode_status(body),
            Self::Protobuf => protobuf::decode_status(body),
        }
    }
}

/// What a request is of: OpenTelemetry's word for the kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// `ExportLogsServiceRequest`.
    Logs,
    /// `ExportMetricsServiceRequest`.
    Metrics,
}

/// Assembles request bodies from encoded records, or metrics, in either format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// For records of [`Format::Json`].
    Json(json::Envelope),
    /// For records of [`Format::Protobuf`].
    Protobuf(protobuf::Envelope),
}

impl Envelope {
    /// Encodes what all requests of log records have in common.
    pub fn new(format: Format, resource: &Resource<'_>, scope: &Scope<'_>) -> Self {
        Self::of(Signal::Logs, format, resource, scope)
    }

    /// Encodes what all requests of a signal have in common.
    pub fn of(signal: Signal, format: Format, resource: &Resource<'_>, scope: &Scope<'_>) -> Self {
        match format {
            Format::Json => Self::Json(json::Envelope::of(signal, resource, scope)),
            Format::Protobuf => Self::Protobuf(protobuf::Envelope::new(resource, scope)),
        }
    }

    /// The format of the bodies, and of the records that go into them.
    pub fn format(&self) -> Format {
        match self {
            Self::Json(_) => Format::Json,
            Self::Protobuf(_) => Format::Protobuf,
        }
    }

    /// Returns the request body that holds `records`, each as [`Format::encode_record`] wrote it.
    pub fn body<'r>(&self, records: impl Iterator<Item = &'r [u8]> + Clone) -> Vec<u8> {
        match self {
            Self::Json(envelope) => envelope.body(records),
            Self::Protobuf(envelope) => envelope.body(records),
        }
    }

    /// Returns the exact length of the body for records of these lengths.
    pub fn body_len(&self, record_lens: impl Iterator<Item = usize>) -> usize {
        match self {
            Self::Json(envelope) => envelope.body_len(record_lens),
            Self::Protobuf(envelope) => envelope.body_len(record_lens),
        }
    }

    /// Returns how many bytes a body has besides its records, at most.
    ///
    /// With [`Self::record_overhead`] this is a bound of a body's length that needs only the records' number and
    /// their length in all; it is exact for JSON but for one comma.
    pub fn request_overhead(&self) -> usize {
        match self {
            Self::Json(envelope) => envelope.request_overhead(),
            Self::Protobuf(envelope) => envelope.request_overhead(),
        }
    }

    /// Returns how many bytes each record in a body takes besides its own, at most.
    pub fn record_overhead(&self) -> usize {
        match self {
            Self::Json(envelope) => envelope.record_overhead(),
            Self::Protobuf(envelope) => envelope.record_overhead(),
        }
    }
}

/// What a receiver says in a successful response (`ExportLogsServiceResponse`, or that of metrics).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportResponse {
    /// How many records, or data points, it did not take. They are never sent again.
    pub rejected_log_records: u64,
    /// Why, or a warning when nothing was rejected; often empty.
    pub error_message: String,
}

/// What a receiver says in a failed response (`google.rpc.Status`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The gRPC status code.
    pub code: i32,
    /// A text for developers; often empty.
    pub message: String,
    /// The delay of the `RetryInfo` among the details, rounded up; `Some(0)` when it asks for none.
    pub retry_delay_ms: Option<u64>,
}
