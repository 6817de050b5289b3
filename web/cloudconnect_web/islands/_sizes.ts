// Sizes as the server writes them, in the reader's way of writing numbers.

/** Return *bytes* as a person reads it, in powers of 1024. */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit ? 1 : 0;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${value.toLocaleString(document.documentElement.lang, format)} ${units[unit] ?? ""}`;
}
