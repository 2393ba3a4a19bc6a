import { expect, test } from "vitest";
import { composeHtml } from "./compose";

test.each([
  ["markup is text", "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"],
  ["lines stay lines", "a\r\nb\nc", "a<br />b<br />c"],
  ["space around is not sent", "  hi \n", "hi"],
  ["nothing stays nothing", " \n ", ""],
])("%s", (_, text, html) => expect(composeHtml(text)).toBe(html));

test("addresses become links without the full stop after them", () => {
  expect(composeHtml("see https://a.example/x?y=1&z=2.")).toBe(
    'see <a href="https://a.example/x?y=1&amp;z=2" target="_blank" rel="noopener noreferrer">https://a.example/x?y=1&amp;z=2</a>.',
  );
});

test("no address can break out of its attribute", () => {
  expect(composeHtml('https://a.example/"onclick="x')).not.toContain('"onclick');
  expect(composeHtml("javascript:alert(1)")).toBe("javascript:alert(1)");
});
