// What somebody may have meant by a name that is not known.

/** The end of an error's sentence: the nearest of the names, or all of them. */
export function meant(word: string, known: readonly string[]): string {
  const near = known.map((name) => ({ name, distance: distance(plain(word), plain(name)) }));
  const best = near.reduce((least, each) => (each.distance < least.distance ? each : least));
  if (best.distance <= Math.max(1, Math.floor(best.name.length / 3))) return `; did you mean "${best.name}"?`;
  return `; there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "").slice(0, 64);
}

/** Levenshtein's, with two neighbours swapped as one step. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
