/**
 * What somebody typed, as the HTML that travels: escaped, line breaks kept, addresses made links, *bold* and
 * _italic_ made so.
 */

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

/** Signs around words and not within them, on one line: 2*3*4 and snake_case_names stay as they are. */
const BOLD = /(?<![\p{L}\p{N}*])\*(?![\s*])([^*\n]*[^\s*])\*(?![\p{L}\p{N}*])/gu;
const ITALIC = /(?<![\p{L}\p{N}_])_(?![\s_])([^_\n]*[^\s_])_(?![\p{L}\p{N}_])/gu;

const words = (text: string): string =>
  escape(text).replace(BOLD, "<b>$1</b>").replace(ITALIC, "<i>$1</i>");

export const link = (address: string, text: string): string =>
  `<a href="${escape(address)}" target="_blank" rel="noopener noreferrer">${escape(text)}</a>`;

export function composeHtml(text: string): string {
  const clean = text.trim().replaceAll("\r\n", "\n");
  let html = "";
  let end = 0;
  for (const match of clean.matchAll(ADDRESS)) {
    const address = match[0];
    html += words(clean.slice(end, match.index));
    html += link(address, address);
    end = match.index + address.length;
  }
  html += words(clean.slice(end));
  return html.replaceAll("\n", "<br />");
}
