import { expect, test } from "vitest";
import { createMailbox } from "./mailbox";

test("what comes before anybody listens is handed on in order", () => {
  const box = createMailbox<number>();
  const heard: number[] = [];
  box.put(1);
  box.put(2);
  const stop = box.listen((news) => void heard.push(news));
  box.put(3);
  stop();
  box.put(4);
  expect(heard).toEqual([1, 2, 3]);
  box.listen((news) => void heard.push(news));
  expect(heard).toEqual([1, 2, 3, 4]);
});
