//! The host's clock and timer.

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, delay_ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);
}

/// The longest delay that hosts accept: more would fire at once.
const LONGEST_DELAY_MS: f64 = 2_147_483_647.0;

/// Milliseconds of a clock that does not go backwards.
pub(super) fn now_ms() -> f64 {
    performance_now()
}

/// A running timer; dropping it stops it.
#[derive(Debug)]
pub(super) struct Timer {
    handle: JsValue,
}

impl Timer {
    pub(super) fn start(callback: &Function, delay_ms: f64) -> Self {
        Self { handle: set_timeout(callback, delay_ms.clamp(0.0, LONGEST_DELAY_MS)) }
    }

    /// In Node, says whether the timer keeps the process alive; elsewhere does nothing.
    pub(super) fn hold_process(&self, hold: bool) {
        if !self.handle.is_object() {
            return;
        }
        let name = JsValue::from_str(if hold { "ref" } else { "unref" });
        if let Ok(method) = Reflect::get(&self.handle, &name)
            && let Some(method) = method.dyn_ref::<Function>()
        {
            let _ = method.call0(&self.handle);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.handle);
    }
}
