import { expect, test } from "vitest";
import { designTokens } from "./design";

test("a brand colour that can be read is taken as it is", () => {
  expect(designTokens('{"primary_color":"#004d90"}', "light").get("--accent")).toBe("#004d90");
});

test("a brand colour that cannot be read is moved until it can", () => {
  const accent = designTokens('{"primary_color":"#ffee00"}', "light").get("--accent");
  expect(accent).toBeDefined();
  expect(accent).not.toBe("#ffee00");
});

test("a surface on which the text would vanish is left out, theme by theme", () => {
  const wish = '{"background_color":"#fafafa"}';
  expect(designTokens(wish, "light").get("--stage")).toBe("#fafafa");
  expect(designTokens(wish, "dark").has("--stage")).toBe(false);
});

test("style sheets, pictures and anything that is no colour are ignored", () => {
  const wish = JSON.stringify({
    custom_css_url: "https://evil.example/x.css",
    background_image: "https://evil.example/x.png",
    primary_color: "red;background:url(//evil.example)",
  });
  expect(designTokens(wish, "light").size).toBe(0);
});

test.each(["{", "[]", "null", "7", `{"primary_color":"${"#".repeat(5000)}"}`])(
  "garbage changes nothing: %.20s",
  (raw) => expect(designTokens(raw, "light").size).toBe(0),
);
