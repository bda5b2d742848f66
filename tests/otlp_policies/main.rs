//! The batch worker's policies: what an answer means, tables in simulated time, and a simulation of random hosts and
//! servers that checks what must hold whatever happens.

#![cfg(feature = "otel")]

mod answers;
mod ends;
mod host;
mod options;
mod outcomes;
mod simulation;
#[path = "../support/splits.rs"]
mod splits;
mod steps;
mod tables;
