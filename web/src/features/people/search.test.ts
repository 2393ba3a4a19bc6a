import { expect, test } from "vitest";
import type { Person } from "../../wire/types";
import { findPeople } from "./search";

const people = ["José", "Anna Berg", "joanna"].map((name) => ({ name }) as Person);
const found = (wanted: string) => findPeople(people, wanted).map(({ name }) => name);

test("accents and case do not hide anybody", () => expect(found("jose")).toEqual(["José"]));
test("any part of a name is enough", () => expect(found("ANNA")).toEqual(["Anna Berg", "joanna"]));
test("an empty search shows everybody", () => expect(found("  ")).toHaveLength(3));
