/** From the HTML of one's own line back to what was typed. The opposite of `composeHtml`. */
export function editable(html: string): string {
  // Parsed without a page around it: nothing in it is loaded or run.
  const page = new DOMParser().parseFromString(html, "text/html");
  return written(page.body);
}

function written(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent ?? "";
  const inner = [...node.childNodes].map(written).join("");
  switch (node.nodeName) {
    case "BR":
      return "\n";
    case "B":
    case "STRONG":
      return `*${inner}*`;
    case "I":
    case "EM":
      return `_${inner}_`;
    default:
      return inner;
  }
}
