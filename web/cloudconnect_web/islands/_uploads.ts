// Uploads with progress, by choosing, dropping or pasting. Small files go in one request; large ones by tus, so that they
// go on after a broken connection, a pause or a reload. What is unfinished is noted in this browser, where it was begun.

import { signal } from "@preact/signals";
import type { Upload } from "tus-js-client";

import type { Choice } from "./_choosing";
import { merged } from "./_undo";

type Word =
  | "drop" | "uploading" | "done" | "failed" | "cancel" | "retry" | "close" | "reused" | "left" | "skipped" | "pause"
  | "resume" | "paused" | "choose" | "unfinished" | "other" | "uploaded" | "undo" | "taken" | "takenMany" | "version"
  | "both" | "skip" | "stays" | "failedMany" | "more" | "open";
type State = "waiting" | "sending" | "paused" | "unfinished" | "taken" | "done" | "failed" | "cancelled";
/** What becomes of a file whose name is taken. */
export type Answer = "version" | "both" | "skip";

/** What is kept of a large upload, so that it goes on after a reload. */
interface Note {
  url: string;
  space: string;
  path: string;
  size: number;
  modified: number;
}

export interface Item {
  id: number;
  space: string;
  path: string;
  size: number;
  modified: number;
  file: File | null;
  /** A folder with nothing in it. */
  isFolder: boolean;
  state: State;
  sent: number;
  /** Where and when this run of it began, for the rate. */
  from: { bytes: number; at: number };
  detail: string;
  url: string;
  isKnown: boolean;
  undo: string;
  stop: (() => void) | null;
}

export const AT_ONCE = 3;
/** Files from this size on, in bytes, are sent by tus. */
export const LARGE = 8 << 20;
// Less than the bodies that proxies commonly let through.
const PIECE = 32 << 20;
const PAUSES_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];
const WAIT_MS = 2000;
const UNDO = "CloudConnect-Undo";
export const FINISHED = "uploaded";

export const items = signal<Item[]>([]);
export const isDropping = signal(false);
export const listing = document.getElementById("files");
export const tray = document.getElementById("tray");
// Several people may use one browser.
const NOTES = `uploads of ${tray?.dataset["who"] ?? ""}`;
export const words = JSON.parse(tray?.dataset["words"] ?? "{}") as Record<Word, string>;
let lastId = 0;
// Asked once, it holds for all that is uploaded together.
let answered: Answer | null = null;

function change(id: number, part: Partial<Item>): void {
  items.value = items.value.map((item) => (item.id === id ? { ...item, ...part } : item));
}

function current(id: number): Item | undefined {
  return items.value.find((item) => item.id === id);
}

function notes(): Note[] {
  try {
    return JSON.parse(localStorage.getItem(NOTES) ?? "[]") as Note[];
  } catch {
    return [];
  }
}

function note(item: Item, url: string): void {
  forget(url);
  const { space, path, size, modified } = item;
  localStorage.setItem(NOTES, JSON.stringify([...notes(), { url, space, path, size, modified }]));
}

function forget(url: string): void {
  localStorage.setItem(NOTES, JSON.stringify(notes().filter((each) => each.url !== url)));
}

function fresh(space: string, path: string, file: File | null): Item {
  return {
    id: ++lastId, space, path, size: file?.size ?? 0, modified: file?.lastModified ?? 0, file, isFolder: file === null,
    state: "waiting", sent: 0, from: { bytes: 0, at: 0 }, detail: "", url: "", isKnown: false, undo: "", stop: null,
  };
}

function isSame(item: Item, file: File): boolean {
  return item.size === file.size && item.modified === file.lastModified && item.path.endsWith(`/${file.name}`);
}

export function add({ files, folders }: Choice): void {
  const folder = (listing?.dataset["folder"] ?? "/").replace(/\/$/, "");
  const space = listing?.dataset["space"] ?? "personal";
  const added: Item[] = [];
  for (const { path, file } of files) {
    const whole = `${folder}/${path}`;
    const begun = items.value.find((item) => item.state === "unfinished" && item.space === space && item.path === whole);
    if (begun && isSame(begun, file)) change(begun.id, { file, state: "waiting" });
    else added.push(fresh(space, whole, file));
  }
  const empty = folders.map((path) => fresh(space, `${folder}/${path}`, null));
  items.value = [...items.value, ...added, ...empty];
  work();
}

function work(): void {
  const busy = items.value.filter((item) => item.state === "sending").length;
  const waiting = items.value.filter((item) => item.state === "waiting").slice(0, AT_ONCE - busy);
  for (const item of waiting) void send(item);
  const isOver = items.value.every((item) => ["done", "cancelled", "unfinished"].includes(item.state));
  if (isOver) answered = null;
  if (isOver && items.value.some((item) => item.state === "done")) show();
}

// The page shows what is there now, and offers to take it back.
export function show(): void {
  const done = items.value.filter((item) => item.state === "done");
  // Of a folder that was there already there is nothing to take back.
  const tokens = done.filter((item) => !item.isFolder || item.undo !== "").map((item) => item.undo);
  sessionStorage.setItem(FINISHED, JSON.stringify([done.length, merged(tokens)]));
  items.value = [];
  location.reload();
}

async function send(item: Item): Promise<void> {
  change(item.id, { state: "sending", from: { bytes: item.sent, at: performance.now() }, detail: "" });
  if (item.isFolder) return makeFolder(item);
  // Most files are new: only one that is there already costs a second request, which makes it the next version.
  let etag: string | null = null;
  if (item.isKnown) {
    const known = await fetch(`${api(item, "entries")}`, { method: "HEAD" }).catch(() => null);
    etag = known?.ok ? known.headers.get("ETag") : null;
    if (current(item.id)?.state !== "sending") return;
  }
  if (item.file === null) return;
  if (item.size < LARGE) put(item, item.file, etag);
  else await resume(item, item.file, etag);
}

// A folder that is there already is as good as one that was made.
async function makeFolder(item: Item): Promise<void> {
  const answer = await fetch(`${api(item, "folders")}?parents=true`, { method: "POST" }).catch(() => null);
  const body = (await answer?.text().catch(() => "")) ?? "";
  if (answer?.status === 201) return finish(item, (JSON.parse(body) as { undo: string }).undo, "");
  const known = answer?.status === 409 ? await fetch(api(item, "entries")).catch(() => null) : null;
  const isThere = known?.ok === true && ((await known.json()) as { kind: string }).kind === "folder";
  if (isThere) finish(item, "", "");
  else fail(item, answer?.status ?? 0, body);
}

function api(item: Item, what: string): string {
  return `/api/v1/spaces/${item.space}/${what}${item.path.split("/").map(encodeURIComponent).join("/")}`;
}

function put(item: Item, file: File, etag: string | null): void {
  const request = new XMLHttpRequest();
  const modified = new Date(item.modified).toISOString();
  request.open("PUT", `${api(item, "content")}?parents=true&modified=${encodeURIComponent(modified)}`);
  request.setRequestHeader(etag ? "If-Match" : "If-None-Match", etag ?? "*");
  if (file.type) request.setRequestHeader("Content-Type", file.type);
  request.upload.onprogress = (event) => change(item.id, { sent: event.loaded });
  request.onloadend = () => {
    if (request.status === 200 || request.status === 201) {
      const answer = JSON.parse(request.responseText) as { reused_bytes: number; undo: string };
      const detail = item.size > 0 && answer.reused_bytes === item.size ? words.reused : "";
      finish(item, answer.undo, detail);
    } else fail(item, request.status, request.responseText);
  };
  change(item.id, { stop: () => request.abort() });
  request.send(file);
}

async function resume(item: Item, file: File, etag: string | null): Promise<void> {
  const tus = (await import(tray?.dataset["tus"] ?? "")) as typeof import("./tus");
  let undo = "";
  let state = "";
  const metadata: Record<string, string> = {
    space: item.space, path: item.path, parents: "true", modified: new Date(item.modified).toISOString(),
  };
  if (file.type) metadata["filetype"] = file.type;
  if (etag) metadata["if_match"] = etag;
  const upload: Upload = new tus.Upload(file, {
    endpoint: "/api/v1/tus/",
    uploadUrl: item.url || null,
    metadata,
    chunkSize: PIECE,
    retryDelays: PAUSES_MS,
    storeFingerprintForResuming: false,
    onUploadUrlAvailable: () => {
      const url = upload.url ?? "";
      change(item.id, { url });
      if (current(item.id)?.state === "cancelled") return abandon(item);
      note(item, url);
      void hold(item, url);
    },
    onProgress: (sent) => change(item.id, { sent }),
    onAfterResponse: (_, response) => {
      undo = response.getHeader(UNDO) ?? undo;
      state = response.getHeader("Upload-State") ?? state;
    },
    onSuccess: () => void settle(item, undo, state),
    onError: (error) => {
      const response = error instanceof tus.DetailedError ? error.originalResponse : null;
      const status = response?.getStatus() ?? 0;
      if (status === 404 || status === 410) abandon(item);
      fail(item, status, response?.getBody() ?? "");
    },
  });
  change(item.id, { stop: () => void upload.abort() });
  upload.start();
}

// While this page sends it, another one does not offer it as unfinished.
async function hold(item: Item, url: string): Promise<void> {
  await navigator.locks?.request(url, { ifAvailable: true }, async () => {
    while (["sending", "paused"].includes(current(item.id)?.state ?? "")) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });
}

// All bytes are there; of a very large file the server may still be making one.
async function settle(item: Item, undo: string, state: string): Promise<void> {
  const url = current(item.id)?.url ?? "";
  while (state !== "complete") {
    // All bytes are there. Either the server is making a file of them, or nobody has asked for that since it was refused.
    if (state === "finishing") await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    const answer = state === "finishing" ? await ask("HEAD", url) : await ask("PATCH", url, item.size);
    if (answer === null || !answer.ok) return fail(item, answer?.status ?? 0, (await answer?.text()) ?? "");
    undo = answer.headers.get(UNDO) ?? undo;
    state = answer.headers.get("Upload-State") ?? "complete";
    if (current(item.id)?.state !== "sending") return;
  }
  forget(url);
  finish(item, undo, "");
}

function ask(method: string, url: string, offset?: number): Promise<Response | null> {
  const headers: Record<string, string> = { "Tus-Resumable": "1.0.0" };
  if (offset !== undefined) {
    headers["Upload-Offset"] = String(offset);
    headers["Content-Type"] = "application/offset+octet-stream";
  }
  return fetch(url, { method, headers }).catch(() => null);
}

function finish(item: Item, undo: string, detail: string): void {
  change(item.id, { state: "done", sent: item.size, undo, detail, stop: null });
  work();
}

function fail(item: Item, status: number, body: string): void {
  if (current(item.id)?.state !== "sending") return;
  const isThere = status === 412 || status === 428;
  // What was begun for a new file cannot become another version of one.
  if (isThere) abandon(item);
  if (!isThere || item.isKnown) change(item.id, { state: "failed", detail: reason(body), stop: null });
  else if (answered === null) change(item.id, { state: "taken", sent: 0, stop: null });
  else follow(item, answered);
  work();
}

/** Do with everything whose name is taken, now and until all is uploaded, what *answer* says. */
export function decide(answer: Answer): void {
  answered = answer;
  for (const item of items.value.filter((each) => each.state === "taken")) follow(item, answer);
  work();
}

function follow(item: Item, answer: Answer): void {
  if (answer === "skip") change(item.id, { state: "cancelled", detail: words.skipped, stop: null });
  else if (answer === "version") change(item.id, { state: "waiting", sent: 0, isKnown: true, stop: null });
  else change(item.id, { state: "waiting", sent: 0, path: numbered(item.path), stop: null });
}

/** Return *path* with the next number behind its name: film.mp4, film (2).mp4, film (3).mp4. */
function numbered(path: string): string {
  const [, before = "", number, ending = ""] = /^(.*?[^/])(?: \((\d{1,6})\))?(\.[^./]*)?$/s.exec(path) ?? [];
  return `${before} (${number === undefined ? 2 : Number(number) + 1})${ending}`;
}

function reason(body: string): string {
  try {
    const problem = JSON.parse(body) as { detail: string; fix: string | null };
    return [problem.detail, problem.fix ?? ""].join(" ").trim();
  } catch {
    return words.failed;
  }
}

function abandon(item: Item): void {
  const url = current(item.id)?.url ?? "";
  if (url === "") return;
  forget(url);
  change(item.id, { url: "", sent: 0 });
  void ask("DELETE", url);
}

export function cancel(item: Item): void {
  change(item.id, { state: "cancelled", detail: words.skipped });
  item.stop?.();
  abandon(item);
  work();
}

export function pause(item: Item): void {
  change(item.id, { state: "paused", detail: words.paused });
  item.stop?.();
  work();
}

export function again(item: Item): void {
  change(item.id, { state: "waiting" });
  work();
}

/** Try once more what went wrong. */
export function againAll(): void {
  items.value = items.value.map((item) => (item.state === "failed" ? { ...item, state: "waiting" } : item));
  work();
}

/** Give up all that is not there yet. */
export function cancelAll(): void {
  const open = items.value.filter((item) => ["waiting", "sending", "paused"].includes(item.state));
  const ids = new Set(open.map((item) => item.id));
  items.value = items.value.map((item) => (
    ids.has(item.id) ? { ...item, state: "cancelled", detail: words.skipped } : item
  ));
  for (const item of open) {
    item.stop?.();
    abandon(item);
  }
  work();
}

export function choose(item: Item, file: File | undefined): void {
  if (file === undefined) return;
  if (isSame(item, file)) {
    change(item.id, { file });
    again(item);
  } else change(item.id, { detail: words.other });
}

export async function findUnfinished(): Promise<void> {
  const held = new Set((await navigator.locks?.query())?.held?.map((lock) => lock.name));
  for (const begun of notes().filter((each) => !held.has(each.url))) {
    const answer = await ask("HEAD", begun.url);
    if (answer === null) continue;
    if (!answer.ok || answer.headers.get("Upload-State") === "complete") {
      if (answer.status !== 401) forget(begun.url);
      continue;
    }
    const sent = Number(answer.headers.get("Upload-Offset"));
    items.value = [...items.value, {
      ...begun, id: ++lastId, file: null, isFolder: false, state: "unfinished", sent, from: { bytes: sent, at: 0 },
      detail: words.unfinished, isKnown: false, undo: "", stop: null,
    }];
  }
}
