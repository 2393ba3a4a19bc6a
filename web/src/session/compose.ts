/** What somebody typed, as the HTML that travels: escaped, line breaks kept, addresses made links. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);

/** Web and mail addresses; punctuation that ends a sentence is not part of them. */
const ADDRESS = /\b(?:https?:\/\/|mailto:)[^\s<>"']+[^\s<>"'.,;:!?)\]}]/giu;

export function composeHtml(text: string): string {
  const clean = text.trim().replaceAll("\r\n", "\n");
  let html = "";
  let end = 0;
  for (const match of clean.matchAll(ADDRESS)) {
    const address = match[0];
    html += escape(clean.slice(end, match.index));
    html += `<a href="${escape(address)}" target="_blank" rel="noopener noreferrer">${escape(address)}</a>`;
    end = match.index + address.length;
  }
  html += escape(clean.slice(end));
  return html.replaceAll("\n", "<br />");
}
