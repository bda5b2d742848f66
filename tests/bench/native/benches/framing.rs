//! Bytes to frames: streamgauge's framer beside `eventsource-stream`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamgauge_bench_native::readers::{frames_by_eventsource_stream, frames_by_framer};
use streamgauge_bench_native::{Cut, Stream};

fn framing(criterion: &mut Criterion) {
    let stream = Stream::text();
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::Bytes(stream.bytes.len() as u64));
    for cut in Cut::ALL {
        let chunks = stream.chunks(cut);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        frames_by_framer(&chunks, |data| ours.push(data.to_owned()));
        frames_by_eventsource_stream(&chunks, |data| theirs.push(data.to_owned()));
        assert!(ours == theirs && ours.len() > 10_000, "the frames differ ({})", cut.name());
        group.bench_with_input(BenchmarkId::new("streamgauge", cut.name()), &chunks, |bencher, chunks| {
            bencher.iter(|| frames_by_framer(chunks, |data| _ = black_box(data)));
        });
        group.bench_with_input(
            BenchmarkId::new("eventsource-stream", cut.name()),
            &chunks,
            |bencher, chunks| {
                bencher.iter(|| frames_by_eventsource_stream(chunks, |data| _ = black_box(data)));
            },
        );
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4));
    targets = framing
}
criterion_main!(benches);
