//! A fleet: many clients, each with the worker of the package, and one collector, in simulated time.

use streamgauge::otlp::queue::{Overhead, Stats};
use streamgauge::otlp::retry::Outcome;
use streamgauge::otlp::worker::Worker;
use streamgauge::otlp::{ExportId, Output, WorkerOptions};

use crate::clock::Clock;
use crate::collector::Collector;
use crate::splits::Rng;

/// A record is one byte here, so that a hundred thousand queues fit; the rest of its size is overhead, which counts
/// towards the size of requests as the real one does.
const RECORD: [u8; 1] = [0];
/// What a page may still send when it goes away, in bytes.
const UNLOAD_BUDGET: usize = 60 << 10;

/// Who the clients are and what they do.
#[derive(Debug, Clone)]
pub struct Habits {
    pub clients: usize,
    /// How many of a hundred are pages, which go away; the others are scripts, which stay.
    pub pages_of_100: usize,
    pub page_stays_ms: f64,
    /// From the beginning of one stream to that of the next, on average.
    pub stream_every_ms: f64,
    /// The records of a stream: when, from its beginning in milliseconds, and how many.
    pub bursts: Vec<(f64, usize)>,
    pub record_bytes: usize,
}

/// What became of all records.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub pushed: u64,
    /// Of clients that are still there, and of those that have gone.
    pub stats: Stats,
    /// In a request when their page went: the collector may have them, the page never knew.
    pub gone_in_flight: u64,
}

#[derive(Debug)]
struct Client {
    worker: Worker,
    is_page: bool,
    /// Which page this is: answers for an earlier one concern nobody.
    life: u32,
    /// Which setting of the timer counts.
    timer: u32,
}

#[derive(Debug)]
enum Happening {
    Stream { client: usize },
    Records { client: usize, life: u32, records: usize },
    Timer { client: usize, timer: u32 },
    Arrival { client: usize, life: u32, id: ExportId, records: usize },
    Answer { client: usize, life: u32, id: ExportId, outcome: Outcome },
    Leave { client: usize },
}

#[derive(Debug)]
pub struct Fleet {
    habits: Habits,
    options: WorkerOptions,
    pub collector: Collector,
    clients: Vec<Client>,
    clock: Clock<Happening>,
    rng: Rng,
    account: Account,
}

impl Fleet {
    pub fn new(habits: Habits, options: WorkerOptions, collector: Collector, seed: u64) -> Self {
        let overhead = Overhead { request: 600, record: habits.record_bytes - RECORD.len() };
        let options = WorkerOptions { overhead, ..options };
        let mut rng = Rng::new(seed);
        let mut clock = Clock::new();
        let clients = (0..habits.clients).map(|client| {
            clock.at(unit(&mut rng) * habits.stream_every_ms, Happening::Stream { client });
            let is_page = rng.below(100) < habits.pages_of_100;
            if is_page {
                clock.at(exponential(&mut rng, habits.page_stays_ms), Happening::Leave { client });
            }
            Client { worker: Worker::new(options.clone()).unwrap(), is_page, life: 0, timer: 0 }
        });
        let clients = clients.collect();
        Self { habits, options, collector, clients, clock, rng, account: Account::default() }
    }

    /// Lets the time pass until then.
    pub fn run_until(&mut self, end_ms: f64) {
        while let Some(happening) = self.clock.next_before(end_ms) {
            self.happen(happening);
        }
    }

    /// Records that wait or are under way, over all clients.
    pub fn queued(&self) -> usize {
        self.clients.iter().map(|client| client.worker.stats().queued).sum()
    }

    /// The account of all records up to now.
    pub fn account(&self) -> Account {
        let mut account = self.account.clone();
        for client in &self.clients {
            add(&mut account.stats, &client.worker.stats());
        }
        account
    }

    /// The same of the scripts, which nobody closes.
    pub fn account_of_scripts(&self) -> Stats {
        let mut sum = Stats::default();
        for client in self.clients.iter().filter(|client| !client.is_page) {
            add(&mut sum, &client.worker.stats());
        }
        sum
    }

    fn happen(&mut self, happening: Happening) {
        let now_ms = self.clock.now_ms;
        match happening {
            Happening::Stream { client } => self.begin_stream(client),
            Happening::Records { client, life, records } => {
                let one = &mut self.clients[client];
                if one.life == life {
                    for _ in 0..records {
                        // What is refused is in the stats.
                        let _ = one.worker.push(RECORD, now_ms);
                    }
                    self.account.pushed += records as u64;
                    self.obey(client);
                }
            }
            Happening::Timer { client, timer } => {
                if self.clients[client].timer == timer {
                    let random = unit(&mut self.rng);
                    self.clients[client].worker.handle_tick(now_ms, random);
                    self.obey(client);
                }
            }
            Happening::Arrival { client, life, id, records } => {
                if let Some(outcome) = self.collector.answer(now_ms, records) {
                    let latency = self.latency_ms();
                    self.clock.after(latency, Happening::Answer { client, life, id, outcome });
                }
            }
            Happening::Answer { client, life, id, outcome } => {
                let random = unit(&mut self.rng);
                let one = &mut self.clients[client];
                if one.life == life {
                    one.worker.handle_response(id, outcome, now_ms, random);
                    self.obey(client);
                }
            }
            Happening::Leave { client } => self.leave(client),
        }
    }

    fn begin_stream(&mut self, client: usize) {
        let life = self.clients[client].life;
        for &(at_ms, records) in &self.habits.bursts {
            self.clock.after(at_ms, Happening::Records { client, life, records });
        }
        let wait = exponential(&mut self.rng, self.habits.stream_every_ms);
        self.clock.after(wait, Happening::Stream { client });
    }

    /// Does what the worker of a client wants.
    fn obey(&mut self, client: usize) {
        while let Some(output) = self.clients[client].worker.poll_output() {
            match output {
                Output::Send { id, records, .. } => self.send(client, id, records),
                Output::WakeAt(at_ms) => {
                    let one = &mut self.clients[client];
                    one.timer = one.timer.wrapping_add(1);
                    let timer = one.timer;
                    if let Some(at_ms) = at_ms {
                        self.clock.at(at_ms, Happening::Timer { client, timer });
                    }
                }
                Output::Cancel { .. } | Output::FlushDone { .. } | Output::ShutdownDone { .. } => {}
            }
        }
    }

    fn send(&mut self, client: usize, id: ExportId, records: usize) {
        let life = self.clients[client].life;
        let latency = self.latency_ms();
        self.clock.after(latency, Happening::Arrival { client, life, id, records });
    }

    /// A page goes, as `flushForUnload` of the facade has it, and another comes.
    fn leave(&mut self, client: usize) {
        let now_ms = self.clock.now_ms;
        let taken = self.clients[client].worker.take_for_unload(UNLOAD_BUDGET, true, now_ms);
        for batch in taken {
            self.send(client, batch.id, batch.records);
        }
        let one = &mut self.clients[client];
        one.worker.abandon(now_ms);
        let stats = one.worker.stats();
        self.account.gone_in_flight += stats.queued as u64;
        add(&mut self.account.stats, &Stats { queued: 0, in_flight: 0, ..stats });
        one.worker = Worker::new(self.options.clone()).unwrap();
        one.life += 1;
        one.timer = one.timer.wrapping_add(1);
        let stays = exponential(&mut self.rng, self.habits.page_stays_ms);
        self.clock.after(stays, Happening::Leave { client });
    }

    /// One way.
    fn latency_ms(&mut self) -> f64 {
        10.0 + 30.0 * unit(&mut self.rng)
    }
}

/// From 0 up to 1, not included.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next() >> 11) as f64 / (1u64 << 53) as f64
}

/// The time to the next of things that happen independently of each other.
fn exponential(rng: &mut Rng, mean_ms: f64) -> f64 {
    -mean_ms * (1.0 - unit(rng)).ln()
}

fn add(sum: &mut Stats, stats: &Stats) {
    sum.queued += stats.queued;
    sum.in_flight += stats.in_flight;
    sum.exported += stats.exported;
    sum.rejected += stats.rejected;
    sum.requests += stats.requests;
    sum.retried += stats.retried;
    let (sum, dropped) = (&mut sum.dropped, &stats.dropped);
    sum.fatal += dropped.fatal;
    sum.queue_full += dropped.queue_full;
    sum.retries_exhausted += dropped.retries_exhausted;
    sum.shutdown += dropped.shutdown;
    sum.too_large += dropped.too_large;
    sum.unload += dropped.unload;
}
