// A learning platform of another origin that shows the tool inside its own page, as most of them do.
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";

import { LAUNCH, PYTHON } from "./paths.mjs";

/** The fields of a launch, signed by an implementation that is not ours. */
export function signedLaunch(server, fields) {
  const { key, secret } = server.setup;
  const wish = { url: `${server.origin}/lti/v1`, key, secret, fields };
  return JSON.parse(execFileSync(PYTHON, [LAUNCH], { input: JSON.stringify(wish) }));
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** A form that sends itself, as platforms make them. */
export function launchForm(server, fields) {
  const inputs = Object.entries(signedLaunch(server, fields)).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return `<form method="post" action="${server.origin}/lti/v1">${inputs.join("")}</form>
    <script>document.forms[0].submit()</script>`;
}

/** Serves one course page whose frame is the launch. `localhost` is another site than `127.0.0.1`. */
export async function coursePage(form) {
  const host = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    const isCourse = request.url === "/course";
    const frame = '<!doctype html><title>Course</title><iframe src="/launch" title="Meeting"';
    response.end(isCourse ? `${frame} width="1000" height="700"></iframe>` : form);
  });
  await new Promise((done) => host.listen(0, "localhost", done));
  return {
    url: `http://localhost:${host.address().port}/course`,
    close: () => new Promise((done) => host.close(done)),
  };
}
