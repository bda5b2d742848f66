//! Where the recorded streams are. They belong to others and stay beside the checkout.

use std::fs;
use std::path::{Path, PathBuf};

use crate::say::say;

/// The streams of one wire, sorted; `None`, and a line that says so, where the corpus is absent.
pub fn streams(wire: &str) -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/streams").join(wire);
    let Ok(entries) = fs::read_dir(&folder) else {
        say(format_args!("no corpus beside the checkout ({}): nothing to compare", folder.display()));
        return None;
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sse"));
    paths.sort();
    Some(paths)
}
