// One token for many changes, as short as it gets: neighbours become one range.

const MOST = 20_000;

/** Return what undoes all of *tokens*, or nothing if one is missing, they are of several spaces, or it gets too long. */
export function merged(tokens: string[]): string {
  const parts = tokens.map((token) => token.split("."));
  const spaces = new Set(parts.map(([space]) => space));
  const ranges = parts.flatMap(([, seqs = ""]) => seqs.split(",")).map((range) => range.split("-").map(Number));
  const joined: number[][] = [];
  for (const [first = 0, last = first] of ranges.sort(([a = 0], [b = 0]) => a - b)) {
    const before = joined.at(-1);
    if (before && first <= (before[1] ?? 0) + 1) before[1] = Math.max(before[1] ?? 0, last);
    else joined.push([first, last]);
  }
  const whole = `${[...spaces][0] ?? ""}.${joined.map((range) => range.join("-")).join(",")}`;
  return spaces.size === 1 && tokens.every((token) => token !== "") && whole.length < MOST ? whole : "";
}
