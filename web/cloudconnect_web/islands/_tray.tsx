// What is seen of uploads: the tray with a row for each, and what is told once they are done.

import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { chosen, dropped } from "./_choosing";
import { size } from "./_sizes";
import {
  AT_ONCE, FINISHED, LARGE, add, again, againAll, cancel, cancelAll, choose, decide, findUnfinished, isDropping, items,
  listing, pause, show, tray, words, type Item,
} from "./_uploads";

const ROWS = 30;
// More than these are told in one line; a row is left to what is large, or waits for somebody.
const CROWD = 12;

function progress(item: Item): string {
  if (item.state === "paused" || item.state === "unfinished") {
    return `${size(item.sent)} / ${size(item.size)} · ${item.detail}`;
  }
  if (item.state !== "sending" || item.sent <= item.from.bytes) return item.detail || size(item.size);
  const rate = (item.sent - item.from.bytes) / ((performance.now() - item.from.at) / 1000);
  const left = Math.ceil((item.size - item.sent) / rate);
  return `${size(item.sent)} / ${size(item.size)} · ${size(Math.round(rate))}/s · ${left} s ${words.left}`;
}

function Acts({ item }: { item: Item }) {
  const isOpen = ["sending", "waiting", "paused", "unfinished"].includes(item.state);
  return (
    <span class="acts">
      {item.state === "failed" && <button type="button" onClick={() => again(item)}>{words.retry}</button>}
      {item.state === "paused" && <button type="button" onClick={() => again(item)}>{words.resume}</button>}
      {item.state === "sending" && item.url !== "" && <button type="button" onClick={() => pause(item)}>{words.pause}</button>}
      {item.state === "unfinished" && (
        <label class="button">
          {words.choose}
          <input type="file" class="unseen" onChange={(event) => choose(item, event.currentTarget.files?.[0])} />
        </label>
      )}
      {isOpen && <button type="button" onClick={() => cancel(item)}>{words.cancel}</button>}
      {item.state === "done" && <span aria-hidden="true">✓</span>}
    </span>
  );
}

function Row({ item }: { item: Item }) {
  const hasBar = item.state === "sending" || item.state === "paused" || item.state === "unfinished";
  return (
    <li class={item.state === "failed" ? "bad" : ""}>
      <bdi title={item.path}>{item.path.replace(/^\//, "")}</bdi>
      <Acts item={item} />
      {hasBar && <progress max={item.size || 1} value={item.sent} aria-label={item.path} />}
      <small>{progress(item)}</small>
    </li>
  );
}

// What is under way or went wrong first, then the latest; a row for each of thousands would stall the page.
function shown(all: Item[], isBusy: boolean): Item[] {
  const first = all.filter((item) => ["sending", "failed", "paused", "unfinished", "taken"].includes(item.state));
  if (all.length > CROWD) {
    const small = isBusy ? ["sending", "failed"] : [];
    return first.filter((item) => item.size >= LARGE || !small.includes(item.state)).slice(0, ROWS);
  }
  const rest = all.filter((item) => item.state === "done" || item.state === "cancelled").slice(-ROWS).reverse();
  const next = all.filter((item) => item.state === "waiting").slice(0, AT_ONCE);
  return [...first, ...next, ...rest].slice(0, ROWS);
}

// One line for all of many: what is counted is bytes, and a little for each file, so that empty ones move it too.
function Crowd({ all, failed }: { all: Item[]; failed: number }) {
  const isOpen = (item: Item): boolean => ["waiting", "sending", "paused"].includes(item.state);
  const whole = all.reduce((sum, item) => sum + item.size, 0);
  const sent = all.reduce((sum, item) => sum + (isOpen(item) ? item.sent : item.size), 0);
  const passed = all.filter((item) => !isOpen(item)).length;
  const each = 4096;
  return (
    <li>
      <bdi>{words.uploading}</bdi>
      <span class="acts"><button type="button" onClick={cancelAll}>{words.cancel}</button></span>
      <progress max={whole + each * all.length} value={sent + each * passed} aria-label={words.uploading} />
      <small>
        {passed} / {all.length} · {size(sent)} / {size(whole)}
        {failed > 0 && ` · ${words.failedMany.replace("{count}", String(failed))}`}
      </small>
    </li>
  );
}

function Failures({ count }: { count: number }) {
  return (
    <li class="bad">
      <strong>{words.failedMany.replace("{count}", String(count))}</strong>
      <span class="acts"><button type="button" onClick={againAll}>{words.retry}</button></span>
    </li>
  );
}

// Asked once for everything whose name is taken; to leave the question skips it.
function Question() {
  const box = useRef<HTMLDialogElement>(null);
  const taken = items.value.filter((item) => item.state === "taken");
  useEffect(() => {
    if (box.current?.open === false) box.current.showModal();
  });
  const [first] = taken;
  if (first === undefined) return null;
  const name = first.path.split("/").pop() ?? "";
  const sentence = taken.length === 1 ? words.taken.replace("{name}", name) : words.takenMany;
  return (
    <dialog ref={box} class="ask" aria-labelledby="taken" onCancel={() => decide("skip")}>
      <h2 id="taken" dir="auto">{sentence.replace("{count}", String(taken.length))}</h2>
      <p>{words.stays}</p>
      <p class="acts">
        <button type="button" class="primary" onClick={() => decide("version")}>{words.version}</button>
        <button type="button" onClick={() => decide("both")}>{words.both}</button>
        <button type="button" onClick={() => decide("skip")}>{words.skip}</button>
      </p>
    </dialog>
  );
}

function heading(all: Item[], done: number, isBusy: boolean): string {
  if (isBusy) return `${words.uploading} ${done}/${all.length}`;
  const isOpen = all.some((item) => item.state === "unfinished" || item.state === "paused");
  return isOpen ? words.open : `${words.done} ${done}/${all.length}`;
}

function Tray() {
  const all = items.value;
  const done = all.filter((item) => item.state === "done").length;
  const failed = all.filter((item) => item.state === "failed").length;
  const isBusy = all.some((item) => item.state === "sending" || item.state === "waiting");
  return (
    <>
      <Question />
      {isDropping.value && <div class="drop">{words.drop}</div>}
      {all.length > 0 && (
        <section class="tray" aria-label={words.uploading}>
          <header>
            <span role="status">{heading(all, done, isBusy)}</span>
            {!isBusy && <button type="button" onClick={() => (done > 0 ? show() : (items.value = []))}>{words.close}</button>}
          </header>
          <ul>
            {isBusy && all.length > CROWD && <Crowd all={all} failed={failed} />}
            {!isBusy && failed > 1 && <Failures count={failed} />}
            {shown(all, isBusy).map((item) => <Row key={item.id} item={item} />)}
            {!isBusy && failed > ROWS && <li><small>{words.more.replace("{count}", String(failed - ROWS))}</small></li>}
          </ul>
        </section>
      )}
    </>
  );
}

// Said as the server says what a form did, with the way to take it back.
function tellWhatIsDone(): void {
  const [count, undo] = JSON.parse(sessionStorage.getItem(FINISHED) ?? "[0, \"\"]") as [number, string];
  sessionStorage.removeItem(FINISHED);
  const place = document.querySelector(".notices");
  if (count === 0 || place === null) return;
  const here = location.pathname + location.search;
  render(
    <div class="notice">
      <span>{words.uploaded.replace("{count}", String(count))}</span>
      {undo !== "" && (
        <form method="post" action="/undo">
          <input type="hidden" name="undo" value={undo} />
          <input type="hidden" name="next" value={here} />
          <button class="link" data-key="z">{words.undo}</button>
        </form>
      )}
      <a class="link close" href={here} aria-label={words.close}>×</a>
    </div>,
    place,
  );
}

export function startUploads(): void {
  if (tray === null || listing === null || "past" in listing.dataset) return;
  render(<Tray />, tray);
  tellWhatIsDone();
  void findUnfinished();
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (event.dataTransfer?.types.includes("Files")) isDropping.value = ++depth > 0;
  });
  addEventListener("dragleave", () => { isDropping.value = (depth = Math.max(0, depth - 1)) > 0; });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    isDropping.value = (depth = 0) > 0;
    if (event.dataTransfer) void dropped(event.dataTransfer.items).then(add);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) add(chosen(files));
  });
  // Large files can go on after this; small ones begin anew.
  addEventListener("beforeunload", (event) => {
    if (items.value.some((item) => item.state === "sending" && item.url === "")) event.preventDefault();
  });
  for (const form of document.querySelectorAll<HTMLFormElement>("#upload form")) takeOver(form);
}

function takeOver(form: HTMLFormElement): void {
  const input = form.querySelector<HTMLInputElement>("input[type=file]");
  if (input === null) return;
  // Some telephones cannot choose a folder.
  form.hidden = input.hasAttribute("webkitdirectory") && !("webkitdirectory" in input);
  // Whoever has chosen need not say so twice.
  form.querySelector("button")?.setAttribute("hidden", "");
  input.addEventListener("change", () => {
    add(chosen(input.files ?? []));
    form.closest("details")?.removeAttribute("open");
    form.reset();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}
