const box = document.querySelector("#live");
async function again() {
  if (!box.checked) return;
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => undefined);
  if (answer?.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  }
  setTimeout(again, 2000);
}
box.addEventListener("change", again);
