/** From what was chosen to what is drawn. */
import type { Background } from "./choice";
import type { Effect } from "./messages";
import { pictureAddress } from "./pictures";

/** How far colours run, in pixels of the drawn picture. */
const LIGHT_BLUR = 7;
const STRONG_BLUR = 20;
/** As much of a picture as is kept: twice what is drawn looks sharp enough behind somebody. */
const WIDTH = 1_280;
const HEIGHT = 720;

export interface Prepared {
  readonly effect: Effect;
  /** The picture is not there; instead nothing can be made out behind the person. */
  readonly missing: boolean;
}

const blur = (strong: boolean): Effect => ({
  kind: "blur",
  radius: strong ? STRONG_BLUR : LIGHT_BLUR,
});

export async function prepareEffect(
  background: Exclude<Background, { kind: "none" }>,
): Promise<Prepared> {
  if (background.kind === "blur") return { effect: blur(background.strong), missing: false };
  const address = background.kind === "own" ? background.address : pictureAddress(background.id);
  try {
    if (address === null) throw new Error("no such picture");
    const picture = await loadPicture(address);
    return { effect: { kind: "picture", picture }, missing: false };
  } catch {
    return { effect: blur(true), missing: true };
  }
}

async function loadPicture(address: string): Promise<ImageBitmap> {
  const image = new Image();
  image.src = address;
  await image.decode();
  return createImageBitmap(covered(image, image.naturalWidth, image.naturalHeight));
}

/** The middle of a picture in the shape of a camera's. */
export function covered(
  picture: CanvasImageSource,
  width: number,
  height: number,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d");
  if (!context || width === 0 || height === 0) throw new Error("nothing to draw");
  const scale = Math.max(WIDTH / width, HEIGHT / height);
  const [wide, high] = [width * scale, height * scale];
  context.drawImage(picture, (WIDTH - wide) / 2, (HEIGHT - high) / 2, wide, high);
  return canvas;
}
