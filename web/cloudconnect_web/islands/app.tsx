// What JavaScript adds to pages that are complete without it: uploads with progress by drag and drop, keys, local times.

import { signal } from "@preact/signals";
import { render } from "preact";

type Words = Record<"drop" | "uploading" | "done" | "failed" | "cancel" | "retry" | "close" | "reused" | "left" | "skipped", string>;
type State = "waiting" | "sending" | "done" | "failed" | "cancelled";

interface Item {
  id: number;
  path: string;
  file: File;
  state: State;
  sent: number;
  started: number;
  detail: string;
  request: XMLHttpRequest | null;
  isKnown: boolean;
}

const AT_ONCE = 3;
const ROWS = 30;
const items = signal<Item[]>([]);
const isDropping = signal(false);
const listing = document.getElementById("files");
const tray = document.getElementById("tray");
const words = JSON.parse(tray?.dataset["words"] ?? "{}") as Words;
let lastId = 0;

function change(id: number, part: Partial<Item>): void {
  items.value = items.value.map((item) => (item.id === id ? { ...item, ...part } : item));
}

function add(files: { path: string; file: File }[]): void {
  items.value = [
    ...items.value,
    ...files.map(({ path, file }): Item => ({
      id: ++lastId, path, file, state: "waiting", sent: 0, started: 0, detail: "", request: null, isKnown: false,
    })),
  ];
  work();
}

function work(): void {
  const busy = items.value.filter((item) => item.state === "sending").length;
  const waiting = items.value.filter((item) => item.state === "waiting").slice(0, AT_ONCE - busy);
  for (const item of waiting) void send(item);
  const isOver = items.value.length > 0 && items.value.every((item) => item.state === "done" || item.state === "cancelled");
  if (isOver && items.value.some((item) => item.state === "done")) location.reload();
}

async function send(item: Item): Promise<void> {
  change(item.id, { state: "sending", started: performance.now(), sent: 0, detail: "" });
  const folder = (listing?.dataset["folder"] ?? "/").replace(/\/$/, "");
  const space = listing?.dataset["space"] ?? "personal";
  const path = `${folder}/${item.path}`.split("/").map(encodeURIComponent).join("/");
  // Most files are new: only one that is there already costs a second request, which makes it the next version.
  let etag: string | null = null;
  if (item.isKnown) {
    const known = await fetch(`/api/v1/spaces/${space}/entries${path}`, { method: "HEAD" }).catch(() => null);
    etag = known?.ok ? known.headers.get("ETag") : null;
    if (current(item.id)?.state !== "sending") return;
  }
  const request = new XMLHttpRequest();
  const modified = new Date(item.file.lastModified).toISOString();
  request.open("PUT", `/api/v1/spaces/${space}/content${path}?parents=true&modified=${encodeURIComponent(modified)}`);
  request.setRequestHeader(etag ? "If-Match" : "If-None-Match", etag ?? "*");
  if (item.file.type) request.setRequestHeader("Content-Type", item.file.type);
  request.upload.onprogress = (event) => change(item.id, { sent: event.loaded });
  request.onloadend = () => {
    const isGood = request.status === 200 || request.status === 201;
    if (isGood) {
      const answer = JSON.parse(request.responseText) as { reused_bytes: number };
      const detail = item.file.size > 0 && answer.reused_bytes === item.file.size ? words.reused : "";
      change(item.id, { state: "done", sent: item.file.size, detail, request: null });
    } else if (request.status === 412 && !item.isKnown) {
      change(item.id, { state: "waiting", isKnown: true, request: null });
    } else if (current(item.id)?.state !== "cancelled") {
      change(item.id, { state: "failed", detail: reason(request), request: null });
    }
    work();
  };
  change(item.id, { request });
  request.send(item.file);
}

function current(id: number): Item | undefined {
  return items.value.find((item) => item.id === id);
}

function reason(request: XMLHttpRequest): string {
  try {
    const problem = JSON.parse(request.responseText) as { detail: string; fix: string | null };
    return [problem.detail, problem.fix ?? ""].join(" ").trim();
  } catch {
    return words.failed;
  }
}

function cancel(item: Item): void {
  change(item.id, { state: "cancelled", detail: words.skipped });
  item.request?.abort();
  work();
}

function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit ? value.toFixed(1) : value} ${units[unit] ?? ""}`;
}

function progress(item: Item): string {
  if (item.state !== "sending" || !item.sent) return item.detail || size(item.file.size);
  const rate = item.sent / ((performance.now() - item.started) / 1000);
  const left = Math.ceil((item.file.size - item.sent) / rate);
  return `${size(item.sent)} / ${size(item.file.size)} · ${size(Math.round(rate))}/s · ${left} s ${words.left}`;
}

function Row({ item }: { item: Item }) {
  return (
    <li class={item.state === "failed" ? "bad" : ""}>
      <bdi title={item.path}>{item.path}</bdi>
      {item.state === "failed" && <button type="button" onClick={() => { change(item.id, { state: "waiting" }); work(); }}>{words.retry}</button>}
      {(item.state === "sending" || item.state === "waiting") && <button type="button" onClick={() => cancel(item)}>{words.cancel}</button>}
      {item.state === "done" && <span aria-hidden="true">✓</span>}
      {item.state === "sending" && <progress max={item.file.size || 1} value={item.sent} aria-label={item.path} />}
      <small>{progress(item)}</small>
    </li>
  );
}

// What is under way or went wrong first, then the latest; a row for each of thousands would stall the page.
function shown(all: Item[]): Item[] {
  const first = all.filter((item) => item.state === "sending" || item.state === "failed");
  const rest = all.filter((item) => item.state === "done" || item.state === "cancelled").slice(-ROWS).reverse();
  const next = all.filter((item) => item.state === "waiting").slice(0, AT_ONCE);
  return [...first, ...next, ...rest].slice(0, ROWS);
}

function Tray() {
  const all = items.value;
  const done = all.filter((item) => item.state === "done").length;
  const isBusy = all.some((item) => item.state === "sending" || item.state === "waiting");
  return (
    <>
      {isDropping.value && <div class="drop">{words.drop}</div>}
      {all.length > 0 && (
        <section class="tray" aria-label={words.uploading}>
          <header>
            <span role="status">{isBusy ? words.uploading : words.done} {done}/{all.length}</span>
            {!isBusy && <button type="button" onClick={() => { items.value = []; location.reload(); }}>{words.close}</button>}
          </header>
          <ul>{shown(all).map((item) => <Row key={item.id} item={item} />)}</ul>
        </section>
      )}
    </>
  );
}

async function entries(list: DataTransferItemList): Promise<{ path: string; file: File }[]> {
  const roots = [...list].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found: { path: string; file: File }[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ path: entry.fullPath.replace(/^\//, ""), file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (part.length === 0) return;
      for (const child of part) await walk(child);
    }
  };
  for (const root of roots) await walk(root);
  return found;
}

function startUploads(): void {
  if (tray === null || listing === null || "past" in listing.dataset) return;
  render(<Tray />, tray);
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (event.dataTransfer?.types.includes("Files")) isDropping.value = ++depth > 0;
  });
  addEventListener("dragleave", () => { isDropping.value = (depth = Math.max(0, depth - 1)) > 0; });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    isDropping.value = (depth = 0) > 0;
    if (event.dataTransfer) void entries(event.dataTransfer.items).then(add);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) add(files.map((file) => ({ path: file.name, file })));
  });
  addEventListener("beforeunload", (event) => {
    if (items.value.some((item) => item.state === "sending")) event.preventDefault();
  });
  const form = document.querySelector<HTMLFormElement>("#upload form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.querySelector<HTMLInputElement>("input[type=file]");
    add([...(input?.files ?? [])].map((file) => ({ path: file.name, file })));
    form.closest("details")?.removeAttribute("open");
    form.reset();
  });
}

function showLocalTimes(): void {
  const isNarrow = matchMedia("(max-width: 720px)").matches;
  const parts: Intl.DateTimeFormatOptions = isNarrow ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
  const format = new Intl.DateTimeFormat(document.documentElement.lang, parts);
  for (const element of document.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) element.textContent = format.format(moment);
  }
}

function closeOthers(event: Event): void {
  for (const open of document.querySelectorAll<HTMLDetailsElement>("details.pop[open]")) {
    if (!open.contains(event.target as Node)) open.removeAttribute("open");
  }
}

function choose(step: number): void {
  const links = [...document.querySelectorAll<HTMLElement>("table.files a.name")];
  const here = links.indexOf(document.activeElement as HTMLElement);
  links[Math.min(Math.max(here + step, 0), links.length - 1)]?.focus();
}

function row(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>("table.files tbody tr") ?? null;
}

function press(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.pop[open]")) open.removeAttribute("open");
  }
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, textarea, select")) return;
  const acts: Record<string, () => void> = {
    j: () => choose(1),
    k: () => choose(-1),
    "?": () => document.querySelector<HTMLDialogElement>("#help")?.showModal(),
    "#": () => row()?.querySelector<HTMLButtonElement>("button.danger")?.click(),
    x: () => row()?.querySelector<HTMLInputElement>("td.pick input")?.click(),
    e: () => openRename(),
    F2: () => openRename(),
  };
  const act = acts[event.key] ?? (() => {
    const keyed = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key)}"]`);
    if (keyed === null) return;
    keyed.click();
    keyed.closest("details")?.querySelector<HTMLElement>("input:not([type=hidden])")?.focus();
  });
  if (event.key.length === 1 || event.key === "F2") {
    act();
    if (event.key in acts || document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)) event.preventDefault();
  }
}

function openRename(): void {
  const menu = row()?.querySelector<HTMLDetailsElement>("details.pop");
  const inner = menu?.querySelector<HTMLDetailsElement>("details");
  if (!menu || !inner) return;
  menu.open = true;
  inner.open = true;
  inner.querySelector<HTMLInputElement>("input[name=name]")?.select();
}

// Selecting works without this: the bar shows as soon as a box is ticked. Here come the count, "all" and ranges.
function startSelecting(): void {
  const form = document.querySelector<HTMLFormElement>("#selection");
  const all = document.querySelector<HTMLInputElement>("#pick-all");
  if (form === null || all === null) return;
  const boxes = [...document.querySelectorAll<HTMLInputElement>("td.pick input")];
  const count = form.querySelector<HTMLElement>(".count");
  let last = -1;
  const tell = (): void => {
    const chosen = boxes.filter((box) => box.checked).length;
    if (count) count.textContent = `${chosen} ${count.dataset["one"] ?? ""}`;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  boxes.forEach((box, index) => box.addEventListener("click", (event) => {
    if (event.shiftKey && last >= 0) {
      for (const between of boxes.slice(Math.min(last, index), Math.max(last, index))) between.checked = box.checked;
    }
    last = index;
    tell();
  }));
  tell();
}

const AGO = /^(\d+)\s*([smhdw])$/;
const UNIT_MS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

function momentOf(text: string): number {
  const ago = AGO.exec(text);
  if (ago) return Date.now() - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0);
  const given = Date.parse(text);
  return Number.isNaN(given) ? Date.now() : given;
}

// The nearer to now, the finer: the slider's middle is not half of the years but an hour or a day ago.
function startSlider(): void {
  const place = document.getElementById("slider");
  if (place === null) return;
  const since = Date.parse(place.dataset["since"] ?? "");
  const span = Math.log(Math.max(Date.now() - since, 6e4));
  const at = momentOf(place.dataset["at"] ?? "");
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  const label = place.dataset["label"] ?? "";
  const toMoment = (value: number): number => Date.now() - Math.exp(span * (1 - value / 1000));
  const value = signal(Math.round(1000 * (1 - Math.log(Math.max(Date.now() - at, 1)) / span)));
  const shown = signal(at);
  const slide = (to: number): void => {
    value.value = to;
    shown.value = toMoment(to);
  };
  const go = (moment: number): void => {
    const here = new URL(location.href);
    here.searchParams.set("at", new Date(moment).toISOString());
    here.searchParams.delete("cursor");
    location.replace(here);
  };
  const Slider = () => (
    <label class="slider">
      <output>{format.format(shown.value)}</output>
      <input type="range" min="0" max="1000" value={value.value} aria-label={label}
        aria-valuetext={format.format(shown.value)}
        onInput={(event) => slide(Number(event.currentTarget.value))}
        onChange={(event) => go(toMoment(Number(event.currentTarget.value)))} />
      <div><span>{format.format(since)}</span><span>{format.format(Date.now())}</span></div>
    </label>
  );
  render(<Slider />, place);
}

function offerCopies(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const source = document.getElementById(button.dataset["copy"] ?? "");
      void navigator.clipboard.writeText(source?.textContent ?? "").then(() => { button.textContent = "✓"; });
    });
  }
}

startUploads();
showLocalTimes();
startSelecting();
startSlider();
offerCopies();
addEventListener("click", closeOthers);
addEventListener("keydown", press);
