import { fromBinary } from "@bufbuild/protobuf";
import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, test } from "vitest";
import { ANA, commonAnswer, createFakeServer, flush } from "../../../tests/fakes";
import { showVisit } from "../../../tests/visit";
import { loadTexts } from "../../i18n";
import { NoteReqSchema } from "../../wire/gen/plenum/meeting_pb";
import { NatsMsgServerToClientEvents as Event } from "../../wire/gen/plugnmeet/messaging_pb";
import WaitingCard from "./waiting-card";

beforeAll(() => loadTexts("waiting"));
afterEach(cleanup);

const guest = (note?: string) => ({
  ...ANA,
  admin: false,
  waiting: true,
  extra: { plenum_waits_since: "200", ...(note === undefined ? {} : { plenum_note: note }) },
});

const room = (queue: string) => ({
  metadata_id: queue,
  room_features: { waiting_room_features: { waiting_room_msg: "Coffee first" } },
  extra_data: { plenum_queue: queue },
});

async function waiting(note?: string) {
  const server = createFakeServer();
  server.session.start();
  await flush();
  server.initialData(guest(note), room("100,200,300"));
  showVisit(server, <WaitingCard />);
  return server;
}

const note = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Note to the hosts" });
const write = (value: string) => fireEvent.change(note(), { target: { value } });
const send = async () => {
  fireEvent.click(screen.getByRole("button", { name: /Send|Change/u }));
  await act(flush);
};

test("whoever waits sees the own place, and how it moves", async () => {
  const server = await waiting();
  expect(screen.getByText("Your place in the queue: 2 of 3")).toBeTruthy();

  act(() => server.emit(Event.ROOM_METADATA_UPDATE, JSON.stringify(room("200,300"))));
  expect(screen.getByText("Your place in the queue: 1 of 2")).toBeTruthy();
  expect(screen.getByText("Coffee first")).toBeTruthy();
});

test("somebody behind the end of a long list is told no wrong place", async () => {
  const server = await waiting();
  act(() => server.emit(Event.ROOM_METADATA_UPDATE, JSON.stringify(room("50,100"))));
  expect(screen.queryByText(/Your place/u)).toBeNull();
});

test("a note goes to the server as it was written, and can be changed", async () => {
  const server = await waiting();
  write("  I am Ana from sales ");
  await send();

  const [asked] = server.asked.filter(({ path }) => path === "plenum/note");
  expect(fromBinary(NoteReqSchema, asked?.body ?? new Uint8Array()).text).toBe(
    "I am Ana from sales",
  );
  act(() => server.changed(guest("I am Ana from sales")));
  expect(screen.getByText("The hosts can read your note.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Change" })).toHaveProperty("disabled", true);
});

test("after a reload the note is still there", async () => {
  await waiting("Here again");
  expect(note().value).toBe("Here again");
});

test("a note that the server does not take is still there to be sent again", async () => {
  const server = await waiting();
  server.answer = () => commonAnswer(false, "too many requests, try again in a moment");
  write("Hello");
  await send();

  expect(screen.getByText("Your note was not sent. Try again.")).toBeTruthy();
  expect(note().value).toBe("Hello");
});
