/**
 * The pictures that come with the client, drawn here: a few shapes each, so that they weigh next to nothing and are
 * sharp in any size. Fetched with the choice of backgrounds.
 */
import { isHousePicture } from "./house";

const WIDTH = 1280;
const HEIGHT = 720;

export const SUPPLIED_IDS = [
  "daylight",
  "shelf",
  "mist",
  "dunes",
  "paper",
  "sea",
  "dusk",
  "lamp",
  "forest",
  "night",
] as const;
export type SuppliedId = (typeof SUPPLIED_IDS)[number];

type Stop = readonly [at: number, colour: string];

/** The same numbers every time, so that a picture never changes. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state * 16_807) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

const stops = (list: readonly Stop[]) =>
  list.map(([at, colour]) => `<stop offset="${at}" stop-color="${colour}"/>`).join("");
const down = (id: string, ...list: readonly Stop[]) =>
  `<linearGradient id="${id}" x2="0" y2="1">${stops(list)}</linearGradient>`;
const across = (id: string, ...list: readonly Stop[]) =>
  `<linearGradient id="${id}">${stops(list)}</linearGradient>`;
/** A light that fades out. */
const glow = (id: string, colour: string, strength: number) =>
  `<radialGradient id="${id}"><stop stop-color="${colour}" stop-opacity="${strength}"/>` +
  `<stop offset="1" stop-color="${colour}" stop-opacity="0"/></radialGradient>`;
const rect = (x: number, y: number, width: number, height: number, fill: string, more = "") =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" ${more}/>`;
const all = (fill: string) => rect(0, 0, WIDTH, HEIGHT, fill);
const circle = (x: number, y: number, radius: number, fill: string, opacity = 1) =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}" opacity="${opacity}"/>`;

/** A line of hills from edge to edge, filled down to the floor. */
function hills(top: number, swing: number, seed: number, fill: string): string {
  const random = numbers(seed);
  const step = WIDTH / 5;
  const height = () => Math.round(top + (random.next().value - 0.5) * 2 * swing);
  let y = height();
  let path = `M0 ${y}`;
  for (let x = 0; x < WIDTH; x += step) {
    const next = height();
    path += `C${x + step / 2} ${y} ${x + step / 2} ${next} ${x + step} ${next}`;
    y = next;
  }
  return `<path d="${path}V${HEIGHT}H0Z" fill="${fill}"/>`;
}

/** A board with books of different height and colour on it. */
function books(y: number, seed: number, colours: readonly string[]): string {
  const random = numbers(seed);
  const next = () => random.next().value;
  let drawn = "";
  for (let x = 60; x < WIDTH - 90;) {
    const width = Math.round(18 + next() * 26);
    const height = Math.round(96 + next() * 56);
    const colour = colours[Math.floor(next() * colours.length)] ?? "#777";
    const isGap = next() > 0.86;
    if (!isGap) drawn += rect(x, y - height, width - 3, height, colour, 'rx="3"');
    x += isGap ? width * 2 : width;
  }
  return drawn;
}

function leaves(seed: number, colours: readonly string[]): string {
  const random = numbers(seed);
  const next = () => random.next().value;
  return Array.from({ length: 46 }, () => {
    const [x, y] = [Math.round(next() * WIDTH), Math.round(next() * HEIGHT)];
    const [long, turn] = [Math.round(80 + next() * 120), Math.round(next() * 360)];
    const colour = colours[Math.floor(next() * colours.length)] ?? "#333";
    const shape = `M0 0C${long * 0.3} ${-long * 0.35} ${long * 0.8} ${-long * 0.2} ${long} 0`;
    const back = `C${long * 0.8} ${long * 0.2} ${long * 0.3} ${long * 0.35} 0 0Z`;
    return `<path d="${shape}${back}" fill="${colour}" transform="translate(${x} ${y}) rotate(${turn})"/>`;
  }).join("");
}

function stars(seed: number): string {
  const random = numbers(seed);
  const next = () => random.next().value;
  return Array.from({ length: 90 }, () =>
    circle(
      Math.round(next() * WIDTH),
      Math.round(next() * 430),
      Math.round((0.8 + next() * 1.6) * 10) / 10,
      "#fff",
      Math.round((0.35 + next() * 0.6) * 100) / 100,
    ),
  ).join("");
}

const PICTURES: Readonly<Record<SuppliedId, () => string>> = {
  daylight: () =>
    `<defs>${down("w", [0, "#f4f1ea"], [1, "#e3ded3"])}${down("f", [0, "#cdbfa8"], [1, "#b7a588"])}` +
    `${down("s", [0, "#dcecf4"], [1, "#f6fafb"])}${glow("g", "#fff8e4", 0.9)}</defs>` +
    all("url(#w)") +
    rect(0, 590, WIDTH, 130, "url(#f)") +
    rect(0, 580, WIDTH, 12, "#f8f6f1") +
    rect(760, 70, 360, 380, "#fdfcf9", 'rx="6"') +
    rect(778, 88, 156, 344, "url(#s)") +
    rect(946, 88, 156, 344, "url(#s)") +
    circle(560, 420, 420, "url(#g)") +
    rect(150, 430, 90, 160, "#c98f6b", 'rx="10"') +
    [-50, -24, 0, 24, 50]
      .map(
        (turn) =>
          `<ellipse cx="195" cy="345" rx="24" ry="100" fill="#6f9273" transform="rotate(${turn} 195 435)"/>`,
      )
      .join(""),
  shelf: () =>
    `<defs>${down("w", [0, "#efe7da"], [1, "#dccfbb"])}${down("b", [0, "#b98d61"], [1, "#9c7249"])}</defs>` +
    all("url(#w)") +
    [190, 380, 570]
      .map(
        (y, row) =>
          books(y, 11 + row * 7, [
            "#2f6f5e",
            "#c8773f",
            "#8a3f4b",
            "#33566f",
            "#d9b25f",
            "#6d7f6a",
            "#e9e2d3",
          ]) + rect(40, y, WIDTH - 80, 16, "url(#b)", 'rx="3"'),
      )
      .join("") +
    rect(0, 640, WIDTH, 80, "#b58d63"),
  mist: () =>
    `<defs>${down("s", [0, "#cfe0e6"], [1, "#f4f1e8"])}</defs>` +
    all("url(#s)") +
    circle(920, 190, 70, "#fffaf0", 0.9) +
    hills(330, 50, 5, "#b9cfd2") +
    hills(420, 45, 17, "#98b8b9") +
    hills(520, 40, 29, "#739a98") +
    hills(620, 30, 41, "#4f7a75"),
  dunes: () =>
    `<defs>${down("s", [0, "#fbe6cf"], [1, "#f7d3ae"])}${across("a", [0, "#e8b98a"], [1, "#d79c68"])}` +
    `${across("b", [0, "#c98a5a"], [1, "#e0ab79"])}${across("c", [0, "#b5764a"], [1, "#a0633c"])}</defs>` +
    all("url(#s)") +
    circle(360, 220, 84, "#fff4e3") +
    hills(400, 70, 3, "url(#a)") +
    hills(500, 60, 13, "url(#b)") +
    hills(610, 45, 23, "url(#c)"),
  paper: () =>
    `<defs>${across("p", [0, "#eef3f1"], [1, "#e2ebe7"])}</defs>` +
    all("url(#p)") +
    circle(180, 120, 260, "#cfe3da", 0.7) +
    circle(1120, 620, 320, "#f2d9c4", 0.7) +
    circle(1040, 130, 150, "#c9d9e8", 0.7) +
    circle(300, 640, 190, "#f3e7b9", 0.6) +
    circle(660, 380, 110, "#ffffff", 0.6),
  sea: () =>
    `<defs>${down("s", [0, "#a9d3e6"], [1, "#e9f4f2"])}${down("w", [0, "#4f9db3"], [1, "#1f6680"])}</defs>` +
    all("url(#s)") +
    circle(260, 170, 60, "#fffbe8") +
    rect(0, 400, WIDTH, 320, "url(#w)") +
    hills(440, 8, 7, "#6db3c2") +
    hills(500, 12, 19, "#4a98ae") +
    hills(575, 16, 31, "#337f98") +
    hills(650, 18, 43, "#22697f"),
  dusk: () =>
    `<defs>${down("s", [0, "#2b2350"], [0.5, "#8b3f68"], [0.8, "#e5835c"], [1, "#f6c177"])}` +
    `${glow("g", "#ffd9a0", 0.9)}</defs>` +
    all("url(#s)") +
    circle(640, 520, 300, "url(#g)") +
    circle(640, 520, 62, "#ffe6bd") +
    hills(540, 40, 9, "#5a2f55") +
    hills(610, 34, 21, "#3b2243") +
    hills(670, 20, 33, "#241631"),
  lamp: () =>
    `<defs>${down("w", [0, "#26302f"], [1, "#1a2221"])}${glow("g", "#ffcf8a", 0.75)}</defs>` +
    all("url(#w)") +
    rect(0, 600, WIDTH, 120, "#141a19") +
    circle(1010, 290, 430, "url(#g)") +
    rect(1004, 250, 10, 352, "#0d1110") +
    rect(950, 596, 118, 10, "#0d1110", 'rx="5"') +
    `<path d="M940 260L970 160H1048L1078 260Z" fill="#ffe0b0"/>` +
    rect(180, 130, 250, 170, "#33403e", 'rx="4"') +
    rect(196, 146, 218, 138, "#46605b") +
    circle(300, 230, 40, "#6d8a82") +
    rect(120, 470, 430, 130, "#2d3836", 'rx="22"') +
    rect(120, 410, 430, 100, "#35423f", 'rx="22"'),
  forest: () =>
    `<defs>${down("s", [0, "#16332a"], [1, "#0b1f1a"])}${glow("g", "#8fd3a8", 0.35)}</defs>` +
    all("url(#s)") +
    circle(880, 140, 420, "url(#g)") +
    leaves(77, ["#1f4a3b", "#2a5f4a", "#17382d", "#356f54", "#0f2a22"]),
  night: () =>
    `<defs>${down("s", [0, "#0b1026"], [0.7, "#1d2b53"], [1, "#35507a"])}${glow("g", "#cfe0ff", 0.5)}</defs>` +
    all("url(#s)") +
    stars(101) +
    circle(1010, 150, 190, "url(#g)") +
    circle(1010, 150, 48, "#f1f5ff") +
    hills(520, 50, 15, "#16233f") +
    hills(610, 36, 27, "#0f182d") +
    hills(680, 18, 39, "#090f1e"),
};

/** The picture as something an image element shows. */
export function suppliedPicture(id: SuppliedId): string {
  const box = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${box}>${PICTURES[id]()}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

export const isSupplied = (id: string): id is SuppliedId =>
  SUPPLIED_IDS.some((known) => known === id);

const MAX_OPERATORS = 50;

/**
 * What a page that embeds the client offers instead, by the name stock clients know it under. Only what lies on our
 * own origin: nothing is fetched from elsewhere.
 */
export function operatorsPictures(
  config: unknown = (globalThis as { plugNmeetConfig?: unknown }).plugNmeetConfig,
  origin: string = location.origin,
): readonly string[] {
  if (typeof config !== "object" || config === null) return [];
  const list = (config as Record<string, unknown>)["virtualBackgroundImages"];
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_OPERATORS).flatMap((entry: unknown) => {
    if (typeof entry !== "string" || !URL.canParse(entry, `${origin}/`)) return [];
    const address = new URL(entry, `${origin}/`);
    return address.origin === origin ? [address.pathname + address.search] : [];
  });
}

/** Where the picture of that name is, if there is one. */
export function pictureAddress(id: string): string | null {
  if (isSupplied(id)) return suppliedPicture(id);
  return isHousePicture(id) || operatorsPictures().includes(id) ? id : null;
}
