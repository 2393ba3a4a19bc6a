import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codeIn } from "./api";
import { FrontDoor } from "./front-door";
import { JoinPage } from "./join-page";

const go = vi.fn<(address: string) => void>();
let answers: Record<string, [status: number, body: object]>;
const bodies: Record<string, unknown> = {};

beforeEach(() => {
  go.mockReset();
  answers = { "/api/frontdoor": [200, { mode: "open" }] };
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    if (typeof init?.body === "string") bodies[url] = JSON.parse(init.body) as unknown;
    const [status, body] = answers[url] ?? [404, {}];
    return Promise.resolve(Response.json(body, { status }));
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const startCard = () => within(screen.getByRole("region", { name: "Start a meeting" }));
const type = (box: HTMLElement, value: string) => fireEvent.change(box, { target: { value } });

test("starting a meeting goes straight into it", async () => {
  answers["/api/frontdoor/start"] = [200, { room_id: "r", join_url: "/?access_token=t" }];
  render(<FrontDoor go={go} />);
  type(screen.getByRole("textbox", { name: "Your name" }), " Ana ");
  await screen.findByRole("button", { name: "Start meeting" });
  fireEvent.click(startCard().getByRole("button", { name: "Start meeting" }));
  await vi.waitFor(() => expect(go).toHaveBeenCalledWith("/?access_token=t"));
  expect(bodies["/api/frontdoor/start"]).toEqual({ name: "Ana" });
});

test("a server with a passphrase asks for it and says when it is wrong", async () => {
  answers["/api/frontdoor"] = [200, { mode: "passphrase" }];
  answers["/api/frontdoor/start"] = [403, { error: "passphrase-wrong", msg: "x" }];
  render(<FrontDoor go={go} />);
  type(await screen.findByLabelText("Passphrase"), "guess");
  type(screen.getByRole("textbox", { name: "Your name" }), "Ana");
  await screen.findByRole("button", { name: "Start meeting" });
  fireEvent.click(startCard().getByRole("button", { name: "Start meeting" }));
  expect((await screen.findByRole("alert")).textContent).toContain("not the right one");
  expect(go).not.toHaveBeenCalled();
});

test("the name is asked for once and serves both doors", async () => {
  answers["/api/frontdoor/join"] = [200, { join_url: "/?access_token=t" }];
  render(<FrontDoor go={go} />);
  type(screen.getByRole("textbox", { name: "Your name" }), "Ana");
  type(await screen.findByRole("textbox", { name: "Meeting code" }), "abcd");
  fireEvent.click(screen.getByRole("button", { name: "Join meeting" }));
  await vi.waitFor(() => expect(go).toHaveBeenCalledWith("/?access_token=t"));
  expect(bodies["/api/frontdoor/join"]).toEqual({ code: "abcd", name: "Ana" });
});

test("nothing moves: the doors are shown when it is known what they hold", async () => {
  answers["/api/frontdoor"] = [200, { mode: "passphrase" }];
  const { container } = render(<FrontDoor go={go} />);
  const settled = () => container.querySelector(".front-doors")?.getAttribute("data-settled");
  expect(settled()).toBe("false");
  expect(await screen.findByLabelText("Passphrase")).toBeTruthy();
  expect(settled()).toBe("true");
});

test("where nobody may start a meeting, joining is still offered", async () => {
  answers["/api/frontdoor"] = [200, { mode: "closed" }];
  render(<FrontDoor go={go} />);
  expect(await screen.findByText(/started elsewhere/u)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Join meeting" })).toBeTruthy();
});

test("an invite link asks only for the name", async () => {
  answers["/api/frontdoor/join"] = [200, { join_url: "/?access_token=t" }];
  render(<JoinPage code="abcd" go={go} />);
  expect(screen.queryByRole("textbox", { name: "Meeting code" })).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole("textbox", { name: "Your name" }));
  type(screen.getByRole("textbox", { name: "Your name" }), "Ben");
  fireEvent.click(screen.getByRole("button", { name: "Join meeting" }));
  await vi.waitFor(() => expect(go).toHaveBeenCalledWith("/?access_token=t"));
  expect(bodies["/api/frontdoor/join"]).toEqual({ code: "abcd", name: "Ben" });
});

describe("what was pasted as a code", () => {
  test.each([
    ["abcd-efgh", "abcd-efgh"],
    ["  abcd ", "abcd"],
    ["https://meet.example/join/abcd?x=1", "abcd"],
  ])("%s", (text, code) => expect(codeIn(text)).toBe(code));
});
