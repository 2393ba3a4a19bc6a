import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createActivity, INTERVAL_MS } from "./activity";
import { LtiError } from "./api";
import { LtiPage } from "./lti-page";
import { parsed, subject, type RoomSubject } from "./subject";
import { meetingAddress } from "./way-in";

type Reply = readonly [status: number, body: object];

let answers: Record<string, Reply>;
let calls: { path: string; body: unknown; token: string | null }[];

const teacher: RoomSubject = {
  page: "room",
  token: "t1",
  title: "Course 101",
  name: "Ada",
  isAdmin: true,
  design: {},
};
const student: RoomSubject = { ...teacher, name: "Ben", isAdmin: false };
const runs = (active: boolean): Reply => [200, { status: true, is_active: active }];
const NOTHING: Reply = [404, { status: false, msg: "no recording found" }];

beforeEach(() => {
  calls = [];
  answers = {
    "/lti/v1/api/room/isActive": runs(false),
    "/lti/v1/api/recording/fetch": NOTHING,
  };
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const token = new Headers(init.headers).get("Authorization");
    calls.push({ path, body: JSON.parse(String(init.body)) as unknown, token });
    const [status, body] = answers[path] ?? [404, {}];
    return Promise.resolve(Response.json(body, { status }));
  });
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  sessionStorage.clear();
  document.head.innerHTML = "";
});

test("a teacher starts the meeting and it opens in a tab of its own", async () => {
  answers["/lti/v1/api/room/join"] = [200, { status: true, token: "join" }];
  const replace = vi.fn<(address: string) => void>();
  vi.stubGlobal("open", () => ({ location: { replace }, close() {} }));
  render(<LtiPage about={{ ...teacher, design: { primary_color: "#aa0000" } }} />);
  expect(await screen.findByText("Not started yet")).toBeTruthy();
  answers["/lti/v1/api/room/isActive"] = runs(true);
  fireEvent.click(screen.getByRole("button", { name: "Start the meeting" }));
  await vi.waitFor(() => expect(replace).toHaveBeenCalled());
  expect(replace.mock.calls[0]?.[0]).toContain(
    "/?access_token=join&custom_design=%7B%22primary_color%22%3A%22%23aa0000%22%7D",
  );
  expect(await screen.findByRole("button", { name: "Join the meeting" })).toBeTruthy();
  expect(calls.every(({ token }) => token === "t1")).toBe(true);
});

test("a browser that opens no tab gets a link to click", async () => {
  answers["/lti/v1/api/room/isActive"] = runs(true);
  answers["/lti/v1/api/room/join"] = [200, { status: true, token: "join" }];
  vi.stubGlobal("open", () => null);
  render(<LtiPage about={student} />);
  fireEvent.click(await screen.findByRole("button", { name: "Join the meeting" }));
  const link = await screen.findByRole("link", { name: "Open the meeting" });
  expect(link.getAttribute("href")).toBe("/?access_token=join");
});

test("a student waits for the teacher and cannot end anything", async () => {
  render(<LtiPage about={student} />);
  expect(await screen.findByText(/has not started the meeting yet/u)).toBeTruthy();
  expect(screen.queryByRole("button", { name: /meeting/u })).toBeNull();
});

test("ending asks once", async () => {
  answers["/lti/v1/api/room/isActive"] = runs(true);
  answers["/lti/v1/api/room/end"] = [200, { status: true }];
  render(<LtiPage about={teacher} />);
  fireEvent.click(await screen.findByRole("button", { name: "End the meeting" }));
  expect(calls.some(({ path }) => path.endsWith("/end"))).toBe(false);
  answers["/lti/v1/api/room/isActive"] = runs(false);
  fireEvent.click(await screen.findByRole("button", { name: "End it" }));
  expect(await screen.findByRole("button", { name: "Start the meeting" })).toBeTruthy();
});

test("recordings are listed; only teachers can delete them", async () => {
  const list = [{ record_id: "r1", creation_time: 1_700_000_000, file_size: 12.35 }];
  answers["/lti/v1/api/recording/fetch"] = [200, { result: { recordings_list: list } }];
  answers["/lti/v1/api/recording/delete"] = [200, { status: true }];
  const { unmount } = render(<LtiPage about={student} />);
  expect(await screen.findByRole("button", { name: /^Download/u })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /^Delete/u })).toBeNull();
  unmount();
  render(<LtiPage about={teacher} />);
  fireEvent.click(await screen.findByRole("button", { name: /^Delete/u }));
  answers["/lti/v1/api/recording/fetch"] = NOTHING;
  fireEvent.click(await screen.findByRole("button", { name: "Delete it" }));
  await vi.waitFor(() => expect(screen.queryByText("Recordings")).toBeNull());
  expect(calls.find(({ path }) => path.endsWith("/delete"))?.body).toEqual({ record_id: "r1" });
});

test("a page that was open for too long says so and stops asking", async () => {
  answers["/lti/v1/api/room/isActive"] = [401, { status: false }];
  render(<LtiPage about={teacher} />);
  expect((await screen.findByRole("alert")).textContent).toContain("open for too long");
  expect(screen.queryByRole("button", { name: /meeting/u })).toBeNull();
});

test("the operator registers a platform by hand", async () => {
  answers["/lti/v1p3/register"] = [403, { error: "secret-wrong" }];
  render(<LtiPage about={{ page: "register", origin: "https://meet.example" }} />);
  expect(screen.getByText("https://meet.example/lti/v1p3/login")).toBeTruthy();
  const type = (label: string, value: string) =>
    fireEvent.change(screen.getByLabelText(label), { target: { value } });
  type("Issuer", " https://lms ");
  type("Deployment ids (optional)", "1, 2");
  type("API secret of this server", "guess");
  const submit = screen.getByRole("button", { name: "Register" });
  fireEvent.submit(submit.closest("form") as HTMLFormElement);
  expect((await screen.findByRole("alert")).textContent).toContain("not the API secret");
  answers["/lti/v1p3/register"] = [200, { status: true }];
  fireEvent.submit(submit.closest("form") as HTMLFormElement);
  expect((await screen.findByRole("status")).textContent).toContain("is registered");
  expect(calls.at(-1)?.body).toMatchObject({
    secret: "guess",
    platform: { issuer: "https://lms", deployments: ["1", "2"] },
  });
});

test("a teacher chooses a room and the browser carries the answer back", async () => {
  answers["/lti/v1p3/link"] = [200, { return_url: "https://lms/back", jwt: "j" }];
  const sent = vi.spyOn(HTMLFormElement.prototype, "submit").mockImplementation(() => undefined);
  render(<LtiPage about={{ page: "link", token: "k", course: "Course 101" }} />);
  fireEvent.click(screen.getByRole("radio", { name: /A new room/u }));
  const make = screen.getByRole("button", { name: "Make the link" });
  fireEvent.submit(make.closest("form") as HTMLFormElement);
  await vi.waitFor(() => expect(sent).toHaveBeenCalled());
  expect(calls.at(-1)?.body).toEqual({ token: "k", room: "new", title: "" });
  const form = document.querySelector<HTMLFormElement>('form[action="https://lms/back"]');
  expect(form?.querySelector("input")?.value).toBe("j");
  form?.remove();
});

describe("what the page is about", () => {
  const said = JSON.stringify({ page: "room", token: "t", title: "T", name: "N", is_admin: true });

  test("is in its head, and the tab remembers it for a reload", () => {
    document.head.innerHTML = '<meta name="lti" content="">';
    expect(subject()).toBeNull();
    document.querySelector("meta")?.setAttribute("content", said);
    expect(subject()).toMatchObject({ page: "room", token: "t", isAdmin: true });
    document.querySelector("meta")?.setAttribute("content", "");
    expect(subject()).toMatchObject({ page: "room", token: "t" });
  });

  test.each(["", "x", "[]", "null", '{"page":"other"}'])("is nothing: %s", (text) => {
    expect(parsed(text)).toBeNull();
  });

  test("the way in carries colours only if there are any", () => {
    expect(meetingAddress("t", {})).toBe("/?access_token=t");
  });
});

test("activity is asked for again until the token is too old", async () => {
  vi.useFakeTimers();
  const replies: (() => Promise<boolean>)[] = [
    () => Promise.resolve(false),
    () => Promise.reject(new LtiError("network")),
    () => Promise.resolve(true),
    () => Promise.reject(new LtiError("expired")),
  ];
  const isActive = vi.fn<() => Promise<boolean>>(
    () => (replies.shift() ?? replies[0])?.() ?? Promise.resolve(true),
  );
  const store = createActivity({ isActive });
  const seen: string[] = [];
  store.subscribe(() => seen.push(store.getSnapshot()));
  await store.ask();
  await vi.advanceTimersByTimeAsync(5 * INTERVAL_MS);
  expect(seen).toEqual(["idle", "unreachable", "running", "expired"]);
  expect(isActive).toHaveBeenCalledTimes(4);
  store.dispose();
});
