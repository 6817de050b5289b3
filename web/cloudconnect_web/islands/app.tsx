// What JavaScript adds to pages that are complete without it: uploads with progress by drag and drop, keys, local times.

import { signal } from "@preact/signals";
import { render } from "preact";

import { watchMoving } from "./_moving";
import { startUploads } from "./_tray";

function showLocalTimes(): void {
  const isNarrow = matchMedia("(max-width: 720px)").matches;
  const language = document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const minute = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  for (const element of document.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) element.textContent = (isNarrow && element.className === "" ? day : minute).format(moment);
  }
}

function closeOthers(event: Event): void {
  for (const open of document.querySelectorAll<HTMLDetailsElement>("details.pop[open]")) {
    if (!open.contains(event.target as Node)) open.removeAttribute("open");
  }
}

function choose(step: number): void {
  const all = links();
  const here = all.indexOf(document.activeElement as HTMLElement);
  all[Math.min(Math.max(here + step, 0), all.length - 1)]?.focus();
}

// Whoever deletes with a key stands at the same height of the list afterwards, not at the top of the page.
const PLACE = "place in the list";

function links(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("table.files a.name")];
}

function keepPlace(): void {
  const here = row()?.querySelector<HTMLElement>("a.name");
  if (here) sessionStorage.setItem(PLACE, JSON.stringify([location.pathname, links().indexOf(here)]));
}

function returnToPlace(): void {
  const [path, index] = JSON.parse(sessionStorage.getItem(PLACE) ?? "[\"\", 0]") as [string, number];
  sessionStorage.removeItem(PLACE);
  if (path === location.pathname) links()[Math.min(index, links().length - 1)]?.focus();
}

function row(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>("table.files tbody tr") ?? null;
}

// The bar shows as long as something is ticked, and then it is what keys are about.
function chosenDelete(): HTMLButtonElement | null {
  const button = document.querySelector<HTMLButtonElement>("#selection button.danger");
  return button !== null && isSeen(button) ? button : null;
}

function isSeen(element: HTMLElement): boolean {
  return element.getClientRects().length > 0 && getComputedStyle(element).visibility === "visible";
}

// Who speaks to the machine, or slips on the keyboard, can do without (WCAG 2.1.4). Kept in this browser.
const KEYS_OFF = "keys off";

function startKeys(): void {
  for (const box of document.querySelectorAll<HTMLInputElement>("input[data-keys]")) {
    box.checked = localStorage.getItem(KEYS_OFF) === null;
    // Without JavaScript there are no keys to switch off.
    box.closest<HTMLElement>("[hidden]")?.removeAttribute("hidden");
    box.addEventListener("change", () => {
      if (box.checked) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, "yes");
    });
  }
  addEventListener("keydown", press);
}

// What had the focus in it gives it back to what opened it.
function fold(open: Element): void {
  const hadFocus = open.contains(document.activeElement);
  open.removeAttribute("open");
  if (hadFocus) open.querySelector("summary")?.focus();
}

function press(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.pop[open]")) fold(open);
  }
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.key.length === 1 && localStorage.getItem(KEYS_OFF) !== null) return;
  const acts: Record<string, () => void> = {
    j: () => choose(1),
    k: () => choose(-1),
    "?": () => document.querySelector<HTMLDialogElement>("#help")?.showModal(),
    "#": () => {
      keepPlace();
      (chosenDelete() ?? row()?.querySelector<HTMLButtonElement>("button.danger"))?.click();
    },
    a: () => document.querySelector<HTMLInputElement>("#pick-all")?.click(),
    x: () => row()?.querySelector<HTMLInputElement>("td.pick input")?.click(),
    e: () => openRename(),
    F2: () => openRename(),
  };
  const act = acts[event.key] ?? (() => {
    const keyed = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key)}"]`);
    if (keyed === null || !isSeen(keyed)) return;
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

// Without this the link loads the page again, where nothing is told any more.
function closeNotice(event: Event): void {
  const close = (event.target as Element).closest(".notice .close");
  if (close === null) return;
  event.preventDefault();
  close.closest(".notice")?.remove();
}

startUploads();
void watchMoving();
showLocalTimes();
startSelecting();
startSlider();
offerCopies();
startKeys();
returnToPlace();
addEventListener("click", closeOthers);
addEventListener("click", closeNotice);
