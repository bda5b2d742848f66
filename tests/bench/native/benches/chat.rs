//! A chat stream to its answer: streamgauge beside `eventsource-stream` with a `serde_json::Value` per frame, and with
//! typed structs.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamgauge_bench_native::readers::{answer_by_streamgauge, answer_by_structs, answer_by_values};
use streamgauge_bench_native::{Answer, Cut, Stream};

type Reader = fn(&[&[u8]]) -> Answer;

const READERS: [(&str, Reader); 3] = [
    ("streamgauge", answer_by_streamgauge),
    ("eventsource-stream, serde_json Value", answer_by_values),
    ("eventsource-stream, serde structs", answer_by_structs),
];

fn chat(criterion: &mut Criterion) {
    for stream in Stream::all() {
        let mut group = criterion.benchmark_group(format!("chat, {}", stream.name));
        group.throughput(Throughput::Bytes(stream.bytes.len() as u64));
        // How it is cut is told by the plain text; elsewhere once is enough.
        let cuts = if stream.name == "text" { &Cut::ALL[..] } else { &[Cut::Events][..] };
        for cut in cuts {
            let chunks = stream.chunks(*cut);
            for (name, read) in READERS {
                assert!(
                    read(&chunks) == stream.answer,
                    "{name}: another answer ({}, {})",
                    stream.name,
                    cut.name()
                );
                group.bench_with_input(BenchmarkId::new(name, cut.name()), &chunks, |bencher, chunks| {
                    bencher.iter(|| read(chunks));
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4));
    targets = chat
}
criterion_main!(benches);
