/**
 * Formatted text from somebody else. It is sanitised, then rebuilt as React elements from a list of what
 * may appear; no string ever becomes markup in the page by itself.
 */
import DOMPurify from "dompurify";
import { useMemo, type ReactNode } from "react";

const SAFE_ADDRESS = /^(?:https?|mailto|tel):/iu;

const RULES = {
  ALLOWED_TAGS: ["b", "i", "strong", "br", "a"],
  ALLOWED_ATTR: ["href", "target", "rel"],
  ALLOWED_URI_REGEXP: SAFE_ADDRESS,
  RETURN_DOM_FRAGMENT: true as const,
};

/** Where our own server keeps what was shared. */
const FILES = "/download/uploadedFile/";

function isOwnFile(href: string): boolean {
  const url = URL.parse(href);
  return url?.origin === window.location.origin && url.pathname.startsWith(FILES);
}

/** Nesting deeper than this is flattened to text. */
const MAX_DEPTH = 8;

function build(node: Node, key: number, depth: number): ReactNode {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent;
  if (!(node instanceof Element)) return null;
  if (depth > MAX_DEPTH) return node.textContent;
  const children = [...node.childNodes].map((child, index) => build(child, index, depth + 1));
  switch (node.tagName) {
    case "BR":
      return <br key={key} />;
    case "B":
    case "STRONG":
      return <strong key={key}>{children}</strong>;
    case "I":
      return <em key={key}>{children}</em>;
    case "A": {
      const href = node.getAttribute("href");
      if (href === null || !SAFE_ADDRESS.test(href)) return children;
      return (
        <a
          key={key}
          href={href}
          target="_blank"
          rel="noopener noreferrer nofollow"
          className={isOwnFile(href) ? "attachment" : undefined}
        >
          {children}
        </a>
      );
    }
    default:
      return node.textContent;
  }
}

export function RichText({ html }: { readonly html: string }) {
  const nodes = useMemo(() => {
    const fragment = DOMPurify.sanitize(html, RULES);
    return [...fragment.childNodes].map((node, index) => build(node, index, 0));
  }, [html]);
  return <>{nodes}</>;
}

/** The words alone, for announcements and previews. */
export function plainText(html: string): string {
  const fragment = DOMPurify.sanitize(html.replaceAll(/<br\s*\/?>/giu, " "), RULES);
  return fragment.textContent ?? "";
}
