// Messages by name, through @bufbuild/protobuf: the same library, with the same strictness, as in the original client.
import { readFileSync } from "node:fs";

import {
  create,
  createFileRegistry,
  fromBinary,
  fromJsonString,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

import { DESCRIPTORS } from "./paths.mjs";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(DESCRIPTORS)));

/** A name without a package is the reference's. */
function message(name) {
  const full = name.includes(".") ? name : `plugnmeet.${name}`;
  const found = registry.getMessage(full);
  if (!found) throw new Error(`no message ${full} in the .proto files`);
  return found;
}

/** Number of an enum value by its name. */
export function enumValue(name, value) {
  const found = registry.getEnum(`plugnmeet.${name}`)?.values.find((entry) => entry.name === value);
  if (!found) throw new Error(`no plugnmeet.${name}.${value} in the .proto files`);
  return found.number;
}

/** Name of an enum value by its number. */
export function enumName(name, number) {
  return registry.getEnum(`plugnmeet.${name}`)?.values.find((entry) => entry.number === number)
    ?.name;
}

export function encode(name, fields) {
  const schema = message(name);
  return toBinary(schema, create(schema, fields));
}

export function decode(name, bytes) {
  return fromBinary(message(name), bytes);
}

/** Reads protobuf JSON as strictly as the original client does: an unknown key is an error. */
export function fromStrictJson(name, text) {
  return fromJsonString(message(name), text);
}

/** Reads protobuf JSON where the original client forgives unknown keys. */
export function fromLooseJson(name, text) {
  return fromJsonString(message(name), text, { ignoreUnknownFields: true });
}
