import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Stage } from "../stage";

afterEach(cleanup);

const shown = (link: string) => ({
  room_features: {
    display_external_link_features: { is_allow: true, is_active: true, link, shared_by: "ben" },
  },
});

test("a page is loaded by whoever agrees, in a sandbox that cannot reach out of it", async () => {
  const { show } = await meeting([{ ...ANA, admin: false }, BEN], shown("https://page.example/a"));
  const { container } = show(<Stage />);

  await screen.findByText("Ben shows a page from page.example");
  expect(container.querySelector("iframe")).toBeNull();
  expect(screen.queryByRole("button", { name: "Stop showing it" })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Load the page" }));

  const frame = container.querySelector("iframe");
  expect(frame?.getAttribute("src")).toBe("https://page.example/a");
  expect(frame?.getAttribute("referrerpolicy")).toBe("no-referrer");
  expect(frame?.getAttribute("sandbox")?.split(" ")).not.toContain("allow-top-navigation");
});

test.each(["http://page.example", "javascript:alert(1)", "data:text/html,x"])(
  "%s is not shown, whoever sent it",
  async (link) => {
    const { show } = await meeting([ANA, BEN], shown(link));
    const { container } = show(<Stage />);

    expect(container.querySelector(".external-page")).toBeNull();
  },
);

test("agreeing to one page is not agreeing to the next", async () => {
  const { server, show } = await meeting([ANA, BEN], shown("https://page.example/a"));
  const { container } = show(<Stage />);
  fireEvent.click(await screen.findByRole("button", { name: "Load the page" }));

  act(() => server.initialData(ANA, shown("https://other.example/b")));

  expect(container.querySelector("iframe")).toBeNull();
  expect(screen.getByText("Ben shows a page from other.example")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Stop showing it" }));
  await act(flush);
  expect(server.asked.at(-1)?.path).toBe("externalDisplayLink");
});
