//! The library's own diagnostics: nothing at all without the feature `console`.

/// Emits a `tracing` event of the given level, with the feature `console`.
macro_rules! diagnostic {
    ($level:ident, $($argument:tt)*) => {{
        #[cfg(feature = "console")]
        tracing::$level!($($argument)*);
    }};
}

pub(crate) use diagnostic;
