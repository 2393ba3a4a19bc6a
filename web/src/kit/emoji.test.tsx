import { render } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { EMOJIS } from "../session/reactions";
import { SIGNS } from "../wire/chat-actions";
import { Emoji } from "./emoji";

describe("emoji", () => {
  test.each([...new Set([...EMOJIS, ...SIGNS])])(
    "%s is a picture that comes with the client",
    (sign) => {
      const { container } = render(<Emoji sign={sign} />);

      const source = container.querySelector("img")?.getAttribute("src") ?? "";
      const svg = decodeURIComponent(source.replace("data:image/svg+xml,", ""));
      const picture = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
      expect(picture.tagName).toBe("svg");
      expect(picture.querySelectorAll("path, circle, ellipse").length).toBeGreaterThan(0);
      expect(svg).not.toMatch(/href="(?!#)/u);
    },
  );
});
