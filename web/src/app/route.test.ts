import { expect, test } from "vitest";
import { routeOf, type Address } from "./route";

const at = (part: Partial<Address>): Address => ({
  pathname: "/",
  search: "",
  hash: "",
  cookie: "",
  ...part,
});

test("nothing in particular is the front door", () => {
  expect(routeOf(at({}), "kept")).toEqual({ at: "front-door" });
});

test("a token in the address opens the meeting", () => {
  expect(routeOf(at({ search: "?access_token=abc&x=1" }), "kept")).toEqual({
    at: "visit",
    token: "abc",
  });
});

test("a reload in the middle of a meeting goes back into it", () => {
  expect(routeOf(at({ hash: "#meeting" }), "kept")).toEqual({ at: "visit", token: "kept" });
  expect(routeOf(at({ hash: "#meeting" }), null)).toEqual({ at: "front-door" });
});

test("an embedding site may leave the token in a cookie", () => {
  expect(routeOf(at({ cookie: "a=b; pnm_access_token=abc%2E; c=d" }), null)).toEqual({
    at: "visit",
    token: "abc.",
  });
});

test("an invite link asks for the name", () => {
  expect(routeOf(at({ pathname: "/join/abcd-efgh" }), null)).toEqual({
    at: "join",
    code: "abcd-efgh",
  });
  expect(routeOf(at({ pathname: "/join/%E0%A4%A" }), null)).toMatchObject({ at: "join" });
});
