"use strict";

const search = document.querySelector("#search");
const none = document.querySelector(".none");
const menu = document.querySelector(".nav details");
const narrow = matchMedia("(max-width: 860px)");

// The list of calls: open where there is room, folded on a phone.
const fold = () => (menu.open = !narrow.matches);
narrow.addEventListener("change", fold);
fold();
menu.addEventListener("click", (event) => {
  if (event.target.closest("a") && narrow.matches) menu.open = false;
});

const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
const links = [...document.querySelectorAll(".nav li")].map((item) => {
  const target = document.querySelector(item.querySelector("a").getAttribute("href"));
  return { item, text: plain(target.textContent), name: plain(item.textContent) };
});
search.addEventListener("input", () => {
  const words = search.value.split(/\s+/).map(plain).filter(Boolean);
  let found = 0;
  for (const { item, text, name } of links) {
    item.hidden = !words.every((word) => text.includes(word) || name.includes(word));
    if (!item.hidden) found += 1;
  }
  for (const group of document.querySelectorAll(".nav section"))
    group.hidden = !group.querySelector("li:not([hidden])");
  none.hidden = found > 0;
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") document.querySelector(".nav li:not([hidden]) a")?.click();
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    menu.open = true;
    search.focus();
  }
});

// Where this page comes from is where the calls go.
const setup = document.querySelector("#setup code");
setup.textContent = setup.textContent.replace(/^SERVER=.*$/m, `SERVER=${location.origin}`);

const said = document.querySelector("#said");
for (const block of document.querySelectorAll(".copyable")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${block.dataset.name}`);
  button.addEventListener("click", async () => {
    const code = block.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      said.textContent = "Copied to the clipboard";
    } catch {
      // Without a secure connection pages may not write there: the text is marked instead.
      getSelection().selectAllChildren(code);
      button.textContent = "Marked";
      said.textContent = "The text is marked and can be copied";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  block.append(button);
}
