/** Marks in the page's timeline: between them the streams are read. */
export const MARKS = { start: "streamgauge-bench-start", end: "streamgauge-bench-end" };
