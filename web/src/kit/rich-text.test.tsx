import { render } from "@testing-library/react";
import DOMPurify from "dompurify";
import { expect, test, vi } from "vitest";
import { plainText, RichText } from "./rich-text";

/** The tests' DOM loses the first node while it is being sanitised; browsers do not. */
const LOST = "<i></i>";

const shown = (html: string) => render(<RichText html={LOST + html} />).container.innerHTML;

test("bold, italic, breaks and links come through", () => {
  expect(shown("<b>a</b><i>b</i><br><a href='https://x.example'>c</a>")).toBe(
    '<strong>a</strong><em>b</em><br><a href="https://x.example" target="_blank" rel="noopener noreferrer nofollow">c</a>',
  );
});

test.each([
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "<a href='javascript:alert(1)'>x</a>",
  "<a href='https://x.example' onclick='alert(1)'>x</a>",
  "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
  "<iframe src='https://x.example'></iframe>",
  "<b style='position:fixed'>x</b>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
])("nothing else does: %s", (html) => {
  const markup = shown(html).match(/<[^>]*>/gu) ?? [];
  expect(markup.join("")).not.toMatch(
    /alert|<img|<svg|<iframe|<script|onclick|style=|javascript/iu,
  );
});

test("very deep nesting becomes plain text", () => {
  expect(shown(`${"<b>".repeat(500)}x`).match(/<strong>/gu)?.length).toBeLessThan(12);
});

test("the words alone can be read out", () => {
  expect(plainText(LOST + "a <b>b</b><br />c")).toBe("a b c");
});

test("text is sanitised once, however often what is around it is drawn again", () => {
  const sanitize = vi.spyOn(DOMPurify, "sanitize");
  const { rerender } = render(<RichText html="<b>a</b>" />);
  rerender(<RichText html="<b>a</b>" />);
  expect(sanitize).toHaveBeenCalledTimes(1);
  rerender(<RichText html="<b>b</b>" />);
  expect(sanitize).toHaveBeenCalledTimes(2);
  sanitize.mockRestore();
});
