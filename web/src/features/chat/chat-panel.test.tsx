import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, flush, id } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { ChatPanel } from ".";

afterEach(cleanup);

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
