//! Python's protobuf with the official schema, as a judge of encodings: `tests/otlp/oracle.py`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

/// The PyPI package of the oracle, which brings protobuf.
const ORACLE_PACKAGE: &str = "opentelemetry-proto==1.45.2";

/// Has it look at cases, one JSON object per line; panics with what is wrong. Says so where it cannot run, except in CI.
pub fn check(cases: &str) {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let packages = match oracle_packages() {
        Ok(packages) => packages,
        Err(why) if env::var("CI").is_ok_and(|ci| !ci.is_empty() && ci != "false") => {
            panic!("the OTLP oracle cannot run: {why}")
        }
        Err(why) => return eprintln!("SKIPPED: the OTLP oracle cannot run: {why}"),
    };
    let name = format!("oracle-cases-{}-{}.jsonl", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, cases).unwrap();
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/otlp/oracle.py");
    let output = Command::new("python3").arg(oracle).arg(&file).env("PYTHONPATH", packages).output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {said}{failed}", file.display());
    println!("{said}");
    let _ = fs::remove_file(file);
}

/// Returns where the oracle's packages are, installing them on first use; or why there are none.
fn oracle_packages() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let packages = target.join(ORACLE_PACKAGE.replace("==", "-"));
    if packages.exists() {
        return Ok(packages);
    }
    // Complete when it gets its name, whoever else is installing at the same time.
    let partial = target.join(format!("oracle-{}", std::process::id()));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
        .arg(&partial)
        .arg(ORACLE_PACKAGE);
    let output = pip.output().map_err(|error| format!("python3: {error}"))?;
    if !output.status.success() {
        let _ = fs::remove_dir_all(&partial);
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    if fs::rename(&partial, &packages).is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    Ok(packages)
}
