// What people do together, in the words of the screen; and a walk over its screens for the documents.

/** Chooses something in the menu of what is needed now and then. */
export async function fromMore(person, item) {
  await person.button("More").click();
  await person.page.getByRole("menuitem", { name: item, exact: true }).click();
}

const panel = (person, name) => person.page.getByRole("complementary", { name, exact: true });

/** Asks everybody a question. */
export async function startPoll(
  host,
  question,
  options,
  { multiple = false, anonymous = false } = {},
) {
  if (!(await panel(host, "Polls").isVisible())) await fromMore(host, "Polls");
  await host.button("New poll").click();
  await host.page.getByRole("textbox", { name: "Question" }).fill(question);
  for (const [at, text] of options.entries()) {
    const field = host.page.getByRole("textbox", { name: `Answer ${at + 1}`, exact: true });
    if (!(await field.isVisible())) await host.button("Add an answer").click();
    await field.fill(text);
  }
  if (multiple) await host.page.getByLabel("Several answers may be chosen").check();
  if (anonymous) await host.page.getByLabel(/^Anonymous/).check();
  await host.button("Start the poll").click();
  await host.page.getByRole("article", { name: question }).waitFor();
}

/** Calls `look(screen, person)` on what people do together. */
export async function tourOfActivities(world, look) {
  const room = "together";
  await world.server.createRoom(room, { title: "Design review" });
  const ana = await world.join("Ana", { room, admin: true });
  const ben = await world.join("Ben", { room });
  const cleo = await world.join("Cleo", { room });
  await startPoll(ana, "When shall we meet next?", ["Monday at ten", "Tuesday at two", "By mail"]);
  for (const [person, answer] of [
    [ben, "Monday at ten"],
    [cleo, "Tuesday at two"],
  ]) {
    await person.button("Show it").click();
    await person.page.getByRole("radio", { name: answer }).check();
    if (person === cleo) await look("poll-vote", cleo);
    await person.button("Vote").click();
    await person.shows("You have voted.").waitFor();
  }
  await ana.shows("2 answers", { exact: true }).waitFor();
  await look("polls", ana);

  await fromMore(ana, "Breakout rooms");
  await ana.button("Create breakout rooms").click();
  await ana.page.getByRole("combobox", { name: "Ben" }).selectOption("Room 1");
  await ana.page.getByRole("combobox", { name: "Cleo" }).selectOption("Room 2");
  await ana.button("Open the rooms").click();
  await ana.page.getByRole("article", { name: "Room 2" }).waitFor();
  await look("breakout-rooms", ana);
}
