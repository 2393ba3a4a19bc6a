import { expect, test } from "vitest";
import { composeHtml } from "../../session/compose";
import { editable } from "./editable";

test.each([
  "plain words",
  "two\nlines",
  "*bold* and _italic_",
  "see https://a.example/x?y=1&z=2 there",
  'less < more & "quoted"',
  "2*3*4 and snake_case_name",
])("what was typed comes back: %s", (text) => expect(editable(composeHtml(text))).toBe(text));
