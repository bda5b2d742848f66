#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("metrics"), |input: &[u8]| {
    streamgauge_fuzz::run("metrics", input)
});
