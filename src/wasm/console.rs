//! The library's own diagnostics in the console (feature `console`).

use wasm_bindgen::prelude::*;

/// Shows the library's diagnostics in the console from here on. For those who debug this library; it is in
/// builds with the feature `console` only.
#[wasm_bindgen(js_name = startConsole, skip_typescript)]
pub fn start_console() {
    // No performance marks: they pile up in a long-lived page.
    let config = tracing_wasm::WASMLayerConfigBuilder::new().set_report_logs_in_timings(false).build();
    tracing_wasm::set_as_global_default_with_config(config);
}
