// A large move to another space, watched: the bar moves, and once it is over the page tells so or leads to where it is.

import { size } from "./_sizes";

interface Operation {
  state: string;
  done: number;
  total: number;
}

const PAUSE_MS = 1000;

/** Watch the move that the page is about, if it is about one. */
export async function watchMoving(): Promise<void> {
  const place = document.getElementById("moving");
  const operation = place?.dataset["operation"];
  const bar = place?.querySelector("progress");
  const told = place?.querySelector("[data-done]");
  if (operation === undefined || !bar || !told) return;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const answer = await fetch(`/api/v1/operations/${operation}`).catch(() => null);
    // A broken connection is waited out; whatever else is not an answer is told by the page itself.
    if (answer === null) continue;
    const known = answer.ok ? ((await answer.json()) as Operation) : null;
    if (known === null || !["waiting", "running"].includes(known.state)) return location.reload();
    bar.max = known.total || 1;
    bar.value = known.done;
    told.textContent = known.total ? `${size(known.done)} / ${size(known.total)}` : size(known.done);
  }
}
