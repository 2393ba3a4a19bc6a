import { create, toBinary } from "@bufbuild/protobuf";
import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, flush, id } from "../../../tests/fakes";
import { begun } from "../../../tests/together";
import { meeting } from "../../../tests/visit";
import { CHAT_ACTION } from "../../wire/chat-actions";
import { ChatActionSchema } from "../../wire/gen/plugnmeet/chat_extensions_pb";
import { UploadedFileResSchema } from "../../wire/gen/plugnmeet/common_pb";
import { ChatPanel, useKeptChat } from ".";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const box = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
const FILE = '<a href="https://our.example/download/uploadedFile/sid/report.pdf">report.pdf</a>';

test("Up edits the last line that can be edited: no shared file, and none that is still on its way", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  visit.session.write(null, "my words");
  visit.session.writeHtml(null, FILE);
  await act(flush);
  server.session.chat.addOwn({
    id: "on its way",
    from: id("ana"),
    fromName: "Ana",
    fromAdmin: true,
    to: null,
    sentAt: Date.now() + 1,
    html: "more words",
  });
  show(<ChatPanel />);

  fireEvent.keyDown(box(), { key: "ArrowUp" });

  expect(box().value).toBe("my words");
});

test("Up does nothing where all one has shared are files", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  visit.session.writeHtml(null, FILE);
  await act(flush);
  show(<ChatPanel />);
  const before = server.data.length;

  fireEvent.keyDown(box(), { key: "ArrowUp" });
  fireEvent.keyDown(box(), { key: "Enter" });

  expect(screen.queryByText("Editing")).toBeNull();
  expect(server.data).toHaveLength(before);
});

const WITH_FILES = {
  room_features: {
    chat_features: {
      is_allow: true,
      is_allow_file_upload: true,
      allowed_file_types: ["pdf"],
      max_file_size: "50",
    },
  },
};

/** Requests that are answered when a test says so. */
function stubRequests() {
  const open: { readonly answer: (status: number) => void; aborted: boolean }[] = [];
  class Request extends EventTarget {
    readonly upload = new EventTarget();
    readonly responseText = "";
    status = 0;
    open() {}
    setRequestHeader() {}
    send() {
      open.push(this);
    }
    aborted = false;
    abort() {
      this.aborted = true;
      this.dispatchEvent(new Event("abort"));
    }
    answer(status: number) {
      this.status = status;
      this.dispatchEvent(new Event("load"));
    }
  }
  vi.stubGlobal("XMLHttpRequest", Request);
  return open;
}

async function share(name: string) {
  const files = [new File(["words"], name)];
  fireEvent.change(screen.getByTestId("chat-files"), { target: { files } });
  await act(flush);
}

test("a file goes on its way while another panel is looked at, and is shared where it was meant to be", async () => {
  const requests = stubRequests();
  const { server, visit, show } = await meeting([ANA, BEN], WITH_FILES);
  server.answer = () =>
    toBinary(
      UploadedFileResSchema,
      create(UploadedFileResSchema, { status: true, filePath: "sid/1.pdf", fileName: "1.pdf" }),
    );
  const { unmount } = show(<ChatPanel />);
  await share("1.pdf");

  unmount();
  expect(requests.map(({ aborted }) => aborted)).toEqual([false]);
  act(() => visit.session.chat.begin(id("ben"), "Ben"));
  act(() => visit.session.chat.show(id("ben")));
  show(<ChatPanel />);
  expect(screen.getByRole("progressbar", { name: /1\.pdf/u })).toBeTruthy();

  requests[0]?.answer(200);
  await act(flush);
  expect(server.published.map(({ message }) => message)).toEqual([
    expect.stringContaining("/download/uploadedFile/sid/1.pdf"),
  ]);
});

test("a file that failed can be sent again after another panel was looked at", async () => {
  const requests = stubRequests();
  const { show } = await meeting([ANA, BEN], WITH_FILES);
  const { unmount } = show(<ChatPanel />);
  await share("1.pdf");
  requests[0]?.answer(500);
  await act(flush);
  unmount();

  show(<ChatPanel />);
  fireEvent.click(screen.getByRole("button", { name: "Send again" }));
  await act(flush);

  expect(requests).toHaveLength(2);
});

test("a file stays behind when the meeting ends", async () => {
  const requests = stubRequests();
  const { server, show } = await meeting([ANA, BEN], WITH_FILES);
  begun(server.session);
  show(<ChatPanel />);
  await share("1.pdf");

  act(() => server.session.leave());

  expect(requests.map(({ aborted }) => aborted)).toEqual([true]);
});

test("a file stays behind when one goes on to another room", async () => {
  const requests = stubRequests();
  const { show } = await meeting([ANA, BEN], WITH_FILES);
  function Meeting() {
    useKeptChat();
    return <ChatPanel />;
  }
  const { unmount } = show(<Meeting />);
  await share("1.pdf");

  unmount();

  expect(requests.map(({ aborted }) => aborted)).toEqual([true]);
});

const uploads = () => screen.queryAllByRole("progressbar").length;
const paste = (into: HTMLElement, text: string, name: string) =>
  fireEvent.paste(into, {
    clipboardData: { files: [new File(["x"], name)], getData: () => text, types: [] },
  });

test("cells are pasted as words, a picture as a file, and neither is shared from the search or an edit", async () => {
  stubRequests();
  const { visit, show } = await meeting([ANA, BEN], WITH_FILES);
  visit.session.write(null, "my words");
  await act(flush);
  show(<ChatPanel />);

  // The browser pastes the words itself: nothing keeps it from that.
  expect(paste(box(), "Name\tSum", "image.pdf")).toBe(true);
  expect(uploads()).toBe(0);

  fireEvent.click(screen.getByRole("button", { name: "Search messages" }));
  paste(screen.getByRole("searchbox"), "", "image.pdf");
  fireEvent.keyDown(box(), { key: "ArrowUp" });
  paste(box(), "", "image.pdf");
  expect(uploads()).toBe(0);

  fireEvent.keyDown(box(), { key: "Escape" });
  expect(paste(box(), "", "image.pdf")).toBe(false);
  expect(uploads()).toBe(1);
});

async function openMenu(action: string) {
  fireEvent.click(screen.getByRole("button", { name: /^Actions for the message/u }));
  fireEvent.click(await screen.findByRole("menuitem", { name: action }));
}

test("what one edits or answers is kept while another panel or conversation is looked at", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  const { chat } = visit.session;
  visit.session.write(null, "my words");
  await act(flush);
  const { unmount } = show(<ChatPanel />);
  fireEvent.change(box(), { target: { value: "a draft" } });
  await openMenu("Edit");
  fireEvent.change(box(), { target: { value: "my better words" } });
  unmount();

  const again = show(<ChatPanel />);
  expect(box().value).toBe("my better words");
  act(() => chat.begin(id("ben"), "Ben"));
  act(() => chat.show(id("ben")));
  expect(box().value).toBe("");
  act(() => chat.show(null));
  expect(box().value).toBe("my better words");
  fireEvent.keyDown(box(), { key: "Escape" });
  expect(box().value).toBe("a draft");

  await openMenu("Reply");
  again.unmount();
  show(<ChatPanel />);
  fireEvent.keyDown(box(), { key: "Enter" });
  await act(flush);
  const [mine, answer] = chat.getSnapshot().conversations.get(null) ?? [];
  expect(answer?.replyTo).toBe(mine?.id);
  expect(server.published).toHaveLength(2);
});

/** Ana changes her own words; from now on time is held. */
async function editing() {
  const { server, visit, show } = await meeting([ANA, BEN]);
  visit.session.write(null, "my words");
  await act(flush);
  begun(visit.session);
  show(<ChatPanel />);
  vi.useFakeTimers();
  fireEvent.keyDown(box(), { key: "ArrowUp" });
  return { server, visit };
}

test("an edit that came to nothing gives its words back, and takes them away if it comes about after all", async () => {
  const { server, visit } = await editing();
  fireEvent.change(box(), { target: { value: "my better words" } });
  fireEvent.keyDown(box(), { key: "Enter" });
  fireEvent.change(box(), { target: { value: "a draft" } });

  await act(() => vi.advanceTimersByTimeAsync(9_000));
  expect(screen.getByText("Editing")).toBeTruthy();
  expect(box().value).toBe("my better words");

  const [line] = visit.session.chat.getSnapshot().conversations.get(null) ?? [];
  const action = { case: "edit", value: "my better words" } as const;
  const binMessage = toBinary(
    ChatActionSchema,
    create(ChatActionSchema, { messageId: line?.id ?? "", action, at: 77n }),
  );
  act(() => server.tellAll({ id: "d", type: CHAT_ACTION, fromUserId: "ana", binMessage }));
  expect(box().value).toBe("a draft");
});

test("words that are given back do not take the place of what one edits meanwhile", async () => {
  await editing();
  fireEvent.change(box(), { target: { value: "first try" } });
  fireEvent.keyDown(box(), { key: "Enter" });
  fireEvent.keyDown(box(), { key: "ArrowUp" });
  fireEvent.change(box(), { target: { value: "second try" } });

  await act(() => vi.advanceTimersByTimeAsync(9_000));

  expect(box().value).toBe("second try");
});
