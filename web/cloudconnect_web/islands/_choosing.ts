// What is chosen to be uploaded: files, whole folders by dropping or choosing them, and the folders of those that hold
// nothing, which only dropping tells of.

export interface Choice {
  files: { path: string; file: File }[];
  /** Paths of folders that have nothing in them. */
  folders: string[];
}

// A browser hands out this many entries of a folder at most each time it is asked.
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return found;
    found.push(...part);
  }
}

async function walk(entry: FileSystemEntry, choice: Choice): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    choice.files.push({ path, file });
    return;
  }
  const inside = await children(entry as FileSystemDirectoryEntry);
  if (inside.length === 0) choice.folders.push(path);
  for (const child of inside) await walk(child, choice);
}

/** Return what was dropped, with all that lies below it. */
export async function dropped(list: DataTransferItemList): Promise<Choice> {
  const roots = [...list].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const choice: Choice = { files: [], folders: [] };
  for (const root of roots) await walk(root, choice);
  return choice;
}

/** Return files as a field of a form or the clipboard has them; those of a folder know where in it they are. */
export function chosen(files: Iterable<File>): Choice {
  return { files: [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })), folders: [] };
}
