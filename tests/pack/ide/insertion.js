// Text that grows in the document while its user goes on editing, and that one "undo" takes back.

import { isolateHistory } from "@codemirror/commands";
import { Annotation, Transaction } from "@codemirror/state";
import { EditorView } from "codemirror";

const isOurs = Annotation.define();
const open = new Set();

/** Keeps every insertion in its place when something else changes the document. */
export const trackInsertions = EditorView.updateListener.of(({ transactions }) => {
  for (const transaction of transactions) {
    if (transaction.annotation(isOurs)) continue;
    for (const place of open) {
      place.from = transaction.changes.mapPos(place.from, 1);
      place.to = Math.max(place.from, transaction.changes.mapPos(place.to, -1));
    }
  }
});

/** Begins an insertion. */
export function insertion(view, at) {
  const place = { from: at, to: at };
  open.add(place);
  const dispatch = (changes, addToHistory, selection) => {
    const annotations = [isOurs.of(true), Transaction.addToHistory.of(addToHistory), isolateHistory.of("full")];
    view.dispatch({ changes, selection, annotations, userEvent: "input.complete" });
  };
  return {
    append(text) {
      dispatch({ from: place.to, insert: text }, false);
      place.to += text.length;
    },
    /** The pieces become one step of the history; a cursor that still waits where they began goes behind them. */
    finish() {
      open.delete(place);
      const { from, to } = place;
      const text = view.state.sliceDoc(from, to);
      if (text === "") return;
      const { selection } = view.state;
      const waits = selection.main.empty && selection.main.head === from;
      dispatch({ from, to }, false);
      dispatch({ from, insert: text }, true, waits ? { anchor: to } : selection);
    },
  };
}
