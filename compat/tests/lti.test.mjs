// LTI launches signed by oauthlib and posted by a real browser: onto the page of the course, and on into the meeting.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import test, { after, afterEach, before } from "node:test";
import { fileURLToPath } from "node:url";

import { untilHearing, untilSeeing } from "../../e2e/lib/media.mjs";
import { Person } from "../../e2e/lib/person.mjs";
import { Server } from "../../e2e/lib/server.mjs";
import { LOOKS, overflow, violations } from "../../e2e/lib/tour.mjs";
import { closeBrowser, World } from "../../e2e/lib/world.mjs";
import { coursePage, launchForm, signedLaunch } from "../lib/platform.mjs";

const PICTURES = resolve(fileURLToPath(import.meta.url), "../../../e2e/artifacts/screens");

const COURSE = {
  lti_message_type: "basic-lti-launch-request",
  lti_version: "LTI-1p0",
  tool_consumer_instance_guid: "lms.example.com",
  context_id: "ctx 1+ü",
  context_label: "Botany 101 – Mosses & ferns",
  resource_link_id: "res1",
  custom_allow_polls: "false",
};
const TEACHER = {
  ...COURSE,
  user_id: "7",
  roles: "Instructor",
  lis_person_name_full: "Ada Lovelace",
};
const STUDENT = { ...COURSE, user_id: "8", roles: "Learner", lis_person_name_full: "Ben Ångström" };

let world;
before(async () => {
  world = new World(await Server.start());
});
afterEach(() => world.sendHome());
after(async () => {
  await world.dispose();
  await closeBrowser();
});

/** Posts a launch from a page of nobody, as a platform does that opens tools in a new window. */
async function launch(name, fields, look) {
  const person = await world.open(name, look);
  await person.page.setContent(launchForm(world.server, fields));
  await person.page.getByRole("heading", { name: COURSE.context_label }).waitFor();
  return person;
}

/** Follows a person into the tab that a click opens. */
async function follow(person, click) {
  const [page] = await Promise.all([person.context.waitForEvent("page"), click()]);
  const inside = new Person(person.name, person.context, page, world.origin);
  await inside.joinButton.waitFor();
  return inside;
}

test("a teacher starts the meeting from the course, a student waits for it, both meet", async () => {
  const student = await launch("Ben", STUDENT);
  await student.page.getByText("Your teacher has not started the meeting yet.").waitFor();
  assert.equal(await student.page.getByRole("button", { name: /meeting/i }).count(), 0);

  const course = await coursePage(launchForm(world.server, TEACHER));
  try {
    const teacher = await world.open("Ada");
    await teacher.page.goto(course.url);
    const frame = teacher.page.frameLocator("iframe");
    const start = frame.getByRole("button", { name: "Start the meeting", exact: true });
    const ada = await follow(teacher, () => start.click());
    await ada.enter();
    const join = student.page.getByRole("button", { name: "Join the meeting", exact: true });
    const ben = await follow(student, () => join.click());
    await ben.enter();

    for (const { page } of [ada, ben]) {
      await untilSeeing(page, 1);
      await untilHearing(page, 1);
    }
    await ada.write("Welcome to the mosses");
    await ben.reads("Welcome to the mosses");

    await frame.getByRole("button", { name: "End the meeting", exact: true }).click();
    await frame.getByRole("button", { name: "End it", exact: true }).click();
    await ben.ended(/ended/i);
    await frame.getByText("Not started yet").waitFor();
    // That there is no recording yet is a 404 by contract, and browsers note every 404.
    const isNews = (text) => !/status of 404/.test(text);
    for (const person of [teacher, student, ada, ben])
      assert.deepEqual(person.problems.filter(isNews), []);
  } finally {
    await course.close();
  }
});

test("a page that is loaded again is still the page of the course", async () => {
  const student = await launch("Cleo", { ...STUDENT, user_id: "9" });
  assert.equal(new URL(student.page.url()).pathname, "/lti/room");
  await student.page.reload();
  await student.page.getByRole("heading", { name: COURSE.context_label }).waitFor();
});

test("a launch that was seen before is refused", async () => {
  const fields = signedLaunch(world.server, TEACHER);
  const post = async () => {
    const body = new URLSearchParams(fields);
    const answer = await fetch(`${world.server.origin}/lti/v1`, { method: "POST", body });
    return { status: answer.status, text: await answer.text() };
  };
  assert.equal((await post()).status, 200);
  assert.deepEqual(await post(), { status: 500, text: "verification failed" });
});

const LOOK = { ...LOOKS, narrow: { viewport: { width: 360, height: 740 }, locale: "ar" } };

for (const [look, options] of Object.entries(LOOK)) {
  test(`the page of the course is accessible and fits: ${look}`, async () => {
    await mkdir(PICTURES, { recursive: true });
    const findings = [];
    const check = async (screen, { page }) => {
      await page.screenshot({ path: join(PICTURES, `${screen}-${look}.png`) });
      for (const violation of await violations(page)) findings.push(`${screen}: ${violation}`);
      const wider = await overflow(page);
      if (wider > 0) findings.push(`${screen}: ${wider} px wider than the window`);
    };
    const room = { resource_link_id: `look-${look}` };
    const teacher = await launch("Ada", { ...TEACHER, ...room }, options);
    await teacher.page.locator(".lti-actions button:enabled").waitFor();
    await check("lti-teacher", teacher);
    const student = await launch("Ben", { ...STUDENT, ...room }, options);
    await student.page.locator(".lti-waiting").waitFor();
    await check("lti-student", student);
    const operator = await world.open("Op", options);
    await operator.page.goto(`${world.origin}/lti/v1p3/register`);
    await operator.page.locator("form").waitFor();
    await check("lti-register", operator);

    assert.deepEqual(findings, []);
  });
}
