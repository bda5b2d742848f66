//! Events that are told by their bytes (`src/scan/pattern.rs`) beside the same events read by the book, which is what
//! `include: ["raw"]` asks for: everything that can be seen of a stream is the same, but for the raw events.

mod by_chance;
mod by_hand;
mod chat_by_chance;
#[path = "../support/corpus.rs"]
mod recordings;
mod responses_by_chance;
#[path = "../support/say.rs"]
mod say;
#[path = "../support/seen.rs"]
mod seen;
#[path = "../support/splits.rs"]
mod splits;
#[path = "../support/table.rs"]
mod table;

use std::fs;
use std::panic::{self, AssertUnwindSafe};

use say::say;
use seen::{rows, seen};
use splits::{Way, random_ways, ways};
use streamgauge::{Include, Options};

// --------------------------------------------------------------------------------------------- the comparison

fn difference(told: &str, read: &str) -> Option<String> {
    if told == read {
        return None;
    }
    let differing = told.lines().zip(read.lines()).find(|(told, read)| told != read);
    let (told, read) = differing.unwrap_or(("the end, or more", "more, or the end"));
    Some(format!("\n    told by its bytes: {told}\n    read by the book:  {read}"))
}

/// What differs in one way to cut a stream.
fn problem_in(way: &Way<'_>, options: &Options) -> Option<String> {
    let compare = || {
        let seen = |by_the_book| seen(&way.chunks, options, by_the_book);
        let rows = |by_the_book| rows(&way.chunks, options, by_the_book);
        difference(&seen(false), &seen(true)).or_else(|| difference(&rows(false), &rows(true)))
    };
    let result = panic::catch_unwind(AssertUnwindSafe(compare));
    let problem = result.unwrap_or_else(|_| Some("panicked (its message is further up)".to_owned()))?;
    Some(format!("{way}: {problem}\n    {options:?}"))
}

fn problem<'w>(mut ways: impl Iterator<Item = Way<'w>>, options: &Options) -> Option<String> {
    ways.find_map(|way| problem_in(&way, options))
}

fn report(what: &str, all: usize, mut wrong: Vec<String>) {
    say(format_args!("{} of {all} {what} the same by the book", all - wrong.len()));
    wrong.sort_by_key(String::len);
    let first = wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {all} {what} wrong, the shortest:\n{first}", wrong.len());
}

/// All extra events but `raw`.
const EXTRA: Include = Include { created: true, output_item_added: true, tool_call_delta: true, raw: false };

// ---------------------------------------------------------------------------------------- streams that exist

#[test]
fn the_projects_own_streams() {
    let cases: Vec<_> = table::cases().into_iter().chain(table::responses_cases()).collect();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let extra = Options { include: EXTRA, ..case.options.clone() };
        let mut problem = problem(random_ways(&case.bytes, 7, 6), &extra);
        // Whole, byte by byte, in two at every place.
        if problem.is_none() && case.bytes.len() < 400 {
            problem = self::problem(ways(&case.bytes, number as u64), &case.options);
        }
        wrong.extend(problem.map(|problem| format!("{}: {problem}", case.name)));
    }
    report("own streams", cases.len(), wrong);
}

#[test]
fn the_corpus() {
    let (mut all, mut wrong) = (0, Vec::new());
    for path in ["chat", "responses"].into_iter().filter_map(recordings::streams).flatten() {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        for include in [Include::default(), EXTRA] {
            let options = Options { include, ..Options::default() };
            let whole = ways(&bytes, 0).take(1);
            let problem = problem(whole.chain(random_ways(&bytes, 0x5eed, 2)), &options);
            wrong.extend(problem.map(|problem| format!("{name}: {problem}")));
            all += 1;
        }
    }
    report("corpus streams (with two sets of options)", all, wrong);
}
