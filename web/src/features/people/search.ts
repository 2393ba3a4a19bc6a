import type { Person } from "../../wire/types";

/** Case, accents and spaces around do not matter when looking for somebody. */
const plain = (text: string): string =>
  text.normalize("NFKD").replaceAll(/\p{M}/gu, "").trim().toLocaleLowerCase();

export function findPeople(people: readonly Person[], wanted: string): readonly Person[] {
  const needle = plain(wanted);
  return needle === "" ? people : people.filter(({ name }) => plain(name).includes(needle));
}
