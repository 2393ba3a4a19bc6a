/** What was meant by a paste: many programs add a picture to the words that were copied, or words to files. */

/** The files of a paste, none if its words are what was meant. */
export function filesOf(data: Pick<DataTransfer, "files" | "getData">): readonly File[] {
  const files = [...data.files];
  const names = new Set(files.map(({ name }) => name));
  const lines = data.getData("text/plain").split(/[\r\n]+/u);
  // Whoever copies files has their names or paths in the clipboard as well.
  const isWords = lines.some((line) => line.trim() !== "" && !names.has(lastPartOf(line.trim())));
  return isWords ? [] : files;
}

function lastPartOf(path: string): string {
  const name = path.split(/[/\\]/u).at(-1) ?? "";
  if (!path.startsWith("file:")) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
